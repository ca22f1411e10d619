/*
 * stood: what a push only carries along: secrets that the same file, or the
 * one it was moved from, held already before the commit that is said to have
 * brought them.
 */
#ifndef SCAN_STOOD_H
#define SCAN_STOOD_H

#include "hooks/scan/repo.h"
#include "hooks/scan/source.h"

/* Sets `stood` in such rows of the list, and names the commit that really
 * brought the secret, as far back as there is time to look. */
int stood_mark(const struct source *s, struct repo *r, struct err *e)
	__attribute__((warn_unused_result));

#endif
