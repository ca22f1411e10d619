/*
 * waits: before anything is decided: what became of the clock since the last
 * run?
 *
 * Set forward within one boot, it would end every wait early: a proof of death
 * would span a lag that has not passed.  So whatever is being waited for, by a
 * rotation or by an open incident, is moved by as much, and back again when the
 * step is taken back (engine/rot_clock.h).  Set back, it is told.
 */
#ifndef AGENT_WAITS_H
#define AGENT_WAITS_H

#include "agent/app.h"

/* With the vault open and locked, in no transaction.  May be asked again. */
int waits_look(struct app *app, struct err *e)
	__attribute__((warn_unused_result));

#endif
