/*
 * strength: an estimate of guessing cost that errs to the low side.
 *
 * The value is cut into runs of letters, of digits and of other characters.  A
 * letter run that could be a word (a vowel share like language's, no long heap of
 * consonants) costs as much as a choice from a dictionary.  Numbers of up to
 * eight digits that stand apart are dates and years as often as not.  Steps (abcd, 4321, qqqq)
 * cost next to nothing.  The rest costs its alphabet, and repeats of three
 * characters and more are free.
 *
 * An opinion about what people choose; nothing here is looked up in a list of
 * leaked passwords, so the threshold leaves room (docs/known-format.md).
 */
#include "agent/strength.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MIN 4u	 /* letters: shorter ones are not looked up */
#define WORD_BITS 11.0	 /* one of 2,000 common words */
#define LETTER_BITS 0.6	 /* for each letter over WORD_MIN: rarer words */
#define PUNCT_BITS 3.0	 /* people use few of the 33 */
#define DATE_MAX 8u
#define DATE_BITS 1.7	 /* a digit of a date, a year, a port */
#define STEP_BITS 1.0

enum kind { LOWER, UPPER, DIGIT, OTHER };

static enum kind kind_of(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return LOWER;
	if (c >= 'A' && c <= 'Z')
		return UPPER;
	return c >= '0' && c <= '9' ? DIGIT : OTHER;
}

static bool vowel(unsigned char c)
{
	return memchr("aeiouyAEIOUY", c, 12) != NULL;
}

/* Lower case, or one capital in front, or all capitals: as words are written. */
static size_t word_shape(const unsigned char *p, size_t n)
{
	enum kind k = n > 1 ? kind_of(p[1]) : kind_of(p[0]);
	size_t i = 1;

	if (kind_of(p[0]) > UPPER || (n > 1 && k > UPPER) ||
	    (k == UPPER && kind_of(p[0]) == LOWER))
		return 0;
	while (i < n && kind_of(p[i]) == k)
		i++;
	return i;
}

static bool like_word(const unsigned char *p, size_t n)
{
	size_t vowels = 0, heap = 0, most = 0;

	for (size_t i = 0; i < n; i++) {
		bool v = vowel(p[i]);

		vowels += v;
		heap = v ? 0 : heap + 1;
		if (heap > most)
			most = heap;
	}
	return most <= 4 && vowels * 5 >= n && vowels * 10 <= n * 7;
}

/* Characters from p on that go up, down or stay, one by one. */
static size_t steps(const unsigned char *p, size_t n)
{
	size_t i = 2;
	int d;

	if (n < 3)
		return 0;
	d = p[1] - p[0];
	if (d < -1 || d > 1)
		return 0;
	while (i < n && p[i] - p[i - 1] == d)
		i++;
	return i >= 3 ? i : 0;
}

/* Does p[at..] repeat what stood before?  How much of it, from 3 on. */
static size_t repeats(const unsigned char *p, size_t n, size_t at)
{
	size_t best = 0;

	for (size_t from = 0; from < at; from++) {
		size_t k = 0;

		while (at + k < n && from + k < at && p[from + k] == p[at + k])
			k++;
		if (k > best)
			best = k;
	}
	return best >= 3 ? best : 0;
}

/* Bits of one free character: the alphabet that the value really uses. */
static double alphabet(const unsigned char *p, size_t n)
{
	/* log2 of 10, 26, 36, 52 and 62, by lower, upper, digits seen */
	static const double bits[8] = {
		PUNCT_BITS, 4.70, 4.70, 5.70, 3.32, 5.17, 5.17, 5.95,
	};
	bool hex = true, letters;
	unsigned seen = 0;

	for (size_t i = 0; i < n; i++) {
		enum kind k = kind_of(p[i]);

		seen |= k == OTHER ? 0 : 1u << k;
		hex = hex && (k == DIGIT || ((p[i] | 32) >= 'a' &&
					     (p[i] | 32) <= 'f'));
	}
	letters = (seen & (1u << LOWER | 1u << UPPER)) != 0;
	return hex && letters ? 4.0 : bits[seen];
}

/* Digits that stand apart: from p[at], with markup or an end beside them. */
static size_t apart(const unsigned char *p, size_t n, size_t at)
{
	size_t k = 0;

	while (at + k < n && kind_of(p[at + k]) == DIGIT)
		k++;
	if (k == 0 || k > DATE_MAX || (at && kind_of(p[at - 1]) == DIGIT))
		return 0;
	return at == 0 || at + k == n || kind_of(p[at - 1]) == OTHER ||
	       kind_of(p[at + k]) == OTHER ? k : 0;
}

/* One character by itself. */
static double single(const unsigned char *p, size_t at, double free_bits)
{
	if (kind_of(p[at]) != OTHER || free_bits <= PUNCT_BITS)
		return free_bits;
	return memchr(p, p[at], at) ? STEP_BITS : PUNCT_BITS;
}

double strength_bits(const unsigned char *p, size_t n)
{
	const double free_bits = alphabet(p, n);
	double bits = 0;

	for (size_t i = 0; i < n;) {
		size_t k = repeats(p, n, i), w;

		if (k) {
			bits += STEP_BITS;
			i += k;
			continue;
		}
		k = steps(p + i, n - i);
		if (k) {
			bits += 3 * STEP_BITS;
			i += k;
			continue;
		}
		w = word_shape(p + i, n - i);
		if (w >= WORD_MIN && like_word(p + i, w)) {
			bits += WORD_BITS +
				LETTER_BITS * (double)(w - WORD_MIN);
			i += w;
			continue;
		}
		k = apart(p, n, i);
		bits += k ? DATE_BITS * (double)k : single(p, i, free_bits);
		i += k ? k : 1;
	}
	return bits;
}
