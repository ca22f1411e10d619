/*
 * revs: which commits, in the words of git log.
 */
#ifndef SCAN_REVS_H
#define SCAN_REVS_H

#include <stdint.h>

#include "hooks/scan/rules.h"

struct quarantine;
struct revs {
	struct strings new, old; /* ids: from these, but not from those */
	uint64_t most;		 /* commits; 0: all */
	bool no_merges;
	const struct quarantine *in; /* where else objects lie, or NULL */
};

/* REV, ^REV, REV^!, REV^-N, A..B, A...B, --all, --branches, --tags, -N, -n N,
 * --max-count=N, --no-merges, with blanks between.  Anything else is refused by
 * name. */
int revs_parse(const char *repository, const char *words, struct revs *out,
	       struct err *e) __attribute__((warn_unused_result));
/* The commits that refs of this name lead to, as git for-each-ref takes it. */
int revs_tips(const char *path, const char *glob, struct strings *out,
	      struct err *e) __attribute__((warn_unused_result));
void revs_release(struct revs *r);

#endif
