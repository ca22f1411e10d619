/*
 * io: files, the one door to the disk.
 *
 * Promises: no final symbolic link is followed; what is checked is the open
 * descriptor; a replaced file is the old one or the new one, never half.
 * Must never: print, or put a secret into anything but a struct secret.
 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/text.h"

#define READ_STEP 16384u

/* errno of an open as our error: what is not there has its own code. */
static int open_error(const char *path, struct err *e)
{
	if (errno == ENOENT)
		return err_fail(e, ERR_ABSENT, path, "%s", strerror(errno));
	if (errno == ELOOP)
		return err_fail(e, ERR_IO, path,
				"is a symbolic link, which is not followed");
	return err_sys(e, path, "open");
}

static int check_open(int fd, const char *path, enum io_check check,
		      struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, path, "stat");
	if (!S_ISREG(st.st_mode))
		return err_fail(e, ERR_IO, path, "is not a regular file");
	if (check == IO_ANY)
		return 0;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_fail(e, ERR_POLICY, path,
				"belongs to user %u, not to us or root",
				st.st_uid);
	if (check == IO_PRIVATE && (st.st_mode & 077)) {
		err_fail(e, ERR_POLICY, path,
			 "mode %03o lets others reach it",
			 st.st_mode & 07777u);
		err_hint(e, "chmod go= '%s'", path);
		return -1;
	}
	if (check == IO_OWNED && (st.st_mode & 022)) {
		err_fail(e, ERR_POLICY, path, "mode %03o lets others change it",
			 st.st_mode & 07777u);
		err_hint(e, "chmod go-w '%s'", path);
		return -1;
	}
	return 0;
}

static int open_checked(const char *path, enum io_check check, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
				    O_NONBLOCK);

	if (fd < 0)
		return open_error(path, e);
	if (check_open(fd, path, check, e) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* read() that survives signals and waits on a non-blocking descriptor. */
static ssize_t read_some(int fd, void *p, size_t n)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };

	for (;;) {
		ssize_t got = read(fd, p, n);

		if (got >= 0)
			return got;
		if (errno == EAGAIN) {
			if (poll(&pf, 1, -1) < 0 && errno != EINTR)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
}

int io_read_file(const char *path, enum io_check check, size_t max,
		 struct buf *out, struct err *e)
{
	int fd = open_checked(path, check, e), rc = -1;
	size_t before = out->len, room;
	ssize_t got;

	if (fd < 0)
		return -1;
	do {
		room = max - (out->len - before);
		if (room > READ_STEP)
			room = READ_STEP;
		/* one byte more than allowed, so that "too big" is seen */
		if (buf_reserve(out, room, e) != 0)
			goto out;
		if (room == 0) {
			char extra;

			got = read_some(fd, &extra, 1);
			if (got > 0) {
				err_fail(e, ERR_TOOBIG, path,
					 "larger than %zu bytes", max);
				goto out;
			}
		} else {
			got = read_some(fd, out->p + out->len, room);
		}
		if (got < 0) {
			err_sys(e, path, "read");
			goto out;
		}
		out->len += room ? (size_t)got : 0;
		out->p[out->len] = '\0';
	} while (got > 0);
	rc = 0;
out:
	close(fd);
	return rc;
}

/* ---- secrets -------------------------------------------------------------- */

struct filling {
	int fd;
	size_t n;
	bool over;
};

static int fill_from_fd(unsigned char *p, size_t n, void *arg)
{
	struct filling *f = arg;
	unsigned char extra;
	ssize_t got;

	while (f->n < n) {
		got = read_some(f->fd, p + f->n, n - f->n);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		f->n += (size_t)got;
	}
	if (f->n == n) {
		got = read_some(f->fd, &extra, 1);
		if (got < 0)
			return -1;
		f->over = got > 0 && !(extra == '\n');
		mem_wipe(&extra, 1);
	}
	if (f->n && !f->over && p[f->n - 1] == '\n')
		f->n--;
	return 0;
}

int io_read_secret_fd(int fd, struct secret **out, struct err *e)
{
	struct filling f = { .fd = fd };
	struct secret *s = secret_blank(SECRET_MAX, e);

	if (!s)
		return -1;
	if (secret_fill(s, fill_from_fd, &f) != 0) {
		err_sys(e, NULL, "read a secret");
	} else if (f.over) {
		err_fail(e, ERR_TOOBIG, NULL, "a secret over %u bytes",
			 SECRET_MAX);
	} else {
		secret_cut(s, f.n);
		*out = s;
		return 0;
	}
	secret_free(&s);
	return -1;
}

int io_read_secret(const char *path, enum io_check check, struct secret **out,
		   struct err *e)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return io_read_secret_fd(STDIN_FILENO, out, e);
	fd = open_checked(path, check, e);
	if (fd < 0)
		return -1;
	rc = io_read_secret_fd(fd, out, e);
	close(fd);
	return rc;
}

