/*
 * plan: the order of rotation.md's "Kill" as rows.  It reads facts and names
 * verbs; whatever a provider cannot do is answered `unsupported` and skipped.
 */
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/plan.h"
#include "vault/inventory.h"

/* Beyond this many accounts of one connection, its own listing is used for all:
 * one listing a round instead of one per account. */
#define SWEEP_EACH_MAX 16

static int add(struct work *w, uint32_t t, enum verb v, int64_t at,
	       struct err *e)
{
	uint32_t i;

	return work_action(w, t, v, at, &i, e);
}

/* What is already proved dead stays so, unless a listing or a probe says
 * otherwise; nothing is sent for it but the one probe asked for. */
static int add_dead(struct work *w, uint32_t t, bool confirm, int64_t now,
		    struct err *e)
{
	struct action *a;

	if (add(w, t, V_PROBE, now, e) < 0)
		return -1;
	a = work_of(w, t, V_PROBE);
	if (a->state != A_INTENDED)
		return 0;
	w->targets[t].flags |= TF_BEFORE;
	a->count = PROOF_COUNT;
	a->done_ms = now;
	a->state = A_DONE;
	if (confirm) {
		a->state = A_TRYING;
		a->flags |= AF_CONFIRM;
	}
	return 0;
}

int plan_note(struct work *w, enum target_what what, const struct plan_thing *p,
	      const char *why, uint32_t *out, struct err *e)
{
	struct action *a;

	if (work_target(w, what, p->conn, p->account, p->kind, p->id, out,
			NULL, e) < 0 ||
	    add(w, *out, V_NOTE, 0, e) < 0)
		return -1;
	w->targets[*out].flags |= (uint8_t)p->flags;
	a = work_of(w, *out, V_NOTE);
	a->state = A_MOOT;
	a->dirty = true;
	return action_note(a, why, e);
}

/* It is to be ended after all: what was noted no longer holds. */
static void take(struct work *w, uint32_t t, unsigned flags)
{
	struct action *note = work_of(w, t, V_NOTE);

	w->targets[t].flags |= (uint8_t)flags;
	w->targets[t].flags &= (uint8_t)~(TF_SKIPPED | TF_REPORTED);
	if (note && note->state != A_MOOT) {
		note->state = A_MOOT;
		note->dirty = true;
	}
}

int plan_account(struct work *w, const struct plan_thing *p,
		 const struct facts *f, int64_t now, uint32_t *out,
		 struct err *e)
{
	if (work_target(w, T_ACCOUNT, p->conn, p->account, "", "", out, NULL,
			e) < 0)
		return -1;
	take(w, *out, p->flags);
	if (p->dead)
		return add_dead(w, *out, p->confirm, now, e);
	if (add(w, *out, V_DISABLE, now, e) < 0 ||
	    add(w, *out, V_SNAPSHOT, now, e) < 0 ||
	    add(w, *out, V_PROBE, INT64_MAX, e) < 0)
		return -1;
	/* Sessions are cut once nobody can open new ones; if disabling hangs,
	 * they are cut anyway. */
	if (!f->all.disable_cuts &&
	    add(w, *out, V_CUT, now + knob_snapshot_ms(), e) < 0)
		return -1;
	return 0;
}

void plan_unseen(struct work *w, uint32_t target)
{
	struct action *x = work_of(w, target, V_DISABLE);

	if (x && !x->attempts)
		x->flags |= AF_ABSENT;
}

/* When may something that destroys evidence start? */
static int64_t after_snapshot(const struct work *w, uint32_t t, int64_t now)
{
	const struct action *s = work_of(w, t, V_SNAPSHOT);

	if (!s)
		s = work_of(w, w->targets[t].parent, V_SNAPSHOT);
	return s && action_open(s) ? now + knob_snapshot_ms() : now;
}

/* What is chosen here the driver may change once the service has answered. */
static int choose_way(struct work *w, uint32_t t, const struct plan_thing *p,
		      const struct kind_facts *k, struct err *e)
{
	struct action *r = work_of(w, t, V_REVOKE);
	const bool id = facts_offers(k, "revoke");

	if (r->state != A_INTENDED || r->attempts || !facts_by_value(k) ||
	    (id && !k->leaves_value))
		return 0;
	if (!p->sealed)
		return plan_value_missing(w, w->targets[t].act[V_REVOKE],
			id ? "its end by id leaves the value good elsewhere" :
			     "only its value can end it", e);
	r->flags |= AF_BY_VALUE;
	/* beside its end: was the value any good before? */
	work_of(w, t, V_PROBE)->next_ms = r->next_ms;
	return 0;
}

int plan_value_missing(struct work *w, uint32_t action, const char *why,
		       struct err *e)
{
	const struct target *t = &w->targets[w->actions[action].target];
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_printf(&b, e, "%.120s; that value is not sealed here: "
		       "'curfew learn ", why) < 0 ||
	    plan_address(w, t, &b, e) < 0 ||
	    buf_puts(&b, " --secret-stdin', then 'curfew resume'", e) < 0)
		goto out;
	rc = action_note(&w->actions[action], b.p, e);
out:
	buf_release(&b);
	return rc;
}

