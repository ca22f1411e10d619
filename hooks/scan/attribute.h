/*
 * attribute: from objects with findings up to commits and paths.
 */
#ifndef SCAN_ATTRIBUTE_H
#define SCAN_ATTRIBUTE_H

#include "hooks/scan/links.h"
#include "hooks/scan/paths.h"

#define RANK_NONE UINT32_MAX

/* One place a secret came in: the first commit that has it at that path. */
struct place {
	uint32_t secret;
	uint32_t rank;	  /* of the commit: commits.v[rank]; RANK_NONE: no
			   * commit leads to the object */
	uint32_t path;	  /* see paths.h */
	uint32_t objects; /* that hold the secret at this path */
	const struct sighting *seen; /* one of them, of that commit */
};

struct attribution {
	struct place *v; /* by secret, then rank */
	size_t n, cap;
	struct strings *refs; /* per secret: tips that still hold it */
	uint32_t secrets;
	struct paths *paths;
};

/* A branch or tag that may hold a secret. */
struct tip {
	const char *name;
	unsigned char oid[OID_LEN]; /* commit, tag or tree */
	unsigned char old[OID_LEN]; /* what it leads to now; zeros: not there */
};

struct attribute_options {
	unsigned threads;
	size_t most;	       /* bytes of a tree */
	const struct tip *tip; /* NULL: all refs of the repository */
	size_t tips;
};

/* Ranks the commits and sorts the sightings of `out`. */
int attribute(struct repo *r, struct walk_out *out, uint32_t secrets,
	      const struct attribute_options *o, struct tally *tally,
	      struct attribution *a, struct err *e)
	__attribute__((warn_unused_result));
void attribution_release(struct attribution *a);

#endif
