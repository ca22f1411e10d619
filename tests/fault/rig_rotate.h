/*
 * rig_rotate: an account with one key of ours (k1) and one of somebody else's,
 * a partner account, and a sink that holds what k1's consumer reads; and the
 * check of the invariants I1-I9 against what the service really holds.
 */
#ifndef TESTS_FAULT_RIG_ROTATE_H
#define TESTS_FAULT_RIG_ROTATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* DIR/vault, key, curfew.toml, c1.world, sink.world.  `script`: settings of c1
 * ("sink.KEY=VALUE": of the sink); `policy`: lines for [rotation.r]. */
int rig_rotate_make(const char *dir, const char *script, const char *policy,
		    struct err *e) __attribute__((warn_unused_result));

/* A bench's vault: n values over `conns` services of so many ms a call, each
 * service its own sink; all due when `due`. */
int rig_rotate_many(const char *dir, int n, int conns, int latency_ms, bool due,
		    struct err *e) __attribute__((warn_unused_result));

struct rig_end { /* how it ended */
	int code;	/* of the last command */
	bool killed;	/* an incident ended the line */
	bool single;	/* single-slot: an outage is allowed */
	bool between;	/* not at rest yet: after a crash, before the next run */
};
/* Findings, one a line; nothing when every invariant holds. */
void rig_rotate_check(const char *dir, const struct rig_end *end,
		      struct buf *findings);
/* Is its line under way (or stuck)?  Was it ever begun? */
bool rig_rotate_busy(const char *dir);
bool rig_rotate_begun(const char *dir);

#endif
