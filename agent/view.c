/*
 * view: the inventory as rows for people.
 *
 * One walk, one block of memory for all strings: 100,000 rows are shown in
 * less than a second.  What a row says about age and use is judged here and
 * nowhere else.
 */
#include "agent/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/args.h"
#include "agent/claims.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define CHUNK (256u * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[];
};

struct conn {
	char *name;
	int64_t synced_ms;
};

struct view {
	const struct app *app;
	enum view_what what;
	struct view_filter filter;
	int64_t now_ms;
	struct conn *conns;
	size_t n_conns, last_conn;
	struct view_row *rows;
	size_t n, cap;
	struct chunk *chunks;
	struct buf address, alias;
	const struct config_identity *want; /* borrowed: the filter's identity */
};

/* ---- memory -------------------------------------------------------------- */

static const char *keep(struct view *v, const char *s)
{
	const size_t n = strlen(s) + 1;
	struct chunk *c = v->chunks;
	char *at;

	if (n == 1)
		return "";
	if (c == NULL || c->size - c->used < n) {
		const size_t size = n > CHUNK ? n : CHUNK;

		c = mem_alloc(sizeof *c + size);
		if (c == NULL)
			return NULL;
		*c = (struct chunk){ .next = v->chunks, .size = size };
		v->chunks = c;
	}
	at = c->bytes + c->used;
	memcpy(at, s, n);
	c->used += n;
	return at;
}

static struct view_row *next_row(struct view *v)
{
	if (v->n == v->cap) {
		const size_t cap = v->cap == 0 ? 256 : 2 * v->cap;
		struct view_row *rows = mem_realloc(v->rows, cap * sizeof *rows);

		if (rows == NULL)
			return NULL;
		v->rows = rows;
		v->cap = cap;
	}
	return &v->rows[v->n];
}

void view_free(struct view **vp)
{
	struct view *v = *vp;

	if (v == NULL)
		return;
	while (v->chunks != NULL) {
		struct chunk *c = v->chunks;

		v->chunks = c->next;
		mem_free(c);
	}
	for (size_t i = 0; i < v->n_conns; i++)
		mem_free(v->conns[i].name);
	mem_free(v->conns);
	mem_free(v->rows);
	buf_release(&v->address);
	buf_release(&v->alias);
	mem_free(v);
	*vp = NULL;
}

const struct view_row *view_rows(const struct view *v, size_t *n)
{
	*n = v->n;
	return v->rows;
}

/* ---- judging ------------------------------------------------------------- */

static bool lives(enum inv_state s)
{
	return s == INV_ACTIVE || s == INV_UNKNOWN;
}

unsigned view_flags_of(const struct app *app, const struct view_row *r,
		       enum view_what what, int64_t synced_ms, int64_t now_ms)
{
	const int64_t used = r->last_used_ms != 0 ? r->last_used_ms :
						    r->created_ms;
	const bool cred = what == VIEW_CREDENTIALS;
	unsigned f = r->flags & (VF_SELF | VF_MAKES);

	if (lives(r->state) && used != 0 && what != VIEW_GRANTS &&
	    now_ms - used > app->config->stale_ms)
		f |= VF_STALE;
	if (r->owner[0] == '\0')
		f |= VF_OWNERLESS;
	if (cred && lives(r->state) && r->expires_ms == 0)
		f |= VF_NEVER;
	if (cred && r->state == INV_ACTIVE && r->expires_ms != 0 &&
	    r->expires_ms <= now_ms)
		f |= VF_OVERDUE;
	if (synced_ms != 0 && r->first_seen_ms >= synced_ms)
		f |= VF_NEW;
	if (r->missing > 0)
		f |= VF_MISSING;
	if (r->dead_ms != 0 && r->state == INV_ACTIVE)
		f |= VF_REVIVED;
	return f;
}

