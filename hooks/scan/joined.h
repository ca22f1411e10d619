/*
 * joined: parts of a text, put together to be scanned at once.
 *
 * Between two parts comes a break (breaks.h), over which no match goes.  A part
 * that begins the text is to be added first, one that ends it last, so that both
 * ends are where a pattern expects them.
 */
#ifndef SCAN_JOINED_H
#define SCAN_JOINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "hooks/scan/pattern_part.h"

#define JOINED_MOST (64u * 1024) /* bytes put together */

/* A part of the text, and where it lies in what was put together. */
struct piece {
	uint32_t from, len, at;
};

struct joined {
	struct piece *piece;
	size_t n, cap;
	char *text;
	size_t len;
};

/* Can parts be put together, with what breaks can be at? */
bool joined_can(const struct bytes *breaks);
static inline bool joined_fits(const struct joined *j, size_t len)
{
	return j->len + len + 2 <= JOINED_MOST;
}
/* text[from, to), which fits, of a text of n bytes. */
int joined_add(struct joined *j, const struct bytes *breaks, const char *text,
	       size_t n, size_t from, size_t to, struct err *e)
	__attribute__((warn_unused_result));
/* The piece that byte `at` lies in, or behind; *k: where to look first, 0 to
 * begin with. */
const struct piece *joined_piece(const struct joined *j, size_t at, size_t *k);
/* Where in the text a match ends that ended at `end`. */
uint32_t joined_end(const struct joined *j, size_t end, size_t *k);
void joined_clear(struct joined *j);
void joined_release(struct joined *j);

#endif
