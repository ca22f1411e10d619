/*
 * place: see place.h.
 *
 * The temporary file is made beside the target, so that the rename stays within
 * one folder and one file system.  Everything is done on open descriptors.
 */
#include "providers/sink/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

#define ACCOUNT_MAX 1024

/* A path below the root that means one thing only. */
static bool plain_path(const char *s)
{
	const char *part = s;

	if (!*s || strlen(s) > ACCOUNT_MAX || !text_utf8(s, strlen(s)))
		return false;
	for (;; s++) {
		if (*s && ((unsigned char)*s < 0x20 || *s == 0x7f))
			return false;
		if (*s && *s != '/')
			continue;
		if (s == part || (s - part == 1 && part[0] == '.') ||
		    (s - part == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (!*s)
			return true;
		part = s + 1;
	}
}

static int open_below(int root, const char *path, const char *shown, struct err *e)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd >= 0)
		return fd;
	if (errno == ELOOP || errno == EXDEV)
		return err_fail(e, ERR_POLICY, shown,
				"a symbolic link stands on the way to it");
	if (errno == ENOENT)
		return err_fail(e, ERR_ABSENT, shown, "its folder does not exist");
	if (errno == ENOTDIR)
		return err_fail(e, ERR_POLICY, shown, "what should be a folder is none");
	if (errno == ENOSYS)
		return err_fail(e, ERR_UNSUPPORTED, shown,
				"this kernel has no openat2 (Linux 5.6)");
	return err_sys(e, shown, "open its folder");
}

/* Who may write here could put another file into our file's place. */
static int check_folder(int fd, const struct place_look *look, const char *shown,
			struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, shown, "look at its folder");
	if (st.st_mode & S_IWOTH)
		return err_fail(e, ERR_POLICY, shown, "everybody may write in its folder");
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != look->uid)
		return err_fail(e, ERR_POLICY, shown,
				"its folder belongs to user %u, neither to us nor to "
				"the file's owner", (unsigned)st.st_uid);
	return 0;
}

int place_open(const char *root, const char *account, const struct place_look *look,
	       struct place *p, struct err *e)
{
	const char *slash = strrchr(account, '/');
	const char *name = slash ? slash + 1 : account;
	char *dir = NULL;
	int fd = -1, rc = -1;

	p->dirfd = -1;
	if (!plain_path(account) || strlen(name) > PLACE_NAME)
		return err_fail(e, ERR_POLICY, account,
				"it is no plain path below the root folder");
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->note, sizeof(p->note), ".%s.curfew", name);
	dir = slash ? mem_strndup(account, (size_t)(slash - account)) : mem_strdup(".");
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!dir)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else if (fd < 0)
		err_sys(e, root, "open the root folder");
	else
		p->dirfd = open_below(fd, dir, account, e);
	if (p->dirfd < 0 || check_folder(p->dirfd, look, account, e))
		goto out;
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	if (rc)
		place_close(p);
	mem_free(dir);
	return rc;
}

void place_close(struct place *p)
{
	if (p->dirfd >= 0)
		close(p->dirfd);
	p->dirfd = -1;
}

