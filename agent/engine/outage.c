/*
 * outage: a service that did not answer, and is back.  What waits for nothing
 * else is tried at once then, and what failed meanwhile counts no more: an end
 * must not lie about for minutes because its service was down for one.
 *
 * Promises that a time which the service itself asked for is kept, and that a
 * service which answers every now and then is not asked more often for that.
 */
#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"

/* Answers without a good one before it is called an outage. */
#define OUTAGE_WAITS 10 /* times the first back-off: 10 s */

/* When may it be tried, if its service is back?  INT64_MAX: that is not what it
 * waits for. */
static int64_t back_at(const struct action *a, int64_t now)
{
	if (!link_trouble(a->status) || !a->attempts || !action_open(a) ||
	    a->next_ms == INT64_MAX)
		return INT64_MAX;
	return a->held_ms > now ? a->held_ms : now;
}

void outage_refresh(struct action *a, int64_t now)
{
	const int64_t at = back_at(a, now);

	if (at == INT64_MAX)
		return;
	a->fails = 0;
	if (a->next_ms > at)
		a->next_ms = at;
}

static int lane_is_back(struct drive *d, const struct lane *l, struct err *e)
{
	const int64_t now = drive_now(d);

	for (uint32_t i = 0; i < d->w->n_actions; i++) {
		const struct action *a = &d->w->actions[i];

		if (drive_lane(d, a) == l && !a->sending &&
		    a->next_ms > back_at(a, now) &&
		    drive_arm(d, i, back_at(a, now), e) < 0)
			return -1;
	}
	return 0;
}

void outage_look(struct lane *l, int64_t now)
{
	if (!l->outage.reached_ms)
		l->outage.reached_ms = now;
}

int outage_heard(struct drive *d, struct lane *l, const struct answer *in,
		 struct err *e)
{
	struct action *a = &d->w->actions[in->action];
	const int64_t now = drive_now(d);
	int64_t since = l->outage.silent_ms;

	if (in->own)
		return 0;
	a->held_ms = in->after_ms > 0 ? now + in->after_ms : 0;
	if (in->status != LINK_NOT_SENT && l->q.fails) {
		l->outage.reached_ms = now; /* it was down till now */
		l->q.fails = 0;
	}
	if (link_trouble(in->status)) {
		if (!since)
			l->outage.silent_ms = now;
		return 0;
	}
	l->outage.silent_ms = 0;
	if (link_trouble(a->status))
		a->fails = 0;
	return since && now - since >= OUTAGE_WAITS * knob_backoff_ms() ?
		       lane_is_back(d, l, e) : 0;
}
