/*
 * idset: a set of short object ids (oid_short()).
 */
#ifndef SCAN_IDSET_H
#define SCAN_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct idset {
	uint64_t *v; /* 0: free */
	size_t n, slots;
};

/* *new (may be NULL): it was not in yet. */
int idset_add(struct idset *s, uint64_t id, bool *new, struct err *e)
	__attribute__((warn_unused_result));
bool idset_has(const struct idset *s, uint64_t id);
void idset_release(struct idset *s);

#endif
