/*
 * weigh_typed: values that look drawn at random to statistics, and are not.
 *
 * Owns what fingers leave on a keyboard, and lists of texts in base64.  Reads
 * nothing but what it is given; linear.
 */
#include <ctype.h>
#include <string.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/weigh.h"

#define LOOKED_AT 256u
#define LETTERS_LEAST 10u
#define HOME_OF_4 3u /* of four letters on the middle row; drawn: 1.4 */
#define TEXT_LEAST 8u
#define TEXTS_LEAST 3u

bool weigh_typed(const char *p, size_t n)
{
	static const char home[] = "asdfghjkl";
	size_t letters = 0, there = 0, hex = 0, upper = 0, i;

	if (n > LOOKED_AT)
		n = LOOKED_AT;
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (!isalpha(c))
			continue;
		letters++;
		upper += isupper(c) != 0;
		hex += isxdigit(c) != 0;
		there += strchr(home, tolower(c)) != NULL;
	}
	/* a, d and f are half of the letters of hexadecimal digits */
	return letters >= LETTERS_LEAST && hex < letters &&
	       (upper * 4 < letters || upper == letters) &&
	       there * 4 >= letters * HOME_OF_4;
}

static bool reads(const char *p, size_t n)
{
	unsigned char out[LOOKED_AT];
	long got, i;

	if (n < TEXT_LEAST || n > LOOKED_AT)
		return false;
	got = check_unbase64(p, n, out);
	for (i = 0; i < got; i++)
		if (out[i] < ' ' || out[i] > '~')
			return false;
	return got > 0;
}

bool weigh_texts(const char *p, size_t n)
{
	static const char between[] = ":,;|";
	size_t i, from = 0, told = 0;

	for (i = 0; i <= n && told < TEXTS_LEAST; i++) {
		if (i < n && !memchr(between, p[i], sizeof(between) - 1))
			continue;
		told += reads(p + from, i - from);
		from = i + 1;
	}
	return told >= TEXTS_LEAST;
}
