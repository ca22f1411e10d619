/*
 * tips: which branches and tags still hold a secret.
 */
#ifndef SCAN_TIPS_H
#define SCAN_TIPS_H

#include "hooks/scan/ascent.h"
#include "hooks/scan/attribute.h"

struct tips_of {
	struct repo *r;
	const struct sightings *seen; /* by oid_short() */
	const struct ascent *up;
	uint32_t blobs; /* up->thing[0, blobs): those with a sighting */
	const struct commit_index *commit;
	struct strings *refs; /* per secret; gets the names, the first of many */
};

int tips_hold(const struct tips_of *t, const struct attribute_options *o,
	      struct err *e) __attribute__((warn_unused_result));

#endif
