/*
 * pattern_read: patterns, read for what is known of all their matches.
 *
 * Owns reading them as RE2 and PCRE2 both mean them; a part that it does not
 * know well makes the answer no.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/scan/breaks.h"
#include "hooks/scan/pattern_part.h"
#include "hooks/scan/tokens.h"

#define NESTED_MAX 50u

struct reader {
	const char *p;
	unsigned depth;
	bool lost; /* something is not known */
	bool dot_all; /* (?s) somewhere */
};

static struct pattern_part alternatives(struct reader *r);

static struct pattern_part letter(int c)
{
	struct bytes b = { { 0 } };

	bytes_put(&b, (unsigned)c);
	return part_one(&b, false);
}

/* ---- reading ------------------------------------------------------------- */

static struct pattern_part lose(struct reader *r)
{
	r->lost = true;
	return part_nothing();
}

static int hex_digit(char c)
{
	const char *all = "0123456789abcdef";
	const char *at = c ? strchr(all, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - all) : -1;
}

/* The character of an escape, after the backslash; -1: it is none, or not
 * known, and r->p stays. */
static int escaped(struct reader *r)
{
	static const char names[] = "nrtfv", means[] = "\n\r\t\f\v";
	const char *at = *r->p ? strchr(names, *r->p) : NULL;
	int high, low;

	if (at) {
		r->p++;
		return means[at - names];
	}
	if (*r->p == 'x') {
		high = hex_digit(r->p[1]);
		low = high < 0 ? -1 : hex_digit(r->p[2]);
		if (low < 0)
			return -1;
		r->p += 3;
		return high << 4 | low;
	}
	if (*r->p && !((unsigned char)*r->p & 0x80) &&
	    !isalnum((unsigned char)*r->p))
		return (unsigned char)*r->p++;
	return -1;
}

/* \d, \w and the like, of one character: NUL when it is none of them. */
static char short_class(struct reader *r)
{
	return *r->p && strchr("dDwWsS", *r->p) ? *r->p++ : 0;
}

/* Vertical tab is a space to some and not to others. */
static struct bytes of_short(char c, bool without)
{
	static const char spaces[] = " \t\n\r\f";
	struct bytes b = { { 0 } };
	unsigned k;

	for (k = 0; k < 0x80; k++)
		if (strchr("dD", c) ? isdigit((int)k)
		    : strchr("wW", c) ? isalnum((int)k) || k == '_'
				      : k && strchr(spaces, (int)k))
			bytes_put(&b, k);
	if (isupper((unsigned char)c))
		bytes_not(&b);
	if ((c == 's' && !without) || (c == 'S' && without))
		b.w[0] ^= (uint64_t)1 << '\v';
	return b;
}

static struct pattern_part escape(struct reader *r)
{
	struct bytes of;
	char c;
	int is;

	if (*r->p && strchr("bBAz", *r->p)) {
		r->p++;
		return part_nothing();
	}
	c = short_class(r);
	if (c) {
		of = of_short(c, false);
		return part_one(&of, false);
	}
	is = escaped(r);
	return is < 0 ? lose(r) : letter(is);
}

/* One end of a range, or a character of a class; -1: a short class, which is
 * in *of, or lost. */
static int member(struct reader *r, bool others, struct bytes *of)
{
	char c;
	int is;

	if (!*r->p || (*r->p == '[' && r->p[1] == ':')) {
		r->lost = true;
		return -1;
	}
	if (*r->p != '\\')
		return (unsigned char)*r->p++;
	r->p++;
	c = short_class(r);
	if (c) {
		*of = of_short(c, others);
		return -1;
	}
	is = escaped(r);
	r->lost |= is < 0;
	return is;
}

/* After the '['. */
static struct pattern_part class(struct reader *r)
{
	bool others = *r->p == '^', first = true;
	struct bytes all = { { 0 } }, of = all;
	int from, to, c;

	r->p += others;
	for (; !r->lost && (first || *r->p != ']'); first = false) {
		from = member(r, others, &of);
		if (r->lost)
			break;
		if (from < 0) {
			bytes_add(&all, &of);
			continue;
		}
		to = from;
		if (*r->p == '-' && r->p[1] && r->p[1] != ']') {
			r->p++;
			to = member(r, others, &of);
			if (to < from)
				return lose(r);
		}
		for (c = from; c <= to; c++)
			bytes_put(&all, (unsigned)c);
	}
	if (r->lost)
		return part_nothing();
	r->p++;
	return part_one(&all, others);
}

