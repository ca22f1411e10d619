/*
 * token_needed: does every match of a pattern hold a dense run of token
 * characters?
 *
 * Owns reading patterns for that, as RE2 and PCRE2 both mean them.  For each
 * part it keeps what any text that the part matches has at the least; a part
 * it does not know well makes the answer no.  Case does not matter, as the
 * classes have both.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/scan/tokens.h"

#define NESTED_MAX 50u
#define ENOUGH 4096u

enum { ANY, ALNUM, KINDS };

/* Of one kind of character, in every text that a part matches. */
struct least {
	bool full; /* it has no others */
	unsigned begin, end, best; /* together at its begin, end, anywhere */
};

struct part {
	struct least of[KINDS];
};

struct reader {
	const char *p;
	unsigned depth;
	bool lost; /* something is not known */
};

static struct part alternatives(struct reader *r);

static unsigned sum(unsigned a, unsigned b)
{
	return a + b < ENOUGH ? a + b : ENOUGH;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Matches nothing but the empty text. */
static struct part empty(void)
{
	struct part x;
	size_t k;

	memset(&x, 0, sizeof(x));
	for (k = 0; k < KINDS; k++)
		x.of[k].full = true;
	return x;
}

/* One character; `any`, `alnum`: it is surely of that kind. */
static struct part one(bool any, bool alnum)
{
	struct part x = { 0 };

	x.of[ANY] = (struct least){ any, any, any, any };
	x.of[ALNUM] = (struct least){ alnum, alnum, alnum, alnum };
	return x;
}

static struct part letter(int c)
{
	return one(c > 0 && c < 0x80 && token_char((char)c),
		   c < 0x80 && isalnum(c));
}

static struct part both(struct part x, struct part y)
{
	struct part z = { 0 };
	size_t k;

	for (k = 0; k < KINDS; k++) {
		const struct least *a = &x.of[k], *b = &y.of[k];
		struct least *c = &z.of[k];

		c->full = a->full && b->full;
		c->begin = a->full ? sum(a->best, b->begin) : a->begin;
		c->end = b->full ? sum(b->best, a->end) : b->end;
		c->best = larger(sum(a->end, b->begin),
				 larger(a->best, b->best));
	}
	return z;
}

static struct part either(struct part x, struct part y)
{
	size_t k;

	for (k = 0; k < KINDS; k++) {
		struct least *a = &x.of[k];
		const struct least *b = &y.of[k];

		a->full &= b->full;
		a->begin = smaller(a->begin, b->begin);
		a->end = smaller(a->end, b->end);
		a->best = smaller(a->best, b->best);
	}
	return x;
}

/* At least so many times. */
static struct part times(struct part x, unsigned n)
{
	size_t k;

	for (k = 0; k < KINDS; k++) {
		struct least *a = &x.of[k];

		if (!n)
			a->begin = a->end = a->best = 0;
		else if (a->full)
			a->begin = a->end = a->best =
				smaller(a->best * n, ENOUGH);
		else if (n > 1)
			a->best = larger(a->best, sum(a->end, a->begin));
	}
	return x;
}

/* ---- reading ------------------------------------------------------------- */

static struct part lose(struct reader *r)
{
	r->lost = true;
	return empty();
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

static struct part of_short(char c)
{
	return one(c == 'd' || c == 'w', c == 'd');
}

static struct part escape(struct reader *r)
{
	char c;
	int is;

	if (*r->p && strchr("bBAz", *r->p)) {
		r->p++;
		return empty();
	}
	c = short_class(r);
	if (c)
		return of_short(c);
	is = escaped(r);
	return is < 0 ? lose(r) : letter(is);
}

/* One end of a range, or a character of a class; -1: a short class, whose
 * part is in *x, or lost. */
static int member(struct reader *r, struct part *x)
{
	char c;
	int is;

	if (!*r->p || (*r->p == '[' && r->p[1] == ':')) {
		*x = lose(r);
		return -1;
	}
	if (*r->p != '\\')
		return (unsigned char)*r->p++;
	r->p++;
	c = short_class(r);
	if (c) {
		*x = of_short(c);
		return -1;
	}
	is = escaped(r);
	if (is < 0)
		*x = lose(r);
	return is;
}

/* After the '['. */
static struct part class(struct reader *r)
{
	bool others = *r->p == '^', first = true;
	struct part x, all = one(true, true);
	int from, to, c;

	r->p += others;
	for (; !r->lost && (first || *r->p != ']'); first = false) {
		from = member(r, &x);
		if (from < 0) {
			all = either(all, x);
			continue;
		}
		to = from;
		if (*r->p == '-' && r->p[1] && r->p[1] != ']') {
			r->p++;
			to = member(r, &x);
			if (to < from)
				return lose(r);
		}
		for (c = from; c <= to; c++)
			all = either(all, letter(c));
	}
	if (r->lost)
		return empty();
	r->p++;
	return others ? one(false, false) : all;
}

/* After "(?": what the group is to be; true when it holds something. */
static bool opened(struct reader *r)
{
	const char *end;

	if (*r->p == 'P' || *r->p == '<') {
		r->p += *r->p == 'P';
		end = strchr(r->p, '>');
		r->lost |= *r->p != '<' || !end ||
			   !isalpha((unsigned char)r->p[1]);
		r->p = r->lost ? "" : end + 1;
		return true;
	}
	r->p += strspn(r->p, "imsU-");
	if (*r->p != ')' && *r->p != ':') {
		r->lost = true;
		return false;
	}
	return *r->p++ == ':';
}

/* After the '('. */
static struct part group(struct reader *r)
{
	struct part x;

	if (*r->p == '?') {
		r->p++;
		if (!opened(r))
			return empty();
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

static struct part atom(struct reader *r)
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
		return empty();
	case '.':
		return one(false, false);
	case '*':
	case '+':
	case '?':
	case '{':
		return lose(r);
	default:
		return letter((unsigned char)c);
	}
}

/* {2}, {2,} or {2,5}: the first number. */
static unsigned counted(struct reader *r)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)r->p[1])) {
		r->lost = true;
		return 0;
	}
	n = strtoul(r->p + 1, &end, 10);
	if (*end == ',')
		end += 1 + strspn(end + 1, "0123456789");
	r->lost |= *end != '}';
	r->p = r->lost ? "" : end + 1;
	return n < ENOUGH ? (unsigned)n : ENOUGH;
}

static struct part repeated(struct reader *r)
{
	struct part x = atom(r);
	unsigned n;

	if (r->lost || !*r->p || !strchr("*+?{", *r->p))
		return x;
	if (*r->p == '{')
		n = counted(r);
	else
		n = *r->p++ == '+';
	r->p += *r->p == '?'; /* lazy: no matter */
	/* x**, x*+: not of RE2 */
	if (*r->p && strchr("*+?{", *r->p))
		r->lost = true;
	return times(x, n);
}

static struct part sequence(struct reader *r)
{
	struct part x = empty();

	while (!r->lost && *r->p && *r->p != '|' && *r->p != ')')
		x = both(x, repeated(r));
	return x;
}

/* With group() in turn, at most NESTED_MAX deep. */
static struct part alternatives(struct reader *r)
{
	struct part x = sequence(r);

	while (!r->lost && *r->p == '|') {
		r->p++;
		x = either(x, sequence(r));
	}
	return x;
}

bool token_needed(const char *pattern)
{
	struct reader r = { .p = pattern };
	struct part x = alternatives(&r);

	return !r.lost && !*r.p &&
	       (x.of[ALNUM].best >= TOKEN_ALNUM || x.of[ANY].best >= TOKEN_LONG);
}
