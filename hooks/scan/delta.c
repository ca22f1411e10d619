/*
 * delta: git's copy/insert lists, applied with the places they copied.
 *
 * Promises: writes exactly out_len bytes or says DELTA_BAD; never reads
 * outside the delta or the base.
 */
#include "hooks/scan/delta.h"

#include <string.h>

#include "base/mem.h"

static const unsigned char *size_at(const unsigned char *p,
				    const unsigned char *end, uint64_t *out)
{
	unsigned shift = 0;
	unsigned char c;

	*out = 0;
	do {
		if (p == end || shift > 56)
			return NULL;
		c = *p++;
		*out |= (uint64_t)(c & 0x7f) << shift;
		shift += 7;
	} while (c & 0x80);
	return p;
}

bool delta_sizes(const unsigned char *d, size_t n, uint64_t *base,
		 uint64_t *result)
{
	const unsigned char *p = size_at(d, d + n, base);

	return p && size_at(p, d + n, result);
}

/* Adjoining copies of adjoining bytes are one run. */
static bool add_run(struct runs *r, size_t at, size_t from, size_t len)
{
	struct run *last = r->n ? &r->v[r->n - 1] : NULL;

	if (last && (size_t)last->at + last->len == at &&
	    (size_t)last->from + last->len == from) {
		last->len += (uint32_t)len;
		return true;
	}
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct run *v = mem_realloc(r->v, cap * sizeof(*v));

		if (!v)
			return false;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n].at = (uint32_t)at;
	r->v[r->n].from = (uint32_t)from;
	r->v[r->n++].len = (uint32_t)len;
	return true;
}

/* The operands of a copy: which bytes follow stands in its low 7 bits.  Without
 * a branch for each, as nobody can foresee them. */
static const unsigned char *copy_at(const unsigned char *p,
				    const unsigned char *end, unsigned op,
				    size_t *from, size_t *len)
{
	uint64_t all = 0, next = 0, there;
	size_t used = (size_t)__builtin_popcount(op & 0x7f);
	unsigned i;

	if ((size_t)(end - p) >= sizeof(next))
		memcpy(&next, p, sizeof(next));
	else if ((size_t)(end - p) >= used)
		memcpy(&next, p, used);
	else
		return NULL;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	next = __builtin_bswap64(next);
#endif
	for (i = 0; i < 7; i++) {
		there = op >> i & 1;
		all |= (next & 0xff & -there) << 8 * i;
		next >>= 8 * there;
	}
	*from = all & 0xffffffff;
	*len = all >> 32;
	if (!*len)
		*len = 0x10000;
	return p + used;
}

/* Most parts are short: one of a fixed length, where both sides have room for
 * it, costs less than to ask how long.  What is too much is written over. */
#define SHORT 64u
static inline void put(char *to, const void *from, size_t len, size_t room)
{
	if (len <= SHORT && room >= SHORT)
		memcpy(to, from, SHORT);
	else
		memcpy(to, from, len);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

enum delta_answer delta_apply(const unsigned char *d, size_t n,
			      const char *base, size_t base_len, char *out,
			      size_t out_len, struct runs *runs)
{
	const unsigned char *end = d + n, *p;
	uint64_t want_base, want;
	size_t at = 0, from, len;

	p = size_at(d, end, &want_base);
	p = p ? size_at(p, end, &want) : NULL;
	if (!p || want_base != base_len || want != out_len)
		return DELTA_BAD;
	if (runs)
		runs->n = 0;
	while (p < end) {
		unsigned op = *p++;

		if (op & 0x80) {
			p = copy_at(p, end, op, &from, &len);
			if (!p || from > base_len || len > base_len - from ||
			    len > out_len - at)
				return DELTA_BAD;
			put(out + at, base + from, len,
			    smaller(base_len - from, out_len - at));
			if (runs && !add_run(runs, at, from, len))
				return DELTA_NOMEM;
		} else {
			len = op;
			if (!len || len > (size_t)(end - p) || len > out_len - at)
				return DELTA_BAD;
			put(out + at, p, len,
			    smaller((size_t)(end - p), out_len - at));
			p += len;
		}
		at += len;
	}
	return at == out_len ? DELTA_OK : DELTA_BAD;
}
