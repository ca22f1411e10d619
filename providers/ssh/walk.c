/*
 * walk: path resolution that a hostile owner of a folder cannot steer.
 *
 * The kernel is never given a path with a slash.  State is a stack of open
 * folders (for "..") and the text still to be walked.
 */
#include "providers/ssh/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define DEPTH 64
#define LINKS 16
#define PATH 2048 /* longest path, links resolved */

struct walk {
	int fd[DEPTH];
	char *name[DEPTH]; /* name[0] is the root folder's path */
	int depth;
	int links;
	char rest[PATH]; /* not yet walked */
	const char *shown;   /* for messages */
};

static void pop(struct walk *w)
{
	close(w->fd[w->depth - 1]);
	mem_free(w->name[w->depth - 1]);
	w->depth--;
}

static int push(struct walk *w, int fd, const char *name, struct err *e)
{
	char *copy = w->depth < DEPTH ? mem_strdup(name) : NULL;

	if (!copy) {
		close(fd);
		return err_fail(e, ERR_TOOBIG, w->shown, "the path is too deep");
	}
	w->fd[w->depth] = fd;
	w->name[w->depth++] = copy;
	return 0;
}

static bool trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* A link may be followed if nobody else could have put it there. */
static int link_follow(struct walk *w, const char *name, const struct stat *st,
		       struct err *e)
{
	char target[PATH], joined[PATH];
	int dir = w->fd[w->depth - 1];
	struct stat d;
	ssize_t n;
	int len;

	if (fstat(dir, &d))
		return err_sys(e, w->shown, "cannot look at the folder of '%s'", name);
	if (!trusted(st->st_uid) || !trusted(d.st_uid) || d.st_mode & (S_IWGRP | S_IWOTH)) {
		err_fail(e, ERR_POLICY, w->shown,
			 "'%s' is a symbolic link in a folder that others can "
			 "change", name);
		err_hint(e, "put a regular file in its place");
		return -1;
	}
	if (++w->links > LINKS)
		return err_fail(e, ERR_POLICY, w->shown, "too many symbolic links");
	n = readlinkat(dir, name, target, sizeof(target) - 1);
	if (n <= 0)
		return err_sys(e, w->shown, "cannot read the link '%s'", name);
	target[n] = 0;
	len = snprintf(joined, sizeof(joined), "%s/%s", target, w->rest);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return err_fail(e, ERR_TOOBIG, w->shown, "the path is too long");
	if (*target == '/')
		while (w->depth > 1)
			pop(w);
	memcpy(w->rest, joined, (size_t)len + 1);
	return 0;
}

/* Cut the next component off w->rest; false at the end. */
static bool next(struct walk *w, char name[NAME_MAX + 1], bool *last, bool *bad)
{
	char *p = w->rest, *end;
	size_t n;

	p += strspn(p, "/");
	n = strcspn(p, "/");
	*bad = n > NAME_MAX;
	if (!n || *bad)
		return false;
	memcpy(name, p, n);
	name[n] = 0;
	end = p + n;
	*last = !end[strspn(end, "/")];
	memmove(w->rest, end, strlen(end) + 1);
	return true;
}

/* 1: the path's last component is reached; 0: go on; -1. *missing: the folder
 * is not there. */
static int step(struct walk *w, char **final, bool *missing, struct err *e)
{
	char name[NAME_MAX + 1];
	bool last, bad;
	struct stat st;
	int fd;

	if (!next(w, name, &last, &bad))
		return err_fail(e, bad ? ERR_TOOBIG : ERR_FORMAT, w->shown,
				bad ? "a name in the path is too long" :
				      "the path names a folder, not a file");
	if (!strcmp(name, ".") && !last)
		return 0;
	if (!strcmp(name, "..") && !last) {
		if (w->depth > 1)
			pop(w);
		return 0;
	}
	if (fstatat(w->fd[w->depth - 1], name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT)
			return err_sys(e, w->shown, "cannot look at '%s'", name);
		if (last) {
			*final = mem_strdup(name);
			return *final ? 1 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
		}
		*missing = true;
		return 1;
	}
	if (S_ISLNK(st.st_mode))
		return link_follow(w, name, &st, e);
	if (last) {
		*final = mem_strdup(name);
		return *final ? 1 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	/* O_PATH: passing through needs no right to list */
	fd = openat(w->fd[w->depth - 1], name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, w->shown, "cannot enter '%s'", name);
	return push(w, fd, name, e);
}

static char *joined_path(const struct walk *w)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char *out = NULL;

	for (int i = 0; i < w->depth; i++)
		if (buf_puts(&b, w->name[i], NULL) ||
		    (b.p[b.len - 1] != '/' && buf_puts(&b, "/", NULL)))
			goto out;
	out = mem_strndup(b.p, b.len);
out:
	buf_release(&b);
	return out;
}

int walk(const char *root, const char *path, int *dirfd, char **dir, char **name,
	 struct err *e)
{
	struct walk *w = mem_zalloc(sizeof(*w));
	bool missing = false;
	int rc = -1, fd, n;

	*dirfd = -1;
	*dir = *name = NULL;
	if (!w)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	w->shown = path;
	if (strlen(path) >= sizeof(w->rest)) {
		err_fail(e, ERR_TOOBIG, path, "the path is too long");
		goto out;
	}
	memcpy(w->rest, path, strlen(path) + 1);
	/* The root folder is the operator's own word. */
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(e, root, "cannot enter the folder");
		goto out;
	}
	if (push(w, fd, root, e))
		goto out;
	while (!(n = step(w, name, &missing, e)))
		;
	if (n < 0)
		goto out;
	if (missing) {
		rc = 0;
		goto out;
	}
	*dir = joined_path(w);
	*dirfd = *dir ? fcntl(w->fd[w->depth - 1], F_DUPFD_CLOEXEC, 3) : -1;
	if (*dirfd < 0) {
		err_sys(e, path, "cannot keep the folder open");
		goto out;
	}
	rc = 0;
out:
	while (w->depth)
		pop(w);
	mem_free(w);
	if (rc) {
		mem_free(*dir);
		mem_free(*name);
		*dir = *name = NULL;
	}
	return rc;
}
