/*
 * answer: what one answer means for its action and for those that waited for
 * it.  In memory only; keep.c writes it down.  Promises that nothing becomes
 * A_DONE on an outcome that is not known.
 */
#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "base/mem.h"

#define BARE_TRIES 2 /* unclear answers without the secret, then with it */

/* If it still waits for something, let it go at `when`. */
static int release(struct drive *d, uint32_t action, int64_t when,
		   struct err *e)
{
	struct action *a;

	if (action == NONE)
		return 0;
	a = &d->w->actions[action];
	if (a->state != A_INTENDED || a->attempts || a->next_ms <= when)
		return 0;
	/* Its row need not say so: whoever reads it again sees the answer that
	 * released it. */
	a->next_ms = when;
	return queue_push(&drive_lane(d, a)->q, d->w, action, e);
}

/* The snapshot is there, or will never be: what destroys evidence may go. */
static int snapshot_settled(struct drive *d, uint32_t target, struct err *e)
{
	const struct target *t = &d->w->targets[target];
	int64_t now = drive_now(d);
	uint32_t c;

	if (release(d, t->act[V_REVOKE], now, e) < 0)
		return -1;
	for (c = t->child; c != NONE; c = d->w->targets[c].sibling)
		if (release(d, d->w->targets[c].act[V_REVOKE], now, e) < 0 ||
		    release(d, d->w->targets[c].act[V_REMOVE_GRANT], now,
			    e) < 0)
			return -1;
	return 0;
}

/* Whoever got in before the door was shut is thrown out again. */
static int cut_again(struct drive *d, uint32_t target, struct err *e)
{
	uint32_t i = d->w->targets[target].act[V_CUT];
	struct action *a;

	if (i == NONE)
		return 0;
	a = &d->w->actions[i];
	if (a->sending || a->state == A_UNSUPPORTED || !a->attempts)
		return 0;
	return drive_arm(d, i, drive_now(d), e);
}

/* Its end is confirmed: what the probe waits for since an earlier "alive", or
 * since its service was down, is past.  A probe that has seen it survive keeps
 * its ever longer waits. */
static int ask_again(struct drive *d, uint32_t target, struct err *e)
{
	uint32_t i = d->w->targets[target].act[V_PROBE];
	struct action *p = work_of(d->w, target, V_PROBE);

	if (!p || !p->attempts || !action_open(p) || p->sending ||
	    p->flags & AF_SURVIVED || p->next_ms <= drive_now(d))
		return 0;
	p->fails = 0;
	return drive_arm(d, i, drive_now(d), e);
}

/* First word on disable or revoke: sessions may be cut, death may be asked. */
static int cut_answered(struct drive *d, uint32_t target, bool done,
			struct err *e)
{
	const struct target *t = &d->w->targets[target];
	int64_t now = drive_now(d);

	if (release(d, t->act[V_CUT], now, e) < 0 ||
	    release(d, t->act[V_PROBE], now, e) < 0)
		return -1;
	if (!done)
		return 0;
	if (ask_again(d, target, e) < 0)
		return -1;
	for (uint32_t c = t->child; c != NONE; c = d->w->targets[c].sibling)
		if (ask_again(d, c, e) < 0)
			return -1;
	if (t->what == T_CREDENTIAL && t->parent != NONE) {
		const struct action *x = work_of(d->w, t->parent, V_DISABLE);

		if (!x || x->state != A_DONE)
			return cut_again(d, t->parent, e);
	}
	return cut_again(d, target, e);
}

/* No proof can come from a probe: the account's state in two clean listings is
 * the provider's own record. */
static int probe_impossible(struct drive *d, uint32_t action, struct err *e)
{
	struct action *a = &d->w->actions[action];
	const struct target *t = &d->w->targets[a->target];

	if (t->what == T_ACCOUNT)
		return drive_set(d, action, A_UNSUPPORTED, e);
	if (action_note(a, "the provider cannot probe this kind", e) < 0)
		return -1;
	return drive_set(d, action, A_UNSUPPORTED, e);
}

