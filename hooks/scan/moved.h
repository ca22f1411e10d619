/*
 * moved: where a file that is new to a commit may come from.
 */
#ifndef SCAN_MOVED_H
#define SCAN_MOVED_H

#include <git2.h>

#define MOVED_MAX 32u /* files that are asked for one that is new */

/* The files that `diff` takes away, at most `max`, as borrowed pointers: those
 * that are called as `path` is come first, then those of its folder, then the
 * others.  Returns how many. */
size_t moved_from(git_diff *diff, const char *path, const git_diff_delta **out,
		  size_t max);

#endif
