/*
 * generic_language: what is written as people write words.
 *
 * Owns the tables words.tab and triples.tab, which the build turns into C
 * strings.  Both are read once, at the first question.
 */
#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "hooks/scan/generic.h"
#include "hooks/scan/generic_tables.h"

#define EDGE 27u	   /* letters and the edge of a word */
#define WORD_SLOTS 32768u  /* at least twice the words of the list */
#define WORD_MAX 16u
#define WORD_MIN 3u

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t slot[WORD_SLOTS]; /* hash of a word; 0 empty */
static unsigned char triple[EDGE * EDGE * EDGE];

/* FNV-1a; two words of one hash are one for us. */
static uint32_t hash(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ (unsigned char)*p++) * 16777619u;
	return h ? h : 1;
}

static void add(uint32_t h)
{
	uint32_t i = h % WORD_SLOTS;

	while (slot[i] && slot[i] != h)
		i = (i + 1) % WORD_SLOTS;
	slot[i] = h;
}

static bool known(const char *lower, size_t n)
{
	uint32_t h = hash(lower, n), i = h % WORD_SLOTS;

	while (slot[i] && slot[i] != h)
		i = (i + 1) % WORD_SLOTS;
	return slot[i] == h;
}

static void read_tables(void)
{
	const char *p = generic_words, *end;
	size_t i, n = 0, words = 0;

	while (*p) {
		end = p + strcspn(p, " \n");
		/* never full: a longer list would only be cut */
		if (end > p && ++words < WORD_SLOTS / 2)
			add(hash(p, (size_t)(end - p)));
		p = *end ? end + 1 : end;
	}
	for (i = 0; generic_triples[i] && n < sizeof(triple); i++)
		if (generic_triples[i] >= 'a')
			triple[n++] = (unsigned char)(generic_triples[i] - 'a');
}

static unsigned letter(int c)
{
	return isalpha(c) ? (unsigned)(tolower(c) - 'a') + 1 : 0;
}

int generic_natural(const char *p, size_t n, int *worst)
{
	unsigned a = 0, b = 0, c;
	long sum = 0;
	int seen = 0, low = 100, level;
	size_t i;

	pthread_once(&once, read_tables);
	for (i = 0; i <= n; i++) {
		unsigned char ch = i < n ? (unsigned char)p[i] : 0;

		c = ch < 128 ? letter(ch) : 0;
		/* a capital after a small letter begins a word */
		if (i && i < n && isupper(ch) && b &&
		    islower((unsigned char)p[i - 1])) {
			sum += triple[(a * EDGE + b) * EDGE] * 4;
			seen++;
			a = b = 0;
		}
		if (!b && !c) {
			a = 0;
			continue;
		}
		level = triple[(a * EDGE + b) * EDGE + c] * 4;
		if (level < low)
			low = level;
		sum += level;
		seen++;
		a = c ? b : 0;
		b = c;
	}
	*worst = seen ? low : -1;
	return seen ? (int)(sum / seen) : -1;
}

/* Longest words first, from left to right. */
static size_t in_words(const char *p, size_t n, size_t least)
{
	char lower[WORD_MAX];
	size_t i = 0, k, len, covered = 0;

	pthread_once(&once, read_tables);
	while (i < n) {
		for (k = 0; k < WORD_MAX && i + k < n &&
			    isalpha((unsigned char)p[i + k]); k++)
			lower[k] = (char)tolower((unsigned char)p[i + k]);
		for (len = k; len >= least && !known(lower, len); len--)
			;
		if (len >= least) {
			covered += len;
			i += len;
		} else {
			i++;
		}
	}
	return covered;
}

size_t generic_in_words(const char *p, size_t n)
{
	return in_words(p, n, WORD_MIN);
}

/* Three letters are often a word by chance. */
size_t generic_in_long_words(const char *p, size_t n)
{
	return in_words(p, n, WORD_MIN + 1);
}
