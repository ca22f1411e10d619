/*
 * rotate_replan: see rotate_replan.h.  Owns the digest; writes lines that are
 * idle only: what is under way keeps the policy it began with.
 */
#include "agent/rotate_replan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/alarm.h"
#include "agent/engine/rot.h"
#include "agent/engine/rot_clock.h"
#include "agent/engine/rot_policy.h"
#include "agent/schedule.h"
#include "base/digest.h"
#include "base/mem.h"
#include "vault/inventory.h"

#define AT_ONCE 2000 /* rows a transaction */
#define SAMPLE_MS (5 * 3600000) /* a window's look: its openings a year long */
#define SAMPLES 1700

/* ---- the digest ------------------------------------------------------------------ */

static int list_text(struct buf *b, char *const *list, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (buf_printf(b, e, "%s\n", list[i]) < 0)
			return -1;
	return buf_puts(b, ";", e);
}

static int window_text(struct buf *b, const struct schedule *s, struct err *e)
{
	const int64_t from = 1767225600000; /* 2026 */

	for (int64_t i = 0; s && i < SAMPLES; i++)
		if (buf_puts(b, schedule_open(s, from + i * SAMPLE_MS) ?
			     "1" : "0", e) < 0)
			return -1;
	return buf_puts(b, ";", e);
}

static int policy_text(struct buf *b, const struct config_rotation *p,
		       struct err *e)
{
	if (buf_printf(b, e, "[%s]%lld %lld %lld %d;", p->name,
		       (long long)p->every_ms, (long long)p->max_age_ms,
		       (long long)p->jitter_ms, p->on_import) < 0 ||
	    list_text(b, p->credentials, p->n_credentials, e) < 0 ||
	    list_text(b, p->identities, p->n_identities, e) < 0 ||
	    list_text(b, p->tags, p->n_tags, e) < 0 ||
	    list_text(b, p->connections, p->n_connections, e) < 0 ||
	    buf_printf(b, e, "%s;%s;", p->kind ? p->kind : "",
		       p->partner ? p->partner : "") < 0 ||
	    window_text(b, p->window, e) < 0)
		return -1;
	return 0;
}

static int digest(struct app *app, struct store_id *out, struct err *e)
{
	const struct config *c = app->config;
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	struct store_id t;
	int rc = -1;

	/* grows when other credentials are chosen: every line is planned anew */
	if (buf_puts(&b, "2;", e) < 0)
		goto out;
	for (size_t i = 0; i < c->n_rotations; i++)
		if (policy_text(&b, &c->rotations[i], e) < 0)
			goto out;
	for (size_t i = 0; i < c->n_identities; i++) {
		const struct config_identity *id = &c->identities[i];

		if (buf_printf(&b, e, "{%s}", id->name) < 0 ||
		    list_text(&b, id->tags, id->n_tags, e) < 0 ||
		    list_text(&b, id->accounts, id->n_accounts, e) < 0)
			goto out;
	}
	if (store_digest(app->vault, STORE_CREDENTIAL, &t, e) < 0 ||
	    buf_add(&b, t.b, sizeof(t.b), e) < 0)
		goto out;
	digest_hash(b.p, b.len, out->b, sizeof(out->b));
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static bool planned; /* in this process */

static struct store_id digest_row(const struct vault *v)
{
	const char *part = "rotation-plan";

	return store_id(v, STORE_SETTING, &part, 1);
}

static int put_digest(struct app *app, const struct store_id *d, struct err *e)
{
	const struct store_row row = { .id = digest_row(app->vault),
				       .data = d->b, .len = sizeof(d->b) };

	return store_put(app->vault, STORE_SETTING, &row, e);
}

/* 1 the same as before, 0 another, -1. */
static int unchanged(struct app *app, const struct store_id *now, struct err *e)
{
	const struct store_id id = digest_row(app->vault);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = store_get(app->vault, STORE_SETTING, &id, &b, NULL, e);

	if (rc > 0)
		rc = b.len == sizeof(now->b) &&
		     memcmp(b.p, now->b, sizeof(now->b)) == 0;
	buf_release(&b);
	return rc;
}

int rotate_replanned(struct app *app, struct err *e)
{
	struct store_id d;

	if (!planned) /* what a sync brought was not looked at yet */
		return 0;
	if (digest(app, &d, e) < 0)
		return -1;
	return put_digest(app, &d, e);
}

/* ---- which lines there are ---------------------------------------------------------- */

struct place { /* a credential that belongs to a line */
	uint64_t hash;
};

struct change { /* to be written once the walk is over */
	char *conn, *account, *kind, *cred; /* a new line's */
	struct store_id line;
	int64_t due_ms, deadline_ms;
	bool fresh;
};

struct planning {
	struct app *app;
	struct place *places;
	size_t n_places, cap_places;
	struct change *changes;
	size_t n_changes, cap_changes;
	int64_t now;
};

static uint64_t hash_of(const char *conn, const char *account, const char *kind,
			const char *cred)
{
	const char *const parts[] = { conn, account, kind, cred };
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < 4; i++) {
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211u;
		h = (h ^ 0x1ff) * 1099511628211u;
	}
	return h;
}

