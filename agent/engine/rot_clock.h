/*
 * rot_clock: wall time for deadlines, which nobody can extend by setting the
 * clock back, and which ends no wait early when the clock is set forward.
 *
 * The last time seen is kept in the vault with the boot and the time that had
 * passed since then.  When the wall clock is behind it, that is told, and
 * everything goes by the time that must have passed at least.  When within one
 * boot it is further on than the time that has passed, the caller moves what is
 * being waited for by the difference; a step forward that is taken back within
 * the boot moves it back.  Across boots nobody can know how long it was.
 */
#ifndef AGENT_ENGINE_ROT_CLOCK_H
#define AGENT_ENGINE_ROT_CLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "vault/vault.h"

struct rot_clock_step {
	int64_t back_ms;  /* so far behind the least it can be; 0 not */
	int64_t moved_ms; /* waits under way are to be moved by that */
};

/* Once per process, before anything is decided. */
int rot_clock_start(struct vault *v, struct rot_clock_step *out, struct err *e)
	__attribute__((warn_unused_result));
int64_t rot_clock_ms(void);
/* Keep the time seen: part of the caller's transaction, or one of its own. */
int rot_clock_keep(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* The time kept last; 0 none. */
int64_t rot_clock_kept_ms(void);
/* By how much the clock was behind when that was told; kept with the time. */
int64_t rot_clock_told_ms(void);
void rot_clock_tell(int64_t back_ms);

#endif
