/*
 * rot_drive: many lines rotated at once, until each has come to its end or
 * must wait.
 *
 * Promises: what is about to be sent is committed before its first byte leaves,
 * each answer before the next step, in separate transactions; no call is made
 * inside one.  A new value is sealed in the same commit as its id.  A crash at
 * any point is made good by the next run over the same rows.
 */
#ifndef AGENT_ENGINE_ROT_DRIVE_H
#define AGENT_ENGINE_ROT_DRIVE_H

#include "agent/app.h"
#include "agent/engine/rot.h"

struct rot_options {
	int64_t wait_ms;  /* patience; steps that are due later are left */
	bool once;	  /* a sweep: what has to wait is left to the next one */
	/* Told after each round; the lines are the driver's. */
	void (*view)(const struct rot_line *l, void *arg);
	void *arg;
};

struct rot_drive;

int rot_drive_new(struct app *app, const struct rot_options *o,
		  struct rot_drive **out, struct err *e)
	__attribute__((warn_unused_result));
void rot_drive_free(struct rot_drive **d);
/* Takes the line (it is released with the driver).  `due_now`: although its
 * next step was put off. */
int rot_drive_add(struct rot_drive *d, struct rot_line *l, bool due_now,
		  struct err *e) __attribute__((warn_unused_result));
/* Returns when nothing can be done any more; *stopped: patience, Ctrl-C, or a
 * kill that wants the vault. */
int rot_drive_run(struct rot_drive *d, bool *stopped, struct err *e)
	__attribute__((warn_unused_result));
/* The lines as they are now. */
const struct rot_line *rot_drive_line(const struct rot_drive *d, size_t i);
size_t rot_drive_lines(const struct rot_drive *d);

#endif
