/*
 * progress: how far a scan is, on a terminal.
 *
 * Owns the one line that is written over and over.  Whichever thread comes by
 * when it is time writes it; the others go on.
 */
#include "hooks/scan/progress.h"

#include <stdio.h>

#include "base/clock.h"

#define EVERY_MS 200

void progress_start(struct progress *p)
{
	if (!p)
		return;
	p->start_ms = clock_mono_ms();
	p->next_ms = p->start_ms; /* the first is told at once */
}

void progress_expect(struct progress *p, uint64_t objects)
{
	if (p)
		__atomic_fetch_add(&p->total, objects, __ATOMIC_RELAXED);
}

static void write_line(const struct progress *p, int64_t now)
{
	uint64_t done = __atomic_load_n(&p->done, __ATOMIC_RELAXED);
	uint64_t total = __atomic_load_n(&p->total, __ATOMIC_RELAXED);
	uint64_t bytes = __atomic_load_n(&p->bytes, __ATOMIC_RELAXED);
	uint64_t found = __atomic_load_n(&p->findings, __ATOMIC_RELAXED);
	double seconds = (double)(now - p->start_ms) / 1000.0;
	char of[40] = "", left[40] = "";

	if (done <= total) {
		snprintf(of, sizeof(of), " of %llu", (unsigned long long)total);
		snprintf(left, sizeof(left), ", %.0f s to go", done ?
			 seconds * (double)(total - done) / (double)done : 0);
	}
	/* one write: lines of two threads do not mix */
	fprintf(stderr, "\r%llu%s %s, %.0f MB/s, %llu matches%s\033[K",
		(unsigned long long)done, of, p->unit ? p->unit : "objects",
		(double)bytes / 1e6 / (seconds > 0 ? seconds : 1),
		(unsigned long long)found, left);
	fflush(stderr);
}

void progress_add(struct progress *p, uint64_t objects, uint64_t bytes,
		  uint64_t findings)
{
	int64_t now, next;

	if (!p)
		return;
	__atomic_fetch_add(&p->done, objects, __ATOMIC_RELAXED);
	__atomic_fetch_add(&p->bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&p->findings, findings, __ATOMIC_RELAXED);
	next = __atomic_load_n(&p->next_ms, __ATOMIC_RELAXED);
	now = clock_mono_ms();
	if (now >= next &&
	    __atomic_compare_exchange_n(&p->next_ms, &next, now + EVERY_MS, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		write_line(p, now);
}

void progress_say(struct progress *p, const char *what)
{
	if (p) {
		fprintf(stderr, "\r%s\033[K", what);
		fflush(stderr);
	}
}

void progress_end(struct progress *p)
{
	progress_say(p, "");
}
