/*
 * source_names: secrets in the names that a push brings or a repository has: of
 * files and folders, branches and tags.
 */
#ifndef SCAN_SOURCE_NAMES_H
#define SCAN_SOURCE_NAMES_H

#include "hooks/scan/attribute.h"
#include "hooks/scan/source.h"

/* Names that the parents of a commit have as well are no news.  Rules that
 * know a shape count, scored ones do not. */
int source_names(const struct source *s, struct repo *r,
		 const struct commits *c, const struct tip *tip, size_t tips,
		 struct err *e) __attribute__((warn_unused_result));

/* The same of the whole history: each path once, with the first commit that has
 * it.  Ranks the commits. */
int source_names_all(const struct source *s, struct repo *r, struct commits *c,
		     struct err *e) __attribute__((warn_unused_result));

/* One path that came: rows for what its last part holds, and for folders that
 * none of the parents has; parents NULL: for its last part alone. */
struct git_tree;
struct git_tree_list {
	struct git_tree *const *v;
	size_t n;
};
int source_path_name(const struct source *s, struct scan_thread *t,
		     const char *path, const struct git_tree_list *parents,
		     struct err *e) __attribute__((warn_unused_result));

#endif
