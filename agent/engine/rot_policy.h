/*
 * rot_policy: which policy a credential has, and when its line is due.
 */
#ifndef AGENT_ENGINE_ROT_POLICY_H
#define AGENT_ENGINE_ROT_POLICY_H

#include "agent/app.h"
#include "agent/engine/facts.h"
#include "agent/engine/rot.h"
#include "vault/inventory.h"

/* The first [rotation.NAME] whose lists all hold something that fits; NULL
 * none.  -1 + e only when out of memory. */
int rot_policy_of(const struct config *c, const struct inv_credential *cred,
		  const struct config_rotation **out, struct err *e)
	__attribute__((warn_unused_result));

/* Is it the policy's other account?  That is no line of its own: its turn
 * comes. */
bool rot_policy_partner(const struct config_rotation *p,
			const struct inv_credential *cred);
/* due_ms and deadline_ms of an idle line by its policy (NULL: never).  `cred`:
 * the one in use; its age counts when curfew never rotated it. */
void rot_policy_due(struct rot_line *l, const struct config_rotation *p,
		    const struct inv_credential *cred, int64_t now);
/* The same, looking everything up. */
int rot_policy_next(const struct app *app, struct rot_line *l, int64_t now,
		    struct err *e) __attribute__((warn_unused_result));

/* Begin a rotation of the line: strategy, sinks and times of its policy are
 * taken down, so that it can be ended even when they are gone from the file.
 * An error says why it cannot be begun. */
int rot_policy_begin(struct rot_line *l,
		     const struct config_rotation *p,
		     const struct kind_facts *k, int64_t now, struct err *e)
	__attribute__((warn_unused_result));

#endif