/* ---- writing -------------------------------------------------------------- */

int io_write_all(int fd, const void *p, size_t n, struct err *e)
{
	struct pollfd pf = { .fd = fd, .events = POLLOUT };
	const char *at = p;

	while (n) {
		ssize_t put = write(fd, at, n);

		if (put >= 0) {
			at += put;
			n -= (size_t)put;
		} else if (errno == EAGAIN) {
			if (poll(&pf, 1, -1) < 0 && errno != EINTR)
				return err_sys(e, NULL, "wait for writing");
		} else if (errno != EINTR) {
			return err_sys(e, NULL, "write");
		}
	}
	return 0;
}

/* A path as its open directory and the last name. */
struct place {
	int dir;
	const char *name;
	char temp[64];
};

static int place_open(const char *path, struct place *at, struct err *e)
{
	const char *slash = strrchr(path, '/');
	unsigned char rnd[12];
	char hex[2 * sizeof(rnd) + 1], *dir;

	at->dir = -1;
	at->name = slash ? slash + 1 : path;
	if (!*at->name || strcmp(at->name, ".") == 0 ||
	    strcmp(at->name, "..") == 0)
		return err_fail(e, ERR_IO, path, "is not a file's name");
	dir = !slash ? mem_strdup(".")
		     : mem_strndup(path, slash == path ? 1
						       : (size_t)(slash - path));
	if (!dir)
		return err_fail(e, ERR_NOMEM, path, "out of memory");
	at->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at->dir < 0)
		open_error(dir, e);
	mem_free(dir);
	if (at->dir < 0)
		return -1;
	secret_random(rnd, sizeof(rnd));
	text_hex(rnd, sizeof(rnd), hex);
	snprintf(at->temp, sizeof(at->temp), ".curfew-%s.tmp", hex);
	return 0;
}

