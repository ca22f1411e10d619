/*
 * target_try: is a value that a person brings any good?  Asks the service once,
 * before the value is sealed.  Owns nothing; must never fail the sealing: a
 * service that is away leaves the question open.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/link.h"
#include "agent/engine/target.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"

#define TRY_MS 10000 /* a person waits */

static void because(struct tried *out, const char *text)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (text && text_escape(&b, text, strnlen(text, 150), NULL) == 0)
		(void)snprintf(out->why, sizeof(out->why), "%s", b.p);
	buf_release(&b);
}

static struct json *request(const char *account, const char *kind,
			    const char *id)
{
	struct json *r = json_object();

	if (!json_set_str(r, "verb", "probe") ||
	    !json_set_str(r, "account", account) ||
	    !json_set_str(r, "kind", kind) ||
	    !json_set_str(r, "credential", id))
		json_free(&r);
	return r;
}

static void ask(struct link *l, const char *account, const char *kind,
		const char *id, const struct secret *secret, struct tried *out)
{
	struct json *body = NULL, *r = request(account, kind, id);
	enum link_status status = LINK_UNKNOWN;
	struct err e = ERR_INIT;
	const char *life;

	if (!r)
		return;
	if (link_ask(l, r, secret, TRY_MS, &status, &body, &e) < 0) {
		because(out, e.cause);
	} else if (status == LINK_UNSUPPORTED) {
		because(out, "its provider cannot try a value of this kind");
	} else {
		life = body ? json_str(body, "life") : NULL;
		because(out, body && json_str(body, "evidence") ?
			     json_str(body, "evidence") :
			     body ? json_str(body, "error") : NULL);
		if (status == LINK_OK && life && strcmp(life, "alive") == 0)
			out->life = TRIED_ALIVE;
		else if (status == LINK_OK && life && strcmp(life, "dead") == 0)
			out->life = TRIED_DEAD;
	}
	json_free(&body);
}

void target_try(struct app *app, const char *conn, const char *account,
		const char *kind, const char *id, const struct secret *secret,
		struct tried *out)
{
	struct inv_connection c = { 0 };
	struct secret *admin = NULL;
	struct link *l = NULL;
	struct err e = ERR_INIT;

	*out = (struct tried){ .life = TRIED_UNKNOWN };
	if (inv_connection_get(app->vault, conn, &c, &admin, &e) <= 0) {
		because(out, "its connection is not in the vault");
		return;
	}
	if (link_open(app->launcher, conn, c.type, c.options, admin, &l,
		      &e) < 0) {
		because(out, e.cause);
	} else {
		link_set_hello_timeout(l, TRY_MS);
		ask(l, account, kind, id, secret, out);
	}
	link_close(&l);
	secret_free(&admin);
	inv_connection_free(&c);
}
