/*
 * moved: where a file that is new to a commit may come from.
 *
 * git has no renames: a commit takes a file away here and adds one there, and
 * when its text changed too, only likeness tells.  Here no likeness is measured:
 * the callers look whether a file that went away held the very secret that the
 * new one holds.  Then the secret moved with it, and is no new one.  A copy,
 * which takes nothing away, is not asked about: there is one secret more.
 */
#include "hooks/scan/moved.h"

#include <stdbool.h>
#include <string.h>

static const char *last_name(const char *path)
{
	const char *at = strrchr(path, '/');

	return at ? at + 1 : path;
}

static bool same_folder(const char *a, const char *b)
{
	size_t n = (size_t)(last_name(a) - a);

	return n == (size_t)(last_name(b) - b) && !strncmp(a, b, n);
}

/* 0: the same name, 1: the same folder, 2: neither. */
static int rank(const char *old, const char *path)
{
	if (!strcmp(last_name(old), last_name(path)))
		return 0;
	return same_folder(old, path) ? 1 : 2;
}

size_t moved_from(git_diff *diff, const char *path, const git_diff_delta **out,
		  size_t max)
{
	size_t n = 0, all = diff ? git_diff_num_deltas(diff) : 0;

	for (int want = 0; want < 3; want++)
		for (size_t i = 0; i < all && n < max; i++) {
			const git_diff_delta *d = git_diff_get_delta(diff, i);

			if (d->status == GIT_DELTA_DELETED &&
			    rank(d->old_file.path, path) == want)
				out[n++] = d;
		}
	return n;
}
