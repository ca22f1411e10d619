/*
 * fuzz_file: files that a target hands to code which takes names, in a folder
 * of its own in memory, removed at the end.
 */
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fuzz_folder[64];

static int fuzz_remove(const char *path, const struct stat *st, int type,
		       struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void fuzz_tidy(void)
{
	if (*fuzz_folder)
		nftw(fuzz_folder, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
	*fuzz_folder = '\0';
}

/* The path of a name there; good until the next call for it. */
static const char *fuzz_path(const char *name, char out[static 128])
{
	if (!*fuzz_folder) {
		memcpy(fuzz_folder, "/dev/shm/curfew-fuzz-XXXXXX", 28);
		if (!mkdtemp(fuzz_folder))
			abort();
		atexit(fuzz_tidy);
	}
	snprintf(out, 128, "%s/%s", fuzz_folder, name);
	return out;
}

static inline void fuzz_file(const char *name, const void *p, size_t n,
			     char path[static 128])
{
	int fd = open(fuzz_path(name, path),
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd))
		abort();
}

#endif
