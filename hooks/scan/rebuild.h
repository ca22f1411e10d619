/*
 * rebuild: the text of a pack's object from its base and its delta.
 */
#ifndef SCAN_REBUILD_H
#define SCAN_REBUILD_H

#include "hooks/scan/delta.h"
#include "hooks/scan/pack.h"

/* One per thread. */
struct rebuilder {
	void *inflater;
	unsigned char *delta;
	size_t delta_cap;
	struct runs runs; /* of the last delta */
	uint64_t over;	  /* bytes of an object that is over `most`; else 0 */
	char why[80];
};

int rebuilder_init(struct rebuilder *r, struct err *e)
	__attribute__((warn_unused_result));
void rebuilder_release(struct rebuilder *r);

/*
 * Entry i, whole or as a delta on base[0, base_len).  *text is malloc()ed,
 * also when it fails (free it either way).  NULL, or why it cannot be.
 */
const char *rebuild(struct rebuilder *r, const struct pack *p, uint32_t i,
		    const char *base, size_t base_len, size_t most, char **text,
		    size_t *len);

#endif
