/*
 * forest: which object of a pack is a delta of which.
 */
#ifndef SCAN_FOREST_H
#define SCAN_FOREST_H

#include "hooks/scan/pack.h"

#define FOREST_NONE UINT32_MAX

struct forest {
	uint32_t n;
	uint32_t *base;	   /* entry, or FOREST_NONE: root, or base elsewhere */
	uint32_t *child;   /* first delta on this entry */
	uint32_t *sibling; /* next delta on the same base */
	uint8_t *type;	   /* of the entry as stored; OBJECT_BAD: unreadable */
	uint32_t *root;	   /* entries without a base here, in pack order */
	uint32_t roots;
};

int forest_build(const struct pack *p, unsigned threads, struct forest *f,
		 struct err *e)
	__attribute__((warn_unused_result));
/* Calls each(arg, i) for every entry below top; returns how many. */
uint64_t forest_below(const struct forest *f, uint32_t top,
		      void (*each)(void *arg, uint32_t i), void *arg);
void forest_release(struct forest *f);

#endif
