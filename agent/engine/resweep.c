/*
 * resweep: listing again until two complete listings in a row show nothing new
 * and nothing alive.  Whatever appears at a killed account joins the incident
 * and is killed; a thing that is not the account's is never touched (I5),
 * except accounts made during the incident when a killed one could make them.
 *
 * A listing counts only when it was asked for after the last confirmed cut and
 * the lags, with nothing left to cut.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "agent/engine/plan.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

/* ---- listings under way --------------------------------------------------- */

static struct sweep *sweep_of(struct drive *d, uint32_t action)
{
	for (size_t i = 0; i < d->n_sweeps; i++)
		if (d->sweeps[i].action == action)
			return &d->sweeps[i];
	return NULL;
}

/* Was that listing asked for before anything was cut?  Else it may show what
 * the cut account made meanwhile as if it had always been there. */
static bool first_look(const struct drive *d, const struct sweep *s)
{
	const struct action *a = &d->w->actions[s->action];
	uint16_t conn = d->w->targets[a->target].conn;

	for (uint32_t i = 0; i < d->w->n_actions; i++) {
		const struct action *b = &d->w->actions[i];

		if (verb_cuts(b->verb) && b->attempts &&
		    d->w->targets[b->target].conn == conn &&
		    (b->first_ms ? b->first_ms : b->sent_ms) < a->sent_ms)
			return false;
	}
	return true;
}

int resweep_start(struct drive *d, uint32_t action, struct err *e)
{
	struct sweep *s = sweep_of(d, action);

	if (!s) {
		s = mem_realloc(d->sweeps, (d->n_sweeps + 1) * sizeof(*s));
		if (!s)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->sweeps = s;
		s = &d->sweeps[d->n_sweeps++];
	}
	*s = (struct sweep){ .action = action };
	s->first_look = first_look(d, s);
	return 0;
}

