/*
 * tokens: where letters, digits and + / - _ stand together.
 *
 * Owns the search, 64 bytes at a time, in a form for each kind of processor.
 * Promises: misses none, reads nothing outside of [from, to).
 */
#include "hooks/scan/tokens.h"

#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Which of 64 bytes are such, one bit each. */
struct places {
	uint64_t any;	/* all the characters */
	uint64_t alnum; /* letters and digits */
};

static bool alnum_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool token_char(char c)
{
	return alnum_char(c) || c == '+' || c == '/' || c == '-' || c == '_';
}

/* A character is of a kind when both of its halves allow it. */
enum {
	SIGN = 1,   /* + - / */
	DIGIT = 2,
	FRONT = 4,  /* A to O, a to o */
	BACK = 8,   /* P to Z, p to z */
	UNDER = 16, /* _ */
};

static const unsigned char by_low[16] = {
	DIGIT | BACK,	      DIGIT | FRONT | BACK,  DIGIT | FRONT | BACK,
	DIGIT | FRONT | BACK, DIGIT | FRONT | BACK,  DIGIT | FRONT | BACK,
	DIGIT | FRONT | BACK, DIGIT | FRONT | BACK,  DIGIT | FRONT | BACK,
	DIGIT | FRONT | BACK, FRONT | BACK,	     FRONT | SIGN,
	FRONT,		      FRONT | SIGN,	     FRONT,
	FRONT | SIGN | UNDER,
};
static const unsigned char by_high[16] = {
	0, 0, SIGN, DIGIT, FRONT, BACK | UNDER, FRONT, BACK,
};

/* Where 16 that are set begin; `next`: the bits behind. */
static uint64_t begin_16(uint64_t m, uint64_t next)
{
	m &= m >> 1 | next << 63;
	next &= next >> 1;
	m &= m >> 2 | next << 62;
	next &= next >> 2;
	m &= m >> 4 | next << 60;
	next &= next >> 4;
	return m & (m >> 8 | next << 56);
}

/* One question about 64 places and what follows them: where it holds. */
static inline uint64_t asked(struct places now, struct places next, bool dense)
{
	uint64_t any = begin_16(now.any, next.any);

	if (!any || !dense)
		return any;
	/* 32 are 16 and 16 more, which begin in `next` at 15 at the latest */
	any &= any >> 16 | begin_16(next.any, 0) << 48;
	return any | begin_16(now.alnum, next.alnum);
}

/* The same for every way to get at the places. */
#define SEARCH(PLACES)                                                         \
	struct places now, next, none = { 0, 0 };                              \
	char last[192];                                                        \
	uint64_t at;                                                           \
                                                                               \
	if (to - from >= 128) {                                                \
		now = PLACES(text + from);                                     \
		for (; to - from >= 128; from += 64, now = next) {             \
			next = PLACES(text + from + 64);                       \
			at = asked(now, next, dense);                          \
			if (at)                                                \
				return from + (size_t)__builtin_ctzll(at);     \
		}                                                              \
	}                                                                      \
	memset(last, 0, sizeof(last));                                         \
	memcpy(last, text + from, to - from);                                  \
	next = PLACES(last + 64);                                              \
	at = asked(PLACES(last), next, dense);                                 \
	if (at)                                                                \
		return from + (size_t)__builtin_ctzll(at);                     \
	at = asked(next, none, dense);                                         \
	return at ? from + 64 + (size_t)__builtin_ctzll(at) : to;

#ifdef __x86_64__
#define WITH(what) __attribute__((target(what)))

WITH("avx2") static inline struct places places_avx2(const char *p)
{
	const __m256i low = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)by_low));
	const __m256i high = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)by_high));
	const __m256i half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	const __m256i alnum = _mm256_set1_epi8(DIGIT | FRONT | BACK);
	struct places out = { 0, 0 };
	int i;

	for (i = 0; i < 2; i++) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p + i);
		__m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(c, half));
		__m256i h = _mm256_shuffle_epi8(high,
			_mm256_and_si256(_mm256_srli_epi16(c, 4), half));
		__m256i none = _mm256_and_si256(l, h);

		l = _mm256_cmpeq_epi8(_mm256_and_si256(none, alnum), zero);
		none = _mm256_cmpeq_epi8(none, zero);
		out.any |= (uint64_t)~(unsigned)_mm256_movemask_epi8(none)
			   << (32 * i);
		out.alnum |= (uint64_t)~(unsigned)_mm256_movemask_epi8(l)
			     << (32 * i);
	}
	return out;
}

WITH("avx2") static size_t search_avx2(const char *text, size_t from, size_t to,
				       bool dense)
{
	SEARCH(places_avx2)
}

WITH("ssse3") static inline struct places places_ssse3(const char *p)
{
	const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)by_low);
	const __m128i high =
		_mm_loadu_si128((const __m128i *)(const void *)by_high);
	const __m128i half = _mm_set1_epi8(15), zero = _mm_setzero_si128();
	const __m128i alnum = _mm_set1_epi8(DIGIT | FRONT | BACK);
	struct places out = { 0, 0 };
	int i;

	for (i = 0; i < 4; i++) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p + i);
		__m128i l = _mm_shuffle_epi8(low, _mm_and_si128(c, half));
		__m128i h = _mm_shuffle_epi8(high,
			_mm_and_si128(_mm_srli_epi16(c, 4), half));
		__m128i none = _mm_and_si128(l, h);

		l = _mm_cmpeq_epi8(_mm_and_si128(none, alnum), zero);
		none = _mm_cmpeq_epi8(none, zero);
		out.any |= (uint64_t)(~(unsigned)_mm_movemask_epi8(none) & 0xffff)
			   << (16 * i);
		out.alnum |= (uint64_t)(~(unsigned)_mm_movemask_epi8(l) & 0xffff)
			     << (16 * i);
	}
	return out;
}

WITH("ssse3") static size_t search_ssse3(const char *text, size_t from,
					 size_t to, bool dense)
{
	SEARCH(places_ssse3)
}
static size_t (*search)(const char *, size_t, size_t, bool) = search_ssse3;

/* The matcher asks for SSE4.2 anyway. */
static void __attribute__((constructor)) choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		search = search_avx2;
}
#else
static struct places slowly(const char *p)
{
	struct places out = { 0, 0 };
	int i;

	for (i = 0; i < 64; i++) {
		unsigned char c = (unsigned char)p[i];
		unsigned kind = by_low[c & 15] & by_high[c >> 4];

		out.any |= (uint64_t)(kind != 0) << i;
		out.alnum |= (uint64_t)((kind & (DIGIT | FRONT | BACK)) != 0) << i;
	}
	return out;
}

static size_t search(const char *text, size_t from, size_t to, bool dense)
{
	SEARCH(slowly)
}

#endif

size_t token_run(const char *text, size_t from, size_t to)
{
	return search(text, from, to, false);
}

bool token_dense(const char *text, size_t from, size_t to, size_t *start,
		 size_t *end)
{
	size_t at = search(text, from, to, true);

	if (at == to)
		return false;
	for (*start = at; *start > from && token_char(text[*start - 1]);)
		--*start;
	for (*end = at + TOKEN_ALNUM; *end < to && token_char(text[*end]);)
		++*end;
	return true;
}
