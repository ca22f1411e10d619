/*
 * unpack: the texts in a file: itself, UTF-16 made UTF-8, what an archive
 * holds, the printable runs of the rest.
 */
#ifndef SCAN_UNPACK_H
#define SCAN_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "hooks/scan/content.h"

#define UNPACK_DEPTH_DEFAULT 3u
#define UNPACK_DEPTH_MAX 8u
#define UNPACK_ENTRIES 20000u /* of one file, all levels together */
#define UNPACK_BASE (16u * 1024 * 1024) /* bytes a file may always unpack to */
#define UNPACK_RATIO 100u		/* ... and so many for each of its own */

/* In a part's number: the printable runs of what is no text. */
#define UNPACK_RUNS 0x80000000u

struct deadline;

struct unpack_limits {
	unsigned depth; /* archives in archives; 0: none is opened */
	size_t bytes;	/* of all that comes out of one file */
	struct deadline *deadline; /* of the run; NULL: none */
};

struct unpack_part {
	const char *name; /* "inner", "inner!deeper"; "": the file itself, also
			   * when it was only compressed */
	uint32_t number;  /* 0: the file itself; else the same each time */
	const char *text;
	size_t n;
	bool runs; /* printable runs: only rules that know a shape count, and
		    * only what none of the texts before has */
};

/* What came of it besides the texts. */
struct unpack_note {
	uint32_t binary;  /* files that are no text */
	uint32_t archives;
	bool late;	   /* ... and the run's time was why */
	uint32_t problems; /* archives not read to their end */
	char why[160];	   /* of the first */
};

/* Called for each text; -1 with e: fail, 1: that is enough. */
typedef int (*unpack_each)(void *arg, const struct unpack_part *part,
			   struct err *e);

int unpack(const struct unpack_limits *l, const char *p, size_t n,
	   unpack_each each, void *arg, struct unpack_note *note, struct err *e)
	__attribute__((warn_unused_result));

/* One part again.  *text and *name are malloc()ed; *text NULL: not there. */
int unpack_one(const struct unpack_limits *l, const char *p, size_t n,
	       uint32_t number, char **text, size_t *text_n, char **name,
	       struct err *e) __attribute__((warn_unused_result));

#endif
