/*
 * tell: sightings of a walk as rows of the report, with commit and path.
 */
#ifndef SCAN_TELL_H
#define SCAN_TELL_H

#include "hooks/scan/attribute.h"
#include "hooks/scan/source.h"

/* `tip` as in struct attribute_options. */
int tell_all(const struct source *s, struct repo *r, struct walk_out *out,
	     const struct tip *tip, size_t tips, struct err *e)
	__attribute__((warn_unused_result));

/* The commit, its author and message, into a row. */
int tell_commit(struct finding *f, struct repo *r, const unsigned char *oid,
		struct err *e) __attribute__((warn_unused_result));

#endif
