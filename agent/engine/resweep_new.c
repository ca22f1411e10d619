/*
 * resweep_new: accounts that a listing shows and nobody knew.
 *
 * The incident's first complete listing tells what was there before it; what
 * comes later was made meanwhile.  It is killed only when a killed account
 * could have made it; else it is told and not touched (I5).
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/drive_inner.h"
#include "agent/engine/plan.h"
#include "base/clock.h"
#include "base/mem.h"

void sweep_dirty(struct sweep *s, const char *what, const char *account,
		 const char *kind)
{
	if (!s->dirty)
		(void)snprintf(s->why, sizeof(s->why), "%s: %.60s%s%.40s", what,
			       account, *kind ? " " : "", kind);
	s->dirty = true;
}

/* ---- accounts known before ------------------------------------------------ */

static uint64_t name_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	h ^= h >> 29;
	return h ? h : 1;
}

static bool seen_has(const struct seen *s, uint64_t h)
{
	size_t i;

	if (!s->cap)
		return false;
	for (i = h & (s->cap - 1); s->p[i]; i = (i + 1) & (s->cap - 1))
		if (s->p[i] == h)
			return true;
	return false;
}

static int seen_add(struct seen *s, uint64_t h, struct err *e)
{
	size_t i;

	if (s->n * 2 >= s->cap) {
		struct seen g = { .cap = s->cap ? s->cap * 2 : 1024,
				  .loaded = s->loaded };

		g.p = mem_array(g.cap, sizeof(*g.p));
		if (!g.p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		for (i = 0; i < s->cap; i++)
			if (s->p[i] && seen_add(&g, s->p[i], e) < 0)
				return -1; /* cannot be: it is large enough */
		mem_free(s->p);
		*s = g;
	}
	for (i = h & (s->cap - 1); s->p[i]; i = (i + 1) & (s->cap - 1))
		if (s->p[i] == h)
			return 0;
	s->p[i] = h;
	s->n++;
	return 0;
}

static int seen_account(const struct inv_account *a, void *arg, struct err *e)
{
	return seen_add(arg, name_hash(a->name), e);
}

static int fresh_account(struct drive *d, const char *conn,
			 const struct json *item, const char *name,
			 struct err *e)
{
	struct inv_account *p = mem_realloc(d->fresh,
					    (d->n_fresh + 1) * sizeof(*p));
	const char *created = json_str(item, "created");
	bool makes = false;

	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	d->fresh = p;
	p = &d->fresh[d->n_fresh];
	*p = (struct inv_account){ .state = INV_ACTIVE,
				   .first_seen_ms = drive_now(d),
				   .seen_ms = drive_now(d) };
	p->makes_accounts = json_bool(item, "makes_accounts", &makes) && makes;
	if (created && !clock_parse(created, &p->created_ms))
		p->created_ms = 0;
	p->connection = mem_strdup(conn);
	p->name = mem_strdup(name);
	p->attributes = mem_strdup("");
	d->n_fresh++;
	if (!p->connection || !p->name || !p->attributes)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* Nobody can tell whether it is the intruder's: a person has to. */
static int doubtful(struct drive *d, const struct plan_thing *p, struct err *e)
{
	struct plan_thing thing = *p;
	uint32_t t, from = d->w->n_actions;

	thing.flags = TF_SKIPPED;
	if (plan_note(d->w, T_ACCOUNT, &thing, "not known before, perhaps made "
		      "during the incident: look at it, and kill it by its "
		      "address", &t, e) < 0)
		return -1;
	/* The incident stays open until somebody has decided. */
	work_of(d->w, t, V_NOTE)->state = A_TRYING;
	work_of(d->w, t, V_NOTE)->next_ms = INT64_MAX;
	return drive_adopt(d, from, e);
}

/* An account that was not there when the incident began. */
static int appeared(struct drive *d, struct lane *l, struct sweep *s,
		    const struct plan_thing *p, struct err *e)
{
	struct plan_thing thing = *p;
	uint32_t t, from = d->w->n_actions;

	if (!l->makes) {
		thing.flags = TF_REPORTED;
		return plan_note(d->w, T_ACCOUNT, &thing,
				 "appeared during the incident, not touched: no "
				 "killed account could have made it", &t, e) < 0 ?
		       -1 : drive_adopt(d, from, e);
	}
	thing.flags = TF_FOUND | TF_APPEARED;
	sweep_dirty(s, "account appeared", p->account, "");
	if (plan_account(d->w, &thing, &l->facts, drive_now(d), &t, e) < 0)
		return -1;
	return drive_adopt(d, from, e);
}

int sweep_unknown(struct drive *d, struct lane *l, struct sweep *s,
			   const struct plan_thing *p, const struct json *item,
			   struct err *e)
{
	const struct action *a = &d->w->actions[s->action];
	const char *created = json_str(item, "created");
	uint64_t h = name_hash(p->account);
	int64_t at = 0;

	if (d->w->targets[a->target].what != T_CONNECTION)
		return 0;
	if (!l->seen.loaded) {
		if (inv_accounts(d->v, p->conn, seen_account, &l->seen, e) < 0)
			return -1;
		l->seen.loaded = true;
	}
	if (seen_has(&l->seen, h))
		return 0;
	if (seen_add(&l->seen, h, e) < 0 ||
	    fresh_account(d, p->conn, item, p->account, e) < 0)
		return -1;
	if (created && !clock_parse(created, &at))
		at = 0;
	/* The first listing shows what was there before us, unless the
	 * provider itself says that it is younger. */
	if (a->flags & AF_BASELINE || at >= d->w->inc.opened_ms)
		return appeared(d, l, s, p, e);
	if (at || !l->makes || !l->synced || s->first_look)
		return 0;
	return doubtful(d, p, e);
}

bool sweep_elsewhere(const struct drive *d, uint32_t action,
		     const struct json *body)
{
	const struct target *at = &d->w->targets[d->w->actions[action].target];
	const struct json *list = json_get(body, "incomplete_accounts");

	if (at->what != T_CONNECTION || json_type(list) != JSON_ARRAY ||
	    !json_count(list))
		return false;
	for (const struct json *o = json_first(list); o; o = json_next(o)) {
		const char *name = json_text(o);

		if (!name || !*name ||
		    work_find(d->w, T_ACCOUNT, d->w->conns[at->conn], name, "",
			      "") != NONE)
			return false;
	}
	return true;
}
