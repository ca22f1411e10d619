/*
 * krl: the key revocation list.  Layout (all numbers big-endian, string =
 * 4-byte length + bytes):
 *   "SSHKRL\n\0", u32 format 1, u64 list version, u64 date, u64 flags,
 *   string reserved, string comment, then sections: u8 type, string data.
 * Types used here: 2 explicit keys (strings), 5 SHA-256 fingerprints
 * (strings of 32 bytes), 4 signature (ends the list).
 */
#include "providers/ssh/krl.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/base64.h"
#include "providers/ssh/keyline.h"

#define MAGIC "SSHKRL\n" /* and its NUL */
#define HEAD 36		 /* magic, format, version, date, flags */
enum { SECTION_KEYS = 2, SECTION_SIGNATURE = 4, SECTION_SHA256 = 5 };

struct rd {
	const unsigned char *p;
	size_t n, at;
};

static bool get_string(struct rd *r, struct rd *out)
{
	const unsigned char *p = r->p + r->at;
	size_t len;

	if (r->n - r->at < 4)
		return false;
	len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (len > r->n - r->at - 4)
		return false;
	*out = (struct rd){ p + 4, len, 0 };
	r->at += 4 + len;
	return true;
}

static int put_u32(struct buf *b, size_t v, struct err *e)
{
	unsigned char x[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
			       (unsigned char)(v >> 8), (unsigned char)v };

	return buf_add(b, x, 4, e);
}

static void set_u64(char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (char)(unsigned char)(v >> (56 - 8 * i));
}

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

bool krl_binary(const void *p, size_t n)
{
	return n >= 8 && !memcmp(p, MAGIC, 8);
}

static int bad(struct err *e)
{
	return err_fail(e, ERR_FORMAT, NULL, "the revocation list is malformed");
}

/* Stands before the first section. */
static int open_list(const void *p, size_t n, struct rd *r, struct err *e)
{
	struct rd skip;

	*r = (struct rd){ p, n, HEAD };
	if (n < HEAD || r->p[8] || r->p[9] || r->p[10] || r->p[11] != 1 ||
	    !get_string(r, &skip) || !get_string(r, &skip))
		return bad(e);
	return 0;
}

/* 1 + type and data, 0 at the end, -1 malformed. */
static int section(struct rd *r, unsigned *type, struct rd *data, struct err *e)
{
	if (r->at == r->n)
		return 0;
	*type = r->p[r->at++];
	if (*type == 0 || !get_string(r, data))
		return bad(e);
	return 1;
}

static bool entry_is(unsigned type, const struct rd *entry, const char *print,
		     const unsigned char hash[32])
{
	char mine[KEYLINE_PRINT];

	if (type == SECTION_SHA256)
		return entry->n == 32 && !memcmp(entry->p, hash, 32);
	keyline_print(entry->p, entry->n, mine);
	return !strcmp(mine, print);
}

/* Find the key in the binary list; blob may be NULL. */
static int find_binary(const void *p, size_t n, const char *print,
		       const unsigned char hash[32], bool *has,
		       struct buf *blob, struct err *e)
{
	struct rd r, data, entry;
	unsigned type;
	int rc;

	if (open_list(p, n, &r, e))
		return -1;
	while ((rc = section(&r, &type, &data, e)) > 0) {
		if (type == SECTION_SIGNATURE)
			return 0; /* always last; sshd has its own opinion of it */
		if (type != SECTION_KEYS && type != SECTION_SHA256)
			continue;
		while (data.at < data.n) {
			if (!get_string(&data, &entry))
				return bad(e);
			if (!entry_is(type, &entry, print, hash))
				continue;
			*has = true;
			if (blob && !blob->len && type == SECTION_KEYS &&
			    buf_add(blob, entry.p, entry.n, e))
				return -1;
		}
	}
	return rc;
}

static int find(const void *p, size_t n, const char *print, bool *has,
		struct buf *blob, struct err *e)
{
	unsigned char hash[32];
	struct keyline l;
	size_t pos = 0;

