/*
 * inflate_part: what is left of a gzip that was cut off or damaged.
 *
 * libarchive gives nothing of the last 64 KB before an error.  libdeflate
 * does not tell how far it came, but writes nothing behind that: what is not
 * zero any more came out.
 */
#include "hooks/scan/inflate_part.h"

#include <libdeflate.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PART_MOST (64u * 1024 * 1024)
#define HEAD 10u
#define HAS_CRC 2
#define HAS_EXTRA 4
#define HAS_NAME 8
#define HAS_COMMENT 16

/* Where the text behind `at` ends, its NUL counted. */
static size_t past_text(const char *p, size_t n, size_t at)
{
	const char *x = at < n ? memchr(p + at, '\0', n - at) : NULL;

	return x ? (size_t)(x - p) + 1 : n;
}

/* n: no gzip, or it ends in its header. */
static size_t past_header(const char *p, size_t n)
{
	size_t at = HEAD;

	if (n <= HEAD + 2 || memcmp(p, "\x1f\x8b\x08", 3))
		return n;
	if (p[3] & HAS_EXTRA)
		at += 2 + ((size_t)(unsigned char)p[HEAD] |
			   (size_t)(unsigned char)p[HEAD + 1] << 8);
	if (p[3] & HAS_NAME)
		at = past_text(p, n, at);
	if (p[3] & HAS_COMMENT)
		at = past_text(p, n, at);
	if (p[3] & HAS_CRC)
		at += 2;
	return at < n ? at : n;
}

char *inflate_part(const char *p, size_t n, size_t most, size_t *len)
{
	struct libdeflate_decompressor *d = NULL;
	size_t at = past_header(p, n), whole = 0;
	enum libdeflate_result got;
	char *out = NULL;

	*len = 0;
	if (most > PART_MOST)
		most = PART_MOST;
	if (at == n || !most)
		goto out;
	d = libdeflate_alloc_decompressor();
	out = calloc(most + 1, 1);
	if (!d || !out)
		goto out;
	got = libdeflate_deflate_decompress(d, p + at, n - at, out, most,
					    &whole);
	*len = got == LIBDEFLATE_SUCCESS ? whole : most;
	while (*len && !out[*len - 1])
		--*len;
out:
	if (d)
		libdeflate_free_decompressor(d);
	if (!*len) {
		free(out);
		out = NULL;
	}
	return out;
}
