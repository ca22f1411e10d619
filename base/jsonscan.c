/*
 * jsonscan: a strict look over JSON text.
 *
 * Promises: one pass, a fixed stack, no allocation.  Must never: put a piece
 * of the text into an error.
 */
#include "base/jsonscan.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define NUMBER_MAX 40 /* characters; cJSON would cut at 63 */
#define KEY_MAX 64    /* escaped characters of a key that we look for */

struct scan {
	const char *p;
	size_t n, i;
	char closer[JSON_DEPTH_MAX]; /* '}' or ']' of each open container */
	unsigned depth;
	const char *key;
	struct json_cut *cut;
	size_t comma;	 /* before the current member, or NONE */
	size_t member;	 /* where its key starts */
	bool wanted;	 /* its key is the one looked for */
	bool eat_comma;	 /* the next comma belongs to the cut */
	struct err *e;
};

#define NONE SIZE_MAX

static int bad(struct scan *s, const char *what)
{
	return err_fail(s->e, ERR_FORMAT, NULL, "not JSON at byte %zu: %s",
			s->i + 1, what);
}

static char peek(const struct scan *s)
{
	return s->i < s->n ? s->p[s->i] : '\0';
}

static void space(struct scan *s)
{
	while (s->i < s->n && memchr(" \t\r\n", s->p[s->i], 4))
		s->i++;
}

/* Four hex digits at p, or -1. */
static int32_t hex4(const char *p, size_t n)
{
	unsigned char b[2];
	char t[5];

	if (n < 4)
		return -1;
	memcpy(t, p, 4);
	t[4] = '\0';
	return text_unhex(t, b, 2) ? b[0] << 8 | b[1] : -1;
}

static int escape(struct scan *s)
{
	const char *p = s->p + s->i;
	size_t left = s->n - s->i;
	int32_t u, low;

	if (left < 2)
		return bad(s, "the text ends in an escape");
	if (p[1] != 'u') {
		if (!p[1] || !strchr("\"\\/bfnrt", p[1]))
			return bad(s, "an unknown escape");
		s->i += 2;
		return 0;
	}
	u = hex4(p + 2, left - 2);
	if (u < 0)
		return bad(s, "\\u without four hex digits");
	if (u == 0)
		return bad(s, "a NUL character");
	if (u >= 0xdc00 && u <= 0xdfff)
		return bad(s, "half a surrogate pair");
	s->i += 6;
	if (u < 0xd800 || u > 0xdbff)
		return 0;
	low = left >= 8 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8, left - 8)
						       : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return bad(s, "half a surrogate pair");
	s->i += 6;
	return 0;
}

/* At the opening quote; ends behind the closing one. */
static int string(struct scan *s)
{
	s->i++;
	while (s->i < s->n) {
		unsigned char c = (unsigned char)s->p[s->i];

		if (c == '"') {
			s->i++;
			return 0;
		}
		if (c < 0x20)
			return bad(s, "a control character in a string");
		if (c != '\\')
			s->i++;
		else if (escape(s) != 0)
			return -1;
	}
	return bad(s, "a string does not end");
}

static size_t run_of_digits(struct scan *s)
{
	size_t from = s->i;

	while (s->i < s->n && s->p[s->i] >= '0' && s->p[s->i] <= '9')
		s->i++;
	return s->i - from;
}

static int number(struct scan *s)
{
	size_t from = s->i;

	if (peek(s) == '-')
		s->i++;
	if (peek(s) == '0')
		s->i++;
	else if (run_of_digits(s) == 0)
		return bad(s, "a number without digits");
	if (peek(s) == '.') {
		s->i++;
		if (run_of_digits(s) == 0)
			return bad(s, "a number without digits");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->i++;
		if (peek(s) == '+' || peek(s) == '-')
			s->i++;
		if (run_of_digits(s) == 0)
			return bad(s, "a number without digits");
	}
	return s->i - from > NUMBER_MAX ? bad(s, "a number too long") : 0;
}

static int word(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t k = 0; k < 3; k++) {
		size_t len = strlen(words[k]);

		if (s->n - s->i >= len &&
		    memcmp(s->p + s->i, words[k], len) == 0) {
			s->i += len;
			return 0;
		}
	}
	return bad(s, "a value was expected");
}

static bool key_is(const struct scan *s, size_t from, size_t len)
{
	unsigned char plain[KEY_MAX];
	size_t n;

	if (len > sizeof(plain))
		return false;
	n = json_unescape(s->p + from, len, plain);
	return n == strlen(s->key) && memcmp(plain, s->key, n) == 0;
}

