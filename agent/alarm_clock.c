/*
 * alarm_clock: see alarm_clock.h.  Small steps are what NTP does and are let
 * pass; one that grows is told anew.
 */
#include "agent/alarm_clock.h"

#include <stdio.h>

#include "agent/alarm.h"
#include "base/clock.h"

#define SLACK_MS 60000
#define ABOUT "the clock of this machine"

static int raise(struct app *app, int64_t by_ms, bool forward, struct err *e)
{
	char text[200], span[CLOCK_TEXT];
	const struct alarm a = {
		.event = ALARM_CLOCK, .about = ABOUT, .text = text,
		.once = forward,
		.todo = forward ? "look at it (timedatectl); what was being "
				  "waited for waits its whole time" :
				  "set it right (timedatectl); deadlines are "
				  "not moved by it",
	};

	(void)snprintf(text, sizeof text, forward ?
		       "it was set forward by %s, or this machine stood still" :
		       "it was set back by %s", clock_span(by_ms, span));
	return alarm_raise(app, &a, e);
}

int alarm_clock(struct app *app, const struct rot_clock_step *s, struct err *e)
{
	const int64_t told = rot_clock_told_ms();

	if (s->back_ms > told + SLACK_MS) {
		rot_clock_tell(s->back_ms);
		return raise(app, s->back_ms, false, e);
	}
	if (told && s->back_ms <= SLACK_MS) {
		rot_clock_tell(0);
		if (alarm_clear(app, ALARM_CLOCK, ABOUT, e) < 0)
			return -1;
	}
	return s->moved_ms > SLACK_MS ? raise(app, s->moved_ms, true, e) : 0;
}