const char *view_flags_text(unsigned flags, char out[static 128])
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = {
		{ VF_REVIVED, "ALIVE-AGAIN" }, { VF_MISSING, "missing" },
		{ VF_OVERDUE, "overdue" },     { VF_NEW, "new" },
		{ VF_STALE, "stale" },	       { VF_OWNERLESS, "ownerless" },
		{ VF_NEVER, "never-expires" }, { VF_MAKES, "makes-accounts" },
		{ VF_SELF, "curfew-itself" },
	};
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if ((flags & words[i].flag) != 0 && n < 100)
			n += (size_t)snprintf(out + n, 128 - n, "%s%s",
					      n > 0 ? "," : "", words[i].word);
	return out;
}

const char *view_state_text(const struct view_row *r)
{
	if (r->state == INV_DEAD)
		return r->dead_ms == 0 ? "dead" :
		       r->dead_record ? "DEAD (by record)" : "DEAD (proved)";
	return r->missing > 0 ? "missing" : inv_state_word(r->state);
}

const char *view_age(int64_t then_ms, int64_t now_ms, char out[static 32])
{
	out[0] = '\0';
	if (then_ms != 0)
		(void)clock_span(then_ms < now_ms ? now_ms - then_ms : 0, out);
	return out;
}

/* ---- filtering ----------------------------------------------------------- */

static bool has_tag(const struct config_identity *id, const char *tag)
{
	for (size_t i = 0; id != NULL && i < id->n_tags; i++)
		if (strcmp(id->tags[i], tag) == 0)
			return true;
	return false;
}

static bool passes(const struct view *v, const struct view_row *r)
{
	const struct view_filter *f = &v->filter;

	if (f->identity != NULL && r->identity != v->want)
		return false;
	if (f->tag != NULL && !has_tag(r->identity, f->tag))
		return false;
	if (f->owner != NULL && strcmp(f->owner, r->owner) != 0)
		return false;
	if (f->kind != NULL && strcmp(f->kind, r->kind) != 0)
		return false;
	if (f->glob != NULL && !text_glob(f->glob, r->address))
		return false;
	if (f->state != NULL) {
		if (strcmp(f->state, "missing") == 0) {
			if (r->missing == 0)
				return false;
		} else if (strcmp(f->state, inv_state_word(r->state)) != 0) {
			return false;
		}
	}
	return (r->flags & f->flags) == f->flags;
}

static int64_t synced(struct view *v, const char *name)
{
	for (size_t i = 0; i < v->n_conns; i++) {
		const size_t k = (v->last_conn + i) % v->n_conns;

		if (strcmp(v->conns[k].name, name) == 0) {
			v->last_conn = k;
			return v->conns[k].synced_ms;
		}
	}
	return 0;
}

