/*
 * rot_alarm: what of a rotation needs a human, raised and cleared in the same
 * commit as the step that found it.
 */
#include <stdio.h>

#include "agent/alarm.h"
#include "agent/engine/rot_inner.h"
#include "base/clock.h"
#include "vault/inventory.h"

static int raise(struct rot_drive *d, const struct rot_run *r,
		 enum alarm_event event, const char *text, const char *todo,
		 struct err *e)
{
	const struct alarm a = { .event = event, .about = r->about,
				 .policy = *r->l.policy ? r->l.policy : NULL,
				 .text = text, .todo = todo,
				 .once = event == ALARM_QUARANTINE };

	return alarm_raise(d->app, &a, e);
}

static int stuck(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	char todo[400];

	if (!r->l.stuck_ms) {
		if (!r->was_stuck)
			return 0;
		r->was_stuck = false;
		r->told_over = true;
		return alarm_clear(d->app, ALARM_STUCK, r->about, e);
	}
	r->told_stuck = r->told_stuck || !r->was_stuck;
	r->was_stuck = true;
	(void)snprintf(todo, sizeof(todo), "curfew rotate --resume '%.300s'",
		       r->about);
	return raise(d, r, ALARM_STUCK, r->l.why, todo, e);
}

/* With labels a stranger's key is no hindrance, but somebody must know; without
 * them it is what the rotation is stuck for, and it is told when that begins. */
static int strangers(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	char text[300];
	int rc;

	if (!r->l.strangers.n || (r->l.stuck_ms && r->was_stuck))
		return 0;
	(void)snprintf(text, sizeof(text), "a key appeared there that %s: "
		       "'%.80s' (%zu in all)", r->l.stuck_ms ?
		       "nobody can attribute" : "curfew did not make",
		       r->l.strangers.p[0], r->l.strangers.n);
	rc = raise(d, r, ALARM_QUARANTINE, text,
		   "curfew sync, then curfew show, or curfew kill", e);
	if (rc == 0 && !r->l.stuck_ms) {
		rot_ids_clear(&r->told);
		r->told = r->l.strangers;
		r->l.strangers = (struct rot_ids){ .n = 0 };
	}
	return rc;
}

static int deadline(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	const struct rot_line *l = &r->l;
	char text[200], t[CLOCK_TEXT];

	if (r->finished)
		return alarm_clear(d->app, ALARM_DEADLINE, r->about, e);
	if (!l->deadline_ms || rot_now(d) <= l->deadline_ms ||
	    l->flags & RF_OVERDUE_TOLD)
		return 0;
	r->l.flags |= RF_OVERDUE_TOLD;
	r->told_deadline = true;
	(void)snprintf(text, sizeof(text), "it should have been dead at %s, and "
		       "its rotation is in step %s",
		       clock_text(l->deadline_ms, t), rot_state_word(l->state));
	return raise(d, r, ALARM_DEADLINE, text, NULL, e);
}

int rot_alarm(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	if (deadline(d, r, e) < 0 || strangers(d, r, e) < 0 ||
	    stuck(d, r, e) < 0)
		return err_ctx(e, r->about, "raise the alarm of");
	return 0;
}

void rot_alarm_undo(struct rot_run *r)
{
	if (r->told_stuck)
		r->was_stuck = false;
	if (r->told_over)
		r->was_stuck = true;
	if (r->told_deadline)
		r->l.flags &= (uint16_t)~RF_OVERDUE_TOLD;
	if (r->told.n) {
		rot_ids_clear(&r->l.strangers);
		r->l.strangers = r->told;
		r->told = (struct rot_ids){ .n = 0 };
	}
	r->told_stuck = r->told_over = r->told_deadline = false;
}
