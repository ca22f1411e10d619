/*
 * storage: the disk under a whole curfew fails at one operation of its choice.
 * Linked to every source of curfew as curfew-storage; SQLite's operations are
 * seen through a VFS in front of its own, curfew's own (head file, lifeboat,
 * envelope) through --wrap.
 *
 * CURFEW_STORAGE=KIND:N   at the N-th operation on the vault's files:
 *   io     an I/O error, once         short  half of a write, then the error
 *   full   no room from then on, until the ballast is removed
 *   flood  no room from then on; what overwrites bytes that are there works
 *   dead   from then on everything fails
 *   read   an I/O error of a read     exit, torn  the process ends there, torn:
 *                                     in the middle of the write
 *   count  nothing; says at the end how many operations there were
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <fcntl.h>

#include "tests/unit/vfsshim.h"

enum kind { NONE, IO, SHORT, FULL, FLOOD, DEAD, READ, EXIT, TORN, COUNT };

static const char *const words[] = { "none", "io", "short", "full", "flood",
				     "dead", "read", "exit", "torn", "count" };

static struct {
	enum kind kind;
	long at, count;
	bool on, relief;
} plan;

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
int __real_posix_fallocate(int fd, off_t at, off_t n);
int __real_unlink(const char *path);
int __real_sqlite3_initialize(void);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_unlink(const char *path);
int __wrap_sqlite3_initialize(void);

static void say(const char *text)
{
	if (__real_write(2, text, strlen(text)) < 0)
		_exit(99);
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("CURFEW_STORAGE"), *colon;

	for (size_t i = 0; text && i < sizeof(words) / sizeof(*words); i++) {
		const size_t n = strlen(words[i]);

		if (strncmp(text, words[i], n) == 0 &&
		    (text[n] == ':' || !text[n]))
			plan.kind = (enum kind)i;
	}
	colon = text ? strchr(text, ':') : NULL;
	plan.at = colon ? strtol(colon + 1, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	char text[60];

	if (plan.kind != COUNT)
		return;
	(void)snprintf(text, sizeof(text), "storage: operations %ld\n",
		       plan.count);
	say(text);
}

/* What becomes of this one; NONE: nothing. */
static enum kind fate(bool reading)
{
	if (plan.kind == NONE || (plan.kind == READ) != reading)
		return NONE;
	if (++plan.count == plan.at) {
		plan.on = true;
		say("storage: hit\n");
		return plan.kind;
	}
	return plan.on && !plan.relief &&
			       (plan.kind == FULL || plan.kind == FLOOD ||
				plan.kind == DEAD) ?
		       plan.kind : NONE;
}

/* ---- SQLite's ---------------------------------------------------------------------- */

static int hook(const struct vfs_event *ev)
{
	const enum kind k = ev->op == VFS_DELETE ? NONE :
						   fate(ev->op == VFS_READ);

	if (k == EXIT || (k == TORN && ev->op != VFS_WRITE))
		_exit(137);
	if (k == NONE || k == COUNT)
		return VFS_PASS;
	switch (ev->op) {
	case VFS_READ:
		return SQLITE_IOERR_READ;
	case VFS_TRUNCATE:
		return k == FULL || k == FLOOD ? VFS_PASS : SQLITE_IOERR_TRUNCATE;
	case VFS_SYNC:
		return k == FULL || k == FLOOD ? VFS_PASS : SQLITE_IOERR_FSYNC;
	default:
		break;
	}
	if (k == FULL || k == FLOOD)
		return SQLITE_FULL;
	if (k == SHORT || k == TORN)
		ev->real->pMethods->xWrite(ev->real, ev->p, ev->n / 2, ev->at);
	if (k == TORN)
		_exit(137);
	return SQLITE_IOERR_WRITE;
}

/* Not before: SQLite takes our allocator only while it has not begun. */
int __wrap_sqlite3_initialize(void)
{
	const int rc = __real_sqlite3_initialize();

	vfsshim_install(hook);
	return rc;
}

/* ---- ours --------------------------------------------------------------------------- */

static bool is_file(int fd)
{
	struct stat st;

	return fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int failed(enum kind k)
{
	errno = k == FULL || k == FLOOD ? ENOSPC : EIO;
	return -1;
}

static bool grows(int fd, off_t at, size_t n)
{
	struct stat st;

	return fstat(fd, &st) != 0 || at + (off_t)n > st.st_size;
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	const enum kind k = is_file(fd) ? fate(false) : NONE;

	if (k == NONE || k == COUNT ||
	    ((k == FULL || k == FLOOD) && !grows(fd, at, n)))
		return __real_pwrite(fd, p, n, at);
	if ((k == SHORT || k == TORN) && __real_pwrite(fd, p, n / 2, at) < 0)
		return -1;
	if (k == EXIT || k == TORN)
		_exit(137);
	return failed(k);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	const enum kind k = is_file(fd) ? fate(false) : NONE;

	if (k == NONE || k == COUNT)
		return __real_write(fd, p, n);
	if (k == SHORT || k == TORN) {
		const ssize_t half = __real_write(fd, p, n / 2);

		if (k == TORN)
			_exit(137);
		return half; /* the rest is asked for again */
	}
	if (k == EXIT)
		_exit(137);
	return failed(k);
}

static int synced(int fd, int (*real)(int))
{
	const enum kind k = fate(false);

	if (k == EXIT || k == TORN)
		_exit(137);
	return k == IO || k == SHORT || k == DEAD ? failed(k) : real(fd);
}

int __wrap_fsync(int fd)
{
	return synced(fd, __real_fsync);
}

int __wrap_fdatasync(int fd)
{
	return synced(fd, __real_fdatasync);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
	const enum kind k = fate(false);

	if (k == EXIT || k == TORN)
		_exit(137);
	return k == NONE || k == COUNT ? __real_renameat(a, from, b, to) :
					 failed(k);
}

int __wrap_posix_fallocate(int fd, off_t at, off_t n)
{
	const enum kind k = fate(false);

	if (k == EXIT || k == TORN)
		_exit(137);
	if (k == NONE || k == COUNT)
		return __real_posix_fallocate(fd, at, n);
	return k == FULL || k == FLOOD ? ENOSPC : EIO;
}

int __wrap_unlink(const char *path)
{
	const int rc = __real_unlink(path);
	const char *name = strrchr(path, '/');

	if (rc == 0 && plan.kind == FULL && plan.on && name &&
	    strcmp(name, "/vault.ballast") == 0)
		plan.relief = true;
	return rc;
}