/* r's strings are borrowed; what passes is copied. */
static int consider(struct view *v, struct view_row *r, struct err *e)
{
	struct view_row *to;
	const int64_t at = synced(v, r->connection);

	buf_reset(&v->address);
	if (inv_address(&v->address, r->connection, r->account,
			v->what == VIEW_ACCOUNTS ? NULL : r->id, e) < 0 ||
	    claim_alias(&v->alias, r->connection, r->account, r->label, e) < 0)
		return -1;
	r->address = v->address.p;
	r->identity = config_identity_of(v->app->config, r->address,
					 v->alias.len > 0 ? v->alias.p : NULL);
	r->owner = config_owner(v->app->config, r->identity);
	if (r->missing == 0 && at > r->seen_ms)
		r->seen_ms = at; /* unchanged rows are not rewritten */
	r->flags = view_flags_of(v->app, r, v->what, at, v->now_ms);
	if (!passes(v, r))
		return 0;
	to = next_row(v);
	if (to == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	*to = *r;
	to->address = keep(v, r->address);
	to->connection = keep(v, r->connection);
	to->account = keep(v, r->account);
	to->kind = keep(v, r->kind);
	to->id = keep(v, r->id);
	to->fingerprint = keep(v, r->fingerprint);
	to->label = keep(v, r->label);
	to->attributes = keep(v, r->attributes);
	if (to->address == NULL || to->connection == NULL ||
	    to->account == NULL || to->kind == NULL || to->id == NULL ||
	    to->fingerprint == NULL || to->label == NULL ||
	    to->attributes == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	v->n++;
	return 0;
}

static int take_credential(const struct inv_credential *c, void *arg,
			   struct err *e)
{
	struct view_row r = {
		.connection = c->connection, .account = c->account,
		.kind = c->kind, .id = c->id, .fingerprint = c->fingerprint,
		.label = c->label, .attributes = c->attributes,
		.state = c->state, .missing = c->missing,
		.flags = c->self ? VF_SELF : 0,
		.created_ms = c->created_ms, .expires_ms = c->expires_ms,
		.last_used_ms = c->last_used_ms, .seen_ms = c->seen_ms,
		.first_seen_ms = c->first_seen_ms, .dead_ms = c->dead_ms,
		.dead_record = c->dead_record, .has_secret = c->has_secret,
	};

	return consider(arg, &r, e);
}

static int take_account(const struct inv_account *a, void *arg, struct err *e)
{
	struct view_row r = {
		.connection = a->connection, .account = a->name,
		.kind = "account", .id = "", .fingerprint = "", .label = "",
		.attributes = a->attributes,
		.state = a->state, .missing = a->missing,
		.flags = (a->self ? VF_SELF : 0u) |
			 (a->makes_accounts ? VF_MAKES : 0u),
		.created_ms = a->created_ms, .last_used_ms = a->last_used_ms,
		.seen_ms = a->seen_ms, .first_seen_ms = a->first_seen_ms,
	};

	return consider(arg, &r, e);
}

static int take_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	struct view_row r = {
		.connection = g->connection, .account = g->account,
		.kind = g->kind, .id = g->id, .fingerprint = "", .label = "",
		.attributes = g->attributes,
		.state = g->state, .missing = g->missing,
		.created_ms = g->created_ms, .seen_ms = g->seen_ms,
		.first_seen_ms = g->first_seen_ms,
	};

	return consider(arg, &r, e);
}

static int take_conn(const struct inv_connection *c, void *arg, struct err *e)
{
	struct view *v = arg;
	struct conn *more = mem_realloc(v->conns,
					(v->n_conns + 1) * sizeof *more);

	if (more == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	v->conns = more;
	v->conns[v->n_conns].name = mem_strdup(c->name);
	v->conns[v->n_conns].synced_ms = c->synced_ms;
	if (v->conns[v->n_conns].name == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	v->n_conns++;
	return 0;
}

/* Names in a filter that do not exist are mistakes, not empty answers. */
static int check_filter(struct view *v, struct err *e)
{
	const struct config *c = v->app->config;
	const char *names[257];
	enum inv_state st;
	size_t n = 0;

	if (v->filter.state != NULL && strcmp(v->filter.state, "missing") != 0 &&
	    !inv_state_parse(v->filter.state, &st))
		return err_fail(e, ERR_USAGE, v->filter.state, "no such state: "
				"active, disabled, expired, revoked, dead, "
				"unknown, missing");
	if (v->filter.connection != NULL) {
		for (size_t i = 0; i < v->n_conns && n < 256; i++)
			names[n++] = v->conns[i].name;
		names[n] = NULL;
		for (size_t i = 0; i < v->n_conns; i++)
			if (strcmp(v->conns[i].name, v->filter.connection) == 0)
				n = SIZE_MAX;
		if (n != SIZE_MAX) {
			(void)err_fail(e, ERR_ABSENT, v->filter.connection,
				       "no such connection");
			args_hint_near(v->filter.connection, names, e);
			return -1;
		}
	}
	if (v->filter.identity == NULL)
		return 0;
	n = 0;
	for (size_t i = 0; i < c->n_identities; i++) {
		if (strcmp(c->identities[i].name, v->filter.identity) == 0)
			v->want = &c->identities[i];
		if (n < 256)
			names[n++] = c->identities[i].name;
	}
	names[n] = NULL;
	if (v->want != NULL)
		return 0;
	(void)err_fail(e, ERR_ABSENT, v->filter.identity, "no such identity in %s",
		       v->app->config_path);
	args_hint_near(v->filter.identity, names, e);
	return -1;
}

int view_load(const struct app *app, enum view_what what,
	      const struct view_filter *f, struct view **out, struct err *e)
{
	struct view *v = mem_zalloc(sizeof *v);
	int rc = -1;

	*out = NULL;
	if (v == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	v->app = app;
	v->what = what;
	v->filter = *f;
	v->now_ms = clock_wall_ms();
	v->address.max = v->alias.max = BUF_TEXT_MAX;
	if (inv_connections(app->vault, take_conn, v, e) < 0 ||
	    check_filter(v, e) < 0)
		goto out;
	if (what == VIEW_ACCOUNTS)
		rc = inv_accounts(app->vault, f->connection, take_account, v, e);
	else if (what == VIEW_GRANTS)
		rc = inv_grants(app->vault, f->connection, NULL, take_grant, v,
				e);
	else
		rc = inv_credentials(app->vault, f->connection, NULL,
				     take_credential, v, e);
out:
	if (rc < 0)
		view_free(&v);
	*out = v;
	return rc < 0 ? -1 : 0;
}

/* ---- sorting ------------------------------------------------------------- */

#define BY_TEXT(name, member)                                                  \
	static int name(const void *a, const void *b)                          \
	{                                                                      \
		const struct view_row *x = a, *y = b;                          \
		const int r = strcmp(x->member, y->member);                    \
		return r != 0 ? r : strcmp(x->address, y->address);            \
	}
/* Unknown times go last; the older one first. */
#define BY_TIME(name, member)                                                  \
	static int name(const void *a, const void *b)                          \
	{                                                                      \
		const struct view_row *x = a, *y = b;                          \
		if ((x->member == 0) != (y->member == 0))                      \
			return x->member == 0 ? 1 : -1;                        \
		if (x->member != y->member)                                    \
			return x->member < y->member ? -1 : 1;                 \
		return strcmp(x->address, y->address);                         \
	}

BY_TEXT(by_address, address)
BY_TEXT(by_owner, owner)
BY_TEXT(by_kind, kind)
BY_TIME(by_age, created_ms)
BY_TIME(by_used, last_used_ms)
BY_TIME(by_expires, expires_ms)

static int by_identity(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;
	const int r = strcmp(x->identity != NULL ? x->identity->name : "~",
			     y->identity != NULL ? y->identity->name : "~");

	return r != 0 ? r : strcmp(x->address, y->address);
}

static int by_state(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	return strcmp(x->address, y->address);
}

static const struct order {
	const char *name;
	int (*cmp)(const void *, const void *);
} orders[] = {
	{ "address", by_address }, { "age", by_age },
	{ "used", by_used },	   { "expires", by_expires },
	{ "owner", by_owner },	   { "identity", by_identity },
	{ "state", by_state },	   { "kind", by_kind },
};
#define N_ORDERS (sizeof orders / sizeof *orders)

int view_sort(struct view *v, const char *column, struct err *e)
{
	const bool reverse = column[0] == '-';
	const char *names[N_ORDERS + 1] = { NULL };

	for (size_t i = 0; i < N_ORDERS; i++) {
		names[i] = orders[i].name;
		if (strcmp(orders[i].name, column + reverse) != 0)
			continue;
		if (v->n > 1)
			qsort(v->rows, v->n, sizeof *v->rows, orders[i].cmp);
		for (size_t k = 0; reverse && k < v->n / 2; k++) {
			const struct view_row t = v->rows[k];

			v->rows[k] = v->rows[v->n - 1 - k];
			v->rows[v->n - 1 - k] = t;
		}
		return 0;
	}
	(void)err_fail(e, ERR_USAGE, column, "no such column to sort by");
	args_hint_near(column + reverse, names, e);
	err_hint(e, "address, age, used, expires, owner, identity, state, kind");
	return -1;
}
