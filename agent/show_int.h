/*
 * show_int: shared by show.c and show_rotation.c; nobody else includes it.
 */
#ifndef AGENT_SHOW_INT_H
#define AGENT_SHOW_INT_H

#include "agent/show.h"

struct telling { /* one thing */
	struct show *s;
	struct json *obj; /* --json */
};

/* value NULL: null in JSON, nothing in text. */
void show_tell(struct telling *t, const char *key, const char *label,
	       const char *value);
void show_tell_time(struct telling *t, const char *key, const char *label,
		    int64_t ms);

/* How its rotation stands: generation, when next, delivered where, adopted since,
 * how long the old one lives. */
int show_rotation(struct telling *t, const struct inv_credential *c,
		  struct err *e) __attribute__((warn_unused_result));

#endif
