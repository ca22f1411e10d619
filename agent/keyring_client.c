/*
 * keyring_client: one question to curfew-keyring, and its answer.
 *
 * Promises: a keyring program that hangs, dies or talks nonsense costs
 * at most KEYRING_WAIT_MS (PERSON_WAIT_MS when a person is asked).
 */
#include "agent/keyring_client.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lineproto.h"

#define KEYRING_WAIT_MS 10000
#define PERSON_WAIT_MS 120000

struct call {
	const char *verb, *item, *label;
	bool ask;
	const struct secret *in;
	struct secret *out;
	struct json *answer;
};

static int send_call(struct lp *lp, const struct call *c, struct err *e)
{
	struct json *msg = json_object();
	bool good = json_set_int(msg, "id", 1);
	int rc;

	good = json_set_str(msg, "verb", c->verb) && good;
	good = json_set_str(msg, "item", c->item) && good;
	good = json_set_bool(msg, "unlock", c->ask) && good;
	if (c->label)
		good = json_set_str(msg, "label", c->label) && good;
	rc = good ? lp_send(lp, msg, c->in, e) :
		    err_fail(e, ERR_NOMEM, NULL, "out of memory");
	json_free(&msg);
	if (rc != 0)
		return -1;
	return lp_flush(lp, e);
}

static int receive(struct lp *lp, struct call *c, struct err *e)
{
	int64_t until = clock_mono_ms() +
			(c->ask ? PERSON_WAIT_MS : KEYRING_WAIT_MS);
	bool eof = false;

	for (;;) {
		struct pollfd pf = { .fd = lp_rfd(lp), .events = POLLIN };
		int64_t left = until - clock_mono_ms();
		int got = lp_next(lp, &c->answer, &c->out, e);

		if (got != 0)
			return got < 0 ? -1 : 0;
		if (eof)
			return err_fail(e, ERR_PROTO, NULL,
					"curfew-keyring ended without an answer");
		if (left <= 0)
			return err_fail(e, ERR_TIMEOUT, NULL,
					"the keyring did not answer in time");
		if (poll(&pf, 1, (int)left) > 0 && lp_fill(lp, &eof, e) != 0)
			return -1;
	}
}

/* The answer's status as ours. */
static int judge(struct call *c, struct err *e)
{
	const char *status = json_str(c->answer, "status");
	const char *reason = json_str(c->answer, "reason");
	const char *error = json_str(c->answer, "error");
	enum err_code code = ERR_UNSUPPORTED;

	if (status && strcmp(status, "ok") == 0)
		return 0;
	if (status && strcmp(status, "absent") == 0)
		return err_fail(e, ERR_ABSENT, c->item,
				"the desktop keyring holds no such key");
	if (reason && strcmp(reason, "locked") == 0)
		code = ERR_SEALED;
	err_fail(e, code, NULL, "%s", error ? error : "no reason given");
	if (code == ERR_SEALED)
		err_hint(e, "unlock it (log in to the desktop), then run this "
			    "again");
	return -1;
}

static int call(struct launcher *l, struct call *c, struct err *e)
{
	const struct launch_spec spec = { .program = "curfew-keyring",
					  .desktop = true };
	struct launch_child child = { .pid = -1 };
	struct lp *lp = NULL;
	int rc = -1;

	if (launch(l, &spec, &child, e) != 0)
		goto out;
	lp = lp_open(child.rfd, child.wfd, e);
	if (!lp || send_call(lp, c, e) != 0 || receive(lp, c, e) != 0 ||
	    judge(c, e) != 0)
		goto out;
	rc = 0;
out:
	lp_close(&lp);
	if (child.pid > 0) {
		close(child.efd);
		launch_end(l, child.pid);
	}
	json_free(&c->answer);
	return rc;
}

int keyring_lookup(struct launcher *l, const char *item, bool ask,
		   struct secret **out, struct err *e)
{
	struct call c = { .verb = "lookup", .item = item, .ask = ask };
	int rc = call(l, &c, e);

	if (rc == 0 && !c.out)
		rc = err_fail(e, ERR_PROTO, NULL,
			      "curfew-keyring answered without the key");
	if (rc == 0) {
		*out = c.out;
		c.out = NULL;
	}
	secret_free(&c.out);
	return rc == 0 ? 0 : err_ctx(e, NULL, "ask the desktop keyring");
}

int keyring_store(struct launcher *l, const char *item, const char *label,
		  const struct secret *key, struct err *e)
{
	struct call c = { .verb = "store", .item = item, .label = label,
			  .in = key };
	int rc = call(l, &c, e);

	secret_free(&c.out);
	return rc == 0 ? 0 : err_ctx(e, NULL, "store the key in the desktop "
					     "keyring");
}

int keyring_clear(struct launcher *l, const char *item, struct err *e)
{
	struct call c = { .verb = "clear", .item = item };
	int rc = call(l, &c, e);

	secret_free(&c.out);
	return rc == 0 ? 0 : err_ctx(e, NULL, "remove the key from the desktop "
					     "keyring");
}
