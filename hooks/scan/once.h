/*
 * once: what the texts of one file have been found to hold, so that its bytes
 * as they stand, which are looked at last, tell only what is new.
 */
#ifndef SCAN_ONCE_H
#define SCAN_ONCE_H

#include "hooks/scan/idset.h"
#include "hooks/scan/scan.h"

struct once {
	struct idset secrets; /* and 1 */
};

/* One more text: `runs` says that it is what is left of a file that is no text
 * (unpack_part).  Drops from v what then does not count. */
int once_filter(struct once *o, const struct ruleset *rs, bool runs,
		struct verdict *v, struct err *e)
	__attribute__((warn_unused_result));
void once_release(struct once *o);

#endif
