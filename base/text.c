/*
 * text: checks and small transformations of text from outside.
 *
 * Promises: no recursion, bounded work, no allocation but in text_escape().
 */
#include "base/text.h"

#include <string.h>

size_t text_char(const unsigned char *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;
	uint32_t c;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if ((p[0] & 0xe0) == 0xc0)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if ((p[0] & 0xf8) == 0xf0)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

struct range {
	uint32_t lo, hi;
};

static bool in_ranges(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].lo && c <= r[i].hi)
			return true;
	return false;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

size_t text_printable(const unsigned char *p, size_t n)
{
	/* C0, DEL and C1; marks and overrides of direction; line and
	 * paragraph separators; isolates; byte order mark; tags */
	static const struct range bad[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0x061c, 0x061c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};
	uint32_t c;
	size_t len = text_char(p, n, &c);

	return len && in_ranges(c, bad, COUNT(bad)) ? 0 : len;
}

bool text_utf8(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint32_t c;

	for (size_t i = 0, len; i < n; i += len) {
		len = text_char(s + i, n - i, &c);
		if (len == 0)
			return false;
	}
	return true;
}

bool text_int(const char *s, int64_t lo, int64_t hi, int64_t *out)
{
	bool minus = *s == '-';
	int64_t v = 0;

	if (minus)
		s++;
	if (!*s)
		return false;
	for (; *s; s++) {
		int64_t d = *s - '0';

		if (d < 0 || d > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, minus ? -d : d, &v))
			return false;
	}
	if (v < lo || v > hi)
		return false;
	*out = v;
	return true;
}

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool text_name(const char *s)
{
	size_t n = 0;

	if (!s || !alnum(*s))
		return false;
	for (; s[n]; n++)
		if (n >= 64 || (!alnum(s[n]) && !strchr("._-", s[n])))
			return false;
	return true;
}

int text_escape(struct buf *b, const char *s, size_t n, struct err *e)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t len = text_printable(p, n - i);
		char esc[4] = { '\\', 'x', digits[*p >> 4], digits[*p & 15] };
		int rc;

		if (len == 0) {
			rc = buf_add(b, esc, 4, e);
			len = 1;
		} else {
			rc = buf_add(b, p, len, e);
		}
		if (rc != 0)
			return -1;
		i += len;
	}
	return 0;
}

bool text_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *back = NULL;

	/* one remembered star is enough: an earlier one never has to move */
	while (*s) {
		if (*pattern == '*') {
			star = pattern++;
			back = s;
		} else if (*pattern == '?') {
			uint32_t c;
			size_t len = text_char((const unsigned char *)s,
					       strnlen(s, 4), &c);

			s += len ? len : 1;
			pattern++;
		} else if (*pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

#define DISTANCE_MAX 128

size_t text_distance(const char *a, const char *b, size_t cap)
{
	size_t la = strlen(a), lb = strlen(b), row[DISTANCE_MAX + 1];

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return cap;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t v = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < v)
				v = row[j] + 1;
			if (row[j - 1] + 1 < v)
				v = row[j - 1] + 1;
			row[j] = v;
		}
	}
	return row[lb] < cap ? row[lb] : cap;
}

void text_hex(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[s[i] >> 4];
		out[2 * i + 1] = digits[s[i] & 15];
	}
	out[2 * n] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_unhex(const char *s, void *out, size_t n)
{
	unsigned char *o = out;

	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]);
		int lo = hi < 0 ? -1 : nibble(s[2 * i + 1]);

		if (lo < 0)
			return false;
		o[i] = (unsigned char)(hi << 4 | lo);
	}
	return s[2 * n] == '\0';
}

size_t text_width(const char *s)
{
	/* combining marks, zero-width joiners, variation selectors */
	static const struct range none[] = {
		{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
		{ 0x064b, 0x065f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
		{ 0x200b, 0x200f }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
		{ 0xfe20, 0xfe2f },
	};
	/* East Asian wide and the pictures, in whole blocks */
	static const struct range wide[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },
		{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f },
		{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};
	size_t width = 0, left = strlen(s);

	while (left) {
		uint32_t c = 0;
		size_t len = text_char((const unsigned char *)s, left, &c);

		if (len == 0)
			len = 1;
		if (in_ranges(c, wide, COUNT(wide)))
			width += 2;
		else if (!in_ranges(c, none, COUNT(none)))
			width++;
		s += len;
		left -= len;
	}
	return width;
}
