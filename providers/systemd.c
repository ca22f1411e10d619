/*
 * curfew-provider-systemd: a sink for encrypted credentials of units
 * (LoadCredentialEncrypted=, docs/providers/sinks.md).  Line protocol 1.
 *
 * systemd-creds encrypts (systemd.exec(5), systemd-creds(1)); it gets the
 * secret on its standard input.  The file is decrypted again before it counts.
 * Must never write the secret itself anywhere.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "providers/sink/delivery.h"
#include "providers/sink/run.h"

#define CREDS "/usr/bin/systemd-creds"

static const char describe[] =
	"{\"options\":[" DELIVERY_OPTIONS ","
	"{\"name\":\"key\",\"default\":\"host\",\"help\":\"what it is encrypted with: host, tpm2, "
		"host+tpm2 or auto, as systemd-creds --with-key\"},"
	"{\"name\":\"use_host_key\",\"default\":\"/var/lib/systemd/credential.secret\",\"help\":"
		"\"/path of the host's key, made once by 'systemd-creds setup'; give it, "
		"else nobody lets this sink read it\"}],"
	"\"secret\":\"none\",\"secret_help\":\"\",\"facts\":{}}";

struct sink {
	struct delivery d; /* first: delivery.h */
	const char *key;
};

/* The credential's name: the file's without ".cred". */
static void name_of(const struct kit_request *q, char out[PLACE_NAME + 16])
{
	const char *slash = strrchr(q->account, '/');
	const char *name = slash ? slash + 1 : q->account;
	size_t n = strlen(name);

	if (n > 5 && !strcmp(name + n - 5, ".cred"))
		n -= 5;
	snprintf(out, PLACE_NAME + 16, "--name=%.*s", (int)n, name);
}

static int creds(const struct sink *s, const char *verb, const struct kit_request *q,
		 const struct buf *in, struct ran *ran, struct err *e)
{
	char name[PLACE_NAME + 16], key[64];
	const char *argv[] = { verb, name, key, "-", "-", NULL };
	const char *const decrypt[] = { verb, name, "-", "-", NULL };
	struct run what = { .program = CREDS, .argv = argv };

	name_of(q, name);
	snprintf(key, sizeof(key), "--with-key=%s", s->key);
	if (in) {
		what.argv = decrypt;
		what.in = in;
	} else {
		what.secret = q->secret;
	}
	if (run(&what, ran, e))
		return -1;
	if (ran->status || !ran->fed)
		return err_fail(e, ERR_PROVIDER, q->account, "systemd-creds %s ended with "
				"status %d%s%.150s", verb, ran->status,
				*ran->said ? ": " : "", ran->said);
	return 0;
}

static int text_of(void *arg, const struct kit_request *q, struct buf *out, struct err *e)
{
	struct ran ran = RAN_INIT;
	int rc = creds(arg, "encrypt", q, NULL, &ran, e);

	if (!rc && !ran.out.len)
		rc = err_fail(e, ERR_PROVIDER, q->account, "systemd-creds said nothing");
	if (!rc)
		rc = buf_add(out, ran.out.p, ran.out.len, e);
	buf_release(&ran.out);
	return rc;
}

static int same(const unsigned char *p, size_t n, void *arg)
{
	const struct buf *b = arg;

	return b->len == n && secret_equal_bytes(b->p ? b->p : "", p, n) ? 0 : -1;
}

static int proof(void *arg, const struct kit_request *q, const struct buf *text,
		 struct err *e)
{
	struct ran ran = RAN_INIT;
	int rc = creds(arg, "decrypt", q, text, &ran, e);

	if (!rc && secret_reveal(q->secret, same, &ran.out))
		rc = err_fail(e, ERR_TAMPER, q->account,
			      "decrypted again it is not what was delivered");
	buf_release(&ran.out);
	return rc;
}

static void close_sink(void *session)
{
	mem_free(session);
}

static int open_sink(const struct kit_connection *c, void **session, struct err *e)
{
	static const char *const keys[] = { "host", "tpm2", "host+tpm2", "auto", NULL };
	struct sink *s;
	int i = 0;

	if (access(CREDS, X_OK))
		return err_fail(e, ERR_UNSUPPORTED, CREDS, "this machine has no systemd-creds");
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->key = kit_option(c, "key", "host");
	s->d.text = text_of;
	s->d.proof = proof;
	s->d.arg = s;
	while (keys[i] && strcmp(keys[i], s->key) != 0)
		i++;
	if (!keys[i])
		err_fail(e, ERR_CONFIG, s->key, "option key is host, tpm2, host+tpm2 or auto");
	if (!keys[i] || delivery_options(c, &s->d, e)) {
		close_sink(s);
		return -1;
	}
	*session = s;
	return 0;
}

static const struct provider provider = {
	.name = "systemd",
	.describe = describe,
	.parallel = 1,
	.open = open_sink,
	.close = close_sink,
	.verbs = {
		{ "list", delivery_list },
		{ "deliver", delivery_deliver },
		{ "adopted", delivery_adopt },
		{ .verb = NULL },
	},
};

int main(int argc, char **argv)
{
	return kit_main(&provider, argc, argv);
}
