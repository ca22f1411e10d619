/*
 * unreached: old commits that a push would make reachable.
 *
 * A commit that was pushed and given up again lies in the repository until git
 * prunes it, and git does not take an object once more that is there.  So a push
 * of it, or of one on top of it, brings nothing of it into the quarantine.
 */
#ifndef SCAN_UNREACHED_H
#define SCAN_UNREACHED_H

#include "hooks/scan/commits.h"
#include "hooks/scan/repo.h"
#include "hooks/scan/source.h"

/* Looks at the old commits, tags and blobs that the push leads to and no ref of the
 * repository does.  `c`: the commits in the quarantine. */
int unreached_find(const struct source *s, struct repo *r,
		   const struct quarantine *q, const struct commits *c,
		   struct err *e) __attribute__((warn_unused_result));

#endif
