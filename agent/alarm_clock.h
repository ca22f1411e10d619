/*
 * alarm_clock: a wall clock that was set is told.
 *
 * A clock set back would let old credentials live on past their deadlines and
 * put rotations off; one set forward would end what waits.  Neither does
 * (engine/rot_clock.h), but a person has to set it right.
 */
#ifndef AGENT_ALARM_CLOCK_H
#define AGENT_ALARM_CLOCK_H

#include "agent/app.h"
#include "agent/engine/rot_clock.h"

/* Raises ALARM_CLOCK for what rot_clock_start() found; being behind is over
 * when the clock has caught up.  Joins an open transaction. */
int alarm_clock(struct app *app, const struct rot_clock_step *s, struct err *e)
	__attribute__((warn_unused_result));

#endif
