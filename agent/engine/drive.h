/*
 * drive: working an incident's actions until all is dead or patience ends.
 *
 * Promises: an action's intent is committed before its first byte leaves, its
 * answer before the next step is taken, in separate transactions, and no call
 * is made inside one.  All intents of a round share one commit, and so do all
 * answers that came in together.  No target waits for another's error; there
 * is no attempt limit.
 */
#ifndef AGENT_ENGINE_DRIVE_H
#define AGENT_ENGINE_DRIVE_H

#include "agent/app.h"
#include "agent/engine/facts.h"
#include "agent/engine/link.h"
#include "agent/engine/queue.h"
#include "agent/engine/work.h"

struct drive_options {
	int64_t wait_ms; /* patience beyond the estimate; -1: the default */
	/* Told after each round, and at the end with last = true. */
	void (*view)(const struct work *w, const struct facts *facts,
		     int64_t now, bool last, void *arg);
	void *arg;
};

#define DRIVE_WAIT_MS 120000
#define DRIVE_CALL_MS 200 /* one call, when nothing better is known */

/* The incident and all actions are already written.  Returns 0 when it came to
 * an end of its own (dead, patience, Ctrl-C: *stopped tells), -1 on store
 * trouble. */
int drive_run(struct app *app, struct work *w, const struct drive_options *o,
	      bool *stopped, struct err *e) __attribute__((warn_unused_result));

/* Facts of every connection of the work, as the inventory has them; mem_free
 * the array. */
int drive_facts(struct vault *v, const struct work *w, struct facts **out,
		struct err *e) __attribute__((warn_unused_result));
int drive_in_flight(const struct config *c, const char *connection);
/* From here (true) to there (false) Ctrl-C only asks for the end. */
void drive_catch(bool on);
/* Ctrl-C was pressed. */
bool drive_interrupted(void);

#endif