static int add_place(struct planning *p, const struct rot_line *l,
		     const char *account, const char *cred, struct err *e)
{
	if (p->n_places == p->cap_places) {
		size_t cap = p->cap_places ? p->cap_places * 2 : 1024;
		struct place *x = mem_realloc(p->places, cap * sizeof(*x));

		if (!x)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		p->places = x;
		p->cap_places = cap;
	}
	p->places[p->n_places++].hash = hash_of(l->conn, account, l->kind, cred);
	return 0;
}

static int one_line(const struct rot_line *l, void *arg, struct err *e)
{
	struct planning *p = arg;

	if (add_place(p, l, l->account, l->cred, e) < 0 ||
	    (*l->new_cred && add_place(p, l, rot_new_account(l), l->new_cred,
				       e) < 0) ||
	    (*l->partner && add_place(p, l, l->partner, l->cred, e) < 0))
		return -1;
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static const struct place *find(const struct planning *p, uint64_t hash)
{
	size_t lo = 0, hi = p->n_places;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (p->places[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n_places && p->places[lo].hash == hash ?
		       &p->places[lo] : NULL;
}

/* ---- what changes ---------------------------------------------------------------------- */

static struct change *new_change(struct planning *p, struct err *e)
{
	if (p->n_changes == p->cap_changes) {
		size_t cap = p->cap_changes ? p->cap_changes * 2 : 256;
		struct change *x = mem_realloc(p->changes, cap * sizeof(*x));

		if (!x) {
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
			return NULL;
		}
		p->changes = x;
		p->cap_changes = cap;
	}
	p->changes[p->n_changes] = (struct change){ .fresh = false };
	return &p->changes[p->n_changes++];
}

static int change_line(struct planning *p, const struct store_id *id,
		       int64_t due, int64_t deadline, struct err *e)
{
	struct change *c = new_change(p, e);

	if (!c)
		return -1;
	c->line = *id;
	c->due_ms = due;
	c->deadline_ms = deadline;
	return 0;
}

static int begin_line(struct planning *p, const struct inv_credential *cred,
		      struct err *e)
{
	struct change *c = new_change(p, e);

	if (!c)
		return -1;
	c->fresh = true;
	if (rot_text(&c->conn, cred->connection, e) < 0 ||
	    rot_text(&c->account, cred->account, e) < 0 ||
	    rot_text(&c->kind, cred->kind, e) < 0 ||
	    rot_text(&c->cred, cred->id, e) < 0)
		return -1;
	return 0;
}

static int one_credential(const struct inv_credential *c, void *arg,
			  struct err *e)
{
	struct planning *p = arg;
	const struct config_rotation *r = NULL;
	const struct place *at;

	if (c->state == INV_DEAD || c->state == INV_REVOKED || c->missing)
		return 0;
	if (rot_policy_of(p->app->config, c, &r, e) < 0)
		return -1;
	at = find(p, hash_of(c->connection, c->account, c->kind, c->id));
	if (!at && r && (r->every_ms || r->on_import || r->max_age_ms) &&
	    !rot_policy_partner(r, c))
		return begin_line(p, c, e);
	return 0;
}

/* Every idle line has its due time worked out again, the ones whose credential
 * or policy is gone none. */
static int again(struct planning *p, const struct rot_line *line, struct err *e)
{
	struct rot_line l = *line; /* due times only: nothing is freed */
	int64_t due = l.due_ms, deadline = l.deadline_ms;

	l.due_ms = l.deadline_ms = 0;
	if (rot_policy_next(p->app, &l, p->now, e) < 0)
		return -1;
	if (l.due_ms == due && l.deadline_ms == deadline)
		return 0;
	return change_line(p, &line->id, l.due_ms, l.deadline_ms, e);
}

static int idle_line(const struct rot_line *l, void *arg, struct err *e)
{
	return l->state == RS_IDLE ? again(arg, l, e) : 0;
}

/* Due no more: that it could not be begun is nobody's matter now. */
static int settle(struct app *app, const struct rot_line *l, int64_t now,
		  struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;

	if (l->state == RS_IDLE && (!l->due_ms || l->due_ms > now)) {
		rc = inv_address(&b, l->conn, l->account, l->cred, e);
		if (rc == 0)
			rc = alarm_clear(app, ALARM_STUCK, b.p, e);
	}
	buf_release(&b);
	return rc;
}

/* ---- writing --------------------------------------------------------------------------- */

static int write_one(struct planning *p, struct change *c, struct err *e)
{
	struct rot_line l;
	int rc;

	if (c->fresh) {
		if (rot_begin_line(p->app->vault, c->conn, c->account, c->kind,
				   c->cred, &l, e) < 0)
			return -1;
		rc = rot_policy_next(p->app, &l, p->now, e);
	} else {
		rc = rot_get(p->app->vault, &c->line, &l, NULL, e);
		if (rc == 0)
			return 0;
		l.due_ms = c->due_ms;
		l.deadline_ms = c->deadline_ms;
		rc = settle(p->app, &l, p->now, e);
	}
	if (rc >= 0)
		rc = rot_put(p->app->vault, &l, NULL, false, e);
	rot_free(&l);
	return rc;
}

static int write_all(struct planning *p, struct err *e)
{
	for (size_t i = 0; i < p->n_changes;) {
		const size_t end = p->n_changes - i > AT_ONCE ? i + AT_ONCE :
								  p->n_changes;

		if (store_begin(p->app->vault, e) < 0)
			return -1;
		for (; i < end; i++)
			if (write_one(p, &p->changes[i], e) < 0) {
				store_rollback(p->app->vault);
				return -1;
			}
		if (store_commit(p->app->vault, e) < 0)
			return -1;
	}
	return 0;
}

static void planning_free(struct planning *p)
{
	for (size_t i = 0; i < p->n_changes; i++) {
		mem_free(p->changes[i].conn);
		mem_free(p->changes[i].account);
		mem_free(p->changes[i].kind);
		mem_free(p->changes[i].cred);
	}
	mem_free(p->changes);
	mem_free(p->places);
}

int rotate_replan(struct app *app, struct err *e)
{
	struct planning p = { .app = app, .now = rot_clock_ms() };
	struct store_id now;
	int rc = -1, same;

	if (digest(app, &now, e) < 0)
		return -1;
	same = unchanged(app, &now, e);
	planned = same > 0;
	if (same)
		return same < 0 ? -1 : 0;
	if (rot_each(app->vault, one_line, &p, e) < 0)
		goto out;
	if (p.n_places)
		qsort(p.places, p.n_places, sizeof(*p.places), by_hash);
	if (inv_credentials(app->vault, NULL, NULL, one_credential, &p, e) < 0 ||
	    rot_each(app->vault, idle_line, &p, e) < 0 ||
	    write_all(&p, e) < 0 || put_digest(app, &now, e) < 0)
		goto out;
	planned = true;
	rc = 0;
out:
	planning_free(&p);
	return rc;
}