/* '.' */
static struct pattern_part dot(const struct reader *r)
{
	struct bytes none = { { 0 } };

	if (!r->dot_all)
		bytes_put(&none, '\n');
	return part_one(&none, true);
}

/* After "(?": what the group is to be; true when it holds something. */
static bool opened(struct reader *r)
{
	const char *end;
	size_t n;

	if (*r->p == 'P' || *r->p == '<') {
		r->p += *r->p == 'P';
		end = strchr(r->p, '>');
		r->lost |= *r->p != '<' || !end ||
			   !isalpha((unsigned char)r->p[1]);
		r->p = r->lost ? "" : end + 1;
		return true;
	}
	n = strspn(r->p, "imsU-");
	r->dot_all |= memchr(r->p, 's', n) != NULL;
	r->p += n;
	if (*r->p != ')' && *r->p != ':') {
		r->lost = true;
		return false;
	}
	return *r->p++ == ':';
}

/* After the '('. */
static struct pattern_part group(struct reader *r)
{
	struct pattern_part x;

	if (*r->p == '?') {
		r->p++;
		if (!opened(r))
			return part_nothing();
	}
	if (r->lost || r->depth == NESTED_MAX)
		return lose(r);
	r->depth++;
	x = alternatives(r);
	r->depth--;
	if (*r->p != ')')
		return lose(r);
	r->p++;
	return x;
}

static struct pattern_part atom(struct reader *r)
{
	char c = *r->p++;

	switch (c) {
	case '(':
		return group(r);
	case '[':
		return class(r);
	case '\\':
		return escape(r);
	case '^':
	case '$':
		return part_nothing();
	case '.':
		return dot(r);
	case '*':
	case '+':
	case '?':
	case '{':
		return lose(r);
	default:
		return letter((unsigned char)c);
	}
}

/* {2}, {2,} or {2,5}: the first number; *often: may it be more than one? */
static unsigned counted(struct reader *r, bool *often)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)r->p[1])) {
		r->lost = true;
		return 0;
	}
	n = strtoul(r->p + 1, &end, 10);
	*often = n > 1;
	if (*end == ',') {
		*often |= strtoul(end + 1, NULL, 10) != 1;
		end += 1 + strspn(end + 1, "0123456789");
	}
	r->lost |= *end != '}';
	r->p = r->lost ? "" : end + 1;
	return n < PART_ENOUGH ? (unsigned)n : PART_ENOUGH;
}

static struct pattern_part repeated(struct reader *r)
{
	struct pattern_part x = atom(r);
	bool often = *r->p != '?';
	unsigned n;

	if (r->lost || !*r->p || !strchr("*+?{", *r->p))
		return x;
	if (*r->p == '{')
		n = counted(r, &often);
	else
		n = *r->p++ == '+';
	r->p += *r->p == '?'; /* lazy: no matter */
	/* x**, x*+: not of RE2 */
	if (*r->p && strchr("*+?{", *r->p))
		r->lost = true;
	return part_times(x, n, often);
}

static struct pattern_part sequence(struct reader *r)
{
	struct pattern_part x = part_nothing(), y;

	while (!r->lost && *r->p && *r->p != '|' && *r->p != ')') {
		y = repeated(r);
		x = part_both(x, &y);
	}
	return x;
}

/* With group() in turn, at most NESTED_MAX deep. */
static struct pattern_part alternatives(struct reader *r)
{
	struct pattern_part x = sequence(r), y;

	while (!r->lost && *r->p == '|') {
		r->p++;
		y = sequence(r);
		x = part_either(x, &y);
	}
	return x;
}

bool part_read(const char *pattern, struct pattern_part *x)
{
	struct reader r = { .p = pattern };

	*x = alternatives(&r);
	return !r.lost && !*r.p;
}

bool token_needed(const char *pattern)
{
	struct pattern_part x;

	return part_read(pattern, &x) &&
	       (x.of[PART_ALNUM].best >= TOKEN_ALNUM ||
		x.of[PART_ANY].best >= TOKEN_LONG);
}

void breaks_held(const char *pattern, struct bytes *before)
{
	struct pattern_part x;

	if (part_read(pattern, &x))
		bytes_add(before, &x.before);
	else
		memset(before, 0xff, sizeof(*before));
}

void breaks_held_word(const char *word, struct bytes *before)
{
	for (; word[0] && word[1]; word++)
		if (word[1] == '\n')
			bytes_put(before, (unsigned char)word[0]);
}