int resweep_again(struct drive *d, struct lane *l, struct err *e)
{
	int64_t settle = facts_settle_ms(&l->facts), now = drive_now(d);

	for (size_t i = 0; i < l->n_sweeps; i++) {
		struct action *a = &d->w->actions[l->sweeps[i]];
		int64_t at = l->last_cut_ms + settle;

		if (at < now)
			at = now;

		if (a->state == A_UNSUPPORTED || a->state == A_MOOT)
			continue;
		a->count = 0;
		if (a->sending) {
			if (drive_touch(d, l->sweeps[i], e) < 0)
				return -1;
			continue; /* its answer sets the next time */
		}
		/* The first listing is not put off: it tells what was there. */
		if (!a->attempts && a->next_ms <= at)
			continue;
		if (a->state != A_DONE && a->next_ms != INT64_MAX &&
		    l->open_cuts)
			continue;
		if (drive_arm(d, l->sweeps[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- items ---------------------------------------------------------------- */

/* A proof and a listing that contradict each other are no proof yet. */
static int shown(struct drive *d, uint32_t target, struct err *e)
{
	struct action *p = work_of(d->w, target, V_PROBE);

	if (!p || p->flags & AF_SHOWN)
		return 0;
	p->flags |= AF_SHOWN;
	return drive_touch(d, d->w->targets[target].act[V_PROBE], e);
}

/* A clean listing: nothing of what it covers is shown any more. */
static int not_shown(struct drive *d, uint32_t swept, struct err *e)
{
	const struct target *at = &d->w->targets[swept];

	for (uint32_t i = 0; i < d->w->n_targets; i++) {
		struct action *p = work_of(d->w, i, V_PROBE);

		if (!p || !(p->flags & AF_SHOWN) ||
		    d->w->targets[i].conn != at->conn ||
		    (at->what == T_ACCOUNT && i != swept &&
		     d->w->targets[i].parent != swept))
			continue;
		p->flags &= (uint16_t)~AF_SHOWN;
		if (drive_touch(d, d->w->targets[i].act[V_PROBE], e) < 0)
			return -1;
	}
	return 0;
}

/* It was proved dead, the service refused to end it, and lists it as active. */
static bool refused(const struct action *a)
{
	return a->state == A_MOOT && a->status == LINK_REFUSED;
}

/* Shown active although it was proved dead: ask once more. */
static int confirm(struct drive *d, uint32_t target, int64_t asked_ms,
		   struct err *e)
{
	struct action *p = work_of(d->w, target, V_PROBE);

	if (!p || p->state != A_DONE || p->sending || p->last_ms >= asked_ms)
		return 0;
	p->flags |= AF_CONFIRM;
	return drive_arm(d, d->w->targets[target].act[V_PROBE], drive_now(d), e);
}

/* What was proved by an earlier incident is no longer true. */
static int forget_proof(struct drive *d, uint32_t target, struct err *e)
{
	uint32_t i = d->w->targets[target].act[V_PROBE];
	struct action *p = work_of(d->w, target, V_PROBE);

	d->w->targets[target].flags &= (uint8_t)~TF_BEFORE;
	if (!p || p->sending)
		return 0;
	p->count = p->attempts = 0;
	p->flags = 0;
	p->next_ms = INT64_MAX;
	return drive_set(d, i, A_INTENDED, e);
}

/* A listing that knows no states contradicts no proof of the probe's. */
static bool probed_dead(const struct drive *d, uint32_t target)
{
	const struct action *p = work_of(d->w, target, V_PROBE);

	return p && p->state == A_DONE && !(p->flags & AF_LISTED);
}

/* Its probe is still to come, and can say what such a listing cannot. */
static bool probe_tells(const struct drive *d, uint32_t target)
{
	const struct action *p = work_of(d->w, target, V_PROBE);

	return p && action_open(p);
}

static int account_item(struct drive *d, struct lane *l, struct sweep *s,
			uint32_t target, const struct plan_thing *p,
			const char *state, struct err *e)
{
	bool stateless = !state;
	bool active = stateless || strcmp(state, "active") == 0;

	int64_t asked = d->w->actions[s->action].sent_ms;
	struct action *a = work_of(d->w, target, V_DISABLE);
	uint32_t from = d->w->n_actions, t;
	struct plan_thing thing = *p;

	if (!active)
		return 0;
	if (!a) { /* dead before, and back */
		sweep_dirty(s, "account is active again", p->account, "");
		thing.flags = 0;
		if (plan_account(d->w, &thing, &l->facts, drive_now(d), &t,
				 e) < 0 ||
		    forget_proof(d, target, e) < 0)
			return -1;
		return drive_adopt(d, from, e);
	}
	if (a->state == A_UNSUPPORTED || (a->state == A_MOOT && !refused(a)))
		return 0;
	if (stateless && probed_dead(d, target))
		return 0;
	sweep_dirty(s, "account is active", p->account, "");
	if (shown(d, target, e) < 0)
		return -1;
	if (a->state != A_DONE || a->sending ||
	    asked < a->done_ms + facts_settle_ms(&l->facts))
		return 0;
	/* A listing without states shows it whatever it is: the probe tells. */
	if (stateless && probe_tells(d, target))
		return 0;
	/* Somebody switched it on again. */
	if (drive_arm(d, d->w->targets[target].act[V_DISABLE], drive_now(d),
		      e) < 0)
		return -1;
	for (t = d->w->targets[target].child; t != NONE;
	     t = d->w->targets[t].sibling)
		if (d->w->targets[t].what == T_CREDENTIAL &&
		    confirm(d, t, asked, e) < 0)
			return -1;
	return confirm(d, target, asked, e);
}

static int found_credential(struct drive *d, const struct plan_thing *p,
			    const struct json *item, struct err *e)
{
	struct inv_credential *c = mem_realloc(d->found,
					       (d->n_found + 1) * sizeof(*c));
	const char *print = json_str(item, "fingerprint");
	const char *label = json_str(item, "label");

	if (!c)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	d->found = c;
	c = &d->found[d->n_found++];
	*c = (struct inv_credential){ .state = INV_ACTIVE,
				      .seen_ms = drive_now(d),
				      .first_seen_ms = drive_now(d) };
	c->connection = mem_strdup(p->conn);
	c->account = mem_strdup(p->account);
	c->kind = mem_strdup(p->kind);
	c->id = mem_strdup(p->id);
	c->fingerprint = mem_strdup(print ? print : "");
	c->label = mem_strdup(label ? label : "");
	c->attributes = mem_strdup("");
	if (!c->connection || !c->account || !c->kind || !c->id ||
	    !c->fingerprint || !c->label || !c->attributes)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* Proved dead, and listed as active.  Perhaps the listing lags, perhaps the
 * service keeps a record, perhaps somebody put it back where a shut account
 * hides it from the probe: end it once more, and ask again. */
static int listed_again(struct drive *d, struct lane *l, struct sweep *s,
			uint32_t t, const struct plan_thing *p, struct err *e)
{
	int64_t asked = d->w->actions[s->action].sent_ms;
	struct action *r = work_of(d->w, t, V_REVOKE);
	uint32_t from = d->w->n_actions;
	struct plan_thing thing = *p;

	if (!r) { /* dead before this incident */
		sweep_dirty(s, "listed as active again", p->account, p->kind);
		thing.flags = 0;
		if (plan_credential(d->w, &thing, &l->facts, drive_now(d), &t,
				    e) < 0 ||
		    forget_proof(d, t, e) < 0)
			return -1;
		return drive_adopt(d, from, e);
	}
	if (r->state == A_DONE && !r->sending && !(r->flags & AF_LISTED) &&
	    asked >= r->done_ms + facts_settle_ms(&l->facts)) {
		sweep_dirty(s, "listed as active again", p->account, p->kind);
		if (shown(d, t, e) < 0)
			return -1;
		r->flags |= AF_LISTED;
		if (drive_arm(d, d->w->targets[t].act[V_REVOKE], drive_now(d),
			      e) < 0)
			return -1;
	}
	if (refused(r) && !(work_of(d->w, t, V_PROBE)->flags & AF_REFUSAL)) {
		sweep_dirty(s, "still listed as active", p->account, p->kind);
		if (shown(d, t, e) < 0)
			return -1;
	}
	return confirm(d, t, asked, e);
}

static int credential_item(struct drive *d, struct lane *l, struct sweep *s,
			   const struct plan_thing *p, const struct json *item,
			   bool active, struct err *e)
{
	uint32_t t = work_find(d->w, T_CREDENTIAL, p->conn, p->account, p->kind,
			       p->id);
	uint32_t from = d->w->n_actions;
	struct plan_thing thing = *p;
	const char *state = json_str(item, "state");
	const struct action *probe;
	bool self = false;

	if (t == NONE) {
		if (state && strcmp(state, "expired") == 0)
			return 0;
		if (json_bool(item, "self", &self) && self &&
		    !d->w->inc.include_self) {
			thing.flags = TF_SELF | TF_SKIPPED;
			return plan_note(d->w, T_CREDENTIAL, &thing,
					 "curfew's own access", &t, e) < 0 ?
			       -1 : drive_adopt(d, from, e);
		}
		sweep_dirty(s, "credential appeared", p->account, p->kind);
		thing.flags = TF_FOUND | (self ? TF_SELF : 0u);
		if (plan_credential(d->w, &thing, &l->facts, drive_now(d), &t,
				    e) < 0 ||
		    found_credential(d, p, item, e) < 0)
			return -1;
		return drive_adopt(d, from, e);
	}
	if (!active || (d->w->targets[t].flags & (TF_SKIPPED | TF_REPORTED)))
		return 0;
	probe = work_of(d->w, t, V_PROBE);
	if (probe && probe->state == A_DONE)
		return listed_again(d, l, s, t, p, e);
	sweep_dirty(s, "still listed as active", p->account, p->kind);
	return 0;
}

/* An open session of a killed account: cut again. */
static int session_item(struct drive *d, struct sweep *s, uint32_t account,
			const struct plan_thing *p, struct err *e)
{
	uint32_t i, from = d->w->n_actions;
	struct action *a = work_of(d->w, account, V_CUT);

	if (!a) {
		sweep_dirty(s, "open session", p->account, p->kind);
		if (work_action(d->w, account, V_CUT, drive_now(d), &i, e) < 0)
			return -1;
		return drive_adopt(d, from, e);
	}
	if (a->state == A_UNSUPPORTED || a->state == A_MOOT)
		return 0;
	sweep_dirty(s, "open session", p->account, p->kind);
	if (a->state != A_DONE || a->sending ||
	    d->w->actions[s->action].sent_ms < a->done_ms)
		return 0;
	return drive_arm(d, d->w->targets[account].act[V_CUT], drive_now(d), e);
}

static int grant_item(struct drive *d, struct lane *l, struct sweep *s,
		      const struct plan_thing *p, struct err *e)
{
	int64_t asked = d->w->actions[s->action].sent_ms;
	uint32_t t = work_find(d->w, T_GRANT, p->conn, p->account, p->kind,
			       p->id);
	uint32_t from = d->w->n_actions;
	struct plan_thing thing = *p;
	struct action *a = work_of(d->w, t, V_REMOVE_GRANT);

	if (!a) {
		sweep_dirty(s, "grant appeared", p->account, p->kind);
		thing.flags = TF_FOUND;
		if (plan_grant(d->w, &thing, drive_now(d), &t, e) < 0)
			return -1;
		return drive_adopt(d, from, e);
	}
	if (a->state == A_UNSUPPORTED || a->state == A_MOOT)
		return 0;
	sweep_dirty(s, "grant is still there", p->account, p->kind);
	if (a->state != A_DONE || a->sending ||
	    asked < a->done_ms + facts_settle_ms(&l->facts))
		return 0;
	return drive_arm(d, d->w->targets[t].act[V_REMOVE_GRANT], drive_now(d),
			 e);
}

/* There is an account of that name after all: all of it is to be done. */
static int is_there(struct drive *d, uint32_t account, struct err *e)
{
	struct action *x = work_of(d->w, account, V_DISABLE);

	if (!x || !(x->flags & AF_ABSENT))
		return 0;
	x->flags &= (uint16_t)~AF_ABSENT;
	for (unsigned v = V_SNAPSHOT; v < V_NOTE; v++) {
		struct action *a = work_of(d->w, account, (enum verb)v);

		if (a && a->state == A_MOOT && !a->sending &&
		    drive_arm(d, d->w->targets[account].act[v], drive_now(d),
			      e) < 0)
			return -1;
	}
	return drive_touch(d, d->w->targets[account].act[V_DISABLE], e);
}

int resweep_item(struct drive *d, uint32_t action, const struct json *item,
		 struct err *e)
{
	struct sweep *s = sweep_of(d, action);
	const struct target *at = &d->w->targets[d->w->actions[action].target];
	struct lane *l = &d->lanes[at->conn];
	const char *what = json_str(item, "what"), *state;
	struct plan_thing p = { .conn = d->w->conns[at->conn],
				.account = json_str(item, "account"),
				.kind = json_str(item, "kind"),
				.id = json_str(item, "id") };
	uint32_t account;
	bool active, is_account, makes = false;

	if (!s || !what || !p.account || !*p.account)
		return 0; /* not an item: ignored */
	state = json_str(item, "state");
	active = !state || strcmp(state, "active") == 0;
	is_account = strcmp(what, "account") == 0;
	account = work_find(d->w, T_ACCOUNT, p.conn, p.account, "", "");
	if (is_account)
		p.kind = p.id = "";
	if (account == NONE)
		return is_account ? sweep_unknown(d, l, s, &p, item, e) : 0;
	if (d->w->targets[account].flags & (TF_SKIPPED | TF_REPORTED))
		return 0;
	if (is_there(d, account, e) < 0)
		return -1;
	if (is_account) {
		if (json_bool(item, "makes_accounts", &makes) && makes)
			l->makes = true;
		return account_item(d, l, s, account, &p, state, e);
	}
	if (!p.kind || !p.id || !*p.kind || !*p.id)
		return 0;
	if (strcmp(what, "credential") == 0)
		return credential_item(d, l, s, &p, item, active, e);
	if (strcmp(what, "session") == 0)
		return session_item(d, s, account, &p, e);
	if (strcmp(what, "grant") == 0)
		return grant_item(d, l, s, &p, e);
	return 0;
}

/* ---- the end of a listing -------------------------------------------------- */

/* Clean twice, and the provider cannot probe the account itself: its record is
 * the proof. */
static int account_by_record(struct drive *d, uint32_t target, struct err *e)
{
	struct action *x = work_of(d->w, target, V_DISABLE);
	struct action *p = work_of(d->w, target, V_PROBE);

	if (!x || x->state != A_DONE || !p || p->sending ||
	    p->state == A_DONE || p->state == A_MOOT || p->flags & AF_ALIVE)
		return 0;
	if (p->state != A_UNSUPPORTED && p->fails < PROOF_COUNT)
		return 0;
	p->flags |= AF_LISTED;
	p->done_ms = drive_now(d);
	if (action_note(p, "listed as disabled or gone, twice", e) < 0)
		return -1;
	return drive_set(d, d->w->targets[target].act[V_PROBE], A_DONE, e);
}

static int clean_twice(struct drive *d, uint32_t action, struct err *e)
{
	uint32_t target = d->w->actions[action].target;
	uint16_t conn = d->w->targets[target].conn;

	d->w->actions[action].done_ms = drive_now(d);
	if (drive_set(d, action, A_DONE, e) < 0)
		return -1;
	if (d->w->targets[target].what == T_ACCOUNT)
		return account_by_record(d, target, e);
	for (uint32_t i = 0; i < d->w->n_targets; i++)
		if (d->w->targets[i].what == T_ACCOUNT &&
		    d->w->targets[i].conn == conn &&
		    account_by_record(d, i, e) < 0)
			return -1;
	return 0;
}

static int listed(struct drive *d, uint32_t action, struct sweep *s,
		  struct err *e)
{
	struct action *a = &d->w->actions[action];
	struct lane *l = drive_lane(d, a);
	int64_t settle = facts_settle_ms(&l->facts), now = drive_now(d);
	bool counts = a->sent_ms >= l->last_cut_ms + settle && !l->open_cuts;

	a->flags |= AF_BASELINE;
	a->fails = s->dirty && !l->open_cuts ? a->fails + 1 : 0;
	if (s->dirty)
		a->count = 0;
	else if (counts)
		a->count++;
	if (!s->dirty && not_shown(d, a->target, e) < 0)
		return -1;
	if (action_note(a, s->dirty ? s->why : NULL, e) < 0)
		return -1;
	if (a->count >= CLEAN_COUNT)
		return clean_twice(d, action, e);
	if (a->fails > 3)
		settle += backoff_ms(a->fails - 3);
	return drive_arm(d, action,
			 (now > l->last_cut_ms ? now : l->last_cut_ms) + settle +
			 (l->open_cuts && a->attempts > 1 ?
			  backoff_ms(a->attempts - 1) : 0), e);
}

int resweep_answer(struct drive *d, const struct answer *in, struct err *e)
{
	struct sweep *s = sweep_of(d, in->action);
	struct action *a = &d->w->actions[in->action];
	char why[400];
	int64_t wait;

	if (in->status == LINK_UNSUPPORTED)
		return drive_set(d, in->action, A_UNSUPPORTED, e);
	if (s && ((in->status == LINK_OK && in->complete) ||
		  (in->status == LINK_ABSENT &&
		   d->w->targets[a->target].what == T_ACCOUNT)))
		return listed(d, in->action, s, e);
	a->count = 0;
	if (a->fails < 1000)
		a->fails++;
	if (in->status == LINK_OK) {
		(void)snprintf(why, sizeof(why), "the listing was not complete"
			       "%s%.340s", in->text ? ": " : "",
			       in->text ? in->text : "");
		if (action_note(a, why, e) < 0)
			return -1;
	}
	wait = in->after_ms > 0 ? in->after_ms : backoff_ms(a->fails);
	if (in->status == LINK_NOT_SENT)
		queue_down(&drive_lane(d, a)->q, drive_now(d), wait);
	return drive_arm(d, in->action, drive_now(d) + wait, e);
}
