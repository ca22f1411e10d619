/*
 * rot_clock: wall time for deadlines, which a clock set back cannot extend.
 *
 * The last time seen is kept in the vault with the boot and its monotonic
 * clock.  When the wall clock is behind it, that is told, and rotations go by
 * the time that must have passed at least.
 */
#ifndef AGENT_ENGINE_ROT_CLOCK_H
#define AGENT_ENGINE_ROT_CLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "vault/vault.h"

/* Once per process, before anything is decided.  *back_ms: how far the clock
 * was set back, 0 not. */
int rot_clock_start(struct vault *v, int64_t *back_ms, struct err *e)
	__attribute__((warn_unused_result));
int64_t rot_clock_ms(void);
/* Keep the time seen: part of the caller's transaction, or one of its own. */
int rot_clock_keep(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* Was it kept less than that ago? */
int64_t rot_clock_kept_ms(void);

#endif
