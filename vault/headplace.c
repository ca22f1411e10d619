/*
 * headplace: where the head of a vault lies.
 *
 * DIR/vault.head, unless the program was told another place (head_file in
 * curfew.toml).  Then the file there is the head and DIR/vault.head only says
 * so: it names the place and is no head any more, so a folder put back as a
 * whole, this file included, is measured against the head outside of it.
 *
 * A head in DIR moves to the place at the first opening for writing, and only
 * while there is none at the place.  Must never: take the head of DIR when the
 * folder's own mark says that it lies elsewhere, or write a mark over the head.
 */
#include "vault/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/io.h"
#include "base/mem.h"

#define MARK "curfew: the head of this vault is kept at "
#define PLACE_MAX 800u /* a mark, with its path, is shorter than a head */

/* One vault of a process, the one its configuration belongs to. */
static char *told_dir, *told_path;

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

const char *head_told(const char *dir)
{
	return told_path && same_file(dir, told_dir) ? told_path : NULL;
}

int vault_head_at(const char *dir, const char *path, struct err *e)
{
	char *d = path ? mem_strdup(dir) : NULL;
	char *p = path ? mem_strdup(path) : NULL;

	if (path && (!d || !p)) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto fail;
	}
	if (path && (path[0] != '/' || strlen(path) > PLACE_MAX)) {
		err_fail(e, ERR_CONFIG, path,
			 "the head's place is no absolute path of at most %u "
			 "bytes", PLACE_MAX);
		goto fail;
	}
	mem_free(told_dir);
	mem_free(told_path);
	told_dir = d;
	told_path = p;
	return 0;
fail:
	mem_free(d);
	mem_free(p);
	return -1;
}

char *head_default(const char *dir)
{
	return io_path(dir, "vault.head");
}

/* The bytes of one file; none when there is no such file. */
static int read_one(const char *path, struct head_bytes *h, struct err *e)
{
	struct buf b = BUF_INIT(HEAD_FILE_LEN + 1);
	struct err why = ERR_INIT;
	int rc = -1;

	memset(h, 0, sizeof(*h));
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (io_read_file(path, IO_OWNED, HEAD_FILE_LEN, &b, &why)) {
		if (why.code != ERR_TOOBIG) {
			if (e)
				*e = why;
			goto out;
		}
		h->n = 1; /* not a head of ours: the check says so */
		rc = 0;
		goto out;
	}
	memcpy(h->b, b.p ? b.p : "", b.len);
	h->n = b.len ? b.len : 1;
	h->mark = h->n > strlen(MARK) &&
		  memcmp(h->b, MARK, strlen(MARK)) == 0;
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

int head_read(const char *dir, struct head_bytes *h, struct err *e)
{
	const char *told = head_told(dir);
	char *path = head_default(dir);
	int rc = -1;

	memset(h, 0, sizeof(*h));
	if (!path) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto out;
	}
	if (told && read_one(told, h, e))
		goto out;
	/* not moved yet: what lies in DIR counts, unless it is a mark */
	if (h->n == 0 && read_one(path, h, e))
		goto out;
	if (told && h->mark)
		memset(h, 0, sizeof(*h));
	rc = 0;
out:
	mem_free(path);
	return rc;
}

void head_marked_place(const struct head_bytes *h, char *out, size_t cap)
{
	const char *p = (const char *)h->b + strlen(MARK);
	size_t n = h->n - strlen(MARK);
	const char *end = memchr(p, '\n', n);

	snprintf(out, cap, "%.*s", (int)(end ? (size_t)(end - p) : n), p);
}

/* DIR/vault.head becomes the mark, unless it is that already. */
static int mark(const char *dir, const char *told, struct err *e)
{
	struct buf text = BUF_INIT(HEAD_FILE_LEN);
	char *path = head_default(dir);
	struct head_bytes h;
	int rc = -1;

	if (!path) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto out;
	}
	if (same_file(path, told)) { /* the place is DIR's own */
		rc = 0;
		goto out;
	}
	if (read_one(path, &h, e) ||
	    buf_printf(&text, e, MARK "%s\n", told))
		goto out;
	if (h.n != text.len || memcmp(h.b, text.p, text.len) != 0)
		rc = io_write_atomic(path, text.p, text.len, 0600, e);
	else
		rc = 0;
out:
	buf_release(&text);
	mem_free(path);
	return rc;
}

int head_settle(struct vault *v, struct err *e)
{
	const char *told = head_told(v->dir);
	unsigned char image[HEAD_FILE_LEN];

	if (!told)
		return 0;
	/* The new head is on its disk before the old one stops being one. */
	if (access(told, F_OK) != 0) {
		if (errno != ENOENT)
			return err_sys(e, told, "looking for the head file");
		if (head_image(v, image, e) ||
		    io_write_atomic(told, image, sizeof(image), 0600, e)) {
			err_hint(e, "head_file in curfew.toml names it: its "
				    "folder must be there and writable");
			return -1;
		}
	}
	crash_point("vault.head-moved");
	return mark(v->dir, told, e);
}
