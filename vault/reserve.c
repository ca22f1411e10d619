/*
 * reserve: see reserve.h.  Owns DIR/vault.ballast and DIR/vault.lifeboat.
 *
 * Lifeboat: records one after the other, each
 *    4  length of the first box, little-endian; 0: no more
 *    4  length of the second one
 *    -  a box of bytes, a box of a secret
 * then zeros.  Each box is bound to the vault, the root key and the record's
 * offset.  Must never: grow when a record is written.
 */
#include "vault/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "vault/core.h"

#define HEAD 8u

static char *place(const char *dir, const char *name, struct err *e)
{
	char *path = io_path(dir, name);

	if (!path)
		err_fail(e, ERR_NOMEM, dir, "out of memory");
	return path;
}

/* ---- making ---------------------------------------------------------------------- */

/* Bytes that are really there, not a hole. */
static int take_room(int fd, const char *path, size_t from, size_t size,
		     struct err *e)
{
	static const unsigned char zeros[16384];
	const int why = posix_fallocate(fd, 0, (off_t)size);

	if (why) {
		errno = why;
		return err_sys(e, path, "taking %zu KiB of room", size / 1024);
	}
	while (from < size) {
		const size_t n = size - from < sizeof(zeros) ? size - from :
							       sizeof(zeros);

		if (pwrite(fd, zeros, n, (off_t)from) != (ssize_t)n)
			return err_sys(e, path, "taking %zu KiB of room",
				       size / 1024);
		from += n;
	}
	return fsync(fd) == 0 ? 0 : err_sys(e, path, "syncing it");
}

/* `written`: as zeros, too, so that no block is left to be found later. */
static int make(struct vault *v, const char *name, size_t size, bool written,
		struct err *e)
{
	char *path = place(v->dir, name, e);
	struct stat st;
	int fd = -1, rc = -1;

	if (!path)
		return -1;
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size >= (off_t)size && st.st_blocks * 512 >= (off_t)size) {
		rc = 0;
		goto out;
	}
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_sys(e, path, "making it");
		goto out;
	}
	/* a lifeboat that is there may hold something: only what lacks is added */
	rc = take_room(fd, path, written ? (size_t)st.st_size : size, size, e);
	if (rc && !written)
		(void)unlink(path); /* half of it helps nobody */
out:
	if (fd >= 0)
		close(fd);
	mem_free(path);
	return rc;
}

int reserve_fill(struct vault *v, struct err *e)
{
	if (make(v, "vault.lifeboat", RESERVE_LIFEBOAT, true, e) < 0 ||
	    make(v, "vault.ballast", RESERVE_BALLAST, false, e) < 0)
		return err_ctx(e, v->dir, "keep room for a new key");
	return 0;
}

static bool release(const char *dir)
{
	char *path = io_path(dir, "vault.ballast");
	const bool there = path && unlink(path) == 0;

	mem_free(path);
	return there;
}

bool reserve_release(struct vault *v)
{
	return release(v->dir);
}

bool reserve_make_way(const char *dir)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) != 0 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize >= RESERVE_BALLAST)
		return false;
	return release(dir);
}

/* ---- the lifeboat ---------------------------------------------------------------- */

static void ad(const struct vault *v, uint64_t at, bool secret,
	       struct seal_ad *a)
{
	seal_ad(a, SEAL_LIFEBOAT, v->id, v->keys);
	seal_ad_u64(a, at);
	seal_ad_u64(a, secret);
}

static size_t get32(const unsigned char *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 |
	       (size_t)p[3] << 24;
}

static void put32(unsigned char *p, size_t n)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(n >> (8 * i));
}

/* The record at `at`: both lengths.  1, 0: no more, -1: nonsense. */
static int next(const struct buf *b, size_t at, size_t *n1, size_t *n2)
{
	const unsigned char *p = (const unsigned char *)b->p + at;

	if (b->len - at < HEAD || get32(p) == 0)
		return 0;
	*n1 = get32(p);
	*n2 = get32(p + 4);
	return *n1 < b->len && *n2 < b->len &&
			       *n1 + *n2 + HEAD <= b->len - at ?
		       1 : -1;
}

static int load(const char *dir, struct buf *b, struct err *e)
{
	struct err why = ERR_INIT;
	char *path = place(dir, "vault.lifeboat", e);
	int rc = -1;

	if (!path)
		return -1;
	if (io_read_file(path, IO_OWNED, RESERVE_LIFEBOAT, b, &why) == 0 ||
	    why.code == ERR_ABSENT)
		rc = 0;
	else if (e)
		*e = why;
	mem_free(path);
	return rc;
}

bool reserve_used(const char *dir)
{
	struct buf b = BUF_INIT(RESERVE_LIFEBOAT);
	bool used = load(dir, &b, NULL) == 0 && b.len >= HEAD &&
		    get32((const unsigned char *)b.p) != 0;

	buf_release(&b);
	return used;
}

