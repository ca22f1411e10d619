/*
 * fan: several dependent listings of one listing at a time.
 *
 * Promises: a task put in is run exactly once, by a thread of the fan or, when
 * none is free, by whoever puts it in: so a walk can never wait for itself, and
 * no more is remembered than a few tasks.  All fans of a process together have
 * no more threads than FAN_SPARE.
 */
#ifndef PROVIDERS_HTTP_FAN_H
#define PROVIDERS_HTTP_FAN_H

#include "providers/http/request.h"

#define FAN_SPARE 15  /* with the one that asks: 16 in flight */
#define FAN_QUEUE 64

/* A listing that hangs on an item: copies of all that its scope points to. */
struct fan_task {
	const struct toml_node *entry;
	struct json *item[SCOPE_ITEMS];
	struct json *steps;
	int depth;
	struct fan_task *next;
};

struct fan;
typedef void (*fan_fn)(void *arg, struct session *mine, const struct fan_task *t);

/* Up to `width` threads more, each with a session of its own, made when first
 * needed.  NULL + e: out of memory. */
struct fan *fan_open(const struct def *d, const struct kit_connection *c,
		     int width, fan_fn run, void *arg, struct err *e);
/* True: it will be run.  False: run it yourself. */
bool fan_put(struct fan *f, const struct toml_node *entry,
	     const struct scope *s, int depth);
/* Waits for all tasks and those that they put in; ends the threads. */
void fan_close(struct fan **f);

#endif