/* Beside the first cut, which does not wait for it: only a value that worked
 * before tells anything by being refused afterwards. */
static void try_value(struct work *w, uint32_t t, int64_t now)
{
	struct action *p = work_of(w, t, V_PROBE);

	if (p->state != A_INTENDED || p->attempts || p->next_ms <= now ||
	    work_of(w, t, V_REVOKE)->flags & AF_BY_VALUE)
		return;
	p->next_ms = now;
	p->beside = true;
}

int plan_credential(struct work *w, const struct plan_thing *p,
		    const struct facts *f, int64_t now, uint32_t *out,
		    struct err *e)
{
	const struct kind_facts *k = facts_of(f, p->kind);
	bool alone;

	if (work_target(w, T_CREDENTIAL, p->conn, p->account, p->kind, p->id,
			out, NULL, e) < 0)
		return -1;
	take(w, *out, p->flags);
	if (p->dead)
		return add_dead(w, *out, p->confirm, now, e);
	if (target_by_value(&w->targets[*out])) /* nothing else is known of it */
		return add(w, *out, V_REVOKE, now, e) < 0 ? -1 :
			add(w, *out, V_PROBE, now, e);
	alone = w->targets[*out].parent == NONE;
	if (alone && add(w, *out, V_SNAPSHOT, now, e) < 0)
		return -1;
	if (add(w, *out, V_REVOKE, after_snapshot(w, *out, now), e) < 0 ||
	    add(w, *out, V_PROBE, INT64_MAX, e) < 0 ||
	    choose_way(w, *out, p, k, e) < 0)
		return -1;
	if (p->untried)
		try_value(w, *out, now);
	if (alone && !k->revoke_cuts &&
	    add(w, *out, V_CUT, now + knob_snapshot_ms(), e) < 0)
		return -1;
	return 0;
}

int plan_grant(struct work *w, const struct plan_thing *p, int64_t now,
	       uint32_t *out, struct err *e)
{
	if (work_target(w, T_GRANT, p->conn, p->account, p->kind, p->id, out,
			NULL, e) < 0)
		return -1;
	w->targets[*out].flags |= (uint8_t)p->flags;
	return add(w, *out, V_REMOVE_GRANT, after_snapshot(w, *out, now), e);
}

int plan_sweeps(struct work *w, int64_t now, struct err *e)
{
	uint32_t n = w->n_targets;

	if (knob_off(KNOB_RESWEEP))
		return 0;
	for (size_t c = 0; c < w->n_conns; c++) {
		uint32_t accounts = 0, t;

		for (uint32_t i = 0; i < n; i++)
			accounts += w->targets[i].conn == c &&
				    w->targets[i].what == T_ACCOUNT &&
				    !work_missing(w, i);
		if (!accounts)
			continue; /* credentials only: the account is not ours */
		if (work_target(w, T_CONNECTION, w->conns[c], "", "", "", &t,
				NULL, e) < 0 ||
		    add(w, t, V_RESWEEP, now, e) < 0)
			return -1;
		if (accounts > SWEEP_EACH_MAX)
			continue;
		for (uint32_t i = 0; i < n; i++)
			if (w->targets[i].conn == c &&
			    w->targets[i].what == T_ACCOUNT &&
			    !(w->targets[i].flags & (TF_SKIPPED | TF_REPORTED)) &&
			    add(w, i, V_RESWEEP, now, e) < 0)
				return -1;
	}
	return 0;
}

void plan_estimate(const struct work *w, const struct facts *f,
		   const int *in_flight, int64_t call_ms, struct plan_eta *out)
{
	*out = (struct plan_eta){ 0 };
	for (size_t c = 0; c < w->n_conns; c++) {
		double rate = f[c].all.rate_per_s;
		double most = (double)in_flight[c] * 1000 / (double)call_ms;
		int64_t cut, proved, session = f[c].all.session_ms;
		uint32_t cuts = 0, probes = 0;

		for (uint32_t i = 0; i < w->n_actions; i++) {
			const struct action *a = &w->actions[i];

			if (w->targets[a->target].conn != c || action_settled(a))
				continue;
			cuts += verb_cuts(a->verb) || a->verb == V_SNAPSHOT;
			probes += a->verb == V_PROBE;
			if (a->verb == V_CUT) /* it need not be waited for */
				session = 0;
			out->cuts += verb_cuts(a->verb);
		}
		if (rate <= 0 || rate > most)
			rate = most;
		cut = (int64_t)(cuts * 1000.0 / rate);
		proved = cut + f[c].all.revoke_lag_ms +
			 CLEAN_COUNT * facts_settle_ms(&f[c]) +
			 (int64_t)(probes * PROOF_COUNT * 1000.0 / rate);
		if (cut > out->cut_ms)
			out->cut_ms = cut;
		if (proved > out->busy_ms)
			out->busy_ms = proved;
		if (proved + session > out->proved_ms)
			out->proved_ms = proved + session;
	}
}

int plan_address(const struct work *w, const struct target *t, struct buf *out,
		 struct err *e)
{
	return inv_address(out, w->conns[t->conn],
			   *t->account ? t->account : NULL,
			   *t->id ? t->id : NULL, e);
}
