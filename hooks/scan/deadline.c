/*
 * deadline: how long one run may take and how much it may unpack.
 *
 * Owns the clock of a run.  Promises: asking costs about 50 ns, and nothing
 * where there is nothing to ask.
 */
#include "hooks/scan/deadline.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"

/* Of one text: far above what any honest one takes on a busy machine. */
#define TEXT_MS 10000
#define TEXT_BYTES_A_MS 500u
#define TEXT_FINDS 200000u /* ... and two for each byte */

void deadline_start(struct deadline *d, int64_t max_ms, uint64_t unpack_most)
{
	*d = (struct deadline){ .max_ms = max_ms, .unpack_most = unpack_most };
	d->end_ms = max_ms ? clock_mono_ms() + max_ms : 0;
#ifdef CURFEW_TEST
	const char *v = getenv("CURFEW_DEADLINE_ASKS");
	int64_t most;

	if (v && text_int(v, 1, INT64_MAX, &most))
		d->asks_most = (uint64_t)most;
#endif
}

bool deadline_met(const struct deadline *d)
{
	return d && __atomic_load_n(&d->late, __ATOMIC_RELAXED);
}

bool deadline_over(struct deadline *d)
{
	if (!d)
		return false;
	if (deadline_met(d))
		return true;
#ifdef CURFEW_TEST
	uint64_t asked = __atomic_add_fetch(&d->asked, 1, __ATOMIC_RELAXED);

	if (d->asks_most) {
		if (asked < d->asks_most)
			return false;
	} else
#endif
	if (!d->end_ms || clock_mono_ms() < d->end_ms)
		return false;
	__atomic_store_n(&d->late, true, __ATOMIC_RELAXED);
	return true;
}

void deadline_grace(struct deadline *d)
{
	if (!deadline_met(d) || d->graced)
		return;
	d->graced = true;
	d->late = false;
	d->end_ms = d->end_ms ? clock_mono_ms() + d->max_ms / 4 : 0;
	if (d->asks_most)
		d->asks_most += d->asks_most / 4 + 1;
}

bool deadline_unpacked(struct deadline *d, size_t n)
{
	uint64_t all;

	if (!d)
		return true;
	all = __atomic_add_fetch(&d->unpacked, n, __ATOMIC_RELAXED);
	if (!d->unpack_most || all <= d->unpack_most)
		return true;
	__atomic_store_n(&d->full, true, __ATOMIC_RELAXED);
	return false;
}

bool deadline_full(const struct deadline *d)
{
	return d && __atomic_load_n(&d->full, __ATOMIC_RELAXED);
}

void deadline_tell(const struct deadline *d, uint64_t matched)
{
#ifdef CURFEW_TEST
	if (getenv("CURFEW_COUNTS"))
		fprintf(stderr, "counts: matched %llu unpacked %llu asked %llu\n",
			(unsigned long long)matched,
			(unsigned long long)d->unpacked,
			(unsigned long long)d->asked);
#else
	(void)d;
	(void)matched;
#endif
}

void pace_text(struct pace *p, size_t n)
{
	if (p->stop == PACE_TEXT)
		p->stop = PACE_ON;
	p->finds_left = TEXT_FINDS + 2 * (uint64_t)n;
	p->text_end_ms = 0; /* begins when it is asked: most texts never are */
	if (!p->left)
		p->left = PACE_STEP;
	p->text_bytes = n;
}

bool pace_ask(struct pace *p)
{
	int64_t now;

	p->left = PACE_STEP;
	if (deadline_over(p->d)) {
		p->stop = PACE_RUN;
		return true;
	}
	now = clock_mono_ms();
	if (!p->text_end_ms)
		p->text_end_ms = now + TEXT_MS +
				 (int64_t)(p->text_bytes / TEXT_BYTES_A_MS);
	if (now < p->text_end_ms)
		return false;
	p->stop = PACE_TEXT;
	return true;
}
