/*
 * decode_near: the segments of a text that the matcher has seen, mostly of one
 * that is a delta of another.
 *
 * Lines can be megabytes long, so a line that changed is not gone through
 * again: a segment is found anew where a change can make, end or move it, and
 * all others are copies of the base's.
 */
#ifndef SCAN_DECODE_NEAR_H
#define SCAN_DECODE_NEAR_H

#include "hooks/scan/scan.h"

/* All segments of a text, all of which the matcher has seen. */
int segments_all(struct segments *s, const char *text, size_t n,
		 const struct sights *seen, struct err *e)
	__attribute__((warn_unused_result));
/* All that may say something, by start.  `seen`: what the matcher saw of the
 * text's changes; `k`: for its spans. */
int segments_near(struct segments *s, const char *text, size_t n,
		  const struct delta *d, const struct gap *gap, size_t gaps,
		  const struct sights *seen, struct decoder *k, struct err *e)
	__attribute__((warn_unused_result));
void segments_sort(struct segments *s);
int spans_add(struct spans *s, size_t from, size_t to, struct err *e)
	__attribute__((warn_unused_result));

#endif
