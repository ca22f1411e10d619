/*
 * claims: addresses of curfew.toml against the inventory.  Owns the search for
 * addresses that mean nothing: whoever kills that identity would believe a key
 * dead that was never touched.
 */
#include "agent/claims.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

int claim_alias(struct buf *out, const char *connection, const char *account,
		const char *label, struct err *e)
{
	buf_reset(out);
	if (label == NULL || label[0] == '\0')
		return 0;
	return inv_address(out, connection, account, label, e);
}

int claim_glob(const char *pattern, const struct inv_credential *c,
	       struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = inv_address(&b, c->connection, c->account, c->id, e);

	if (rc == 0)
		rc = text_glob(pattern, b.p);
	if (rc == 0)
		rc = claim_alias(&b, c->connection, c->account, c->label, e);
	if (rc == 0 && b.len > 0)
		rc = text_glob(pattern, b.p);
	buf_release(&b);
	return rc;
}

/* ---- what means nothing ---------------------------------------------------- */

struct entry {
	const struct config_identity *id;
	const char *address;
	char *conn, *account, *part; /* of an exact address */
	bool glob, hit;
};

struct entries {
	struct entry *p;
	size_t n;
};

static void entries_free(struct entries *x)
{
	for (size_t i = 0; i < x->n; i++) {
		mem_free(x->p[i].conn);
		mem_free(x->p[i].account);
		mem_free(x->p[i].part);
	}
	mem_free(x->p);
}

static int entries_read(const struct config *c, struct entries *x,
			struct err *e)
{
	size_t total = 0;

	for (size_t i = 0; i < c->n_identities; i++)
		total += c->identities[i].n_accounts;
	x->p = mem_array(total + 1, sizeof *x->p);
	if (x->p == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t i = 0; i < c->n_identities; i++) {
		const struct config_identity *id = &c->identities[i];

		for (size_t k = 0; k < id->n_accounts; k++) {
			struct entry *n = &x->p[x->n++];

			*n = (struct entry){ .id = id,
					     .address = id->accounts[k] };
			n->glob = strpbrk(n->address, "*?") != NULL;
			/* what cannot be read means nothing */
			if (!n->glob)
				(void)inv_parse(n->address, &n->conn,
						&n->account, &n->part);
		}
	}
	return 0;
}

static bool means_account(const struct entry *n, const char *address,
			  const char *conn, const char *account)
{
	if (strchr(n->address, '#') != NULL)
		return false;
	if (n->glob)
		return text_glob(n->address, address);
	return n->conn != NULL && n->account != NULL &&
	       strcmp(n->conn, conn) == 0 && strcmp(n->account, account) == 0;
}

static int mark_account(struct entries *x, const char *conn,
			const char *account, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = inv_address(&b, conn, account, NULL, e);

	for (size_t i = 0; rc == 0 && i < x->n; i++)
		if (!x->p[i].hit)
			x->p[i].hit = means_account(&x->p[i], b.p, conn,
						    account);
	buf_release(&b);
	return rc;
}

static int see_account(const struct inv_account *a, void *arg, struct err *e)
{
	return mark_account(arg, a->connection, a->name, e);
}

/* By id, by "kind:id", or by what a person calls it. */
static bool means_exactly(const struct entry *n, const struct inv_credential *c)
{
	const size_t k = strlen(c->kind);

	if (n->conn == NULL || n->account == NULL || n->part == NULL ||
	    strcmp(n->conn, c->connection) != 0 ||
	    strcmp(n->account, c->account) != 0)
		return false;
	return strcmp(n->part, c->id) == 0 || strcmp(n->part, c->label) == 0 ||
	       (strncmp(n->part, c->kind, k) == 0 && n->part[k] == ':' &&
		strcmp(n->part + k + 1, c->id) == 0);
}

static int see_credential(const struct inv_credential *c, void *arg,
			  struct err *e)
{
	struct entries *x = arg;

	for (size_t i = 0; i < x->n; i++) {
		struct entry *n = &x->p[i];
		int rc;

		if (n->hit || strchr(n->address, '#') == NULL)
			continue;
		rc = n->glob ? claim_glob(n->address, c, e) :
			       means_exactly(n, c);
		if (rc < 0)
			return -1;
		n->hit = rc > 0;
	}
	return mark_account(x, c->connection, c->account, e);
}

static bool any_left(const struct entries *x, bool credentials)
{
	for (size_t i = 0; i < x->n; i++)
		if (!x->p[i].hit &&
		    (credentials || strchr(x->p[i].address, '#') == NULL))
			return true;
	return false;
}

int claims_idle(const struct app *app, claim_idle_fn fn, void *arg,
		struct err *e)
{
	struct entries x = { NULL, 0 };
	int rc = -1;

	if (app->config == NULL)
		return 0;
	if (entries_read(app->config, &x, e) < 0)
		goto out;
	if (any_left(&x, false) &&
	    inv_accounts(app->vault, NULL, see_account, &x, e) < 0)
		goto out;
	if (any_left(&x, true) &&
	    inv_credentials(app->vault, NULL, NULL, see_credential, &x, e) < 0)
		goto out;
	for (size_t i = 0; i < x.n; i++)
		if (!x.p[i].hit)
			fn(x.p[i].id, x.p[i].address, arg);
	rc = 0;
out:
	entries_free(&x);
	return rc;
}

static void warn(const struct config_identity *id, const char *address,
		 void *arg)
{
	(void)arg;
	log_line(LOG_WARNING, "identity %s: '%s' matches nothing in the "
		 "inventory: a kill of %s does not reach it; correct "
		 "curfew.toml, or sync", id->name, address, id->name);
}

int claims_warn(const struct app *app, struct err *e)
{
	return claims_idle(app, warn, NULL, e);
}
