/*
 * fresh: what a commit has at a path where none of its parents has it.
 */
#ifndef SCAN_FRESH_H
#define SCAN_FRESH_H

#include "hooks/scan/idset.h"
#include "hooks/scan/repo.h"

/* One file; `path` lasts for the call. */
typedef int (*fresh_file)(void *arg, const char *path, const unsigned char *oid,
			  struct err *e);

struct fresh {
	struct repo *r;
	const struct idset *skip; /* files that are not asked for */
	struct tally *tally;	  /* trees that cannot be read */
	struct deadline *deadline;
	fresh_file each;
	void *arg;
};

/* Every such file of the commit, in the order of its trees; where time is over
 * the rest is left out. */
int fresh_files(const struct fresh *f, const unsigned char *commit,
		struct err *e) __attribute__((warn_unused_result));

#endif
