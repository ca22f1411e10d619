/*
 * progress: how far a scan is, on a terminal: objects (or files), MB/s,
 * matches so far, and the time to go where it is known how many there are.
 *
 * Shared by all threads.  A NULL progress is one that nobody looks at.
 */
#ifndef SCAN_PROGRESS_H
#define SCAN_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

struct progress {
	uint64_t total, done; /* objects; total 0: not known */
	const char *unit;     /* what they are called; NULL: "objects" */
	uint64_t bytes, findings;
	int64_t start_ms, next_ms; /* of clock_mono_ms() */
};

void progress_start(struct progress *p);
void progress_expect(struct progress *p, uint64_t objects);
/* Says so on standard error, a few times a second. */
void progress_add(struct progress *p, uint64_t objects, uint64_t bytes,
		  uint64_t findings);
/* What is being done after the last object. */
void progress_say(struct progress *p, const char *what);
/* Take the line away. */
void progress_end(struct progress *p);

#endif
