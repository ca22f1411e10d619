/*
 * password: the verbs on an account's password (kind `password`), and what they
 * mean for the account as a whole.
 *
 * Never makes, changes or shows a password or its hash: it locks and unlocks.
 */
#include <string.h>

#include "providers/ssh/ssh.h"

static int exists(const struct account *a, void *arg, struct err *e)
{
	(void)a;
	(void)arg;
	(void)e;
	return 1;
}

static int probe(struct ssh *ssh, const struct kit_request *q, struct kit_reply *r,
		 struct err *e)
{
	enum shadow st;
	int found = accounts(ssh->conf, q->account, exists, NULL, e);

	if (found < 0 || shadow_look(ssh->conf, q->account, &st, e))
		return -1;
	if (!found)
		return kit_tell(r, KIT_LIFE_UNKNOWN, false,
				"there is no account '%.64s' in the record", q->account);
	switch (st) {
	case SHADOW_USABLE:
		return kit_tell(r, KIT_ALIVE, false, "/etc/shadow holds a password "
				"that can be used");
	case SHADOW_LOCKED:
		return kit_tell(r, KIT_DEAD, false, "the password is locked in /etc/shadow");
	case SHADOW_NONE:
		return kit_tell(r, KIT_DEAD, false, "/etc/shadow holds no password for it");
	default:
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "no /etc/shadow to look into");
	}
}

static int change(struct ssh *ssh, const struct kit_request *q, bool lock,
		  struct kit_reply *r, struct err *e)
{
	enum shadow was;

	if (shadow_change(ssh->conf, q->account, lock, &was, e))
		return ssh_told(r, e);
	if (was == SHADOW_UNSEEN)
		return kit_say(r, KIT_REFUSED, "no /etc/shadow belongs to this connection");
	r->status = was == SHADOW_NONE ? KIT_ABSENT : KIT_OK;
	return 0;
}

const char *password_word(struct ssh *ssh, const char *account, struct err *e)
{
	enum shadow st;

	if (shadow_look(ssh->conf, account, &st, e))
		return NULL;
	/* A kill does not wait for evidence: we may have locked it already. */
	if (st == SHADOW_USABLE || (st == SHADOW_LOCKED && shadow_ours(account)))
		return "usable";
	return st == SHADOW_LOCKED ? "locked" : "none";
}

static int snapshot(struct ssh *ssh, const struct kit_request *q, struct kit_reply *r,
		    struct err *e)
{
	const char *word = password_word(ssh, q->account, e);
	struct json *snap;

	if (!word)
		return ssh_told(r, e);
	if (!strcmp(word, "none"))
		return kit_say(r, KIT_ABSENT, "%s", "");
	snap = json_object();
	if (!json_set_int(snap, "version", 1) ||
	    !json_set_str(snap, "account", q->account) ||
	    !json_set_str(snap, "credential", SHADOW_KIND) ||
	    !json_set_str(snap, "password", word)) {
		json_free(&snap);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return json_set(kit_body(r), "snapshot", snap) ? 0 :
	       err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

int password_back(struct ssh *ssh, const struct json *snap, const char *account,
		  struct err *e)
{
	const char *word = json_str(snap, "password");
	enum shadow was;

	if (!word || strcmp(word, "usable") != 0)
		return 0; /* locked before, none, or not seen: as it is */
	if (shadow_change(ssh->conf, account, false, &was, e))
		return -1;
	return was == SHADOW_USABLE || was == SHADOW_LOCKED ? 0 :
	       err_fail(e, ERR_ABSENT, account, "its password is gone from /etc/shadow");
}

static int restore(struct ssh *ssh, const struct kit_request *q, struct kit_reply *r,
		   struct err *e)
{
	const struct json *snap = json_get(q->args, "snapshot");
	const char *account = json_str(snap, "account");
	const char *what = json_str(snap, "credential");

	if (!account || strcmp(account, q->account) != 0 || !what || strcmp(what, SHADOW_KIND) != 0)
		return kit_say(r, KIT_REFUSED,
			       "the request holds no snapshot of this password");
	return password_back(ssh, snap, account, e) ? ssh_told(r, e) : 0;
}

int password_verb(struct ssh *ssh, const struct kit_request *q, struct kit_reply *r,
		  struct err *e)
{
	if (!*q->account)
		return kit_say(r, KIT_REFUSED, "the request names no account");
	if (*q->credential && strcmp(q->credential, SHADOW_KIND) != 0)
		return kit_say(r, KIT_REFUSED, "the one password of an account is called '"
			       SHADOW_KIND "', not '%.40s'", q->credential);
	if (!strcmp(q->verb, "probe"))
		return probe(ssh, q, r, e);
	if (!strcmp(q->verb, "disable") || !strcmp(q->verb, "revoke"))
		return change(ssh, q, true, r, e);
	if (!strcmp(q->verb, "enable"))
		return change(ssh, q, false, r, e);
	if (!strcmp(q->verb, "snapshot"))
		return snapshot(ssh, q, r, e);
	return restore(ssh, q, r, e);
}

bool password_asked(const struct kit_request *q)
{
	return !strcmp(q->kind, SHADOW_KIND);
}
