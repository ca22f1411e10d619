/*
 * crash: ends the process at a labelled point, in test builds only.
 *
 * Promises: _exit without flushing or cleaning, as a power cut would.
 */
#include "base/crash.h"

#ifdef CURFEW_TEST

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CRASH_EXIT 137

static void list(const char *label)
{
	const char *file = getenv("CURFEW_CRASH_LIST");
	char line[128];
	size_t n = strnlen(label, sizeof(line) - 1);
	int fd;

	if (!file || !*file)
		return;
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	memcpy(line, label, n);
	line[n] = '\n';
	if (write(fd, line, n + 1) < 0)
		_exit(CRASH_EXIT);
	close(fd);
}

/* CURFEW_PAUSE_AT=label, CURFEW_PAUSE_FILE=path: at its first passing the file
 * is made, and gone on when somebody has removed it. */
static void pause_at(const char *label)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	const char *at = getenv("CURFEW_PAUSE_AT");
	const char *file = getenv("CURFEW_PAUSE_FILE");
	static bool done;
	int fd;

	if (done || !at || !file || strcmp(at, label) != 0)
		return;
	done = true;
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		_exit(CRASH_EXIT);
	close(fd);
	while (access(file, F_OK) == 0)
		nanosleep(&nap, NULL);
}

void crash_point(const char *label)
{
	static long passed;
	const char *at = getenv("CURFEW_CRASH_AT");
	size_t n = strlen(label);
	long wanted = 1;

	list(label);
	pause_at(label);
	if (!at || strncmp(at, label, n) != 0)
		return;
	if (at[n] == ':')
		wanted = strtol(at + n + 1, NULL, 10);
	else if (at[n] != '\0')
		return;
	if (__atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED) == wanted)
		_exit(CRASH_EXIT);
}

#else

extern int crash_unused; /* an empty file is not C */

#endif
