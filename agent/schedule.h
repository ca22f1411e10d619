/*
 * schedule: when something is due.  Pure: no clock, no vault.
 *
 * A window is a line as "Mon-Fri 09:00-16:00 Europe/Berlin"; several, split by
 * ';', are one schedule.  Days are English three-letter words, ranges or lists
 * ("Mon,Wed,Fri"), missing: every day; a window may pass midnight
 * ("22:00-04:00").  Zones are IANA names of the system's zone files; missing:
 * UTC.  In the hour that a zone skips or repeats, a window is as long on the
 * wall as it says, never longer.
 *
 * Times are wall clock milliseconds since 1970, UTC.
 */
#ifndef AGENT_SCHEDULE_H
#define AGENT_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct schedule;

/* ERR_CONFIG-like error naming the word that does not fit. */
int schedule_parse(const char *text, struct schedule **out, struct err *e)
	__attribute__((warn_unused_result));
void schedule_free(struct schedule **s);
bool schedule_open(const struct schedule *s, int64_t at_ms);
/* The first moment from at_ms on that lies in a window (at_ms itself when it
 * does); -1 when there is none within two years. */
int64_t schedule_next(const struct schedule *s, int64_t at_ms);

/* When a credential of that age is next due: last + every, moved by a jitter
 * that is fixed per credential (`seed`: 64 random-looking bits of its id) and
 * never past last + max_age; then into the window, again never past max_age.
 * every 0: INT64_MAX (never). */
struct schedule_rule {
	int64_t every_ms, max_age_ms, jitter_ms;
	const struct schedule *window; /* may be NULL */
};
int64_t schedule_due(const struct schedule_rule *r, int64_t last_ms,
		     uint64_t seed);

#endif