/* In place: every byte that is written lies on a block that is there. */
static int write_at(struct vault *v, size_t at, const void *p, size_t n,
		    struct err *e)
{
	char *path = place(v->dir, "vault.lifeboat", e);
	int fd = path ? open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	int rc = -1;

	if (!path)
		return -1;
	if (fd < 0)
		err_sys(e, path, "opening it");
	else if (pwrite(fd, p, n, (off_t)at) != (ssize_t)n)
		err_sys(e, path, "writing it");
	else if (fdatasync(fd) != 0)
		err_sys(e, path, "syncing it");
	else
		rc = 0;
	if (fd >= 0)
		close(fd);
	mem_free(path);
	return rc;
}

/* Where the next record goes. */
static int end_of(struct vault *v, size_t *at, size_t *size, struct err *e)
{
	struct buf b = BUF_INIT(RESERVE_LIFEBOAT);
	size_t n1, n2;
	int rc = load(v->dir, &b, e), more = 0;

	*at = 0;
	*size = b.len;
	while (rc == 0 && b.len && (more = next(&b, *at, &n1, &n2)) > 0)
		*at += HEAD + n1 + n2;
	if (more < 0)
		rc = err_fail(e, ERR_TAMPER, v->dir, "the lifeboat is damaged");
	buf_release(&b);
	return rc;
}

int reserve_put(struct vault *v, const void *p, size_t n,
		const struct secret *secret, struct err *e)
{
	struct buf first = BUF_INIT(SEAL_BOX_MAX), all = BUF_INIT(SEAL_BOX_MAX);
	unsigned char head[HEAD] = { 0 };
	size_t at, size;
	struct seal_ad a;
	int rc = -1;

	if (end_of(v, &at, &size, e) < 0)
		return -1;
	ad(v, at, false, &a);
	if (seal_shut(v->keys->rows, &a, p, n, SEAL_PAD_ROW, &first, e) ||
	    buf_add(&all, head, HEAD, e) ||
	    buf_add(&all, first.p, first.len, e))
		goto out;
	ad(v, at, true, &a);
	if (seal_shut_secret(v->keys->secrets, &a, secret, &all, e))
		goto out;
	put32((unsigned char *)all.p, first.len);
	put32((unsigned char *)all.p + 4, all.len - HEAD - first.len);
	if (all.len > size - at) {
		err_fail(e, ERR_FULL, v->dir, "the lifeboat is full");
		goto out;
	}
	rc = write_at(v, at, all.p, all.len, e);
out:
	buf_release(&first);
	buf_release(&all);
	return rc;
}

static int open_one(struct vault *v, const struct buf *b, size_t at, size_t n1,
		    size_t n2, struct buf *data, struct secret **secret,
		    struct err *e)
{
	const unsigned char *p = (const unsigned char *)b->p + at + HEAD;
	struct seal_ad a;

	ad(v, at, false, &a);
	if (seal_open(v->keys->rows, &a, p, n1, SEAL_PAD_ROW, data, e))
		return -1;
	ad(v, at, true, &a);
	return seal_open_secret(v->keys->secrets, &a, p + n1, n2, secret, e);
}

int reserve_each(struct vault *v, reserve_fn fn, void *arg, struct err *e)
{
	struct buf b = BUF_INIT(RESERVE_LIFEBOAT), data = BUF_INIT(SEAL_BOX_MAX);
	size_t at = 0, n1, n2;
	int rc = load(v->dir, &b, e), more = 0;

	while (rc == 0 && b.len && (more = next(&b, at, &n1, &n2)) > 0) {
		struct secret *s = NULL;

		rc = open_one(v, &b, at, n1, n2, &data, &s, e);
		if (rc == 0)
			rc = fn(data.p, data.len, s, arg, e);
		secret_free(&s);
		at += HEAD + n1 + n2;
	}
	if (rc == 0 && more < 0)
		rc = err_fail(e, ERR_TAMPER, v->dir, "the lifeboat is damaged");
	buf_release(&b);
	buf_release(&data);
	return rc < 0 ? err_ctx(e, v->dir, "open the lifeboat") : 0;
}

int reserve_clear(struct vault *v, struct err *e)
{
	unsigned char *zeros = mem_zalloc(RESERVE_LIFEBOAT);
	int rc = -1;

	if (!zeros)
		return err_fail(e, ERR_NOMEM, v->dir, "out of memory");
	rc = write_at(v, 0, zeros, RESERVE_LIFEBOAT, e);
	mem_free(zeros);
	return rc < 0 ? err_ctx(e, v->dir, "empty the lifeboat") : 0;
}

int reserve_aside(struct vault *v, char **to, struct err *e)
{
	char *from = place(v->dir, "vault.lifeboat", e);
	int rc = -1;

	*to = from ? place(v->dir, "vault.lifeboat.unopened", e) : NULL;
	if (*to)
		rc = io_move(from, *to, e);
	if (rc < 0) {
		mem_free(*to);
		*to = NULL;
	}
	mem_free(from);
	return rc;
}
