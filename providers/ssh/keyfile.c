/*
 * keyfile: see the header.  The folder is held open from the first look to
 * the rename, so nobody can swap it in between.
 */
#include "providers/ssh/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "providers/ssh/walk.h"

#define XATTR_NAMES 2048
#define XATTR_VALUE 2048
#define LOCK_TRIES 40
#define LOCK_STEP_MS 25

/* Read dirfd/name whole.  1 read, 0 not there, -1. */
static int slurp(int dirfd, const char *name, const char *shown, uid_t owner,
		 struct stat *st, struct buf *out, struct err *e)
{
	char block[4096];
	ssize_t n;
	int rc = -1;
	/* O_NONBLOCK: a pipe planted here must not hold us */
	int fd = openat(dirfd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return err_fail(e, ERR_POLICY, shown, "a symbolic link appeared in its place");
	if (fd < 0)
		return err_sys(e, shown, "cannot open it");
	if (fstat(fd, st)) {
		err_sys(e, shown, "cannot look at it");
		goto out;
	}
	if (!S_ISREG(st->st_mode)) {
		err_fail(e, ERR_POLICY, shown, "it is not a regular file");
		goto out;
	}
	if (owner != KEYFILE_ANY_OWNER && st->st_uid != owner && st->st_uid != 0 &&
	    st->st_uid != geteuid()) {
		err_fail(e, ERR_POLICY, shown,
			 "it belongs to user %u, neither to the account nor to root",
			 (unsigned)st->st_uid);
		goto out;
	}
	while ((n = read(fd, block, sizeof(block))) > 0)
		if (buf_add(out, block, (size_t)n, e))
			goto out;
	if (n < 0) {
		err_sys(e, shown, "cannot read it");
		goto out;
	}
	rc = 1;
out:
	close(fd);
	return rc;
}

int keyfile_open(const char *root, const char *path, uid_t owner,
		 struct keyfile *f, struct err *e)
{
	int n;

	memset(f, 0, sizeof(*f));
	f->dirfd = -1;
	f->text.max = KEYFILE_MAX;
	f->shown = mem_strdup(path);
	if (!f->shown)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (walk(root, path, &f->dirfd, &f->dir, &f->name, e))
		goto fail;
	if (f->dirfd < 0)
		return 0;
	n = slurp(f->dirfd, f->name, f->shown, owner, &f->st, &f->text, e);
	if (n < 0)
		goto fail;
	f->exists = n > 0;
	return 0;
fail:
	keyfile_close(f);
	return err_ctx(e, path, "read the key file");
}

void keyfile_close(struct keyfile *f)
{
	if (f->dirfd >= 0)
		close(f->dirfd);
	f->dirfd = -1;
	mem_free(f->shown);
	mem_free(f->dir);
	mem_free(f->name);
	f->shown = f->dir = f->name = NULL;
	buf_release(&f->text);
}

int keyfile_lock(const struct keyfile *f)
{
	int fd = f->dirfd < 0 ? -1 :
		 openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES) {
			log_line(LOG_WARNING, "ssh: the folder of '%s' cannot be locked: %s",
				 f->shown, strerror(errno));
			close(fd);
			return -1;
		}
		clock_sleep_ms(LOCK_STEP_MS);
	}
	return fd;
}

/* Labels, access lists: what the file system and our rights allow. */
static void copy_xattrs(const struct keyfile *f, int to)
{
	char names[XATTR_NAMES], value[XATTR_VALUE];
	ssize_t n, len;
	int from = openat(f->dirfd, f->name,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (from < 0)
		return;
	n = flistxattr(from, names, sizeof(names));
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		len = fgetxattr(from, names + i, value, sizeof(value));
		if (len < 0 || (fsetxattr(to, names + i, value, (size_t)len, 0) &&
				errno != ENOTSUP))
			log_line(LOG_WARNING,
				 "ssh: attribute '%s' of '%s' cannot be kept: %s",
				 names + i, f->shown, strerror(errno));
	}
	close(from);
}

/* Is what we read still what is there? */
static int unchanged(const struct keyfile *f, struct err *e)
{
	struct buf now = BUF_INIT(KEYFILE_MAX);
	struct stat st;
	int n = slurp(f->dirfd, f->name, f->shown, KEYFILE_ANY_OWNER, &st, &now, e);
	int rc = -1;

	if (n < 0)
		goto out;
	if ((n > 0) != f->exists ||
	    (n > 0 && (st.st_ino != f->st.st_ino || st.st_dev != f->st.st_dev ||
		       now.len != f->text.len ||
		       (now.len && memcmp(now.p, f->text.p, now.len) != 0)))) {
		err_fail(e, ERR_BUSY, f->shown, "somebody else changed it meanwhile");
		goto out;
	}
	rc = 0;
out:
	buf_release(&now);
	return rc;
}

static int fill(const struct keyfile *f, int fd, const void *p, size_t n,
		const struct keyfile_new *fresh, struct err *e)
{
	uid_t uid = f->exists ? f->st.st_uid : fresh->uid;
	gid_t gid = f->exists ? f->st.st_gid : fresh->gid;
	mode_t mode = f->exists ? f->st.st_mode & 0777 : fresh->mode;
	struct stat st;

	if (io_write_all(fd, p, n, e))
		return -1;
	if (fstat(fd, &st))
		return err_sys(e, f->shown, "cannot look at the new file");
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid))
		return err_sys(e, f->shown, "cannot keep its owner");
	if (fchmod(fd, mode))
		return err_sys(e, f->shown, "cannot keep its mode");
	if (f->exists)
		copy_xattrs(f, fd);
	if (fsync(fd))
		return err_sys(e, f->shown, "cannot bring it to the disk");
	return 0;
}

static int temp_check(const struct keyfile *f, const char *temp,
		      keyfile_check check, void *arg, struct err *e)
{
	struct buf path = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (!check)
		return 0;
	if (!buf_printf(&path, e, "%s%s", f->dir, temp))
		rc = check(path.p, arg, e);
	buf_release(&path);
	return rc;
}

/* The new name must outlive a power cut. */
static void sync_dir(const struct keyfile *f)
{
	int fd = openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		log_line(LOG_WARNING, "ssh: the folder of '%s' cannot be synced: %s",
			 f->shown, strerror(errno));
	if (fd >= 0)
		close(fd);
}

int keyfile_replace(struct keyfile *f, const void *p, size_t n,
		    const struct keyfile_new *fresh, keyfile_check check,
		    void *arg, struct err *e)
{
	unsigned char salt[8];
	char hex[2 * sizeof(salt) + 1], temp[48];
	int fd = -1, rc = -1;

	if (f->dirfd < 0)
		return err_fail(e, ERR_ABSENT, f->shown, "its folder does not exist");
	secret_random(salt, sizeof(salt));
	text_hex(salt, sizeof(salt), hex);
	snprintf(temp, sizeof(temp), ".curfew-%s", hex);
	fd = openat(f->dirfd, temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, f->shown, "cannot write beside it");
	crash_point("ssh:temp");
	if (fill(f, fd, p, n, fresh, e) || temp_check(f, temp, check, arg, e))
		goto out;
	crash_point("ssh:before-rename");
	if (unchanged(f, e))
		goto out;
	if (renameat(f->dirfd, temp, f->dirfd, f->name)) {
		err_sys(e, f->shown, "cannot put the new file in its place");
		goto out;
	}
	crash_point("ssh:after-rename");
	sync_dir(f);
	rc = 0;
out:
	close(fd);
	if (rc) {
		unlinkat(f->dirfd, temp, 0);
		err_state(e, "the file is as it was");
	}
	return rc;
}
