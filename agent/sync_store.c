/*
 * sync_store: from listed items to rows.
 *
 * An unchanged row is not written.  `seen_ms` of a row is therefore the time of
 * its last change or return; while `missing` is 0 it was seen by the
 * connection's last complete sync.  The first sync of a connection sets
 * first_seen_ms one millisecond before synced_ms, so that only what comes later
 * is new ("first_seen_ms >= synced_ms").
 */
#include "agent/sync_int.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/journal.h"

static int nomem(struct err *e)
{
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

/* ---- taking items -------------------------------------------------------- */

static struct item *next_place(struct sync_conn *c)
{
	if (c->n_batch == c->cap_batch) {
		const size_t cap = c->cap_batch == 0 ? 64 : c->cap_batch * 2;
		struct item *v = mem_realloc(c->batch, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		c->batch = v;
		c->cap_batch = cap;
	}
	return &c->batch[c->n_batch];
}

/* The account of a credential that was not listed itself (yet). */
static int imply_account(struct sync_conn *c, const struct item *i,
			 struct err *e)
{
	struct known_thing *t;
	struct item *place;

	if (strcmp(c->last_account, i->account) == 0)
		return 0;
	(void)snprintf(c->last_account, sizeof c->last_account, "%s",
		       i->account);
	t = known_find(c->known, ITEM_ACCOUNT, i->account, "", "");
	if (t != NULL && (t->stored || t->seen)) {
		t->seen = true;
		if (t->missing == 0)
			return 0;
	}
	place = next_place(c);
	if (place == NULL)
		return nomem(e);
	if (item_implied(i, place, e) < 0)
		return -1;
	/* reached again through its credentials: keep what was known */
	if (t != NULL && t->stored)
		place->state = t->state;
	c->n_batch++;
	return 0;
}

int sync_take(struct sync_conn *c, const struct json *j, struct err *e)
{
	struct item i;
	struct item *place;

	if (item_read(j, &i, e) < 0)
		return -1;
	if (i.what == ITEM_SESSION) {
		c->result->sessions++;
		item_free(&i);
		return 0;
	}
	if (i.what == ITEM_CREDENTIAL)
		c->result->credentials++;
	else if (i.what == ITEM_GRANT)
		c->result->grants++;
	else
		c->result->accounts++;
	if (i.what != ITEM_ACCOUNT && imply_account(c, &i, e) < 0) {
		item_free(&i);
		return -1;
	}
	if (i.what == ITEM_ACCOUNT)
		(void)snprintf(c->last_account, sizeof c->last_account, "%s",
			       i.account);
	place = next_place(c);
	if (place == NULL) {
		item_free(&i);
		return nomem(e);
	}
	*place = i;
	c->n_batch++;
	return 0;
}

/* ---- writing ------------------------------------------------------------- */

static int64_t first_seen(const struct sync_conn *c)
{
	return c->result->first ? c->at_ms - 1 : c->at_ms;
}

static int64_t told(int64_t now, int64_t before)
{
	return now != 0 ? now : before;
}

static char *swap(char **to, char **from)
{
	mem_free(*to);
	*to = *from;
	*from = NULL;
	return *to;
}

static int put_account(struct vault *v, struct sync_conn *c, struct item *i,
		       enum inv_state state, bool stored, struct err *e)
{
	struct inv_account a = { .connection = NULL };
	int rc;

	if (stored && inv_account_get(v, c->rec.name, i->account, &a, e) < 0)
		return -1;
	if (!i->implied || !stored) {
		a.self = i->self;
		a.makes_accounts = i->makes_accounts;
		(void)swap(&a.attributes, &i->attributes);
	}
	if (a.connection == NULL) {
		a.connection = mem_strdup(c->rec.name);
		a.name = mem_strdup(i->account);
		a.first_seen_ms = first_seen(c);
	}
	a.state = state;
	a.created_ms = told(i->created_ms, a.created_ms);
	a.last_used_ms = told(i->last_used_ms, a.last_used_ms);
	a.seen_ms = c->at_ms;
	a.missing = 0;
	rc = a.connection == NULL || a.name == NULL ? nomem(e) :
						      inv_account_put(v, &a, e);
	inv_account_free(&a);
	return rc;
}

static int put_credential(struct vault *v, struct sync_conn *c, struct item *i,
			  enum inv_state state, bool stored, struct err *e)
{
	struct inv_credential k = { .connection = NULL };
	int rc;

	if (stored && inv_credential_get(v, c->rec.name, i->account, i->kind,
					 i->id, &k, NULL, e) < 0)
		return -1;
	if (k.connection == NULL) {
		k.connection = mem_strdup(c->rec.name);
		k.account = mem_strdup(i->account);
		k.kind = mem_strdup(i->kind);
		k.id = mem_strdup(i->id);
		k.first_seen_ms = first_seen(c);
	}
	(void)swap(&k.fingerprint, &i->fingerprint);
	(void)swap(&k.label, &i->label);
	(void)swap(&k.attributes, &i->attributes);
	k.state = state;
	k.self = i->self;
	k.created_ms = told(i->created_ms, k.created_ms);
	k.expires_ms = i->expires_ms;
	k.last_used_ms = told(i->last_used_ms, k.last_used_ms);
	k.seen_ms = c->at_ms;
	k.missing = 0;
	rc = k.connection == NULL || k.account == NULL || k.kind == NULL ||
			     k.id == NULL ? nomem(e) :
					    inv_credential_put(v, &k, NULL, e);
	inv_credential_free(&k);
	return rc;
}

struct find_grant {
	const struct item *i;
	struct inv_grant *g;
};

static int keep_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	struct find_grant *f = arg;

	(void)e;
	if (strcmp(g->kind, f->i->kind) != 0 || strcmp(g->id, f->i->id) != 0)
		return 0;
	f->g->first_seen_ms = g->first_seen_ms;
	f->g->created_ms = g->created_ms;
	return 1;
}

static int put_grant(struct vault *v, struct sync_conn *c, struct item *i,
		     enum inv_state state, bool stored, struct err *e)
{
	struct inv_grant g = { .connection = c->rec.name, .account = i->account,
			       .kind = i->kind, .id = i->id, .state = state,
			       .seen_ms = c->at_ms,
			       .first_seen_ms = first_seen(c),
			       .attributes = i->attributes };
	struct find_grant f = { i, &g };

	if (stored && inv_grants(v, c->rec.name, i->account, keep_grant, &f,
				 e) < 0)
		return -1;
	g.created_ms = told(i->created_ms, g.created_ms);
	return inv_grant_put(v, &g, e);
}

/* An address into one of the result's lists. */
static int note(const struct sync_conn *c, const struct item *i, char ***list,
		size_t *n, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (*n >= SYNC_NEW_MAX)
		return 0;
	if (*list == NULL)
		*list = mem_array(SYNC_NEW_MAX, sizeof **list);
	if (*list == NULL)
		return nomem(e);
	if (inv_address(&b, c->rec.name, i->account,
			i->what == ITEM_ACCOUNT ? NULL : i->id, e) == 0) {
		(*list)[*n] = mem_strdup(b.p);
		if ((*list)[*n] == NULL) {
			(void)nomem(e);
		} else {
			(*n)++;
			rc = 0;
		}
	}
	buf_release(&b);
	return rc;
}

static int store_item(struct vault *v, struct sync_conn *c, struct item *i,
		      struct err *e)
{
	struct known_thing *t = known_get(c->known, i);
	struct sync_result *r = c->result;
	enum inv_state state;
	bool revived, stored;

	if (t == NULL)
		return nomem(e);
	stored = t->stored;
	state = known_state(t, i->implied && stored ? t->state : i->state,
			    &revived);
	if (revived && note(c, i, &r->revived, &r->n_revived, e) < 0)
		return -1;
	t->seen = true;
	if (known_same(c->known, t, i, state))
		return 0;
	if (!stored) {
		r->fresh++;
		if (!r->first && note(c, i, &r->added, &r->n_added, e) < 0)
			return -1;
	} else {
		r->changed++;
	}
	/* a second mention in the same listing replaces the first */
	t->stored = true;
	t->state = state;
	t->missing = 0;
	switch (i->what) {
	case ITEM_ACCOUNT:
		return put_account(v, c, i, state, stored, e);
	case ITEM_CREDENTIAL:
		return put_credential(v, c, i, state, stored, e);
	case ITEM_GRANT:
		return put_grant(v, c, i, state, stored, e);
	case ITEM_SESSION:
		break;
	}
	return 0;
}

int sync_flush(struct vault *v, struct sync_conn *c, struct err *e)
{
	int rc = -1;

	if (c->n_batch == 0)
		return 0;
	if (store_begin(v, e) < 0)
		goto out;
	for (size_t i = 0; i < c->n_batch; i++) {
		if (store_item(v, c, &c->batch[i], e) < 0) {
			store_rollback(v);
			goto out;
		}
	}
	rc = store_commit(v, e);
out:
	for (size_t i = 0; i < c->n_batch; i++)
		item_free(&c->batch[i]);
	c->n_batch = 0;
	return rc;
}

/* ---- what was not shown -------------------------------------------------- */

/* Copies of the rows that a complete listing did not show: the walk may not
 * write, so they are collected first. */
struct gone {
	struct sync_conn *c;
	struct item *v; /* account, kind, id only */
	size_t n, cap;
};

static int keep_gone(struct gone *g, enum item_what what, const char *account,
		     const char *kind, const char *id, struct err *e)
{
	const struct known_thing *t =
		known_find(g->c->known, what, account, kind, id);
	struct item *i;

	if (t == NULL || t->seen || t->state == INV_DEAD)
		return 0;
	if (g->n == g->cap) {
		const size_t cap = g->cap == 0 ? 64 : g->cap * 2;
		struct item *v = mem_realloc(g->v, cap * sizeof *v);

		if (v == NULL)
			return nomem(e);
		g->v = v;
		g->cap = cap;
	}
	i = &g->v[g->n++];
	*i = (struct item){ .what = what, .account = mem_strdup(account),
			    .kind = mem_strdup(kind), .id = mem_strdup(id) };
	return i->account != NULL && i->kind != NULL && i->id != NULL ?
		       0 : nomem(e);
}

static int gone_account(const struct inv_account *a, void *arg, struct err *e)
{
	return keep_gone(arg, ITEM_ACCOUNT, a->name, "", "", e);
}

static int gone_credential(const struct inv_credential *c, void *arg,
			   struct err *e)
{
	return keep_gone(arg, ITEM_CREDENTIAL, c->account, c->kind, c->id, e);
}

static int gone_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	return keep_gone(arg, ITEM_GRANT, g->account, g->kind, g->id, e);
}

