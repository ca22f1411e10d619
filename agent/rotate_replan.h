/*
 * rotate_replan: every credential held against the policies, so that a sweep
 * needs to look at what is due only.
 */
#ifndef AGENT_ROTATE_REPLAN_H
#define AGENT_ROTATE_REPLAN_H

#include "agent/app.h"

/* Lines and deadlines by the policies and the inventory as they are; nothing
 * when neither changed since (a sealed digest tells). */
int rotate_replan(struct app *app, struct err *e)
	__attribute__((warn_unused_result));
/* What a rotation just wrote needs no new look. */
int rotate_replanned(struct app *app, struct err *e)
	__attribute__((warn_unused_result));

#endif