static int slurp(int fd, const char *name, struct buf *out, struct err *e)
{
	char block[4096];
	ssize_t n;
	int rc = 0;

	while (!rc && (n = read(fd, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		rc = n < 0 ? err_sys(e, name, "read it") : buf_add(out, block, (size_t)n, e);
	}
	explicit_bzero(block, sizeof(block));
	return rc;
}

int place_read(const struct place *p, const char *name, struct buf *out,
	       struct stat *st, struct err *e)
{
	struct stat mine = { 0 };
	int fd = openat(p->dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int rc = -1;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return err_fail(e, ERR_POLICY, name, "a symbolic link stands in its place");
	if (fd < 0)
		return err_sys(e, name, "open it");
	if (fstat(fd, &mine))
		err_sys(e, name, "look at it");
	else if (!S_ISREG(mine.st_mode))
		err_fail(e, ERR_POLICY, name, "what stands in its place is no file");
	else if (mine.st_nlink > 1)
		err_fail(e, ERR_POLICY, name,
			 "the file has %u names: the old secret would stay under another",
			 (unsigned)mine.st_nlink);
	else
		rc = slurp(fd, name, out, e) ? -1 : 1;
	if (st)
		*st = mine;
	close(fd);
	return rc;
}

/* Bytes, owner and mode, on the disk, before the name points there. */
static int fill(int fd, const char *name, const struct buf *text,
		const struct place_look *look, struct stat *st, struct err *e)
{
	if (io_write_all(fd, text->p ? text->p : "", text->len, e))
		return -1;
	if (fstat(fd, st))
		return err_sys(e, name, "look at the new file");
	if ((st->st_uid != look->uid || st->st_gid != look->gid) &&
	    fchown(fd, look->uid, look->gid))
		return err_sys(e, name, "give it to its owner");
	if (fchmod(fd, (mode_t)look->mode))
		return err_sys(e, name, "set its mode");
	if (fsync(fd))
		return err_sys(e, name, "bring it to the disk");
	return 0;
}

/* Is what stands there now what we wrote? */
static int read_back(const struct place *p, const char *name, const struct buf *text,
		     const struct stat *ours, const struct place_look *look,
		     struct err *e)
{
	struct buf now = BUF_INIT(PLACE_MAX);
	struct err mine = ERR_INIT;
	struct stat st = { 0 };
	int n, rc = -1;

	if (buf_reserve(&now, text->len + 1, e))
		return -1;
	/* whatever stands there, ours was written: no refusal any more */
	n = place_read(p, name, &now, &st, &mine);
	if (n < 0)
		err_fail(e, ERR_TAMPER, name, "it cannot be read back: %.300s", mine.cause);
	else if (n == 0)
		err_fail(e, ERR_TAMPER, name, "it is gone after it was written");
	else if (n > 0 && (st.st_ino != ours->st_ino || st.st_dev != ours->st_dev ||
			   now.len != text->len ||
			   !secret_equal_bytes(now.p ? now.p : "",
					       text->p ? text->p : "", text->len)))
		err_fail(e, ERR_TAMPER, name, "read back, it is not what was written");
	else if (n > 0 && (st.st_uid != look->uid || st.st_gid != look->gid ||
			   (st.st_mode & 07777) != (mode_t)look->mode))
		err_fail(e, ERR_TAMPER, name, "read back, its owner or mode is another");
	else if (n > 0)
		rc = 0;
	buf_release(&now);
	return rc;
}

/* As the old file, unless something else is wanted. */
static int settle(const struct place *p, const char *name,
		  const struct place_look *want, struct place_look *out, struct err *e)
{
	struct stat st = { 0 };
	struct buf old = BUF_INIT(PLACE_MAX);
	int n = place_read(p, name, &old, &st, e);

	buf_release(&old);
	if (n < 0)
		return -1;
	*out = *want;
	if (want->uid == (uid_t)-1)
		out->uid = n ? st.st_uid : geteuid();
	if (want->gid == (gid_t)-1)
		out->gid = n ? st.st_gid : getegid();
	if (want->mode < 0)
		out->mode = n ? (int)(st.st_mode & 0770) : 0600;
	return 0;
}

int place_write(const struct place *p, const char *name, const struct buf *text,
		const struct place_look *want, struct err *e)
{
	char temp[PLACE_NAME + 32];
	struct place_look look;
	struct stat st;
	int fd, rc = -1;

	if (settle(p, name, want, &look, e))
		return -1;
	/* one name, so that what a crash left is found and goes */
	snprintf(temp, sizeof(temp), ".%.*s.new~", PLACE_NAME + 16, name);
	if (unlinkat(p->dirfd, temp, 0) && errno != ENOENT)
		return err_sys(e, name, "remove what an interrupted write left");
	fd = openat(p->dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return err_sys(e, name, "write beside it");
	crash_point("sink:temp");
	if (fill(fd, name, text, &look, &st, e))
		goto out;
	crash_point("sink:before-rename");
	if (renameat(p->dirfd, temp, p->dirfd, name)) {
		err_sys(e, name, "put the new file in its place");
		goto out;
	}
	crash_point("sink:after-rename");
	temp[0] = 0;
	if (fsync(p->dirfd))
		err_sys(e, name, "bring its folder to the disk");
	else
		rc = read_back(p, name, text, &st, &look, e);
out:
	close(fd);
	if (temp[0])
		unlinkat(p->dirfd, temp, 0);
	return rc;
}
