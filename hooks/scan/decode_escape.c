/*
 * decode_escape: characters written another way, and literals in parts.
 *
 * Owns six codings.  Promises: work is linear in the text; what is put is
 * never longer than what it was made of; an escape that means nothing
 * readable stays as it is.
 */
#include "hooks/scan/decode_escape.h"

#include <ctype.h>
#include <string.h>

#define ESCAPES_MOST (64u * 1024) /* bytes of one segment */
#define JOINT_BLANKS 4u /* on each side of the sign */
#define JOINT 0x100u /* the value of a joint: above all characters */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Exactly `n` hexadecimal digits. */
static bool number(const char *p, const char *end, size_t n, unsigned *value)
{
	size_t i;

	if ((size_t)(end - p) < n)
		return false;
	for (*value = 0, i = 0; i < n; i++) {
		if (digit(p[i]) < 0)
			return false;
		*value = *value << 4 | (unsigned)digit(p[i]);
	}
	return true;
}

/* One to six digits and the sign that closes them: their length with it. */
static size_t closed(const char *p, const char *end, char close, bool hex,
		     unsigned *value)
{
	size_t i;

	for (*value = 0, i = 0; i < 6 && p + i < end; i++) {
		int d = digit(p[i]);

		if (d < 0 || (!hex && d > 9))
			break;
		*value = *value * (hex ? 16 : 10) + (unsigned)d;
	}
	return i && p + i < end && p[i] == close ? i + 1 : 0;
}

/* \u0041, \\u0041, \u{41}, U+0041; \x41, \\x41 */
static size_t backslash(const char *p, const char *end, char letter,
			unsigned *value)
{
	size_t skip = end - p > 2 && p[1] == '\\' ? 3 : 2;
	size_t n = letter == 'u' ? 4 : 2, more;

	if ((size_t)(end - p) < skip || p[skip - 1] != letter)
		return 0;
	if (letter == 'u' && p + skip < end && p[skip] == '{') {
		more = closed(p + skip + 1, end, '}', true, value);
		return more ? skip + 1 + more : 0;
	}
	return number(p + skip, end, n, value) ? skip + n : 0;
}

/* &#65; &#x41; */
static size_t entity(const char *p, const char *end, unsigned *value)
{
	size_t skip = 2, more;
	bool hex;

	if (end - p < 4 || p[1] != '#')
		return 0;
	hex = p[2] == 'x' || p[2] == 'X';
	skip += hex;
	more = closed(p + skip, end, ';', hex, value);
	return more ? skip + more : 0;
}

/* "a" + "b": from the first quote to behind the second, the same kind. */
static size_t joint(const char *p, const char *end, unsigned *value)
{
	const char *at = p + 1;
	size_t i;

	if (!quote(*p))
		return 0;
	for (i = 0; i < JOINT_BLANKS && at < end && blank(*at); i++)
		at++;
	if (at == end || *at++ != '+')
		return 0;
	for (i = 0; i < JOINT_BLANKS && at < end && blank(*at); i++)
		at++;
	if (at == end || *at != *p)
		return 0;
	*value = JOINT;
	return (size_t)(at + 1 - p);
}

/* The escape at p: its length, 0 when there is none; *value what it means. */
static size_t escape_at(const char *p, const char *end, enum coding coding,
			unsigned *value)
{
	switch (coding) {
	case CODING_PERCENT:
		return number(p + 1, end, 2, value) ? 3 : 0;
	case CODING_UNICODE:
		if (*p == 'U')
			return end - p > 2 && p[1] == '+' &&
			       number(p + 2, end, 4, value) ? 6 : 0;
		return *p == '\\' ? backslash(p, end, 'u', value) : 0;
	case CODING_ESCAPE:
		return backslash(p, end, 'x', value);
	case CODING_ENTITY:
		return entity(p, end, value);
	case CODING_QUOTED:
		return number(p + 1, end, 2, value) && !islower((unsigned char)p[1]) &&
		       !islower((unsigned char)p[2]) ? 3 : 0;
	case CODING_JOIN:
		return joint(p, end, value);
	default:
		return 0;
	}
}

/* The quote of a joint whose sign stands at `plus`; NULL: none after `low`. */
static const char *before_plus(const char *plus, const char *low)
{
	const char *p = plus;
	size_t i;

	for (i = 0; i < JOINT_BLANKS && p > low && blank(p[-1]); i++)
		p--;
	return p > low && quote(p[-1]) ? p - 1 : NULL;
}

/* ---- finding ------------------------------------------------------------- */

/* The next place in [p, end) where an escape may begin, or NULL. */
static const char *next(const char *p, const char *end, enum coding coding,
			bool plus)
{
	static const char sign[CODINGS] = { '%', '\\', '\\', '&', '=', '+' };
	const char *at = p, *found;

	if (!plus)
		return memchr(p, sign[coding], (size_t)(end - p));
	/* '+' is rarer than 'U' and the quotes */
	for (; at < end && (at = memchr(at, '+', (size_t)(end - at))); at++) {
		found = coding == CODING_JOIN ? before_plus(at, p)
			: at > p && at[-1] == 'U' ? at - 1 : NULL;
		if (found)
			return found;
	}
	return NULL;
}

