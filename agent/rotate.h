/*
 * rotate: what `rotate` and `sweep` share: lines gathered, begun in one
 * transaction, driven, told.
 */
#ifndef AGENT_ROTATE_H
#define AGENT_ROTATE_H

#include "agent/app.h"
#include "agent/engine/rot.h"
#include "agent/engine/target.h"

enum rotate_row { /* must it be written before anything is sent? */
	ROW_KEPT,
	ROW_BEGINS,
	ROW_PLACES, /* under way, and delivers elsewhere now */
};

struct rotate_set {
	struct rot_line *p;
	unsigned char *fresh; /* enum rotate_row */
	uint32_t *table; /* 2 * cap: which line has which id */
	size_t n, cap;
	size_t refused; /* could not be begun; told on stderr */
	bool going; /* set first: nothing begins, only what is under way is taken */
};

void rotate_free(struct rotate_set *s);
/* After lines were taken out. */
void rotate_reindex(struct rotate_set *s);
/* Takes the line; one that is there already is let go. */
int rotate_add(struct rotate_set *s, struct rot_line *l, enum rotate_row fresh,
	       struct err *e) __attribute__((warn_unused_result));

/* The lines of what the operator named: those under way go on, idle ones begin.
 * One credential that has no policy is an error; of an account or more, those
 * without one are left out. */
int rotate_selected(struct app *app, const struct selection *sel,
		    struct rotate_set *out, struct err *e)
	__attribute__((warn_unused_result));
/* Those whose time has come, at most `max`; `under_way`: all that have begun,
 * whether they have to wait or not. */
int rotate_due(struct app *app, size_t max, bool under_way,
	       struct rotate_set *out,
	       struct err *e) __attribute__((warn_unused_result));
/* One line, when something of it is under way. */
int rotate_line(struct app *app, const struct store_id *id,
		struct rotate_set *out, struct err *e)
	__attribute__((warn_unused_result));
/* The rows of those that begin. */
int rotate_commit(struct app *app, struct rotate_set *s, const char *why,
		  struct err *e) __attribute__((warn_unused_result));
/* Drive them; takes the lines.  Returns an exit code; what is said goes to
 * stdout unless `silent`. */
int rotate_run(struct app *app, struct rotate_set *s, int64_t wait_ms,
	       bool now, bool silent);
/* --dry-run: every call that would be made, by the same code.  Takes the
 * lines. */
int rotate_plan(struct app *app, struct rotate_set *s);

#endif
