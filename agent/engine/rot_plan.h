/* rot_plan: the calls that a rotation is going to make, as text. */
#ifndef AGENT_ENGINE_ROT_PLAN_H
#define AGENT_ENGINE_ROT_PLAN_H

#include "agent/engine/facts.h"
#include "agent/engine/rot.h"

/* Appends one line for each call.  Takes the line.  old_sealed: its value is in
 * the vault; old_tried: and was seen to work. */
int rot_plan(struct rot_line *l, const struct kind_facts *k, bool old_sealed,
	     bool old_tried, int64_t now, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

#endif
