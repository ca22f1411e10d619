/*
 * restore_look: what the service itself says of a target after a restore.
 */
#ifndef AGENT_RESTORE_LOOK_H
#define AGENT_RESTORE_LOOK_H

#include "agent/engine/link.h"
#include "agent/engine/work.h"

/* Lists the target's account and writes ", and listed active" or the like behind
 * what was said already.  Returns true when it is active, or shut as it was
 * before the incident; false when it is not, or could not be seen. `whole`: its
 * credentials came back too, and are looked at. */
bool restore_look(struct link *l, const struct work *w, uint32_t target,
		  bool whole, char *out, size_t cap);

#endif