static int try_again(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	struct lane *l = drive_lane(d, a);
	int64_t now = drive_now(d), wait;

	if (a->fails < 1000)
		a->fails++;
	wait = in->after_ms > 0 ? in->after_ms : backoff_ms(a->fails);
	if (in->status == LINK_NOT_SENT)
		queue_down(&l->q, now, in->after_ms);
	return drive_arm(d, in->action, now + wait, e);
}

/* The provider says no, but the thing is proved dead without it. */
static bool is_moot(const struct drive *d, const struct answer *in)
{
	const struct action *a = &d->w->actions[in->action];
	const struct action *p = work_of(d->w, a->target, V_PROBE);

	return in->status == LINK_REFUSED && p && p->state == A_DONE &&
	       verb_cuts(a->verb);
}

/* Nobody has ever seen the account, and the service has none of that name:
 * there is nothing to save, cut or prove.  A listing that shows it after all
 * begins again (resweep.c). */
static int is_absent(struct drive *d, uint32_t target, struct err *e)
{
	static const enum verb idle[] = { V_SNAPSHOT, V_CUT, V_PROBE,
					  V_RESWEEP };

	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++) {
		struct action *a = work_of(d->w, target, idle[i]);

		if (a && action_open(a) &&
		    drive_set(d, d->w->targets[target].act[idle[i]], A_MOOT,
			      e) < 0)
			return -1;
	}
	return 0;
}

static int cut_done(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	struct lane *l = drive_lane(d, a);
	uint32_t target = a->target;
	unsigned verb = a->verb;

	a->done_ms = drive_now(d);
	if (verb == V_DISABLE || verb == V_CUT)
		l->evidence_ms = a->done_ms;
	if (in->known && in->status == LINK_OK)
		a->flags |= AF_KNOWN;
	if (drive_set(d, in->action, A_DONE, e) < 0)
		return -1;
	if (!(d->w->targets[target].flags & TF_SELF)) {
		l->last_cut_ms = a->done_ms;
		if (resweep_again(d, l, e) < 0)
			return -1;
	}
	if (verb != V_DISABLE && verb != V_REVOKE)
		return 0;
	if (work_missing(d->w, target))
		return is_absent(d, target, e);
	if (knob_off(KNOB_PROOF) && work_of(d->w, target, V_PROBE))
		return drive_set(d, d->w->targets[target].act[V_PROBE], A_DONE,
				 e);
	return value_ended(d, in->action, e) < 0 ? -1 :
		cut_answered(d, target, true, e);
}

/* An account that cannot be shut as such ends with its credentials: there is
 * nothing of its own to prove. */
static int cannot_disable(struct drive *d, uint32_t action, struct err *e)
{
	const struct action *a = &d->w->actions[action];
	uint32_t p = d->w->targets[a->target].act[V_PROBE];

	if (a->verb != V_DISABLE || p == NONE || d->w->actions[p].sending)
		return 0;
	return drive_set(d, p, A_MOOT, e);
}

/* It cannot be done this way, or is refused: is there the other? */
static int other_way(struct drive *d, const struct answer *in, bool *turned,
		     struct err *e)
{
	struct action *a = &d->w->actions[in->action];

	*turned = false;
	if (a->verb != V_REVOKE || (in->status != LINK_UNSUPPORTED &&
				    in->status != LINK_REFUSED))
		return 0;
	if (in->status == LINK_UNSUPPORTED)
		a->flags |= a->flags & AF_BY_VALUE ? AF_NO_VALUE : AF_NO_ID;
	if (value_turn(d, in->action, turned, e) < 0)
		return -1;
	if (!*turned)
		return 0;
	if (a->fails && in->status == LINK_REFUSED)
		return try_again(d, in, e);
	a->fails++;
	return drive_arm(d, in->action, drive_now(d), e);
}