struct count_grant {
	const struct item *i;
	struct inv_grant g;
	char *attributes;
};

static int copy_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	struct count_grant *k = arg;

	if (strcmp(g->kind, k->i->kind) != 0 || strcmp(g->id, k->i->id) != 0)
		return 0;
	k->g = *g;
	k->attributes = mem_strdup(g->attributes);
	return k->attributes != NULL ? 1 : nomem(e);
}

/* missing + 1; the first time seen_ms becomes the last sync that showed it. */
static int count_missing(struct vault *v, const struct sync_conn *c,
			 const struct item *i, struct err *e)
{
	const char *conn = c->rec.name;
	const int64_t before = c->rec.synced_ms;
	struct inv_account a;
	struct inv_credential k;
	struct count_grant g = { .i = i };
	int rc = 0;

	if (i->what == ITEM_ACCOUNT) {
		rc = inv_account_get(v, conn, i->account, &a, e);
		if (rc <= 0)
			return rc;
		if (a.missing++ == 0)
			a.seen_ms = before;
		rc = inv_account_put(v, &a, e);
		inv_account_free(&a);
	} else if (i->what == ITEM_CREDENTIAL) {
		rc = inv_credential_get(v, conn, i->account, i->kind, i->id, &k,
					NULL, e);
		if (rc <= 0)
			return rc;
		if (k.missing++ == 0)
			k.seen_ms = before;
		rc = inv_credential_put(v, &k, NULL, e);
		inv_credential_free(&k);
	} else {
		if (inv_grants(v, conn, i->account, copy_grant, &g, e) < 0)
			return -1;
		if (g.attributes == NULL)
			return 0;
		g.g.connection = c->rec.name;
		g.g.account = i->account;
		g.g.kind = i->kind;
		g.g.id = i->id;
		g.g.attributes = g.attributes;
		if (g.g.missing++ == 0)
			g.g.seen_ms = before;
		rc = inv_grant_put(v, &g.g, e);
		mem_free(g.attributes);
	}
	return rc;
}