static int member_key(struct scan *s)
{
	size_t from;

	space(s);
	from = s->i;
	if (peek(s) != '"')
		return bad(s, "a member's name was expected");
	if (string(s) != 0)
		return -1;
	if (s->depth == 1 && s->key) {
		s->member = from;
		s->wanted = key_is(s, from + 1, s->i - from - 2);
	}
	space(s);
	if (peek(s) != ':')
		return bad(s, "a colon was expected");
	s->i++;
	return 0;
}

static void note_value(struct scan *s, size_t from, char first)
{
	struct json_cut *c = s->cut;

	s->wanted = false;
	c->count++;
	c->string = first == '"';
	c->null = first == 'n';
	c->val = from + 1;
	c->val_len = c->string ? s->i - from - 2 : 0;
	c->from = s->comma != NONE ? s->comma : s->member;
	c->to = s->i;
	s->eat_comma = s->comma == NONE;
}

static int scalar(struct scan *s)
{
	size_t from = s->i;
	char c = peek(s);
	int rc;

	if (c == '"')
		rc = string(s);
	else if (c == '-' || (c >= '0' && c <= '9'))
		rc = number(s);
	else
		rc = word(s);
	if (rc == 0 && s->wanted && s->depth == 1)
		note_value(s, from, c);
	return rc;
}

/* At '{' or '['.  0: empty and closed again, 1: a value follows, -1: bad. */
static int open_container(struct scan *s)
{
	char close = peek(s) == '{' ? '}' : ']';

	if (s->depth == JSON_DEPTH_MAX)
		return bad(s, "nested too deeply");
	if (s->wanted && s->depth == 1)
		note_value(s, s->i, peek(s));
	s->closer[s->depth++] = close;
	s->comma = NONE;
	s->i++;
	space(s);
	if (peek(s) == close) {
		s->i++;
		s->depth--;
		return 0;
	}
	if (close == '}' && member_key(s) != 0)
		return -1;
	return 1;
}

/* Behind a value.  0: all closed, 1: another value follows, -1: bad. */
static int after_value(struct scan *s)
{
	while (s->depth) {
		char close = s->closer[s->depth - 1];

		space(s);
		if (peek(s) == close) {
			s->i++;
			s->depth--;
			continue;
		}
		if (peek(s) != ',')
			return bad(s, "a comma or a closing bracket was "
				      "expected");
		if (s->depth == 1) {
			s->comma = s->i;
			if (s->eat_comma) {
				s->cut->to = s->i + 1;
				s->comma = NONE;
				s->eat_comma = false;
			}
		}
		s->i++;
		if (close == '}' && member_key(s) != 0)
			return -1;
		return 1;
	}
	return 0;
}

int json_scan(const char *p, size_t n, const char *key, struct json_cut *cut,
	      struct err *e)
{
	struct json_cut unused = { 0 };
	struct scan s = { .p = p, .n = n, .key = key, .comma = NONE, .e = e };
	int more;

	s.cut = cut ? cut : &unused;
	*s.cut = (struct json_cut){ 0 };
	if (!text_utf8(p, n))
		return err_fail(e, ERR_FORMAT, NULL, "not UTF-8");
	do {
		space(&s);
		if (peek(&s) == '{' || peek(&s) == '[')
			more = open_container(&s);
		else
			more = scalar(&s);
		if (more == 0)
			more = after_value(&s);
		if (more < 0)
			return -1;
	} while (more);
	space(&s);
	return s.i == n ? 0 : bad(&s, "something follows the value");
}

static size_t utf8(uint32_t c, unsigned char out[static 4])
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (unsigned char)(0xe0 | c >> 12);
		out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | c >> 18);
	out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (c & 0x3f));
	return 4;
}

size_t json_unescape(const char *p, size_t n, unsigned char *out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	size_t len = 0;

	for (size_t i = 0; i < n;) {
		unsigned char c[4] = { (unsigned char)p[i] };
		size_t k = 1;

		if (p[i] != '\\') {
			i++;
		} else if (p[i + 1] != 'u') {
			const char *at = strchr(from, p[i + 1]);

			c[0] = (unsigned char)(at ? to[at - from] : p[i + 1]);
			i += 2;
		} else {
			uint32_t u = (uint32_t)hex4(p + i + 2, n - i - 2);

			i += 6;
			if (u >= 0xd800 && u <= 0xdbff) {
				u = 0x10000 + ((u - 0xd800) << 10) +
				    ((uint32_t)hex4(p + i + 2, n - i - 2) -
				     0xdc00);
				i += 6;
			}
			k = utf8(u, c);
		}
		if (out)
			memcpy(out + len, c, k);
		len += k;
	}
	return len;
}