static int cut_apply(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	uint32_t target = a->target;
	bool opens = (a->verb == V_DISABLE || a->verb == V_REVOKE) &&
		     in->status != LINK_RETRY && in->status != LINK_NOT_SENT;
	struct lane *l = drive_lane(d, a);
	bool turned = false;

	if (!is_moot(d, in) && other_way(d, in, &turned, e) < 0)
		return -1;
	if (turned)
		return cut_answered(d, target, false, e);
	switch (in->status) {
	case LINK_OK:
	case LINK_ABSENT:
		return cut_done(d, in, e);
	case LINK_UNSUPPORTED:
		if (drive_set(d, in->action, A_UNSUPPORTED, e) < 0 ||
		    cannot_disable(d, in->action, e) < 0 ||
		    resweep_again(d, l, e) < 0)
			return -1;
		break;
	default:
		if (is_moot(d, in)) {
			if (drive_set(d, in->action, A_MOOT, e) < 0 ||
			    resweep_again(d, l, e) < 0)
				return -1;
			break;
		}
		if (try_again(d, in, e) < 0)
			return -1;
	}
	return opens ? cut_answered(d, target, false, e) : 0;
}

static int snapshot_apply(struct drive *d, const struct answer *in,
			  struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	uint32_t target = a->target;
	enum action_state s;

	switch (in->status) {
	case LINK_OK:
	case LINK_ABSENT:
		a->done_ms = drive_lane(d, a)->evidence_ms = drive_now(d);
		s = A_DONE;
		break;
	case LINK_UNSUPPORTED:
		if ((in->own ? drive_settle(d, in->action, A_UNSUPPORTED, e) :
			       drive_set(d, in->action, A_UNSUPPORTED, e)) < 0)
			return -1;
		return snapshot_settled(d, target, e);
	default:
		/* Once the target is cut there is nothing left to save. */
		if (a->flags & AF_UNDO_LOST) {
			s = A_MOOT;
			break;
		}
		return try_again(d, in, e);
	}
	if (drive_set(d, in->action, s, e) < 0)
		return -1;
	return snapshot_settled(d, target, e);
}

/* When was it last confirmed to be cut?  0: not. */
static int64_t cut_time(const struct drive *d, uint32_t target)
{
	const struct target *t = &d->w->targets[target];
	const struct action *own = work_of(d->w, target, V_REVOKE);
	const struct action *up = work_of(d->w, target, V_DISABLE);

	if (!own)
		own = up;
	if (own && own->state == A_DONE)
		return own->done_ms;
	up = work_of(d->w, t->parent, V_DISABLE);
	return up && up->state == A_DONE ? up->done_ms : 0;
}

/* What was asked beside the cut says nothing of it yet. */
static int64_t cut_before(const struct drive *d, const struct action *probe)
{
	const int64_t cut = cut_time(d, probe->target);
	const struct action *r = work_of(d->w, probe->target, V_REVOKE);

	return r && action_by_value(d->w, r) && cut >= probe->sent_ms ? 0 : cut;
}

/* The service takes the value: its refusal later on is worth something. */
static int was_accepted(struct drive *d, uint32_t target, struct err *e)
{
	const uint32_t i = d->w->targets[target].act[V_REVOKE];

	if (i == NONE)
		return 0;
	d->w->actions[i].flags |= AF_KNOWN;
	return drive_touch(d, i, e);
}

