/*
 * ascent: all trees above a set of objects, up to the root trees of commits.
 */
#ifndef SCAN_ASCENT_H
#define SCAN_ASCENT_H

#include "hooks/scan/links.h"

#define THING_NONE UINT32_MAX

/* A thing (object asked for, or tree above one) stands in a tree. */
struct edge {
	uint32_t parent; /* thing */
	uint32_t name;	 /* links.name */
};

struct thing {
	uint64_t id;
	size_t edge, edges; /* in ascent.edge */
};

struct ascent {
	struct thing *thing; /* the objects asked for come first, as given */
	uint32_t things, cap;
	struct edge *edge;
	size_t edges, edges_cap;
	uint32_t *slot; /* thing + 1, by id */
	size_t slots;
};

/* `ids`: distinct. */
int ascend(const struct repo *r, const struct links *l, const uint64_t *ids,
	   uint32_t n, struct ascent *a, struct err *e)
	__attribute__((warn_unused_result));
void ascent_release(struct ascent *a);
uint32_t ascent_find(const struct ascent *a, uint64_t id);

#endif
