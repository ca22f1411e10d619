/*
 * twins: where else the credentials of a kill open a door.
 *
 * One key in two accounts is two credentials to the inventory and one leak to
 * the operator.  A kill ends what was asked for, and tells of the others.
 */
#ifndef AGENT_REPORT_TWINS_H
#define AGENT_REPORT_TWINS_H

#include "agent/app.h"
#include "agent/engine/work.h"
#include "vault/inventory.h"

struct twins {
	struct inv_credential *p; /* connection, account, id, fingerprint */
	size_t n;
};

/* Credentials with the public fingerprint of one in `w`, not in `w` themselves
 * and not known to be dead. */
int twins_find(const struct app *app, const struct work *w, struct twins *out,
	       struct err *e) __attribute__((warn_unused_result));
void twins_free(struct twins *t);
/* One line each on stdout. */
void twins_print(const struct twins *t);
/* The same as an array of objects; NULL when out of memory. */
struct json *twins_json(const struct twins *t);

#endif
