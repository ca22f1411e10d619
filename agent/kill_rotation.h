/*
 * kill_rotation: what a kill does about rotations of what it ends.
 *
 * The coming and the going credential of a line join its targets; the line's
 * epoch is raised in the transaction that writes the incident, so that no
 * rotation goes on.  Only what has no id yet (a mint or a set whose answer is
 * lost) is left to the rotation's own way back.
 */
#ifndef AGENT_KILL_ROTATION_H
#define AGENT_KILL_ROTATION_H

#include "agent/app.h"
#include "agent/engine/rot.h"
#include "agent/engine/target.h"

struct kill_lines {
	struct store_id *p;
	size_t n, cap;
};

void kill_lines_free(struct kill_lines *k);
/* The lines of what is selected; their credentials are selected too. */
int kill_lines_join(struct app *app, struct selection *s, struct kill_lines *out,
		    struct err *e) __attribute__((warn_unused_result));
/* Inside the transaction that writes the incident. */
int kill_lines_mark(struct app *app, const struct kill_lines *k,
		    const char *incident, struct err *e)
	__attribute__((warn_unused_result));
/* What had no id: looked for and ended.  The exit code of both together. */
int kill_lines_finish(struct app *app, const struct kill_lines *k,
		      int64_t wait_ms, int code);

#endif
