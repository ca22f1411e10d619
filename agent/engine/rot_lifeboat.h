/*
 * rot_lifeboat: minted keys in the vault's lifeboat, and back.
 */
#ifndef AGENT_ENGINE_ROT_LIFEBOAT_H
#define AGENT_ENGINE_ROT_LIFEBOAT_H

#include "agent/app.h"
#include "agent/engine/rot.h"

/* A line in the state MINTED and the value of its coming credential. */
int rot_lifeboat_put(struct vault *v, const struct rot_line *l,
		     const struct secret *value, struct err *e)
	__attribute__((warn_unused_result));

/* Into the vault with what is there: its line goes on as if the commit had
 * succeeded; a key whose line has moved on becomes a credential that is known.
 * Nothing happens when the lifeboat is empty.  What does not open is put aside
 * and told, and is no error.  Needs the vault open for writing. */
int rot_lifeboat_land(const struct app *app, struct err *e)
	__attribute__((warn_unused_result));

#endif
