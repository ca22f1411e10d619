/*
 * weigh_typed: values that look drawn at random to statistics, and are not.
 *
 * Owns what fingers leave on a keyboard, lists of texts in base64, what is
 * encrypted, packed or digested.  Reads nothing but what it is given; linear.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/weigh.h"

#define LOOKED_AT 256u
#define LETTERS_LEAST 10u
#define HOME_OF_4 3u /* of four letters on the middle row; drawn: 1.4 */
#define TEXT_LEAST 8u
#define TEXTS_LEAST 3u
#define BLOB_LEAST 300u /* tokens of identity providers but web tokens end before */

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

bool weigh_blob(const char *p, size_t n)
{
	/* DER of a private key; base64 of PEM, of JSON; PEM; a web token */
	static const char *const keys[] = { "MII", "LS0t", "ew", "eyJ", "-----",
					    NULL };
	size_t i, odd = 0;

	if (n < BLOB_LEAST)
		return false;
	for (i = 0; keys[i]; i++)
		if (!memcmp(p, keys[i], strlen(keys[i])))
			return false;
	for (i = 0; i < n; i++)
		odd += !isalnum((unsigned char)p[i]) && !strchr("+/-_=%\\", p[i]);
	return odd * 50 < n;
}

bool weigh_digest(const char *p, size_t n)
{
	/* MD5 and SHA-1 of nothing, admin, password, 123, 12345, 123456,
	 * 111111 */
	static const char *const known[] = {
		"d41d8cd98f00b204e9800998ecf8427e",
		"21232f297a57a5a743894a0e4a801fc3",
		"5f4dcc3b5aa765d61d8327deb882cf99",
		"202cb962ac59075b964b07152d234b70",
		"827ccb0eea8a706c4c34a16891f84e7b",
		"e10adc3949ba59abbe56e057f20f883e",
		"96e79218965eb72c92a549dd5a330112",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"d033e22ae348aeb5660fc2140aec35850c4da997",
		"5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
		"7c4a8d09ca3762af61e59520943dc26494f8941b", NULL,
	};
	size_t i;

	for (i = 0; known[i]; i++)
		if (n == strlen(known[i]) && !strncasecmp(p, known[i], n))
			return true;
	return false;
}

bool weigh_mail(const char *p, size_t n)
{
	const char *at = memrchr(p, '@', n), *c, *end = p + n;
	size_t dots = 0;

	while (end > p && strchr("\"' \t\r\n>", end[-1]))
		end--;
	if (!at || at == p || at + 1 >= end ||
	    !isalnum((unsigned char)at[-1]) || !isalpha((unsigned char)end[-1]))
		return false;
	for (c = at + 1; c < end; c++) {
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
			return false;
		dots += *c == '.';
	}
	return dots > 0;
}
