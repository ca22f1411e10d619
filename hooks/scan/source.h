/*
 * source: where texts come from.
 *
 * Every source gives each text it has to the engine, counts what it could
 * not read in the tally, and fails only when it cannot go on at all.
 */
#ifndef SCAN_SOURCE_H
#define SCAN_SOURCE_H

#include "hooks/scan/engine.h"
#include "hooks/scan/progress.h"

struct source {
	const struct engine *engine;
	struct tally *tally;
	struct findings *list;
	unsigned threads;
	size_t max_file; /* bytes of one text; above: counted as a problem */
	bool whole;	 /* git: every object whole, the tests' yardstick */
	const char *skip[3]; /* files: not looked at (the rules, the baseline,
			      * an earlier report); may be NULL */
	bool missing_ok; /* git: what a shallow or partial clone lacks is told,
			  * but is no problem */
	size_t most_held;	   /* git: as in struct walk */
	struct progress *progress; /* or NULL */
	struct deadline *deadline; /* NULL: none */
	struct buf *objects; /* git: a line per finding and object, or NULL */
};

/* A folder (recursively, .git left out, links not followed, but where they
 * point looked at) or one file. */
int source_files(const struct source *s, const char *path, struct err *e)
	__attribute__((warn_unused_result));
/* What a push brought: the object folder of the quarantine.  Objects that
 * the repository had before (bases of a thin pack) are left out. */
struct tip;
struct quarantine {
	const char *git_dir, *objects, *alternates;
	const struct tip *tip; /* what the refs shall be */
	size_t tips;
};
int source_push(const struct source *s, const struct quarantine *q,
		struct err *e) __attribute__((warn_unused_result));
/* What commits hold more than their parents. */
struct revs;
int source_range(const struct source *s, const char *path,
		 const struct revs *revs, struct err *e) __attribute__((warn_unused_result));
/* What is staged and not in HEAD.  `index`: GIT_INDEX_FILE, or NULL (git
 * commits with another index than the repository's at times). */
int source_index(const struct source *s, const char *path, const char *index,
		 struct err *e)
	__attribute__((warn_unused_result));
/* Every object of a git repository. */
int source_git(const struct source *s, const char *path, struct err *e)
	__attribute__((warn_unused_result));
/* Standard input, as one text without a name. */
int source_stdin(const struct source *s, struct err *e)
	__attribute__((warn_unused_result));

#endif