	*has = false;
	if (!keyline_unprint(print, hash))
		return err_fail(e, ERR_USAGE, print, "not a SHA256 fingerprint");
	if (krl_binary(p, n))
		return find_binary(p, n, print, hash, has, blob, e);
	while (n && keyline_next(p, n, &pos, &l)) {
		if (l.what != KEYLINE_KEY || strcmp(l.print, print) != 0)
			continue;
		*has = true;
		if (blob && !blob->len && keyline_blob(&l, blob, e))
			return -1;
	}
	return 0;
}

int krl_has(const void *p, size_t n, const char *print, bool *has, struct err *e)
{
	return find(p, n, print, has, NULL, e);
}

int krl_blob(const void *p, size_t n, const char *print, struct buf *blob,
	     struct err *e)
{
	bool has;

	return find(p, n, print, &has, blob, e);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int hashes_binary(const void *p, size_t n, struct buf *out, struct err *e)
{
	struct rd r, data, entry;
	unsigned char hash[32];
	unsigned type;
	int rc;

	if (open_list(p, n, &r, e))
		return -1;
	while ((rc = section(&r, &type, &data, e)) > 0) {
		if (type == SECTION_SIGNATURE)
			return 0;
		if (type != SECTION_KEYS && type != SECTION_SHA256)
			continue;
		while (data.at < data.n) {
			if (!get_string(&data, &entry))
				return bad(e);
			if (type == SECTION_KEYS)
				digest_sha256(entry.p, entry.n, hash);
			else if (entry.n == 32)
				memcpy(hash, entry.p, 32);
			else
				return bad(e);
			if (buf_add(out, hash, 32, e))
				return -1;
		}
	}
	return rc;
}

int krl_hashes(const void *p, size_t n, struct buf *out, struct err *e)
{
	unsigned char hash[32];
	struct keyline l;
	size_t pos = 0;

	if (krl_binary(p, n)) {
		if (hashes_binary(p, n, out, e))
			return -1;
	} else {
		while (n && keyline_next(p, n, &pos, &l))
			if (l.what == KEYLINE_KEY &&
			    keyline_unprint(l.print, hash) &&
			    buf_add(out, hash, 32, e))
				return -1;
	}
	if (out->len)
		qsort(out->p, out->len / 32, 32, compare);
	return 0;
}

static int add_text(const void *p, size_t n, const struct buf *blob,
		    struct buf *out, struct err *e)
{
	struct rd r, type;
	const char *text = p;

	if (!blob)
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"the revocation list is plain text, and only the "
				"key's fingerprint is known");
	r = (struct rd){ (const unsigned char *)blob->p, blob->len, 0 };
	if (!get_string(&r, &type))
		return err_fail(e, ERR_BUG, NULL, "a key that is none");
	if (buf_add(out, p, n, e) ||
	    (text[n - 1] != '\n' && buf_puts(out, "\n", e)) ||
	    buf_add(out, type.p, type.n, e) || buf_puts(out, " ", e) ||
	    base64_encode(blob->p, blob->len, true, out, e) ||
	    buf_puts(out, " revoked-by-curfew\n", e))
		return -1;
	return 0;
}

static int add_section(struct buf *out, const unsigned char hash[32],
		       const struct buf *blob, struct err *e)
{
	unsigned char type = blob ? SECTION_KEYS : SECTION_SHA256;
	size_t len = blob ? blob->len : 32;

	if (buf_add(out, &type, 1, e) || put_u32(out, len + 4, e) ||
	    put_u32(out, len, e))
		return -1;
	return blob ? buf_add(out, blob->p, blob->len, e) :
		      buf_add(out, hash, 32, e);
}

/* A changed list has the next version and a new date. */
static void stamp(struct buf *list, int64_t now_ms)
{
	const unsigned char *v = (const unsigned char *)list->p + 12;

	set_u64(list->p + 12, get_u64(v) + 1);
	set_u64(list->p + 20, (uint64_t)(now_ms / 1000));
}

