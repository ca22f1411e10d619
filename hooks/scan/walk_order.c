/*
 * walk_order: see walk_order.h.
 *
 * Owns the guess what a tree of deltas costs: as much as its root is long, for each
 * object.  What is found does not depend on it.
 */
#include "hooks/scan/walk_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define HEAVY_OBJECTS 16u
#define HEAVY_BYTES (4u * 1024 * 1024)
#define HEAVY_MOST 65536u

struct heavy {
	uint64_t bytes;
	uint32_t root; /* in forest.root */
};

static int by_bytes(const void *a, const void *b)
{
	const struct heavy *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (x->root > y->root) - (x->root < y->root);
}

void walk_order_release(struct walk_order *o)
{
	mem_free(o->root);
	memset(o, 0, sizeof(*o));
}

/* What the tree below root r comes to, when it is heavy; else 0. */
static uint64_t weigh(const struct pack *p, const struct forest *f, uint32_t r,
		      uint64_t objects)
{
	struct pack_object o;

	if (objects < HEAVY_OBJECTS || !pack_header(p, f->root[r], &o) ||
	    o.size < HEAVY_BYTES / objects)
		return 0;
	return o.size < UINT64_MAX / objects ? o.size * objects : UINT64_MAX;
}

int walk_order(const struct pack *p, const struct forest *f,
	       struct walk_order *out, struct err *e)
{
	const size_t most = f->roots < HEAVY_MOST ? f->roots : HEAVY_MOST;
	struct heavy *h = mem_array(most + 1, sizeof(*h));
	uint8_t *front = mem_array((size_t)f->roots + 1, 1);
	uint32_t r, n = 0;
	int rc = -1;

	memset(out, 0, sizeof(*out));
	out->root = mem_array((size_t)f->roots + 1, sizeof(*out->root));
	if (!h || !front || !out->root) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (r = 0; r < f->roots; r++) {
		uint64_t objects = 1 + forest_below(f, f->root[r], NULL, NULL);
		uint64_t bytes;

		if (f->type[f->root[r]] == OBJECT_TREE) {
			out->trees += objects;
			continue;
		}
		bytes = weigh(p, f, r, objects);
		if (bytes && n < most) {
			h[n++] = (struct heavy){ .bytes = bytes, .root = r };
			front[r] = 1;
		}
	}
	if (n > 1)
		qsort(h, n, sizeof(*h), by_bytes);
	for (r = 0; r < n; r++)
		out->root[out->heavy++] = f->root[h[r].root];
	for (r = 0; r < f->roots; r++)
		if (!front[r])
			out->root[n++] = f->root[r];
	rc = 0;
out:
	mem_free(h);
	mem_free(front);
	if (rc)
		walk_order_release(out);
	return rc;
}
