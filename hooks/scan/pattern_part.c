/*
 * pattern_part: what is known of all texts that a part of a pattern matches.
 *
 * Owns how what is known of pieces is put together.
 */
#include "hooks/scan/pattern_part.h"

#include <ctype.h>
#include <string.h>

#include "hooks/scan/tokens.h"

void bytes_add(struct bytes *b, const struct bytes *other)
{
	size_t i;

	for (i = 0; i < 4; i++)
		b->w[i] |= other->w[i];
}

void bytes_not(struct bytes *b)
{
	size_t i;

	for (i = 0; i < 4; i++)
		b->w[i] = ~b->w[i];
}

void bytes_fold(struct bytes *b)
{
	unsigned c;

	for (c = 'a'; c <= 'z'; c++)
		if (bytes_has(b, c) || bytes_has(b, c - 0x20)) {
			bytes_put(b, c);
			bytes_put(b, c - 0x20);
		}
}

static unsigned sum(unsigned a, unsigned b)
{
	return a + b < PART_ENOUGH ? a + b : PART_ENOUGH;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

struct pattern_part part_nothing(void)
{
	struct pattern_part x;
	size_t k;

	memset(&x, 0, sizeof(x));
	for (k = 0; k < PART_KINDS; k++)
		x.of[k].full = true;
	x.nothing = true;
	return x;
}

struct pattern_part part_one(const struct bytes *of, bool others)
{
	bool any = !others, alnum = !others;
	struct pattern_part x;
	unsigned c;

	memset(&x, 0, sizeof(x));
	for (c = 0; c < 256; c++) {
		if (!bytes_has(of, c))
			continue;
		any &= token_char((char)c);
		alnum &= c < 0x80 && isalnum((int)c);
	}
	x.of[PART_ANY] = (struct least){ any, any, any, any };
	x.of[PART_ALNUM] = (struct least){ alnum, alnum, alnum, alnum };
	x.first = *of;
	if (others)
		bytes_not(&x.first);
	bytes_fold(&x.first);
	x.last = x.first;
	return x;
}

struct pattern_part part_both(struct pattern_part x, const struct pattern_part *y)
{
	struct pattern_part z = x;
	size_t k;

	for (k = 0; k < PART_KINDS; k++) {
		const struct least *a = &x.of[k], *b = &y->of[k];
		struct least *c = &z.of[k];

		c->full = a->full && b->full;
		c->begin = a->full ? sum(a->best, b->begin) : a->begin;
		c->end = b->full ? sum(b->best, a->end) : b->end;
		c->best = larger(sum(a->end, b->begin),
				 larger(a->best, b->best));
	}
	bytes_add(&z.before, &y->before);
	if (bytes_has(&y->first, '\n'))
		bytes_add(&z.before, &x.last);
	if (x.nothing)
		bytes_add(&z.first, &y->first);
	z.last = y->last;
	if (y->nothing)
		bytes_add(&z.last, &x.last);
	z.nothing = x.nothing && y->nothing;
	return z;
}

struct pattern_part part_either(struct pattern_part x, const struct pattern_part *y)
{
	size_t k;

	for (k = 0; k < PART_KINDS; k++) {
		struct least *a = &x.of[k];
		const struct least *b = &y->of[k];

		a->full &= b->full;
		a->begin = smaller(a->begin, b->begin);
		a->end = smaller(a->end, b->end);
		a->best = smaller(a->best, b->best);
	}
	x.nothing |= y->nothing;
	bytes_add(&x.first, &y->first);
	bytes_add(&x.last, &y->last);
	bytes_add(&x.before, &y->before);
	return x;
}

struct pattern_part part_times(struct pattern_part x, unsigned least, bool often)
{
	size_t k;

	for (k = 0; k < PART_KINDS; k++) {
		struct least *a = &x.of[k];

		if (!least)
			a->begin = a->end = a->best = 0;
		else if (a->full)
			a->begin = a->end = a->best =
				smaller(a->best * least, PART_ENOUGH);
		else if (least > 1)
			a->best = larger(a->best, sum(a->end, a->begin));
	}
	if (often && bytes_has(&x.first, '\n'))
		bytes_add(&x.before, &x.last);
	x.nothing |= !least;
	return x;
}
