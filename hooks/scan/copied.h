/*
 * copied: old files that a push puts at new paths.
 */
#ifndef SCAN_COPIED_H
#define SCAN_COPIED_H

#include "hooks/scan/repo.h"
#include "hooks/scan/source.h"

struct git_odb;

/* Adds rows for objects in `old` that commits of `c` put at a path where none
 * of their parents has them. */
int copied_find(const struct source *s, struct repo *r, struct git_odb *old,
		const struct commits *c, struct err *e)
	__attribute__((warn_unused_result));

#endif