static int check_unsigned(const void *p, size_t n, struct err *e)
{
	struct rd r, data;
	unsigned type;
	int rc;

	if (open_list(p, n, &r, e))
		return -1;
	while ((rc = section(&r, &type, &data, e)) > 0)
		if (type == SECTION_SIGNATURE)
			return err_fail(e, ERR_UNSUPPORTED, NULL,
					"the revocation list is signed");
	return rc;
}

int krl_add(const void *p, size_t n, const char *print, const struct buf *blob,
	    int64_t now_ms, struct buf *out, bool *changed, struct err *e)
{
	unsigned char hash[32];
	char head[HEAD + 8] = MAGIC;
	bool has;

	*changed = false;
	if (find(p, n, print, &has, NULL, e) || !keyline_unprint(print, hash))
		return -1;
	if (has)
		return buf_add(out, p, n, e);
	*changed = true;
	if (n && !krl_binary(p, n))
		return add_text(p, n, blob, out, e);
	if (n) {
		if (check_unsigned(p, n, e) || buf_add(out, p, n, e))
			return -1;
	} else {
		head[11] = 1;
		if (buf_add(out, head, sizeof(head), e))
			return -1;
	}
	if (add_section(out, hash, blob, e))
		return -1;
	stamp(out, now_ms);
	return 0;
}

/* Copy a section without the entry; an empty one is left out. */
static int copy_section(unsigned type, struct rd data, const char *print,
			const unsigned char hash[32], struct buf *out,
			bool *changed, struct err *e)
{
	struct buf rest = BUF_INIT(out->max);
	unsigned char t = (unsigned char)type;
	struct rd entry;
	bool gone = false;
	int rc = -1;

	if (type != SECTION_KEYS && type != SECTION_SHA256) {
		if (buf_add(&rest, data.p, data.n, e))
			goto out;
	} else {
		while (data.at < data.n) {
			if (!get_string(&data, &entry)) {
				bad(e);
				goto out;
			}
			if (entry_is(type, &entry, print, hash)) {
				gone = true;
				continue;
			}
			if (put_u32(&rest, entry.n, e) ||
			    buf_add(&rest, entry.p, entry.n, e))
				goto out;
		}
	}
	*changed = *changed || gone;
	rc = 0;
	if (gone && !rest.len)
		goto out;
	if (buf_add(out, &t, 1, e) || put_u32(out, rest.len, e) ||
	    buf_add(out, rest.p ? rest.p : "", rest.len, e))
		rc = -1;
out:
	buf_release(&rest);
	return rc;
}

static int remove_text(const void *p, size_t n, const char *print,
		       struct buf *out, bool *changed, struct err *e)
{
	struct keyline l;
	size_t pos = 0;

	while (keyline_next(p, n, &pos, &l)) {
		if (l.what == KEYLINE_KEY && !strcmp(l.print, print)) {
			*changed = true;
			continue;
		}
		if (buf_add(out, l.all.p, l.all.n, e))
			return -1;
	}
	return 0;
}

int krl_remove(const void *p, size_t n, const char *print, int64_t now_ms,
	       struct buf *out, bool *changed, struct err *e)
{
	unsigned char hash[32];
	struct rd r, data;
	unsigned type;
	bool has;
	int rc;

	*changed = false;
	if (find(p, n, print, &has, NULL, e) || !keyline_unprint(print, hash))
		return -1;
	if (!has)
		return n ? buf_add(out, p, n, e) : 0;
	if (!krl_binary(p, n))
		return remove_text(p, n, print, out, changed, e);
	if (check_unsigned(p, n, e) || open_list(p, n, &r, e) ||
	    buf_add(out, p, r.at, e))
		return -1;
	while ((rc = section(&r, &type, &data, e)) > 0)
		if (copy_section(type, data, print, hash, out, changed, e))
			return -1;
	if (!rc)
		stamp(out, now_ms);
	return rc;
}