/* What makes a segment of escapes worth a look. */
static bool says(enum coding coding, unsigned value)
{
	if (coding == CODING_QUOTED) /* x=20 is none: it must be written =3D */
		return value == '=';
	return value > 0x20 && (value < 0x7f || value == JOINT);
}

/* Escapes of one kind with no newline and little else between them. */
static int find(struct segments *s, const char *text, size_t from, size_t to,
		enum coding coding, bool plus, struct err *e)
{
	const char *p = text + from, *end = text + to, *start = NULL, *last = p;
	bool any = false;
	unsigned value;
	size_t n;

	for (;;) {
		p = p < end ? next(p, end, coding, plus) : NULL;
		n = p ? escape_at(p, end, coding, &value) : 0;
		if (p && !n) {
			p++;
			continue;
		}
		if (start && (!p || (size_t)(p - last) > ESCAPE_GAP ||
			      (size_t)(p - start) > ESCAPES_MOST ||
			      memchr(last, '\n', (size_t)(p - last)))) {
			if (any && segments_push(s, (size_t)(start - text),
						 (size_t)(last - text), coding,
						 e))
				return -1;
			start = NULL;
			any = false;
		}
		if (!p)
			return 0;
		if (!start)
			start = p;
		any |= says(coding, value);
		p = last = p + n;
	}
}

int segments_escapes(struct segments *s, const char *text, size_t from,
		     size_t to, struct err *e)
{
	return find(s, text, from, to, CODING_PERCENT, false, e) ||
	       find(s, text, from, to, CODING_UNICODE, false, e) ||
	       find(s, text, from, to, CODING_ESCAPE, false, e) ||
	       find(s, text, from, to, CODING_ENTITY, false, e) ||
	       find(s, text, from, to, CODING_QUOTED, false, e) ||
	       find(s, text, from, to, CODING_UNICODE, true, e) ||
	       find(s, text, from, to, CODING_JOIN, true, e);
}

static bool hex(const char *text, size_t n, size_t at)
{
	return at < n && digit(text[at]) >= 0;
}

/* May an escape other than a joint begin here? */
static bool may_begin(const char *text, size_t n, size_t p)
{
	switch (text[p]) {
	case '%':
	case '=':
		return hex(text, n, p + 1) && hex(text, n, p + 2);
	case '&':
		return p + 1 < n && text[p + 1] == '#';
	case '\\':
		p += p + 1 < n && text[p + 1] == '\\';
		return p + 1 < n && (text[p + 1] == 'u' || text[p + 1] == 'x') &&
		       (hex(text, n, p + 2) ||
			(p + 2 < n && text[p + 2] == '{'));
	case 'U':
		return p + 1 < n && text[p + 1] == '+' && hex(text, n, p + 2);
	default:
		return false;
	}
}

bool escape_sign(const char *text, size_t n, size_t at)
{
	if (text[at] != '+')
		return may_begin(text, n, at);
	return before_plus(text + at, text) ||
	       (at && may_begin(text, n, at - 1) && text[at - 1] == 'U');
}

static size_t first_of(char c, const char *text, size_t n, size_t from,
		       size_t to)
{
	const char *p = text + from, *end = text + to;

	for (; p < end && (p = memchr(p, c, (size_t)(end - p))); p++)
		if (may_begin(text, n, (size_t)(p - text)))
			return (size_t)(p - text);
	return to;
}

/* U+0041 and joints, whose '+' may stand behind `to`. */
static size_t first_plus(const char *text, size_t n, size_t from, size_t to)
{
	size_t last = n - to > JOINT_BLANKS + 2 ? to + JOINT_BLANKS + 2 : n, at;
	const char *p = text + from, *end = text + last, *start;

	for (; p < end && (p = memchr(p, '+', (size_t)(end - p))); p++) {
		at = (size_t)(p - text);
		start = before_plus(p, text + from);
		if (start && start < text + to)
			return (size_t)(start - text);
		if (at > from && at - 1 < to && may_begin(text, n, at - 1))
			return at - 1;
	}
	return to;
}

size_t escape_first(const char *text, size_t n, size_t from, size_t to)
{
	static const char signs[] = "%\\&=";
	size_t i;

	to = first_plus(text, n, from, to);
	for (i = 0; signs[i]; i++)
		to = first_of(signs[i], text, n, from, to);
	return to;
}

/* ---- decoding ------------------------------------------------------------ */

static bool begins(const char *p, enum coding coding, char first)
{
	return coding == CODING_JOIN ? quote(*p) : *p == first;
}

void escapes_put(struct view *v, const char *text, size_t from, size_t to,
		 enum coding coding)
{
	char first = text[from];
	bool coded = false; /* what follows a joint */
	unsigned value = 0;
	size_t n;

	while (from < to) {
		n = begins(text + from, coding, first)
			? escape_at(text + from, text + to, coding, &value) : 0;
		if (n && value == JOINT) {
			from += n;
			coded = true;
			continue;
		}
		if (n && value < 0x80 && decode_readable((int)value)) {
			view_put(v, (char)value, from, true);
			from += n;
		} else {
			view_put(v, text[from], from, coded);
			from++;
		}
		coded = false;
	}
}
