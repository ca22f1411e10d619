/*
 * deadline: how long one run may take and how much it may unpack.
 *
 * One object per run, shared by all threads and handed to every stage:
 * inflating, unpacking, matching, confirming, decoding, attribution.  Each
 * asks as often as it does work that can be felt, so that no input, however
 * made, holds a run for long past its end.  Once over, always over.
 *
 * In test builds CURFEW_DEADLINE_ASKS=N in the environment ends the time at
 * the N-th question, whatever the clock says, and CURFEW_COUNTS=1 makes
 * deadline_tell() print what was done: tests that need no clock.
 */
#ifndef SCAN_DEADLINE_H
#define SCAN_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
	int64_t max_ms, end_ms; /* end: of clock_mono_ms(); 0: no end */
	uint64_t unpack_most;	/* bytes out of all archives; 0: no bound */
	uint64_t unpacked;	/* so far; atomic */
	bool late, full;	/* met; atomic */
	bool graced;
	uint64_t asked, asks_most; /* asks_most: 0 but in tests */
};

/* max_ms 0: time has no end. */
void deadline_start(struct deadline *d, int64_t max_ms, uint64_t unpack_most);
/* Asks the clock.  d NULL: never over. */
bool deadline_over(struct deadline *d);
/* What deadline_over() last found, without asking. */
bool deadline_met(const struct deadline *d);
/* Time was over, and something was found: a little more, a quarter, to say
 * where it stands.  Once. */
void deadline_grace(struct deadline *d);
/* n bytes came out of an archive; false: more may not. */
bool deadline_unpacked(struct deadline *d, size_t n);
bool deadline_full(const struct deadline *d);
/* "matched 123 unpacked 456 asked 7" on standard error, for tests. */
void deadline_tell(const struct deadline *d, uint64_t matched);

/*
 * pace: one thread's way of asking.  Work is counted in bytes looked at;
 * every PACE_STEP of it the deadline is asked.  It holds one text to its own
 * allowance too, which grows with its length: a pattern whose work does not
 * is given up, also where the run has no end.
 */
#define PACE_STEP (64u * 1024)
#define PACE_FIND 2048u /* what one attempt of a regex counts as */

enum pace_stop {
	PACE_ON,
	PACE_TEXT, /* this text is given up */
	PACE_RUN,  /* the run's time is over */
};

struct pace {
	struct deadline *d;
	uint32_t left;
	enum pace_stop stop;
	size_t text_bytes;
	int64_t text_end_ms;
	uint64_t finds_left; /* attempts of regexes on this text */
};

/* A text of n bytes begins. */
void pace_text(struct pace *p, size_t n);
bool pace_ask(struct pace *p);

static inline bool pace_over(struct pace *p, size_t work)
{
	if (p->stop != PACE_ON)
		return true;
	if (work < p->left) {
		p->left -= (uint32_t)work;
		return false;
	}
	return pace_ask(p);
}

#endif
