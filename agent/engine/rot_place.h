/*
 * rot_place: where a new value goes: the places of a policy, as one line's.
 */
#ifndef AGENT_ENGINE_ROT_PLACE_H
#define AGENT_ENGINE_ROT_PLACE_H

#include "agent/app.h"
#include "agent/engine/facts.h"
#include "agent/engine/rot.h"

/* The line's sinks as its policy has them.  `kept`: those that have the coming
 * value already stay as they are.  An error says why there is no such place. */
int rot_place_take(struct rot_line *l, const struct config_rotation *p,
		   const struct kind_facts *k, bool kept, struct err *e)
	__attribute__((warn_unused_result));

/* May these lines begin?  why[i] of each that may not is set: a sink is not
 * connected, or another live credential's value is in the place already (or is
 * on its way there, from the vault's lines or from an earlier one of these). */
int rot_place_free(const struct app *app, const struct rot_line *lines, size_t n,
		   const unsigned char *ask, struct err *why, struct err *e)
	__attribute__((warn_unused_result));

#endif
