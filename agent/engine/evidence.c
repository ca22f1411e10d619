/*
 * evidence: what destroys evidence waits for the snapshot of it, and for how
 * long.
 *
 * Promises that the wait has an end, however often a run is broken off: what was
 * waited in earlier runs counts, and the time between two runs does not.  A run
 * that is killed while it waits has waited for nothing.
 */
#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "agent/engine/reply.h"

#define LOOK_MS 200 /* between two looks at whether it may go now */

/* The snapshot of what this action destroys, or NONE: none is awaited. */
static uint32_t snapshot_for(const struct drive *d, const struct action *a)
{
	const struct target *t = &d->w->targets[a->target];
	uint32_t s = t->act[V_SNAPSHOT];

	if (a->verb != V_REVOKE && a->verb != V_REMOVE_GRANT)
		return NONE;
	if (s == NONE && t->parent != NONE)
		s = d->w->targets[t->parent].act[V_SNAPSHOT];
	return s == NONE || action_settled(&d->w->actions[s]) ? NONE : s;
}

int evidence_lost(struct drive *d, struct action *a, struct err *e)
{
	uint32_t s = snapshot_for(d, a);

	if (s == NONE)
		return 0;
	a->flags |= AF_UNDO_LOST;
	d->w->actions[s].flags |= AF_UNDO_LOST;
	return drive_touch(d, s, e);
}

static bool was_sent(const struct action *a)
{
	return a->attempts && a->status != LINK_NOT_SENT;
}

/*
 * Since when does `s` keep it waiting?  From when the service could be reached.
 * Of many accounts each snapshot has its turn only after all that cut faster:
 * where the account is shut already, it waits as long as things go on, from the
 * snapshot's own sending, or from the last that came back before it.
 */
static int64_t waits_since(const struct drive *d, const struct lane *l,
			   const struct action *a, const struct action *s)
{
	const struct action *x = work_of(d->w, d->w->targets[a->target].parent,
					 V_DISABLE);
	/* what an earlier run sent has that run's time counted in quiet_ms */
	const bool sent = s->attempts && s->first_ms >= d->wall0;
	const int64_t since = sent ? s->first_ms : l->evidence_ms;

	return x && x->state == A_DONE && since > l->outage.reached_ms ?
		       since : l->outage.reached_ms;
}

bool evidence_awaited(struct drive *d, struct lane *l, struct action *a,
		      int64_t now)
{
	uint32_t s = snapshot_for(d, a);
	int64_t due;

	outage_look(l, now);
	if (s == NONE || was_sent(a))
		return false;
	due = waits_since(d, l, a, &d->w->actions[s]) + knob_snapshot_ms();
	if (due <= now && !l->q.fails)
		return false;
	/* what was tried while it was down nobody releases: it looks itself */
	if (due <= now || (a->attempts && due > now + LOOK_MS))
		due = now + LOOK_MS;
	a->next_ms = due;
	return true;
}

/* ---- from run to run ---------------------------------------------------------- */

void evidence_resume(struct drive *d, const struct action *a)
{
	struct lane *l = drive_lane(d, a);
	const int64_t now = drive_now(d);

	if (a->verb != V_SNAPSHOT || !action_open(a) || !a->reach_ms)
		return;
	l->outage.reached_ms = now - a->reach_ms;
	l->evidence_ms = now - a->quiet_ms;
}

/* One open snapshot of each connection bears it: 1 this one does, 0 it need not
 * be written. */
static bool bear(struct lane *l, struct action *a, int64_t now)
{
	const int64_t was = a->reach_ms, since = l->outage.reached_ms;

	a->reach_ms = a->quiet_ms = 0;
	if (l->borne || !since || l->q.fails)
		return was != 0;
	l->borne = true;
	a->reach_ms = now - since;
	a->quiet_ms = now - (l->evidence_ms > since ? l->evidence_ms : since);
	return true;
}

int evidence_leave(struct drive *d, struct err *e)
{
	const int64_t now = drive_now(d);

	for (uint32_t i = 0; i < d->w->n_actions; i++) {
		struct action *a = &d->w->actions[i];
		struct lane *l = drive_lane(d, a);

		if (a->verb != V_SNAPSHOT || !action_open(a))
			continue;
		/* nothing came of this run: neither reached nor turned away */
		if (!l->q.fails && !(l->link && link_facts(l->link)))
			continue;
		if (bear(l, a, now) &&
		    list_add(&d->lazy, &d->n_lazy, &d->cap_lazy, i, e) < 0)
			return -1;
	}
	return 0;
}
