/*
 * target_secret: a value on stdin, and the credential it belongs to.  Owns the
 * recognising by keyed fingerprint and the sealing of a value that a person
 * brings.  Must never say more of a value than whose it is.
 */
#include <string.h>

#include "agent/engine/target.h"
#include "base/clock.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"

/* ---- whose is it ----------------------------------------------------------- */

static int secret_hit(const struct inv_credential *c, void *arg, struct err *e)
{
	return selection_add(arg, c->connection, c->account, c->kind, c->id, e);
}

struct own {
	struct app *app;
	const struct secret *secret;
	char *conn; /* whose admin credential it is */
};

static int own_connection(const struct inv_connection *c, void *arg,
			  struct err *e)
{
	struct own *o = arg;
	struct inv_connection full = { 0 };
	struct secret *admin = NULL;
	int rc = 0;

	if (!c->has_secret)
		return 0;
	if (inv_connection_get(o->app->vault, c->name, &full, &admin, e) < 0)
		return -1;
	if (secret_equal(admin, o->secret)) {
		o->conn = mem_strdup(c->name);
		rc = o->conn ? 1 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	secret_free(&admin);
	inv_connection_free(&full);
	return rc;
}

static int own_credential(const struct inv_credential *c, void *arg,
			  struct err *e)
{
	return c->self ? secret_hit(c, arg, e) : 0;
}

/* curfew's own access at a connection: the credentials it hangs on. */
static int by_admin(struct app *app, const struct secret *secret,
		    struct selection *s, struct err *e)
{
	struct own o = { .app = app, .secret = secret };
	size_t before = s->n;
	int rc = -1;

	if (inv_connections(app->vault, own_connection, &o, e) < 0)
		goto out;
	rc = 0;
	if (!o.conn)
		goto out;
	if (inv_credentials(app->vault, o.conn, NULL, own_credential, s, e) < 0)
		rc = -1;
	else if (s->n == before) {
		rc = err_fail(e, ERR_ABSENT, o.conn, "it is the admin credential "
			      "of this connection, and no credential listed there "
			      "is marked as curfew's own");
		err_state(e, "nothing was ended");
		err_hint(e, "change it at the service, then 'curfew connect "
			    "--replace'");
	}
out:
	mem_free(o.conn);
	return rc;
}

int target_secret(struct app *app, const struct secret *secret,
		  struct selection *s, struct err *e)
{
	size_t before = s->n;

	if (inv_by_secret(app->vault, secret, secret_hit, s, e) < 0 ||
	    (s->n == before && by_admin(app, secret, s, e) < 0))
		return err_ctx(e, NULL, "kill by a secret");
	return s->n > before;
}

/* ---- a value that a person brings ------------------------------------------- */

struct only {
	struct inv_credential c;
	size_t n;
};

static int one_more(const struct inv_credential *c, void *arg, struct err *e)
{
	struct only *o = arg;

	if (o->n++)
		return 0;
	o->c.kind = mem_strdup(c->kind);
	o->c.id = mem_strdup(c->id);
	return o->c.kind && o->c.id ? 0 :
				      err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int seal(struct app *app, struct inv_credential *c,
		const struct secret *secret, struct buf *at, struct err *e)
{
	struct journal_entry j = { .kind = J_INVENTORY };
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (inv_address(at, c->connection, c->account, c->id, e) < 0 ||
	    buf_printf(&text, e, "sealed the value of %s", at->p) < 0 ||
	    store_begin(app->vault, e) < 0)
		goto out;
	j.text = text.p;
	j.at_ms = clock_wall_ms();
	if (inv_credential_put(app->vault, c, secret, e) < 0 ||
	    journal_append(app->vault, &j, NULL, e) < 0)
		store_rollback(app->vault);
	else if (store_commit(app->vault, e) == 0)
		rc = 1;
out:
	buf_release(&text);
	return rc;
}

/* When the service last took it: now, or before if it is the same value. */
static void date(struct inv_credential *c, const struct secret *before,
		 const struct secret *secret, const struct tried *tried)
{
	if (tried && tried->life == TRIED_ALIVE)
		c->alive_ms = clock_wall_ms();
	else if (!before || !secret_equal(before, secret))
		c->alive_ms = 0;
}

int target_learn(struct app *app, const struct selection *s,
		 const struct secret *secret, struct buf *at,
		 struct tried *tried, struct err *e)
{
	const struct selected *x = s->p;
	struct inv_credential c = { 0 };
	struct only o = { .n = 0 };
	struct secret *before = NULL;
	int rc = -1;

	if (s->n != 1 || x->missing)
		return 0;
	if (!*x->kind &&
	    inv_credentials(app->vault, x->conn, x->account, one_more, &o, e) < 0)
		goto out;
	if (!*x->kind && o.n != 1) {
		rc = 0;
		goto out;
	}
	rc = inv_credential_get(app->vault, x->conn, x->account,
				*x->kind ? x->kind : o.c.kind,
				*x->kind ? x->id : o.c.id, &c, &before, e);
	if (rc > 0) {
		if (tried)
			target_try(app, c.connection, c.account, c.kind, c.id,
				   secret, tried);
		date(&c, before, secret, tried);
		rc = seal(app, &c, secret, at, e);
	}
out:
	secret_free(&before);
	inv_credential_free(&c);
	inv_credential_free(&o.c);
	return rc;
}