/* What the new file inherits from the one it replaces. */
static int inherit(const struct place *at, int fd, const char *path,
		   mode_t mode, struct err *e)
{
	struct stat old, now;

	if (fstatat(at->dir, at->name, &old, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			return err_sys(e, path, "stat");
		if (fchmod(fd, mode ? mode : 0600) != 0)
			return err_sys(e, path, "set mode");
		return 0;
	}
	if (S_ISLNK(old.st_mode))
		return err_fail(e, ERR_IO, path,
				"is a symbolic link, which is not followed");
	if (!S_ISREG(old.st_mode))
		return err_fail(e, ERR_IO, path, "is not a regular file");
	if (fstat(fd, &now) != 0)
		return err_sys(e, path, "stat");
	if ((now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
	    fchown(fd, old.st_uid, old.st_gid) != 0)
		return err_sys(e, path, "keep the owner");
	if (fchmod(fd, mode ? mode : (old.st_mode & 07777)) != 0)
		return err_sys(e, path, "set mode");
	return 0;
}

static int write_temp(const struct place *at, const char *path, const void *p,
		      size_t n, mode_t mode, bool replace, struct err *e)
{
	int fd = openat(at->dir, at->temp,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	int rc = -1;

	if (fd < 0)
		return err_sys(e, path, "create");
	crash_point("io:temp");
	if (replace) {
		if (inherit(at, fd, path, mode, e) != 0)
			goto out;
	} else if (fchmod(fd, mode ? mode : 0600) != 0) {
		err_sys(e, path, "set mode");
		goto out;
	}
	if (io_write_all(fd, p, n, e) != 0) {
		err_ctx(e, path, "write");
		goto out;
	}
	if (fsync(fd) != 0) {
		err_sys(e, path, "sync");
		goto out;
	}
	rc = 0;
out:
	if (close(fd) != 0 && rc == 0)
		rc = err_sys(e, path, "close");
	if (rc != 0)
		unlinkat(at->dir, at->temp, 0);
	return rc;
}

static int sync_dir(const struct place *at, const char *path, struct err *e)
{
	if (fsync(at->dir) != 0 && errno != EINVAL)
		return err_sys(e, path, "sync the directory");
	return 0;
}

int io_write_atomic(const char *path, const void *p, size_t n, mode_t mode,
		    struct err *e)
{
	struct place at;
	int rc = -1;

	if (place_open(path, &at, e) != 0)
		return -1;
	if (write_temp(&at, path, p, n, mode, true, e) != 0)
		goto out;
	crash_point("io:written");
	if (renameat(at.dir, at.temp, at.dir, at.name) != 0) {
		err_sys(e, path, "rename");
		unlinkat(at.dir, at.temp, 0);
		goto out;
	}
	crash_point("io:renamed");
	rc = sync_dir(&at, path, e);
out:
	close(at.dir);
	return rc;
}

int io_create(const char *path, const void *p, size_t n, mode_t mode,
	      struct err *e)
{
	struct place at;
	int rc = -1;

	if (place_open(path, &at, e) != 0)
		return -1;
	if (write_temp(&at, path, p, n, mode, false, e) != 0)
		goto out;
	/* a link, unlike a rename, refuses when the name is taken */
	if (linkat(at.dir, at.temp, at.dir, at.name, 0) == 0)
		rc = 0;
	else if (errno == EEXIST)
		err_fail(e, ERR_EXISTS, path, "is already there");
	else
		err_sys(e, path, "create");
	unlinkat(at.dir, at.temp, 0);
	if (rc == 0)
		rc = sync_dir(&at, path, e);
out:
	close(at.dir);
	return rc;
}

static int make_dir(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0 || errno == EEXIST) {
		if (stat(path, &st) != 0)
			return err_sys(e, path, "stat");
		if (!S_ISDIR(st.st_mode))
			return err_fail(e, ERR_EXISTS, path,
					"is not a directory");
		return 0;
	}
	return err_sys(e, path, "make directory");
}

int io_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char *p = mem_strdup(path);
	int rc = -1;

	if (!p)
		return err_fail(e, ERR_NOMEM, path, "out of memory");
	for (char *s = p + 1; *p && *s; s++) {
		if (*s != '/' || s[-1] == '/')
			continue;
		*s = '\0';
		if (make_dir(p, mode, e) != 0)
			goto out;
		*s = '/';
	}
	rc = make_dir(p, mode, e);
out:
	mem_free(p);
	return rc;
}

/* ---- locks ---------------------------------------------------------------- */

int io_lock(const char *path, struct err *e)
{
	char pid[24] = "";
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
		      0600);
	int64_t holder;
	ssize_t n;

	if (fd < 0)
		return open_error(path, e);
	if (check_open(fd, path, IO_OWNED, e) != 0)
		goto fail;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK) {
			err_sys(e, path, "lock");
			goto fail;
		}
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		if (text_int(pid, 1, INT32_MAX, &holder))
			err_fail(e, ERR_BUSY, path, "process %s holds the lock",
				 pid);
		else
			err_fail(e, ERR_BUSY, path,
				 "another process holds the lock");
		goto fail;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* the pid is a courtesy for the message: a full disk costs only that */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) < 0)
		errno = 0;
	return fd;
fail:
	close(fd);
	return -1;
}

char *io_path(const char *dir, const char *name)
{
	size_t a = strlen(dir), b = strlen(name), n;
	char *p;

	if (!mem_add(a, b, &n) || !mem_add(n, 2, &n))
		return NULL;
	p = mem_alloc(n);
	if (!p)
		return NULL;
	memcpy(p, dir, a);
	if (a == 0 || p[a - 1] != '/')
		p[a++] = '/';
	memcpy(p + a, name, b + 1);
	return p;
}