/* It lives: whatever ended it is sent again, ever more slowly. */
static int recut(struct drive *d, uint32_t target, bool first, struct err *e)
{
	bool account = d->w->targets[target].what == T_ACCOUNT;
	struct lane *l = &d->lanes[d->w->targets[target].conn];
	enum verb v = account ? V_DISABLE : V_REVOKE;
	uint32_t i = d->w->targets[target].act[v];
	uint32_t from = d->w->n_actions;
	struct action *a;
	bool turned;

	if (knob_off(KNOB_RECUT))
		return 0;
	d->w->targets[target].flags &= (uint8_t)~TF_BEFORE;
	if (i == NONE) { /* it was dead before, and has come back */
		if (work_action(d->w, target, v, drive_now(d), &i, e) < 0 ||
		    drive_adopt(d, from, e) < 0)
			return -1;
		return resweep_again(d, l, e);
	}
	a = &d->w->actions[i];
	if (a->sending || a->state == A_UNSUPPORTED || action_open(a))
		return 0;
	if (first)
		a->fails = 0;
	/* a value takes its time to die; an end by id may leave it alive */
	if ((!(a->flags & AF_BY_VALUE) ||
	     (a->fails > 2 && !facts_of(&l->facts, d->w->targets[target].kind)
				       ->leaves_value)) &&
	    value_turn(d, i, &turned, e) < 0)
		return -1;
	if (a->fails < 1000)
		a->fails++;
	if (drive_arm(d, i, drive_now(d) +
		      (a->fails > 1 ? backoff_ms(a->fails) : 0), e) < 0)
		return -1;
	return resweep_again(d, l, e);
}

/* Refusals of the cut no longer matter once it is proved dead. */
static int proved(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	uint32_t target = a->target;
	enum verb v = d->w->targets[target].what == T_ACCOUNT ? V_DISABLE :
								V_REVOKE;
	uint32_t i = d->w->targets[target].act[v];
	bool turned;

	if (value_useless(d, in->action, &turned, e) < 0)
		return -1;
	if (turned)
		return 0;
	a->done_ms = drive_now(d);
	if (drive_set(d, in->action, A_DONE, e) < 0)
		return -1;
	if (i == NONE || d->w->actions[i].state != A_TRYING ||
	    d->w->actions[i].status != LINK_REFUSED)
		return 0;
	if (drive_set(d, i, A_MOOT, e) < 0)
		return -1;
	return resweep_again(d, drive_lane(d, &d->w->actions[i]), e);
}

/*
 * Does this "dead" count?  A record's does, and so does the refusal of a value
 * after it.  A refusal alone may mean that the value is not this credential's:
 * it must have worked once.  Or that the service lets nobody in: it must have
 * confirmed an end, or have taken curfew's own access since the first refusal.
 */
static bool counts(const struct drive *d, const struct action *a,
		   const struct answer *in)
{
	const struct target *t = &d->w->targets[a->target];
	const struct lane *l = drive_lane(d, a);

	if (!in->refusal || !a->with_value || t->flags & TF_BEFORE)
		return true;
	if (work_unknown(d->w, a->target)) /* settles, but not as dead */
		return true;
	if (!target_by_value(t) && a->count && !(a->flags & AF_NO_BARE))
		return true;
	return work_value_seen(d->w, a->target) &&
	       (work_confirmed(d->w, a->target) ||
		(a->first_ms && l->admin_ms >= a->first_ms));
}

/* The value was tried before the cut: a refusal is no death, it only tells that
 * later ones prove nothing.  The probe proper waits for the cut's answer. */
static int value_tried(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	const struct target *t = &d->w->targets[a->target];
	const struct action *r = work_of(d->w, a->target, V_REVOKE);
	const struct action *x = work_of(d->w, t->parent, V_DISABLE);

	a->beside = false;
	a->attempts = 0;
	return drive_arm(d, in->action, (r && r->answered_ms) ||
			 (x && x->answered_ms) ? drive_now(d) : INT64_MAX, e);
}

