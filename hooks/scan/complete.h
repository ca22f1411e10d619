/*
 * complete: does the repository have all that its history names?
 */
#ifndef SCAN_COMPLETE_H
#define SCAN_COMPLETE_H

#include "hooks/scan/repo.h"

/* Shallow and partial clones, and trees and parents of commits that are not
 * here, are named; each kind is one problem in the tally unless `fine`.  After
 * repo_objects(); `most`: bytes of a tree. */
int complete_check(struct repo *r, const char *path, const struct walk_out *out,
		   unsigned threads, size_t most, bool fine,
		   struct tally *tally, struct err *e)
	__attribute__((warn_unused_result));

#endif
