/*
 * curfew-provider-ssh: keys of OpenSSH accounts in authorized_keys files, the
 * revocation list that sshd consults at each login, and the accounts' passwords
 * in etc/shadow (locked and unlocked, nothing else).
 *
 * Owns the verb table, the worker's session and the store of keys met. Works
 * on files of users who may be hostile (providers/ssh/keyfile.h says how).
 * It needs no secret of its own: the right to change the files is the
 * operator's.
 */
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "providers/ssh/sessions.h"
#include "providers/ssh/ssh.h"

#define KNOWN 1024 /* keys remembered */

/* What only keys are offered, `make` and `set`, is not in it. */
#define NO_ROTATION "\"verbs\":[\"list\",\"probe\",\"disable\",\"enable\",\"revoke\"," \
	"\"cut_sessions\",\"snapshot\",\"restore\"],"

static const char describe[] =
"{\"options\":["
"{\"name\":\"root\",\"help\":\"the machine's root folder, / for this one: "
	"accounts come from its etc/passwd\"},"
"{\"name\":\"file.*\",\"help\":\"file.ACCOUNT=/path: one account's authorized_keys "
	"file, instead of root or beside it\"},"
"{\"name\":\"authorized_keys\",\"default\":\".ssh/authorized_keys "
	".ssh/authorized_keys2\",\"help\":\"sshd's AuthorizedKeysFile, with %h and %u\"},"
"{\"name\":\"krl\",\"help\":\"/path of sshd's RevokedKeys file\"},"
"{\"name\":\"host\",\"help\":\"an sshd to prove against\"},"
"{\"name\":\"port\",\"default\":\"22\",\"help\":\"its port\"},"
"{\"name\":\"host_key\",\"help\":\"its key's SHA256:... fingerprint, or any\"},"
"{\"name\":\"known_hosts\",\"help\":\"/path of a known_hosts file\"},"
"{\"name\":\"sessions\",\"default\":\"keep\",\"help\":\"cut: a kill ends the "
	"account's live sessions on this machine (root / only), a person's too; "
	"keep: they stay, and the kill says so\",\"note\":\"live sessions stay open "
	"when an account is killed; on this machine --set sessions=cut ends them\"}],"
"\"secret\":\"none\",\"secret_help\":\"\","
"\"facts\":{"
"\"ssh-key\":{\"secret_from\":\"caller\",\"max\":0,\"overlap\":true,\"disable\":true,"
	"\"disable_cuts_sessions\":false,\"revoke_cuts_sessions\":false,"
	"\"mint_lag_ms\":0,\"list_lag_ms\":0,\"revoke_lag_ms\":0,\"session_ms\":0,"
	"\"rate_per_s\":0,\"by_value\":false,\"self_revoke\":false,"
	"\"fixed_id\":false,\"makes\":true,\"labels\":true,\"last_used\":false,"
	"\"may_cut_self\":false},"
"\"ssh-ca\":{" NO_ROTATION "\"secret_from\":\"caller\",\"max\":0,\"overlap\":true,\"disable\":true,"
	"\"disable_cuts_sessions\":false,\"revoke_cuts_sessions\":false,"
	"\"mint_lag_ms\":0,\"list_lag_ms\":0,\"revoke_lag_ms\":0,\"session_ms\":0,"
	"\"rate_per_s\":0,\"by_value\":false,\"self_revoke\":false,"
	"\"may_cut_self\":false},"
"\"password\":{" NO_ROTATION "\"secret_from\":\"caller\",\"max\":1,\"overlap\":false,\"disable\":true,"
	"\"disable_cuts_sessions\":false,\"revoke_cuts_sessions\":false,"
	"\"mint_lag_ms\":0,\"list_lag_ms\":0,\"revoke_lag_ms\":0,\"session_ms\":0,"
	"\"rate_per_s\":0,\"by_value\":false,\"self_revoke\":false,"
	"\"may_cut_self\":false}}}";

static struct {
	pthread_mutex_t lock;
	struct known {
		char print[KEYLINE_PRINT];
		struct buf blob;
	} key[KNOWN];
	size_t next;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct known *known_find(const char *print)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (!strcmp(known.key[i].print, print))
			return &known.key[i];
	return NULL;
}

