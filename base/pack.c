/*
 * pack: tag, varint length, bytes.
 *
 * Promises: a reader never looks past the end and never trusts a length it
 * has not compared.  Lengths have one encoding (the shortest), so a record has
 * one byte form.  Must never: allocate by a length from the record.
 */
#include "base/pack.h"

#include <string.h>

#include "base/mem.h"

#define VARINT_MAX 5 /* 35 bits: more than any record */
#define INT_LEN 8

int pack_bytes(struct buf *b, unsigned tag, const void *p, size_t n,
	       struct err *e)
{
	unsigned char head[1 + VARINT_MAX];
	size_t at = 0, rest = n, total;

	if (tag < 1 || tag > 255)
		return err_fail(e, ERR_BUG, NULL, "record tag %u", tag);
	if (n > UINT32_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "field of %zu bytes", n);
	head[at++] = (unsigned char)tag;
	do {
		unsigned char c = rest & 0x7f;

		rest >>= 7;
		head[at++] = (unsigned char)(c | (rest ? 0x80 : 0));
	} while (rest);
	/* room for both or for neither: no half field is left behind */
	if (!mem_add(at, n, &total) || buf_reserve(b, total, e) != 0)
		return err_fail(e, ERR_TOOBIG, NULL, "field of %zu bytes", n);
	if (buf_add(b, head, at, e) != 0)
		return -1;
	return buf_add(b, p, n, e);
}

int pack_str(struct buf *b, unsigned tag, const char *s, struct err *e)
{
	return s && *s ? pack_bytes(b, tag, s, strlen(s), e) : 0;
}

int pack_int(struct buf *b, unsigned tag, int64_t v, struct err *e)
{
	unsigned char le[INT_LEN];
	uint64_t u = (uint64_t)v;

	if (v == 0)
		return 0;
	for (size_t i = 0; i < INT_LEN; i++)
		le[i] = (unsigned char)(u >> (8 * i));
	return pack_bytes(b, tag, le, INT_LEN, e);
}

void unpack_init(struct unpack *u, const void *p, size_t n)
{
	*u = (struct unpack){ 0 };
	u->p = p;
	u->end = n ? u->p + n : u->p;
}

static bool read_length(struct unpack *u, size_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < VARINT_MAX; i++) {
		unsigned char c;

		if (u->p == u->end)
			return false;
		c = *u->p++;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c & 0x80)
			continue;
		if (c == 0 && i > 0)
			return false; /* overlong */
		*out = (size_t)v;
		return true;
	}
	return false;
}

bool unpack_next(struct unpack *u)
{
	size_t n;

	u->tag = 0;
	u->val = NULL;
	u->len = 0;
	if (u->bad || u->p == u->end)
		return false;
	u->tag = *u->p++;
	if (u->tag == 0 || !read_length(u, &n) ||
	    n > (size_t)(u->end - u->p)) {
		u->bad = true;
		u->p = u->end;
		u->tag = 0;
		return false;
	}
	u->val = u->p;
	u->len = n;
	u->p += n;
	return true;
}

char *unpack_str(const struct unpack *u)
{
	char *s;

	/* a NUL inside would let two readers see two different strings */
	if (u->len && memchr(u->val, 0, u->len))
		return NULL;
	s = mem_alloc(u->len + 1);
	if (!s)
		return NULL;
	if (u->len)
		memcpy(s, u->val, u->len);
	s[u->len] = '\0';
	return s;
}

int64_t unpack_int(struct unpack *u)
{
	uint64_t v = 0;

	if (u->len != INT_LEN) {
		u->bad = true;
		return 0;
	}
	for (size_t i = 0; i < INT_LEN; i++)
		v |= (uint64_t)u->val[i] << (8 * i);
	return (int64_t)v;
}
