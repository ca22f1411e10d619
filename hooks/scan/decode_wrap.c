/*
 * decode_wrap: base64 over several lines, and gzip inside of base64.
 *
 * Owns what a block of lines is, and how far a change is felt in one.
 * Promises: what is unpacked is at most UNPACK_TIMES what it was packed in
 * (UNPACK_FREE in any case: tar pads), and at most UNPACK_MOST, so the work
 * stays linear in the text; what would be more is said.
 */
#include "hooks/scan/decode_wrap.h"

#include <ctype.h>
#include <libdeflate.h>
#include <string.h>

#include "base/mem.h"

#define LINE_LEAST WRAP_LINE_LEAST
#define LINE_MOST 128u
#define LINE_LOOK ((WRAP_REACH - 4) / 2) /* a longer line is not of a block */
#define SAYS_LEAST 12u
#define PACKED_LEAST 40u
#define UNPACK_TIMES 32u
#define UNPACK_FREE ((size_t)64 * 1024)
#define UNPACK_MOST (4u * 1024 * 1024)

static int sixbits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* ---- blocks -------------------------------------------------------------- */

/* Characters of base64 that the line text[from, to) consists of; 0: it is no
 * such line.  *last: a block can not go on behind it. */
static size_t whole_line(const char *text, size_t from, size_t to, bool *last)
{
	size_t at;

	*last = false;
	if (to - from > LINE_LOOK)
		return 0;
	while (from < to && blank(text[from]))
		from++;
	while (to > from && blank(text[to - 1]))
		to--;
	for (at = to; at > from && to - at < 2 && text[at - 1] == '='; at--)
		*last = true;
	to = at;
	for (at = from; at < to; at++)
		if (sixbits(text[at]) < 0)
			return 0;
	return to - from;
}

static bool long_line(const char *text, size_t from, size_t to)
{
	bool last;
	size_t n = whole_line(text, from, to, &last);

	return n >= LINE_LEAST && n <= LINE_MOST;
}

/* Where the line that holds `at` ends; no farther than a block's could. */
static size_t line_end(const char *text, size_t at, size_t n)
{
	size_t most = n - at > LINE_LOOK + 1 ? at + LINE_LOOK + 1 : n;
	const char *nl = memchr(text + at, '\n', most - at);

	return nl ? (size_t)(nl - text) : most;
}

static size_t line_start(const char *text, size_t at)
{
	size_t least = at > LINE_LOOK + 1 ? at - LINE_LOOK - 1 : 0;
	const char *nl = memrchr(text + least, '\n', at - least);

	return nl ? (size_t)(nl - text) + 1 : least;
}

size_t wrap_block(const char *text, size_t from, size_t to, size_t limit)
{
	size_t first = to - from, start, end, next, lines = 1, n;
	bool last;

	if (first < LINE_LEAST || first > LINE_MOST)
		return 0;
	start = line_start(text, from);
	end = line_end(text, to, limit);
	if ((start && text[start - 1] != '\n') ||
	    whole_line(text, start, end, &last) != first || last)
		return 0;
	while (end < limit && text[end] == '\n') {
		next = line_end(text, end + 1, limit);
		n = whole_line(text, end + 1, next, &last);
		if (!n || n > first)
			break;
		end = next;
		lines++;
		if (n < first || last)
			break;
	}
	while (blank(text[end - 1]))
		end--;
	return lines > 1 ? end : 0;
}

bool wrap_line(const char *text, size_t n, size_t at)
{
	size_t start = line_start(text, at);

	return (!start || text[start - 1] == '\n') &&
	       long_line(text, start, line_end(text, at, n));
}

/* What the lines of both ends say now is no matter: before the change each may
 * have been one of a block, and what is left of it says something by itself. */
void wrap_widen(const char *text, size_t n, size_t *from, size_t *to)
{
	bool more, before = true, last;
	size_t start, end, other;

	start = line_start(text, *from);
	if (!start || text[start - 1] == '\n')
		*from = start;
	while (start && text[start - 1] == '\n') {
		other = line_start(text, start - 1);
		if (!long_line(text, other, start - 1))
			break;
		*from = start = other;
	}
	end = line_end(text, *to, n);
	if (end == n || text[end] == '\n')
		*to = end;
	while (end < n && text[end] == '\n') {
		other = line_end(text, end + 1, n);
		more = long_line(text, end + 1, other);
		if (!more && !(before && whole_line(text, end + 1, other, &last)))
			break;
		*to = end = other;
		before = more;
	}
}

