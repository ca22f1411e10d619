/*
 * deny: the passwd-file of Dovecot's deny passdb, one user a line.
 *
 * Lines that are not ours (comments, other users) stay as they are.  The file
 * is replaced as a whole, under one lock for this process and one for others,
 * and keeps owner and mode.
 *
 * Dovecot reads it again only when its size or its time in whole seconds has
 * changed, so no two versions may share both: adding makes it longer, taking
 * out moves the time on by a second if need be.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/io.h"
#include "providers/dovecot/dovecot.h"

#define DENY_MAX (32u * 1024 * 1024)

static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;

int deny_read(const char *path, struct deny *d, struct err *e)
{
	struct stat st;

	d->text = (struct buf)BUF_INIT(DENY_MAX);
	d->changed_ms = d->stamp_s = 0;
	if (io_read_file(path, IO_OWNED, DENY_MAX, &d->text, e)) {
		err_hint(e, "an empty file of root's, mode 644, named by a passdb "
			 "with deny = yes");
		return -1;
	}
	/* after reading: a change in between counts as the newest */
	if (stat(path, &st))
		return err_sys(e, path, "cannot look at the deny file");
	d->stamp_s = st.st_mtime;
	d->changed_ms = (int64_t)st.st_ctim.tv_sec * 1000 +
			st.st_ctim.tv_nsec / 1000000;
	return 0;
}

void deny_free(struct deny *d)
{
	buf_release(&d->text);
}

/* The line of that user: its start and length with the newline; length 0 when
 * there is none. */
static size_t find(const struct deny *d, const char *user, size_t from,
		   size_t *start)
{
	size_t n = strlen(user), len = d->text.len;
	const char *p = d->text.p;

	while (from < len) {
		const char *nl = memchr(p + from, '\n', len - from);
		size_t end = nl ? (size_t)(nl - p) + 1 : len;
		size_t name = 0;

		while (from + name < end && !strchr(":\r\n", p[from + name]))
			name++;
		if (name == n && memcmp(p + from, user, n) == 0) {
			*start = from;
			return end - from;
		}
		from = end;
	}
	return 0;
}

bool deny_has(const struct deny *d, const char *user)
{
	size_t at;

	return find(d, user, 0, &at) > 0;
}

static int without(const struct deny *d, const char *user, struct buf *out,
		   struct err *e)
{
	size_t from = 0, at = 0, n;

	while ((n = find(d, user, from, &at)) > 0) {
		if (buf_add(out, d->text.p + from, at - from, e))
			return -1;
		from = at + n;
	}
	return from < d->text.len ?
		       buf_add(out, d->text.p + from, d->text.len - from, e) : 0;
}

static int with(const struct deny *d, const char *user, struct buf *out,
		struct err *e)
{
	bool open = d->text.len && d->text.p[d->text.len - 1] != '\n';

	if (d->text.len && buf_add(out, d->text.p, d->text.len, e))
		return -1;
	return buf_printf(out, e, "%s%s\n", open ? "\n" : "", user);
}

/* Never back in time, and on by a second when the file did not grow. */
static int stamp(const char *path, time_t old, bool grew, struct err *e)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = 0 } };
	struct stat st;

	if (stat(path, &st))
		return err_sys(e, path, "cannot look at the deny file");
	if (st.st_mtime > old || (grew && st.st_mtime == old))
		return 0;
	t[1].tv_sec = grew ? old : old + 1;
	if (utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW))
		return err_sys(e, path, "cannot set the deny file's time");
	return 0;
}

static int lock_folder(const char *path, struct err *e)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	int fd;

	(void)snprintf(dir, sizeof(dir), "%.*s",
		       slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, dir, "cannot open the deny file's folder");
	while (flock(fd, LOCK_EX))
		;
	return fd;
}

int deny_set(const char *path, const char *user, bool denied, bool *was,
	     struct err *e)
{
	struct deny d = { .changed_ms = 0 };
	struct buf text = BUF_INIT(DENY_MAX);
	int rc = -1, fd = -1;

	pthread_mutex_lock(&writer);
	fd = lock_folder(path, e);
	if (fd < 0 || deny_read(path, &d, e))
		goto out;
	*was = deny_has(&d, user);
	if (*was == denied) {
		rc = 0;
		goto out;
	}
	if (denied ? with(&d, user, &text, e) : without(&d, user, &text, e))
		goto out;
	crash_point("dovecot.before-deny");
	if (io_write_atomic(path, text.p ? text.p : "", text.len, 0, e) ||
	    stamp(path, (time_t)d.stamp_s, denied, e))
		goto out;
	crash_point("dovecot.after-deny");
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	deny_free(&d);
	buf_release(&text);
	pthread_mutex_unlock(&writer);
	return rc;
}
