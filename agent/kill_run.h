/*
 * kill_run: what kill and resume share: driving one incident in front of a
 * person, and telling how it ended.
 */
#ifndef AGENT_KILL_RUN_H
#define AGENT_KILL_RUN_H

#include "agent/app.h"
#include "agent/engine/work.h"

/* Drive, then print lines or JSON.  Returns the exit code. */
int kill_run(struct app *app, struct work *w, int64_t wait_ms);
/* The incident's state without calling anybody. */
int kill_tell(struct app *app, struct work *w);

#endif
