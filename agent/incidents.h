/*
 * incidents: what kills have to do with one connection or one thing.
 */
#ifndef AGENT_INCIDENTS_H
#define AGENT_INCIDENTS_H

#include <stdint.h>

#include "agent/engine/record.h"

/* How many actions of open incidents still have work at this connection. */
int incidents_open_at(struct vault *v, const char *connection, uint64_t *n,
		      struct err *e) __attribute__((warn_unused_result));

/* Every action on an account and all below it, newest incident first.  Lent for
 * the call. */
typedef int (*incident_fn)(const struct work *w, const struct target *t,
			   const struct action *a, void *arg, struct err *e);
int incidents_of(struct vault *v, const char *connection, const char *account,
		 incident_fn fn, void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
