/*
 * kill_finding: a finding that is kept in the vault (finding.h), and what a kill
 * of it ends.
 */
#ifndef AGENT_KILL_FINDING_H
#define AGENT_KILL_FINDING_H

#include "agent/engine/target.h"
#include "agent/panic.h"

/* The credential that the found value is; with `identity` all that belongs to
 * its identity (nobody claims it: its account).  A value that is nobody's here
 * goes where a value on standard input goes.  As kill_value(). */
int kill_finding(struct app *app, const char *id, bool identity,
		 struct panic_ask *ask, struct selection *s, int *code,
		 struct err *e) __attribute__((warn_unused_result));

#endif
