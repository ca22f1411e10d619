/*
 * blocks: in which parts of a text something stands.
 *
 * Owns the sums.  What is put beyond the text's end counts for its last block.
 */
#include "hooks/scan/blocks.h"

#include <string.h>

#include "base/mem.h"

int blocks_clear(struct blocks *b, size_t len, struct err *e)
{
	/* the last one for a place right behind the text */
	size_t n = (len >> BLOCK_BITS) + 1;

	if (n + 1 > b->cap) {
		mem_free(b->sum);
		b->cap = 0;
		b->sum = mem_array(n + n / 2 + 1, sizeof(*b->sum));
		if (!b->sum)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		b->cap = n + n / 2 + 1;
	}
	b->n = n;
	memset(b->sum, 0, (n + 1) * sizeof(*b->sum));
	return 0;
}

void blocks_put(struct blocks *b, size_t start, size_t end)
{
	size_t i = start >> BLOCK_BITS;
	size_t last = (end > start ? end - 1 : start) >> BLOCK_BITS;

	if (last >= b->n)
		last = b->n - 1;
	if (i > last)
		i = last;
	for (; i <= last; i++)
		b->sum[i + 1] = 1;
}

void blocks_close(struct blocks *b)
{
	size_t i;

	for (i = 1; i <= b->n; i++)
		b->sum[i] += b->sum[i - 1];
}

void blocks_release(struct blocks *b)
{
	mem_free(b->sum);
	memset(b, 0, sizeof(*b));
}
