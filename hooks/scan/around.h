/*
 * around: what the matcher is to see of a text that changed in places.
 *
 * Gives the hits of everything that ends, begins or goes on in a gap.  What is
 * around a gap reaches from break to break (breaks.h), or as far as the longest
 * match could; what is short of all that is put together, so that a text costs one
 * scan and not one for every change.
 */
#ifndef SCAN_AROUND_H
#define SCAN_AROUND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct scan_thread;

/*
 * Hits into t->match, sorted; the token runs and signs that are there, by
 * place, each run once; t->gap[0, gaps) get their `low`.
 */
int around_match(struct scan_thread *t, const char *text, size_t n, size_t gaps,
		 struct err *e) __attribute__((warn_unused_result));

#endif