static int probe_apply(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	const struct target *t = &d->w->targets[a->target];
	struct proof_in p = {
		.life = in->status == LINK_OK ? in->life : LIFE_UNKNOWN,
		.refusal = in->refusal,
		.need_refusal = d->w->inc.require_refusal &&
				t->what == T_CREDENTIAL,
		.sent_ms = a->sent_ms, .now_ms = drive_now(d),
		.cut_ms = cut_before(d, a), .gap_ms = knob_gap_ms(),
		.lag_ms = facts_of(&drive_lane(d, a)->facts,
				   t->kind)->revoke_lag_ms,
	};
	bool survived;

	if (p.life == LIFE_ALIVE && a->with_value)
		a->value_ms = a->answered_ms;
	if (p.life == LIFE_ALIVE && work_unknown(d->w, a->target) &&
	    was_accepted(d, a->target, e) < 0)
		return -1;
	if (a->beside)
		return value_tried(d, in, e);
	if (a->bare && p.life == LIFE_UNKNOWN &&
	    (in->status == LINK_UNSUPPORTED || a->fails >= BARE_TRIES)) {
		a->flags |= AF_NO_BARE;
		return drive_arm(d, in->action, drive_now(d), e);
	}
	if (in->status == LINK_UNSUPPORTED)
		return probe_impossible(d, in->action, e);
	if (a->bare && p.life == LIFE_DEAD &&
	    value_recorded(d, in->action, e) < 0)
		return -1;
	survived = a->flags & AF_SURVIVED;
	if (a->bare && p.life == LIFE_DEAD)
		a->flags &= (uint16_t)~AF_NO_BARE; /* it has a record */
	if (p.life == LIFE_DEAD && !action_settled(a) && !counts(d, a, in)) {
		a->flags |= AF_REFUSAL;
		if (!a->first_ms)
			a->first_ms = p.now_ms;
		a->count = 0;
		p.life = LIFE_UNKNOWN;
	}
	switch (proof_step(a, &p)) {
	case PROOF_DEAD:
		a->fails = 0;
		return proved(d, in, e);
	case PROOF_AGAIN:
		if (p.life == LIFE_ALIVE && !p.cut_ms) {
			if (cut_time(d, a->target))
				a->fails = 0; /* asked beside it */
			break; /* nothing has cut it yet: no hurry to ask */
		}
		a->fails = 0;
		return drive_arm(d, in->action, a->next_ms, e);
	case PROOF_RECUT:
		if (!survived) /* what failed while it was down is past */
			a->fails = 0;
		if (a->fails < 1000)
			a->fails++;
		if (drive_arm(d, in->action, a->next_ms + backoff_ms(a->fails),
			      e) < 0)
			return -1;
		return recut(d, d->w->actions[in->action].target, !survived, e);
	case PROOF_UNSURE:
		break;
	}
	return action_settled(a) ? 0 : try_again(d, in, e);
}

/* Something that only curfew's own access can have done. */
static bool shows_access(const struct drive *d, const struct answer *in)
{
	const struct action *a = &d->w->actions[in->action];

	if (in->own || (in->status != LINK_OK && in->status != LINK_ABSENT))
		return false;
	if (a->verb == V_PROBE)
		return !a->with_value && in->life != LIFE_UNKNOWN;
	if (a->verb == V_RESWEEP)
		return in->complete;
	return !action_by_value(d->w, a);
}

int answer_apply(struct drive *d, const struct answer *in, struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	struct lane *l = drive_lane(d, a);

	if (outage_heard(d, l, in, e) < 0)
		return -1;
	a->status = (uint8_t)in->status;
	a->answered_ms = drive_now(d);
	if (shows_access(d, in))
		l->admin_ms = a->answered_ms;
	if (in->text && action_note(a, in->text, e) < 0)
		return -1;
	if (!in->text && (in->status == LINK_OK || in->status == LINK_ABSENT) &&
	    action_note(a, NULL, e) < 0)
		return -1;
	if (action_settled(a) && a->verb != V_PROBE)
		return 0; /* settled otherwise while under way */
	switch (a->verb) {
	case V_SNAPSHOT:
		return snapshot_apply(d, in, e);
	case V_RESWEEP:
		return resweep_answer(d, in, e);
	case V_PROBE:
		return probe_apply(d, in, e);
	default:
		return cut_apply(d, in, e);
	}
}
