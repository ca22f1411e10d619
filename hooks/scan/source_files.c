/*
 * source_files: a folder, one file, standard input.
 *
 * Promises: never leaves the folder (of a link only where it points is read, as
 * a text), and what cannot be read is counted and named.  Devices, pipes and sockets are
 * not opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "hooks/scan/source.h"
#include "hooks/scan/source_names.h"

#define DEPTH_MAX 200

struct files {
	const struct source *s;
	struct stat skip[3]; /* st_nlink 0: none */
	struct scan_thread t;
};

static int scan_fd(struct files *w, int fd, const char *path, size_t n,
		   struct err *e)
{
	const size_t found = w->s->list->n;
	void *p;
	int rc;

	if (n > w->s->max_file) {
		tally_problem(w->s->tally, path, "%zu bytes, over the limit "
			      "of %zu", n, w->s->max_file);
		tally_large(w->s->tally, n);
		return 0;
	}
	if (!n)
		return engine_file(w->s->engine, &w->t, path, "", 0,
				   w->s->tally, w->s->list, e);
	/* Read, not mapped: a file that shrinks meanwhile would kill us. */
	p = malloc(n);
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t at = 0; at < n;) {
		ssize_t got = read(fd, (char *)p + at, n - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			tally_problem(w->s->tally, path, "%s", strerror(errno));
			free(p);
			return 0;
		}
		if (!got)
			n = at;
		at += (size_t)got;
	}
	rc = engine_file(w->s->engine, &w->t, path, p, n, w->s->tally,
			 w->s->list, e);
	free(p);
	progress_add(w->s->progress, 1, n, w->s->list->n - found);
	return rc;
}

static bool skipped(const struct files *w, const struct stat *st)
{
	size_t i;

	for (i = 0; i < 3; i++)
		if (w->skip[i].st_nlink && w->skip[i].st_dev == st->st_dev &&
		    w->skip[i].st_ino == st->st_ino)
			return true;
	return false;
}

static int scan_dir(struct files *w, int fd, const char *path, int depth,
		    struct err *e);

/* Where a link points is a text of its own, as git keeps it. */
static int scan_link(struct files *w, int dir, const char *name,
		     const char *path, struct err *e)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(dir, name, to, sizeof(to));

	if (n < 0) {
		tally_problem(w->s->tally, path, "%s", strerror(errno));
		return 0;
	}
	return engine_file(w->s->engine, &w->t, path, to, (size_t)n,
			   w->s->tally, w->s->list, e);
}

/* One name in a folder. */
static int scan_name(struct files *w, int dir, const char *name,
		     const char *path, int depth, struct err *e)
{
	struct stat st;
	int fd, rc = 0;

	if (source_path_name(w->s, &w->t, path, NULL, e))
		return -1;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
				       O_NOCTTY);
	if (fd < 0) {
		if (errno == ELOOP)
			return scan_link(w, dir, name, path, e);
		if (errno == ENXIO)
			return 0; /* a socket */
		tally_problem(w->s->tally, path, "%s", strerror(errno));
		return 0;
	}
	if (fstat(fd, &st))
		tally_problem(w->s->tally, path, "%s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		return scan_dir(w, fd, path, depth, e);
	else if (S_ISREG(st.st_mode) && !skipped(w, &st))
		rc = scan_fd(w, fd, path, (size_t)st.st_size, e);
	close(fd);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(DIR *d, struct strings *out, struct err *e)
{
	const struct dirent *x;

	while ((x = readdir(d)))
		if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0 &&
		    strcmp(x->d_name, ".git") != 0 && strings_add(out, x->d_name, e))
			return -1;
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

/* Takes fd. */
static int scan_dir(struct files *w, int fd, const char *path, int depth,
		    struct err *e)
{
	struct strings names = { 0 };
	DIR *d = fdopendir(fd);
	char *full = NULL;
	size_t i;
	int rc = -1;

	if (!d) {
		close(fd);
		return err_sys(e, path, "read the folder");
	}
	if (depth >= DEPTH_MAX) {
		tally_problem(w->s->tally, path, "folders nested too deep");
		rc = 0;
		goto out;
	}
	if (list_names(d, &names, e))
		goto out;
	for (i = 0; i < names.n; i++) {
		mem_free(full);
		full = strcmp(path, ".") ? io_path(path, names.v[i])
					 : mem_strdup(names.v[i]);
		if (!full) {
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
			goto out;
		}
		if (scan_name(w, fd, names.v[i], full, depth + 1, e))
			goto out;
	}
	rc = 0;
out:
	mem_free(full);
	strings_free(&names);
	closedir(d);
	return rc;
}

int source_files(const struct source *s, const char *path, struct err *e)
{
	struct files w = { .s = s };
	struct stat st;
	int fd, rc;
	size_t i;

	if (s->progress)
		s->progress->unit = "files";
	for (i = 0; i < 3; i++)
		if (s->skip[i] && stat(s->skip[i], &w.skip[i]))
			w.skip[i].st_nlink = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		err_sys(e, path, "open");
		if (errno == ENOENT)
			err_hint(e, "PATH is a folder, a file or a repository; "
				    "'curfew-scan scan --help' has examples");
		err_ctx(e, path, "scan");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
		close(fd);
		err_fail(e, ERR_UNSUPPORTED, path, "neither a file nor a "
			 "folder");
		err_hint(e, "--stdin reads a pipe: '... | curfew-scan scan "
			    "--stdin'");
		return -1;
	}
	if (scan_thread_init(&w.t, &s->engine->scanner, e)) {
		close(fd);
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		rc = scan_dir(&w, fd, path, 0, e);
	} else {
		rc = scan_fd(&w, fd, path, (size_t)st.st_size, e);
		close(fd);
	}
	tally_thread(s->tally, &w.t);
	scan_thread_release(&w.t);
	return rc;
}

int source_stdin(const struct source *s, struct err *e)
{
	struct buf b = BUF_INIT(s->max_file);
	struct files w = { .s = s };
	int rc = -1;

	for (;;) {
		ssize_t got;

		if (buf_reserve(&b, 65536, e)) {
			err_hint(e, "--max-target-megabytes, --max-memory");
			goto out;
		}
		got = read(0, b.p + b.len, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_sys(e, NULL, "read standard input");
			goto out;
		}
		if (!got)
			break;
		b.len += (size_t)got;
		b.p[b.len] = '\0';
	}
	if (scan_thread_init(&w.t, &s->engine->scanner, e))
		goto out;
	rc = engine_file(s->engine, &w.t, "", b.p, b.len, s->tally, s->list, e);
	scan_thread_release(&w.t);
out:
	buf_release(&b);
	return rc;
}
