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

/* A character is of a kind when both of its halves allow it. */
enum {
	SIGN = 1,   /* + - / */
	DIGIT = 2,
	FRONT = 4,  /* A to O, a to o */
	BACK = 8,   /* P to Z, p to z */
	UNDER = 16, /* _ */
	WORD = DIGIT | FRONT | BACK,
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

static inline unsigned kind_of(char c)
{
	static const unsigned char kinds[256] = {
		['+'] = SIGN, ['-'] = SIGN, ['/'] = SIGN, ['_'] = UNDER,
		['0' ... '9'] = DIGIT,
		['A' ... 'O'] = FRONT, ['P' ... 'Z'] = BACK,
		['a' ... 'o'] = FRONT, ['p' ... 'z'] = BACK,
	};

	return kinds[(unsigned char)c];
}

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

/* The same for every way to get at the places. */
#define SEARCH(PLACES)                                                         \
	uint64_t now, next, at;                                                \
	char last[192];                                                        \
                                                                               \
	if (to - from >= 128) {                                                \
		now = PLACES(text + from);                                     \
		for (; to - from >= 128; from += 64, now = next) {             \
			next = PLACES(text + from + 64);                       \
			at = begin_16(now, next);                              \
			if (at)                                                \
				return from + (size_t)__builtin_ctzll(at);     \
		}                                                              \
	}                                                                      \
	memset(last, 0, sizeof(last));                                         \
	memcpy(last, text + from, to - from);                                  \
	next = PLACES(last + 64);                                              \
	at = begin_16(PLACES(last), next);                                     \
	if (at)                                                                \
		return from + (size_t)__builtin_ctzll(at);                     \
	at = begin_16(next, 0);                                                \
	return at ? from + 64 + (size_t)__builtin_ctzll(at) : to;

#ifdef __x86_64__
#define WITH(what) __attribute__((target(what)))

WITH("avx2") static inline uint64_t places_avx2(const char *p)
{
	const __m256i low = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)by_low));
	const __m256i high = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)by_high));
	const __m256i half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	uint64_t out = 0;
	int i;

	for (i = 0; i < 2; i++) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p + i);
		__m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(c, half));
		__m256i h = _mm256_shuffle_epi8(high,
			_mm256_and_si256(_mm256_srli_epi16(c, 4), half));
		__m256i none = _mm256_and_si256(l, h);

		none = _mm256_cmpeq_epi8(none, zero);
		out |= (uint64_t)~(unsigned)_mm256_movemask_epi8(none)
		       << (32 * i);
	}
	return out;
}

WITH("avx2") static size_t search_avx2(const char *text, size_t from, size_t to)
{
	SEARCH(places_avx2)
}

WITH("ssse3") static inline uint64_t places_ssse3(const char *p)
{
	const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)by_low);
	const __m128i high =
		_mm_loadu_si128((const __m128i *)(const void *)by_high);
	const __m128i half = _mm_set1_epi8(15), zero = _mm_setzero_si128();
	uint64_t out = 0;
	int i;

	for (i = 0; i < 4; i++) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p + i);
		__m128i l = _mm_shuffle_epi8(low, _mm_and_si128(c, half));
		__m128i h = _mm_shuffle_epi8(high,
			_mm_and_si128(_mm_srli_epi16(c, 4), half));
		__m128i none = _mm_and_si128(l, h);

		none = _mm_cmpeq_epi8(none, zero);
		out |= (uint64_t)(~(unsigned)_mm_movemask_epi8(none) & 0xffff)
		       << (16 * i);
	}
	return out;
}

WITH("ssse3") static size_t search_ssse3(const char *text, size_t from,
					 size_t to)
{
	SEARCH(places_ssse3)
}
static size_t (*search)(const char *, size_t, size_t) = search_ssse3;

/* The matcher asks for SSE4.2 anyway. */
static void __attribute__((constructor)) choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		search = search_avx2;
}
#else
static uint64_t slowly(const char *p)
{
	uint64_t out = 0;
	int i;

	for (i = 0; i < 64; i++)
		out |= (uint64_t)(kind_of(p[i]) != 0) << i;
	return out;
}

static size_t search(const char *text, size_t from, size_t to)
{
	SEARCH(slowly)
}

#endif

bool token_char(char c)
{
	return kind_of(c) != 0;
}

size_t token_run(const char *text, size_t from, size_t to)
{
	return search(text, from, to);
}

bool token_next(const char *text, size_t from, size_t to, struct token_run *run)
{
	size_t at = search(text, from, to), word = at, end;

	if (at == to)
		return false;
	run->dense = false;
	for (end = at; end < to; end++) {
		unsigned kind = kind_of(text[end]);

		if (kind & WORD)
			continue;
		run->dense |= end - word >= TOKEN_ALNUM;
		word = end + 1;
		if (!kind)
			break;
	}
	run->start = (uint32_t)at;
	run->end = (uint32_t)end;
	run->dense |= (end > word && end - word >= TOKEN_ALNUM) ||
		      end - at >= TOKEN_LONG;
	return true;
}
