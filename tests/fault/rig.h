/*
 * rig: one small organisation for the fault tests: a vault, two fake services,
 * an identity that spans them, somebody else's account beside it; and the
 * check of the invariants against what the services really hold.
 */
#ifndef TESTS_FAULT_RIG_H
#define TESTS_FAULT_RIG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

#define RIG_SECRETS 4
extern const char *const rig_secrets[RIG_SECRETS]; /* planted values */

/* DIR/vault, DIR/key, DIR/curfew.toml, DIR/c1.world, DIR/c2.world.  `script`:
 * settings of c1, "key=value key=value". */
int rig_make(const char *dir, const char *script, struct err *e)
	__attribute__((warn_unused_result));

/* Findings, one a line; nothing when every invariant holds.  `code`: how the
 * last command ended. */
void rig_check(const char *dir, int code, struct buf *findings);
/* Is an incident written down? / has anything been changed at a service? */
bool rig_has_incident(const char *dir);
bool rig_has_changes(const char *dir);

/* A bench's vault: n credentials over `conns` services of so many ms a call. */
int rig_make_many(const char *dir, int n, int conns, int latency_ms,
		  const char *script, struct err *e)
	__attribute__((warn_unused_result));

#endif
