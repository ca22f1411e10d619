/*
 * alarm_clock: notices a wall clock that was set back.
 *
 * A clock set back would let old credentials live on past their deadlines and
 * put rotations off; so it is an alarm, and whoever goes by deadlines may rely
 * on it having been given.
 */
#ifndef AGENT_ALARM_CLOCK_H
#define AGENT_ALARM_CLOCK_H

#include "agent/app.h"

/* Compare with what the last call saw (in the vault: wall clock, boot, the
 * boot's own clock) and remember what is now.  Raises ALARM_CLOCK; it is over
 * when the clock is past the highest time that was ever seen.  Not within a
 * transaction. */
int alarm_clock(struct app *app, struct err *e)
	__attribute__((warn_unused_result));

#endif
