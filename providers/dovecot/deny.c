/*
 * deny: the passwd-file of Dovecot's deny passdb, one user a line.
 *
 * Lines that are not ours (comments, other users) stay as they are.  The file
 * is replaced as a whole, one writer at a time in this process and among
 * others, and keeps owner and mode.  Several threads' changes go in together.
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

/* One thread's wish.  Who finds the file free writes all that wait: a kill of a
 * thousand mailboxes writes it some hundred times. */
struct wish {
	const char *user;
	bool denied, was, done;
	int rc;
	struct err e;
	struct wish *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t written = PTHREAD_COND_INITIALIZER;
static struct wish *waiting;
static bool writing;

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

static int put(struct deny *d, const char *user, struct err *e)
{
	bool open = d->text.len && d->text.p[d->text.len - 1] != '\n';

	return buf_printf(&d->text, e, "%s%s\n", open ? "\n" : "", user);
}

static int take_out(struct deny *d, const char *user, struct err *e)
{
	struct buf text = BUF_INIT(DENY_MAX);

	if (without(d, user, &text, e)) {
		buf_release(&text);
		return -1;
	}
	buf_release(&d->text);
	d->text = text;
	return 0;
}

/* One wish done to the text. */
static int grant(struct deny *d, struct wish *w, bool *changed, struct err *e)
{
	w->was = deny_has(d, w->user);
	if (w->was == w->denied)
		return 0;
	*changed = true;
	return w->denied ? put(d, w->user, e) : take_out(d, w->user, e);
}

/* Never back in time, and on by a second when the file did not grow: its size
 * may then be one that the server has seen in that second. */
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

/* All wishes in one replacement: all are done or none is. */
static int write_all(const char *path, struct wish *list, struct err *e)
{
	struct deny d = { .changed_ms = 0 };
	bool changed = false;
	size_t before;
	int rc = -1, fd;

	fd = lock_folder(path, e);
	if (fd < 0 || deny_read(path, &d, e))
		goto out;
	before = d.text.len;
	for (struct wish *w = list; w; w = w->next)
		if (grant(&d, w, &changed, e))
			goto out;
	if (changed) {
		crash_point("dovecot.before-deny");
		if (io_write_atomic(path, d.text.p ? d.text.p : "", d.text.len, 0,
				    e) ||
		    stamp(path, (time_t)d.stamp_s, d.text.len > before, e))
			goto out;
		crash_point("dovecot.after-deny");
	}
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	deny_free(&d);
	return rc;
}

/* With the lock, which is let go while the file is written. */
static void lead(const char *path)
{
	struct err e = ERR_INIT;
	struct wish *list = waiting, *w;
	int rc;

	waiting = NULL;
	writing = true;
	pthread_mutex_unlock(&lock);
	rc = write_all(path, list, &e);
	pthread_mutex_lock(&lock);
	writing = false;
	while ((w = list)) {
		list = w->next;
		w->rc = rc;
		w->e = e;
		w->done = true;
	}
	pthread_cond_broadcast(&written);
}

int deny_set(const char *path, const char *user, bool denied, bool *was,
	     struct err *e)
{
	struct wish w = { .user = user, .denied = denied };

	pthread_mutex_lock(&lock);
	w.next = waiting;
	waiting = &w;
	while (!w.done) {
		if (writing)
			pthread_cond_wait(&written, &lock);
		else
			lead(path);
	}
	pthread_mutex_unlock(&lock);
	*was = w.was;
	if (w.rc)
		*e = w.e;
	return w.rc;
}