bool wrap_put(struct view *v, const char *text, size_t from, size_t to)
{
	size_t at[4], n = 0, before = v->n, k;
	unsigned bits = 0;

	for (; from < to; from++) {
		int six = sixbits(text[from]);

		if (six < 0 && (blank(text[from]) || text[from] == '\n'))
			continue;
		if (six < 0)
			break;
		bits = bits << 6 | (unsigned)six;
		at[n++] = from;
		if (n < 4)
			continue;
		for (k = 0; k < 3; k++) {
			int c = (int)(bits >> (16 - 8 * k) & 255);

			if (!decode_readable(c))
				return v->n - before >= SAYS_LEAST;
			view_put(v, (char)c, at[k], true);
		}
		n = bits = 0;
	}
	for (k = 0; k + 1 < n; k++) { /* what is left of the last four */
		int c = (int)(bits << 6 * (4 - n) >> (16 - 8 * k) & 255);

		if (!decode_readable(c))
			break;
		view_put(v, (char)c, at[k], true);
	}
	return v->n - before >= SAYS_LEAST;
}

/* ---- gzip ---------------------------------------------------------------- */

bool wrap_packed(const char *text, size_t from, size_t to)
{
	/* 1f 8b 08, and flags below 32: with a name, a comment and so on */
	return to - from >= PACKED_LEAST && !memcmp(text + from, "H4sI", 4) &&
	       text[from + 4] >= 'A' && text[from + 4] <= 'H';
}

static size_t unwrap(const char *text, size_t from, size_t to,
		     unsigned char *out)
{
	unsigned bits = 0;
	size_t n = 0, len = 0;

	for (; from < to; from++) {
		int six = sixbits(text[from]);

		if (six < 0)
			continue;
		bits = bits << 6 | (unsigned)six;
		if (++n % 4 == 0) {
			out[len++] = (unsigned char)(bits >> 16);
			out[len++] = (unsigned char)(bits >> 8);
			out[len++] = (unsigned char)bits;
			bits = 0;
		}
	}
	if (n % 4 > 1)
		out[len++] = (unsigned char)(n % 4 == 2 ? bits >> 4 : bits >> 10);
	if (n % 4 > 2)
		out[len++] = (unsigned char)(bits >> 2);
	return len;
}

/* What the trailer says, if that is bearable, else what is. */
static size_t unpacked_size(const unsigned char *p, size_t n)
{
	size_t most = n > UNPACK_MOST / UNPACK_TIMES ? UNPACK_MOST
						     : n * UNPACK_TIMES;
	size_t size;

	if (n < 18)
		return 0;
	if (most < UNPACK_FREE)
		most = UNPACK_FREE;
	p += n - 4;
	size = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 |
	       (size_t)p[3] << 24;
	return size && size < most ? size : most;
}

int wrap_unpack(const char *text, size_t from, size_t to, char **out,
		size_t *len, bool *over, struct err *e)
{
	unsigned char *raw = mem_alloc((to - from) / 4 * 3 + 4);
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	enum libdeflate_result got;
	size_t n, size, i;
	char *text_out = NULL;
	int rc = -1;

	*out = NULL;
	*len = 0;
	*over = false;
	if (!raw || !d) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	n = unwrap(text, from, to, raw);
	size = unpacked_size(raw, n);
	rc = 0;
	if (!size)
		goto out;
	text_out = mem_alloc(size);
	if (!text_out) {
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	got = libdeflate_gzip_decompress(d, raw, n, text_out, size, len);
	if (got != LIBDEFLATE_SUCCESS) {
		*over = got == LIBDEFLATE_INSUFFICIENT_SPACE;
		*len = 0;
		goto out;
	}
	for (i = 0; i < *len; i++)
		if (!text_out[i])
			text_out[i] = ' ';
	*out = text_out;
	text_out = NULL;
out:
	mem_free(text_out);
	mem_free(raw);
	if (d)
		libdeflate_free_decompressor(d);
	return rc;
}
