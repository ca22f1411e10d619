/*
 * blocks: in which parts of a text something stands, to pass over the others.
 *
 * A delta copies a text in thousands of runs, of which few hold a mark: asking
 * each costs two look-ups here instead of a search.
 */
#ifndef SCAN_BLOCKS_H
#define SCAN_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BLOCK_BITS 7u /* 128 bytes each */

struct blocks {
	uint32_t *sum; /* of what stands in the blocks before */
	size_t n, cap;
};

/* None holds anything, of a text of so many bytes. */
int blocks_clear(struct blocks *b, size_t len, struct err *e)
	__attribute__((warn_unused_result));
/* Something stands at [start, end), or at `start` where that is empty. */
void blocks_put(struct blocks *b, size_t start, size_t end);
/* All is put: now blocks_any() answers. */
void blocks_close(struct blocks *b);
void blocks_release(struct blocks *b);

/* May something stand in [from, from + len)?  Rather yes than no. */
static inline bool blocks_any(const struct blocks *b, size_t from, size_t len)
{
	return b->sum[((from + len) >> BLOCK_BITS) + 1] !=
	       b->sum[from >> BLOCK_BITS];
}

#endif