void known_put(const char *print, const struct buf *blob)
{
	struct known *k;

	pthread_mutex_lock(&known.lock);
	if (!known_find(print)) {
		k = &known.key[known.next];
		known.next = (known.next + 1) % KNOWN;
		buf_release(&k->blob);
		k->blob = (struct buf)BUF_INIT(BUF_TEXT_MAX);
		k->print[0] = 0;
		if (!buf_add(&k->blob, blob->p, blob->len, NULL))
			memcpy(k->print, print, strlen(print) + 1);
	}
	pthread_mutex_unlock(&known.lock);
}

int known_get(const char *print, struct buf *blob, struct err *e)
{
	const struct known *k;
	int rc = 0;

	pthread_mutex_lock(&known.lock);
	k = known_find(print);
	if (k)
		rc = buf_add(blob, k->blob.p, k->blob.len, e);
	pthread_mutex_unlock(&known.lock);
	return rc;
}

bool ssh_select(const struct kit_request *q, struct keysel *sel, struct kit_reply *r)
{
	unsigned char hash[32];

	*sel = (struct keysel){ .kind = q->kind, .print = q->credential };
	if (!*q->account)
		kit_say(r, KIT_REFUSED, "the request names no account");
	else if (*q->kind && strcmp(q->kind, "ssh-key") != 0 && strcmp(q->kind, "ssh-ca") != 0)
		kit_say(r, KIT_REFUSED, "there is no kind '%.40s'; there are ssh-key, "
			"ssh-ca and password", q->kind);
	else if (*q->credential && !keyline_unprint(q->credential, hash))
		kit_say(r, KIT_REFUSED,
			"'%.80s' is not a key's fingerprint (SHA256:...)", q->credential);
	else
		return true;
	return false;
}

int ssh_told(struct kit_reply *r, const struct err *e)
{
	char text[1600];

	switch (e->code) {
	case ERR_BUSY:
		r->status = KIT_RETRY;
		r->after_ms = 500;
		break;
	case ERR_POLICY:
	case ERR_ABSENT:
	case ERR_CONFIG:
	case ERR_UNSUPPORTED:
		r->status = KIT_REFUSED;
		break;
	default:
		return -1;
	}
	err_format(e, text, sizeof(text));
	return kit_say(r, r->status, "%s", text);
}

static int find_uid(const struct account *a, void *arg, struct err *e)
{
	uid_t *uid = arg;

	(void)e;
	*uid = a->uid;
	return 1;
}

SSH_VERB(ssh_cut)
{
	struct ssh *ssh = session;
	uid_t uid = KEYFILE_ANY_OWNER;
	unsigned count, kept;
	int rc;

	(void)c;
	(void)s;
	if (!ssh->conf->cut)
		return kit_say(r, KIT_UNSUPPORTED,
			       "sessions stay: option sessions is not 'cut' for this "
			       "connection ('curfew connect ssh NAME --replace ... "
			       "--set sessions=cut')");
	if (!*q->account)
		return kit_say(r, KIT_REFUSED, "the request names no account");
	rc = accounts(ssh->conf, q->account, find_uid, &uid, e);
	if (rc < 0)
		return -1;
	if (!rc || uid == KEYFILE_ANY_OWNER)
		return kit_say(r, KIT_ABSENT, "there is no account '%.64s'", q->account);
	if (sessions_cut(q->account, uid, &count, &kept, e))
		return -1;
	if (!json_set_int(kit_body(r), "count", count) ||
	    (kept && !json_set_int(r->body, "kept_own", kept)))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

static int open_session(const struct kit_connection *c, void **session, struct err *e)
{
	struct ssh *ssh = mem_zalloc(sizeof(*ssh));

	if (!ssh)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (conf_open(c, &ssh->conf, e)) {
		mem_free(ssh);
		return -1;
	}
	*session = ssh;
	return 0;
}

static void close_session(void *session)
{
	struct ssh *ssh = session;

	if (!ssh)
		return;
	conf_close(&ssh->conf);
	mem_free(ssh);
}

static const struct provider provider = {
	.name = "ssh",
	.describe = describe,
	.parallel = 4,
	.open = open_session,
	.close = close_session,
	.verbs = {
		{ "list", ssh_list },
		{ "probe", ssh_probe },
		{ "disable", ssh_disable },
		{ "enable", ssh_enable },
		{ "revoke", ssh_revoke },
		{ "cut_sessions", ssh_cut },
		{ "snapshot", ssh_snapshot },
		{ "restore", ssh_restore },
		{ "make", ssh_make },
		{ "set", ssh_set },
		{ .verb = NULL },
	},
};

int main(int argc, char **argv)
{
	return kit_main(&provider, argc, argv);
}
