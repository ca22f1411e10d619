/*
 * spool: sealed files of hooks, read and put away.
 *
 * Works on the open folder (openat, renameat) and follows no link; done/ and
 * failed/ must be ours.  Must never remove a file but an old one of done/.
 */
#include "agent/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/lineproto.h"
#include "base/mem.h"
#include "vault/outward.h"

#define SUFFIX ".sealed"

struct spool {
	int dir;
	char *folder, **name;
	size_t n;
};

static bool wanted(const char *name)
{
	const size_t n = strlen(name), k = sizeof SUFFIX - 1;

	return n > k && n < 200 && name[0] != '.' &&
	       strcmp(name + n - k, SUFFIX) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(struct spool *s, struct err *e)
{
	const int fd = dup(s->dir);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	int rc = 0;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return err_sys(e, s->folder, "list");
	}
	s->name = mem_array(SPOOL_FILES_MAX, sizeof *s->name);
	if (s->name == NULL) {
		(void)closedir(d);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	for (struct dirent *de; rc == 0 && s->n < SPOOL_FILES_MAX &&
				(de = readdir(d)) != NULL;)
		if (wanted(de->d_name)) {
			s->name[s->n] = mem_strdup(de->d_name);
			if (s->name[s->n++] == NULL)
				rc = err_fail(e, ERR_NOMEM, NULL,
					      "out of memory");
		}
	(void)closedir(d);
	if (rc == 0 && s->n > 0)
		qsort(s->name, s->n, sizeof *s->name, by_name);
	return rc;
}

int spool_open(const char *folder, struct spool **out, struct err *e)
{
	struct spool *s = mem_zalloc(sizeof *s);

	*out = s;
	if (s == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->dir = -1;
	s->folder = mem_strdup(folder);
	if (s->folder == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return err_sys(e, folder, "open the spool");
	return list(s, e);
}

void spool_close(struct spool **sp)
{
	struct spool *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->name[i]);
	mem_free(s->name);
	mem_free(s->folder);
	if (s->dir >= 0)
		(void)close(s->dir);
	mem_free(s);
	*sp = NULL;
}

size_t spool_count(const struct spool *s)
{
	return s->n;
}

const char *spool_name(const struct spool *s, size_t i)
{
	return s->name[i];
}

/* ---- one file --------------------------------------------------------------- */

static int read_all(int fd, size_t size, struct buf *out, struct err *e)
{
	if (buf_reserve(out, size + 1, e) < 0)
		return -1;
	while (out->len < size) {
		const ssize_t n = read(fd, out->p + out->len, size - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, NULL, "read");
		if (n == 0)
			break; /* cut while we read: the seal will not fit */
		out->len += (size_t)n;
	}
	return 0;
}

static int read_sealed(const struct spool *s, size_t i, struct buf *out,
		       struct err *e)
{
	/* O_NONBLOCK: a FIFO must not hang us */
	const int fd = openat(s->dir, s->name[i], O_RDONLY | O_CLOEXEC |
				      O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int rc = -1;

	if (fd < 0) /* its own fault, not the spool's */
		return err_fail(e, ERR_FORMAT, s->name[i], "%s",
				errno == ELOOP ? "is a link" : strerror(errno));
	if (fstat(fd, &st) < 0)
		(void)err_sys(e, s->name[i], "stat");
	else if (!S_ISREG(st.st_mode))
		(void)err_fail(e, ERR_FORMAT, s->name[i], "is no regular file");
	else if (st.st_size > (off_t)SPOOL_FILE_MAX)
		(void)err_fail(e, ERR_TOOBIG, s->name[i], "%lld bytes; hooks "
			       "write at most %u", (long long)st.st_size,
			       SPOOL_FILE_MAX);
	else
		rc = read_all(fd, (size_t)st.st_size, out, e);
	(void)close(fd);
	return rc;
}

int spool_read(const struct spool *s, size_t i, struct vault *v,
	       struct buf *plain, unsigned char digest[32], struct err *e)
{
	struct buf box = BUF_INIT(SPOOL_FILE_MAX + 16);
	int rc = read_sealed(s, i, &box, e);

	if (rc == 0)
		rc = outward_open(v, box.p, box.len, plain, e);
	if (rc == 0)
		digest_hash(plain->p, plain->len, digest, 32);
	buf_release(&box);
	return rc;
}

/* Up to `max` texts of a list, with commas between. */
static int join(const struct json *list, size_t max, struct buf *out,
		struct err *e)
{
	const struct json *x = list != NULL ? json_first(list) : NULL;

	for (size_t i = 0; x != NULL && i < max; x = json_next(x), i++) {
		const char *v = json_text(x);

		if (v != NULL && buf_printf(out, e, "%s%.300s",
					    out->len > 0 ? ", " : "", v) < 0)
			return -1;
	}
	return 0;
}

static int take_head(const struct json *line, struct spool_head *h,
		     struct err *e)
{
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{ "source", &h->source }, { "repository", &h->repository },
		{ "pusher", &h->pusher }, { "override", &h->override },
	};
	struct buf updates = BUF_INIT(BUF_TEXT_MAX);
	int64_t version = 0;

	if (!json_int(line, "findings", &version) || version != 1)
		return err_fail(e, ERR_FORMAT, NULL, "its first line is no head "
				"of version 1");
	(void)json_int(line, "at", &h->at_ms);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *v = json_str(line, texts[i].key);

		*texts[i].to = mem_strndup(v != NULL ? v : "", 4096);
		if (*texts[i].to == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	if (join(json_get(line, "updates"), 5, &updates, e) < 0) {
		buf_release(&updates);
		return -1;
	}
	h->updates = mem_strdup(updates.len > 0 ? updates.p : "");
	buf_release(&updates);
	return h->updates != NULL ? 0 :
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

/* What the end tells of what was not looked at. */
static int take_left(const struct json *line, struct spool_head *h,
		     struct err *e)
{
	struct buf names = BUF_INIT(BUF_TEXT_MAX), text = BUF_INIT(BUF_TEXT_MAX);
	int64_t late = 0, other = 0;
	int rc = -1;

	(void)json_int(line, "unseen", &late);
	(void)json_int(line, "unread", &other);
	if (late <= 0 && other <= 0)
		return 0;
	if (join(json_get(line, "left"), 6, &names, e) < 0 ||
	    (late > 0 && buf_printf(&text, e, "%lld as the time was over",
				    (long long)late) < 0) ||
	    (other > 0 && buf_printf(&text, e, "%s%lld not whole",
				     late > 0 ? ", " : "",
				     (long long)other) < 0) ||
	    (names.len > 0 && buf_printf(&text, e, " (%s)", names.p) < 0) ||
	    (*h->updates != '\0' &&
	     buf_printf(&text, e, "; pushed: %s", h->updates) < 0))
		goto out;
	mem_free(h->left);
	h->left = mem_strdup(text.p);
	rc = h->left != NULL ? 0 :
			       err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	buf_release(&names);
	buf_release(&text);
	return rc;
}

static int one_line(struct spool_head *h, char *at, size_t n, bool *ended,
		    spool_fn fn, void *arg, struct err *e)
{
	struct secret *secret = NULL;
	struct json *line = NULL;
	int64_t count;
	int rc = lp_line(at, n, &line, &secret, e) < 0 ? -1 : 0;

	if (rc == 0 && *ended)
		rc = err_fail(e, ERR_FORMAT, NULL, "something follows its end");
	else if (rc == 0 && h->source == NULL)
		rc = take_head(line, h, e);
	else if (rc == 0 && json_int(line, "end", &count)) {
		*ended = true;
		(void)json_bool(line, "complete", &h->complete);
		rc = take_left(line, h, e);
		if (rc == 0 && count != (int64_t)h->n)
			rc = err_fail(e, ERR_FORMAT, NULL, "%zu findings, its "
				      "end tells of %lld", h->n,
				      (long long)count);
	} else if (rc == 0) {
		h->n++;
		rc = fn(h, line, &secret, arg, e);
	}
	secret_free(&secret);
	json_free(&line);
	return rc;
}

int spool_lines(struct buf *plain, struct spool_head *h, spool_fn fn,
		void *arg, struct err *e)
{
	char *at = plain->p, *end = plain->p + plain->len;
	bool ended = false;

	*h = (struct spool_head){ .source = NULL };
	while (at < end) {
		char *nl = memchr(at, '\n', (size_t)(end - at));

		if (nl == NULL)
			return err_fail(e, ERR_FORMAT, NULL,
					"its last line does not end");
		if (one_line(h, at, (size_t)(nl - at), &ended, fn, arg, e) < 0)
			return -1;
		at = nl + 1;
	}
	return ended ? 0 : err_fail(e, ERR_FORMAT, NULL, "it has no end");
}

void spool_head_release(struct spool_head *h)
{
	mem_free(h->source);
	mem_free(h->repository);
	mem_free(h->pusher);
	mem_free(h->override);
	mem_free(h->updates);
	mem_free(h->left);
	*h = (struct spool_head){ .source = NULL };
}

/* ---- away ------------------------------------------------------------------- */

/* The folder belongs to git's user, who could have put another in its place. */
static int own_folder(const struct spool *s, const char *name, struct err *e)
{
	struct stat st;
	int fd;

	if (mkdirat(s->dir, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, name, "make");
	fd = openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, name, "open");
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0) {
		(void)close(fd);
		(void)err_fail(e, ERR_POLICY, name, "somebody else made it, or "
			       "may write into it");
		err_hint(e, "remove it; curfew makes its own");
		return -1;
	}
	return fd;
}

/* Nothing that is there already is replaced. */
static int move(const struct spool *s, size_t i, int to)
{
	char name[256];

	for (int k = 0; k < 100; k++) {
		(void)snprintf(name, sizeof name, k > 0 ? "%s.%d" : "%s",
			       s->name[i], k);
		if (renameat2(s->dir, s->name[i], to, name,
			      RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

int spool_away(const struct spool *s, size_t i, bool failed, struct err *e)
{
	const int to = own_folder(s, failed ? "failed" : "done", e);
	int rc = 0;

	if (to < 0)
		return err_ctx(e, s->folder, "put a spool file away");
	if (move(s, i, to) < 0)
		rc = err_sys(e, s->name[i], "move");
	else if (fsync(to) < 0 || fsync(s->dir) < 0)
		rc = err_sys(e, s->folder, "sync");
	(void)close(to);
	return rc;
}

bool spool_odd(const struct spool *s, size_t i)
{
	struct stat st;

	return fstatat(s->dir, s->name[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISREG(st.st_mode);
}

/* ---- what is done with ------------------------------------------------------- */

struct done {
	char *name;
	int64_t at_ms;
};

static int by_age(const void *a, const void *b)
{
	const struct done *x = a, *y = b;

	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static int list_done(DIR *d, struct done **v, size_t *n, struct err *e)
{
	size_t cap = 0;
	struct stat st;

	for (const struct dirent *de; (de = readdir(d)) != NULL;) {
		if (de->d_name[0] == '.' ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (*n == cap) {
			struct done *more;

			cap = cap > 0 ? 2 * cap : 256;
			more = mem_realloc(*v, cap * sizeof *more);
			if (more == NULL)
				return err_fail(e, ERR_NOMEM, NULL,
						"out of memory");
			*v = more;
		}
		(*v)[*n].name = mem_strdup(de->d_name);
		(*v)[*n].at_ms = (int64_t)st.st_mtim.tv_sec * 1000 +
				 st.st_mtim.tv_nsec / 1000000;
		if ((*v)[(*n)++].name == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return 0;
}

int spool_prune(const struct spool *s, int64_t before_ms, struct err *e)
{
	struct done *v = NULL;
	size_t n = 0;
	int fd, rc = -1;
	DIR *d;

	if (faccessat(s->dir, "done", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	fd = own_folder(s, "done", e);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return err_ctx(e, s->folder, "look through what is done");
	}
	if (list_done(d, &v, &n, e) < 0)
		goto out;
	if (n > 0)
		qsort(v, n, sizeof *v, by_age);
	rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if ((v[i].at_ms < before_ms || n - i > SPOOL_DONE_MAX) &&
		    unlinkat(dirfd(d), v[i].name, 0) < 0)
			rc = err_sys(e, v[i].name, "remove");
out:
	for (size_t i = 0; i < n; i++)
		mem_free(v[i].name);
	mem_free(v);
	(void)closedir(d);
	return rc;
}
