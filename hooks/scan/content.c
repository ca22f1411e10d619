/*
 * content: what a file is by its bytes, and what of it is text.
 *
 * Promises: no first bytes, no NUL and no stub make the text in a file unseen:
 * what is not text as a whole gives its printable runs.
 */
#include "hooks/scan/content.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#define LOOKED_AT 8000u /* as git */
#define ODD_SHARE 64u	/* of a text at most so many bytes are one control */
#define ZIP_END_MAX (ZIP_END + 65535u) /* with the longest comment */
#define ZIP_END_NEAR 1024u /* looked at in texts, of which there are many */
#define RUN_LEAST 8u
#define XZ_HEAD 12u
#define LZMA_HEAD 13u
#define PACKED_SURE 512u /* so many good bytes are no chance */
#define PACKED_LEAST 40u /* ... nor are all of so many */

static bool begins(const char *p, size_t n, const char *with, size_t m)
{
	return n >= m && !memcmp(p, with, m);
}

/* A zip is read from its end: anything may stand before it. */
static bool zip_at_end(const char *p, size_t n, size_t most)
{
	size_t from = n > most ? n - most : 0;

	return n >= ZIP_END && memmem(p + from, n - from, "PK\5\6", 4);
}

static size_t le(const char *p, unsigned bytes)
{
	size_t v = 0;

	while (bytes--)
		v = v << 8 | (unsigned char)p[bytes];
	return v;
}

/* lzma has no first bytes of its own, but a header that few others fit:
 * properties, a dictionary of 2^i or 3*2^i, a length, and a first byte that is
 * always 0. */
static bool lzma(const char *p, size_t n)
{
	size_t dictionary, length;

	if (n <= LZMA_HEAD || (unsigned char)p[0] >= 9 * 5 * 5 || p[LZMA_HEAD])
		return false;
	dictionary = le(p + 1, 4);
	length = le(p + 5, 8);
	if (dictionary < 4096 || !length ||
	    (length != SIZE_MAX && length >> 38))
		return false;
	while (dictionary % 2 == 0)
		dictionary /= 2;
	return dictionary == 1 || dictionary == 3;
}

bool content_is_packed(const char *p, size_t n)
{
	return begins(p, n, "\x1f\x8b\x08", 3) ||
	       (begins(p, n, "BZh", 3) && n > 10 && !memcmp(p + 4, "1AY&SY", 6)) ||
	       begins(p, n, "\xfd" "7zXZ\0", 6) ||
	       begins(p, n, "\x28\xb5\x2f\xfd", 4) ||
	       begins(p, n, "\x04\x22\x4d\x18", 4) || lzma(p, n);
}

static bool other_archive(const char *p, size_t n)
{
	return content_is_packed(p, n) ||
	       begins(p, n, "7z\xbc\xaf\x27\x1c", 6) ||
	       begins(p, n, "!<arch>\n", 8) ||
	       (n > 512 && !memcmp(p + 257, "ustar", 5));
}

static bool archive_like(const char *p, size_t n)
{
	return begins(p, n, "PK\3\4", 4) || other_archive(p, n);
}

/* A text with a NUL or another odd byte here and there is still one. */
static bool mostly_text(const char *p, size_t n)
{
	size_t i, odd = 0;

	n = n < LOOKED_AT ? n : LOOKED_AT;
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		odd += c < 0x20 && !(c >= 7 && c <= 13) && c != 0x1b;
	}
	return odd * ODD_SHARE <= n;
}

/* Text in UTF-16 without a mark: of ASCII every other byte is NUL. */
static enum content guess_utf16(const char *p, size_t n)
{
	size_t i, even = 0, odd = 0, pairs = (n < 1024 ? n : 1024) / 2;

	for (i = 0; i < pairs; i++) {
		even += !p[2 * i];
		odd += !p[2 * i + 1];
	}
	if (n % 2 || pairs < 4)
		return CONTENT_BINARY;
	if (odd * 10 >= pairs * 7 && even * 50 <= pairs)
		return CONTENT_UTF16LE;
	if (even * 10 >= pairs * 7 && odd * 50 <= pairs)
		return CONTENT_UTF16BE;
	return CONTENT_BINARY;
}

static enum content plain_kind(const char *p, size_t n)
{
	if (!memchr(p, '\0', n < LOOKED_AT ? n : LOOKED_AT))
		return CONTENT_TEXT;
	return mostly_text(p, n) ? CONTENT_TEXT : guess_utf16(p, n);
}

/* Is the end record at `at` behind a list of files of the length it tells? */
static bool zip_end(const char *p, size_t at)
{
	size_t len = le(p + at + 12, 4);

	return len >= 46 && len <= at && !memcmp(p + at - len, "PK\1\2", 4);
}

