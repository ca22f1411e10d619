/*
 * respond_rotate: a found credential answered by a fresh one in its place.
 */
#ifndef AGENT_RESPOND_ROTATE_H
#define AGENT_RESPOND_ROTATE_H

#include "agent/app.h"
#include "agent/finding.h"
#include "agent/whose.h"

/* finding.due of one whose rotation is under way: "rotating LINE…". */
bool respond_rotating(const struct finding *f);
/* Begins the rotation of every living owner, without the overlap that its
 * policy gives in quiet times, and drives it; *code is the exit code of that.
 * What could not begin stays due. */
int respond_rotate(struct app *app, struct whose *w, const struct finding *f,
		   int *code, struct err *e) __attribute__((warn_unused_result));
/* One that is rotating: over?  Then it is no longer due, and its value is wiped
 * when the old credential was proved dead. */
int respond_rotated(struct app *app, const char *id, struct err *e)
	__attribute__((warn_unused_result));

#endif
