/*
 * io_move: a rename that lasts.
 *
 * rename(2) replaces at once for readers, but only a sync of the folder
 * makes it survive a power cut; both folders are synced when they differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

static int sync_folder_of(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = NULL;
	int fd = -1, rc = -1;

	if (!slash)
		dir = mem_strdup(".");
	else if (slash == path)
		dir = mem_strdup("/");
	else
		dir = mem_strndup(path, (size_t)(slash - path));
	if (!dir) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
		err_sys(e, dir, "sync the folder");
		goto out;
	}
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	mem_free(dir);
	return rc;
}

int io_move(const char *from, const char *to, struct err *e)
{
	if (rename(from, to) != 0)
		return err_sys(e, to, "rename '%s' to it", from);
	if (sync_folder_of(to, e) != 0)
		return -1;
	return sync_folder_of(from, e);
}

int io_sync(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = 0;

	if (fd < 0)
		return err_sys(e, path, "open");
	if (fsync(fd) != 0)
		rc = err_sys(e, path, "sync");
	if (close(fd) != 0 && rc == 0)
		rc = err_sys(e, path, "close");
	return rc;
}