size_t content_zip_ends(const char *p, size_t n, size_t *end, size_t max)
{
	size_t at = n > ZIP_END_MAX ? n - ZIP_END_MAX : 0, found = 0;
	const char *x;

	if (other_archive(p, n))
		return 0;
	while (at + ZIP_END <= n && found < max &&
	       (x = memmem(p + at, n - at - (ZIP_END - 4), "PK\5\6", 4))) {
		at = (size_t)(x - p);
		if (zip_end(p, at))
			end[found++] = at;
		at += 4;
	}
	return found;
}

/* A gzip or zstd by chance goes wrong within some bytes; xz has a checksum
 * over its first ones.  */
bool content_was_packed(const char *p, size_t n, size_t used)
{
	if (!content_is_packed(p, n))
		return false;
	if (begins(p, n, "\xfd" "7zXZ\0", 6))
		return n >= XZ_HEAD &&
		       libdeflate_crc32(0, p + 6, 2) == le(p + 8, 4);
	if (begins(p, n, "\x1f\x8b", 2) && (n < 4 || p[3] & 0xe0))
		return false;
	return used >= PACKED_SURE || (n >= PACKED_LEAST && used == n);
}

size_t content_next_packed(const char *p, size_t n)
{
	static const struct { const char *magic; size_t n; } all[] = {
		{ "\x1f\x8b\x08", 3 }, { "\xfd" "7zXZ\0", 6 },
		{ "\x28\xb5\x2f\xfd", 4 }, { "\x04\x22\x4d\x18", 4 },
	};
	size_t i, least = 0;
	const char *x;

	if (!content_is_packed(p, n))
		return 0;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		x = memmem(p + 1, (least ? least : n) - 1, all[i].magic,
			   all[i].n);
		if (x)
			least = (size_t)(x - p);
	}
	return least;
}

/* How far from the end the end record of a zip is looked for. */
static size_t zip_reach(const char *p, size_t n, enum content kind)
{
	return kind == CONTENT_TEXT &&
	       !memchr(p, '\0', n < LOOKED_AT ? n : LOOKED_AT) ? ZIP_END_NEAR
							       : ZIP_END_MAX;
}

enum content content_kind(const char *p, size_t n)
{
	enum content kind;

	if (n >= 2 && (unsigned char)p[0] >= 0xfe) {
		if (begins(p, n, "\xff\xfe", 2) && !begins(p, n, "\xff\xfe\0", 4))
			return CONTENT_UTF16LE;
		if (begins(p, n, "\xfe\xff", 2))
			return CONTENT_UTF16BE;
	}
	kind = archive_like(p, n) ? CONTENT_ARCHIVE : plain_kind(p, n);
	if (zip_at_end(p, n, zip_reach(p, n, kind)))
		kind = CONTENT_ARCHIVE;
	return kind;
}

bool content_is_text(const char *p, size_t n)
{
	return plain_kind(p, n) == CONTENT_TEXT;
}

/* ---- UTF-16 -------------------------------------------------------------- */

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static uint32_t unit(const char *p, bool big)
{
	uint32_t a = (unsigned char)p[0], b = (unsigned char)p[1];

	return big ? a << 8 | b : b << 8 | a;
}

char *content_utf16(const char *p, size_t n, bool big, size_t *len)
{
	char *out = malloc(n / 2 * 3 + 1);
	size_t i = 0, at = 0;
	uint32_t c, low;

	if (!out)
		return NULL;
	n -= n % 2;
	if (n && unit(p, big) == 0xfeff)
		i = 2;
	for (; i < n; i += 2) {
		c = unit(p + i, big);
		if (c >= 0xd800 && c < 0xe000) {
			low = c < 0xdc00 && i + 2 < n ? unit(p + i + 2, big) : 0;
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + low - 0xdc00;
				i += 2;
			} else {
				c = 0xfffd;
			}
		}
		at += put_utf8(out + at, c);
	}
	*len = at;
	return out;
}

/* ---- runs ---------------------------------------------------------------- */

static bool printable(char c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= '\t' && c <= '\r');
}

/* Compressed data are passed over eight bytes at a time: a run that begins in
 * them would have to reach their last. */
char *content_runs(const char *p, size_t n, size_t *len)
{
	char *out = malloc(n + 1);
	size_t i = 0, at = 0, from, to;

	while (out && n - i >= RUN_LEAST) {
		if (!printable(p[i + RUN_LEAST - 1])) {
			i += RUN_LEAST;
			continue;
		}
		for (from = i + RUN_LEAST - 1; from > i && printable(p[from - 1]);)
			from--;
		for (to = i + RUN_LEAST; to < n && printable(p[to]);)
			to++;
		if (to - from >= RUN_LEAST) {
			memcpy(out + at, p + from, to - from);
			at += to - from;
			out[at++] = '\0'; /* room: a byte that ended the run, or [n] */
		}
		i = to;
	}
	*len = at;
	return out;
}
