/*
 * source: where texts come from.
 *
 * Every source gives each text it has to the engine, counts what it could
 * not read in the tally, and fails only when it cannot go on at all.
 */
#ifndef SCAN_SOURCE_H
#define SCAN_SOURCE_H

#include "hooks/scan/engine.h"

struct source {
	const struct engine *engine;
	struct tally *tally;
	struct findings *list;
	unsigned threads;
	size_t max_file; /* bytes of one text; above: counted as a problem */
	bool whole;	 /* git: every object whole, the tests' yardstick */
	struct buf *objects; /* git: a line per finding and object, or NULL */
};

/* A folder (recursively, .git left out, links not followed) or one file. */
int source_files(const struct source *s, const char *path, struct err *e)
	__attribute__((warn_unused_result));
/* Every object of a git repository. */
int source_git(const struct source *s, const char *path, struct err *e)
	__attribute__((warn_unused_result));
/* Standard input, as one text without a name. */
int source_stdin(const struct source *s, struct err *e)
	__attribute__((warn_unused_result));

#endif
