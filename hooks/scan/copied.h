/*
 * copied: old files that a push puts at new paths.
 */
#ifndef SCAN_COPIED_H
#define SCAN_COPIED_H

#include "hooks/scan/idset.h"
#include "hooks/scan/repo.h"
#include "hooks/scan/source.h"

/* Adds rows for what commits of `c` put at a path where none of their parents
 * has it, and that the push did not bring, or brought though it was there:
 * `again`. */
int copied_find(const struct source *s, struct repo *r,
		const struct quarantine *q, const struct idset *again, const struct commits *c,
		struct err *e) __attribute__((warn_unused_result));

#endif