static int store_missing(struct vault *v, struct sync_conn *c, struct err *e)
{
	struct gone g = { .c = c };
	const char *name = c->rec.name;
	int rc = -1;

	if (known_unseen(c->known) == 0)
		return 0;
	if (inv_accounts(v, name, gone_account, &g, e) < 0 ||
	    inv_credentials(v, name, NULL, gone_credential, &g, e) < 0 ||
	    inv_grants(v, name, NULL, gone_grant, &g, e) < 0 ||
	    store_begin(v, e) < 0)
		goto out;
	for (size_t i = 0; i < g.n; i++) {
		if (count_missing(v, c, &g.v[i], e) < 0) {
			store_rollback(v);
			goto out;
		}
	}
	c->result->missing = g.n;
	rc = store_commit(v, e);
out:
	for (size_t i = 0; i < g.n; i++)
		item_free(&g.v[i]);
	mem_free(g.v);
	return rc;
}

/* ---- the end ------------------------------------------------------------- */

static int put_connection(struct vault *v, struct sync_conn *c, struct err *e)
{
	const struct sync_result *r = c->result;
	const struct json *facts =
		c->link != NULL ? link_facts(c->link) : NULL;
	struct buf b = BUF_INIT(BUF_RECORD_MAX / 4);
	char why[1200] = "";
	char *failure;
	int rc = -1;

	if (r->failed || r->incomplete) {
		c->rec.failed_ms = c->at_ms;
		if (r->failed)
			(void)err_format(&r->why, why, sizeof why);
		else
			(void)snprintf(why, sizeof why,
				       "the listing was not complete");
	} else {
		c->rec.synced_ms = c->at_ms;
	}
	failure = mem_strdup(why);
	if (failure == NULL)
		return nomem(e);
	(void)swap(&c->rec.failure, &failure);
	if (facts != NULL) {
		char *text;

		if (json_print(facts, false, &b, e) < 0)
			goto out;
		text = mem_strdup(b.p);
		if (text == NULL) {
			(void)nomem(e);
			goto out;
		}
		(void)swap(&c->rec.facts, &text);
	}
	rc = inv_connection_put(v, &c->rec, NULL, e);
out:
	buf_release(&b);
	return rc;
}

