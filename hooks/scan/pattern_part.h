/*
 * pattern_part: what is known of all texts that a part of a pattern matches.
 *
 * Two questions are asked of a pattern (tokens.h, breaks.h); both are answered
 * from the inside out: of a part's pieces first.  What is kept is never more
 * than what is true of every match; so case does not matter: a letter stands for
 * both of its cases.
 */
#ifndef SCAN_PATTERN_PART_H
#define SCAN_PATTERN_PART_H

#include <stdbool.h>
#include <stdint.h>

struct bytes {
	uint64_t w[4];
};

static inline bool bytes_has(const struct bytes *b, unsigned c)
{
	return b->w[c / 64 & 3] >> c % 64 & 1;
}

static inline void bytes_put(struct bytes *b, unsigned c)
{
	b->w[c / 64 & 3] |= (uint64_t)1 << c % 64;
}

void bytes_add(struct bytes *b, const struct bytes *other);
void bytes_not(struct bytes *b);
/* Letters in their other case too. */
void bytes_fold(struct bytes *b);

enum { PART_ANY, PART_ALNUM, PART_KINDS };

/* Of one kind of character (any of a token; letters and digits), in every text
 * that a part matches. */
struct least {
	bool full; /* it has no others */
	unsigned begin, end, best; /* together at its begin, end, anywhere */
};

struct pattern_part {
	struct least of[PART_KINDS];
	bool nothing; /* it may match the empty text */
	struct bytes first, last; /* what it may begin and end with */
	struct bytes before; /* ... have right before a newline */
};

#define PART_ENOUGH 4096u

struct pattern_part part_nothing(void);
/* One character of these; `others`: they are what is left of all others. */
struct pattern_part part_one(const struct bytes *of, bool others);
struct pattern_part part_both(struct pattern_part x, const struct pattern_part *y);
struct pattern_part part_either(struct pattern_part x, const struct pattern_part *y);
/* At least so many times, and more than once at `often`. */
struct pattern_part part_times(struct pattern_part x, unsigned least, bool often);

/* False: the pattern has what is not known well. */
bool part_read(const char *pattern, struct pattern_part *x);

#endif