static int put_journal(struct vault *v, const struct sync_conn *c,
		       struct err *e)
{
	const struct sync_result *r = c->result;
	struct journal_entry entry = { .kind = J_INVENTORY };
	char text[400], detail[400];

	if (r->failed)
		(void)snprintf(text, sizeof text,
			       "sync %s ended with an error (%s)", c->rec.name,
			       err_word(r->why.code));
	else
		(void)snprintf(text, sizeof text,
			       "sync %s: %llu new, %llu changed, %llu missing%s",
			       c->rec.name, (unsigned long long)r->fresh,
			       (unsigned long long)r->changed,
			       (unsigned long long)r->missing,
			       r->incomplete ? ", not complete" : "");
	(void)snprintf(detail, sizeof detail,
		       "{\"accounts\":%llu,\"credentials\":%llu,\"grants\":%llu,"
		       "\"new\":%llu,\"changed\":%llu,\"missing\":%llu,"
		       "\"revived\":%zu}", (unsigned long long)r->accounts,
		       (unsigned long long)r->credentials,
		       (unsigned long long)r->grants,
		       (unsigned long long)r->fresh,
		       (unsigned long long)r->changed,
		       (unsigned long long)r->missing, r->n_revived);
	entry.text = text;
	entry.detail = detail;
	return journal_append(v, &entry, NULL, e);
}

int sync_finish(struct vault *v, struct sync_conn *c, struct err *e)
{
	const bool whole = !c->result->failed && c->complete;

	c->result->incomplete = !c->result->failed && !c->complete;
	if (sync_flush(v, c, e) < 0)
		return -1;
	if (whole && store_missing(v, c, e) < 0)
		return -1;
	if (store_begin(v, e) < 0)
		return -1;
	if (put_connection(v, c, e) < 0 || put_journal(v, c, e) < 0) {
		store_rollback(v);
		return -1;
	}
	return store_commit(v, e);
}
