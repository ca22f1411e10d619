/*
 * tokens: where letters, digits and + / - _ stand together.
 *
 * Owns the search, 64 bytes at a time, in a form for each kind of processor.
 * Promises: misses none, reads nothing outside of [from, to).
 */
#include "hooks/scan/tokens.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
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

/* Signs of escapes, and what comes second in one, in the same way. */
enum {
	AND_PERCENT = 1, /* % & */
	EQUAL_BACK = 2,	 /* = \ and < ] */
	PLUS = 4,
	HEX_DIGIT = 8,
	HEX_LETTER = 16,
	NEXT = 32, /* # \ u x and some others */
	ESCAPE = AND_PERCENT | EQUAL_BACK,
	SECOND = HEX_DIGIT | HEX_LETTER | NEXT,
};

static const unsigned char sign_low[16] = {
	HEX_DIGIT,
	HEX_DIGIT | HEX_LETTER,
	HEX_DIGIT | HEX_LETTER,
	HEX_DIGIT | HEX_LETTER | NEXT,
	HEX_DIGIT | HEX_LETTER,
	HEX_DIGIT | HEX_LETTER | NEXT | AND_PERCENT,
	HEX_DIGIT | HEX_LETTER | AND_PERCENT,
	HEX_DIGIT,
	HEX_DIGIT | NEXT,
	HEX_DIGIT,
	0,
	PLUS,
	EQUAL_BACK | NEXT,
	EQUAL_BACK,
};
static const unsigned char sign_high[16] = {
	0, 0, AND_PERCENT | PLUS | NEXT, EQUAL_BACK | HEX_DIGIT, HEX_LETTER,
	EQUAL_BACK | NEXT, HEX_LETTER, NEXT,
};

/* Of 64 characters. */
struct places {
	uint64_t token, word, escape, second, plus;
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

struct looking {
	struct sights *s;
	size_t open;   /* so many of a token right before */
	uint64_t word; /* letters and digits of it, where it has no 64 */
	struct err *e;
};

static int add_run(struct looking *l, size_t from, size_t to, bool dense)
{
	struct sights *s = l->s;

	if (s->runs == s->runs_cap) {
		size_t cap = s->runs_cap ? s->runs_cap * 2 : 256;
		struct token_run *v = mem_realloc(s->run, cap * sizeof(*v));

		if (!v)
			return err_fail(l->e, ERR_NOMEM, NULL, "out of memory");
		s->run = v;
		s->runs_cap = cap;
	}
	s->run[s->runs].start = (uint32_t)from;
	s->run[s->runs].end = (uint32_t)to;
	s->run[s->runs++].dense = dense || to - from >= TOKEN_LONG;
	return 0;
}

static int add_signs(struct looking *l, size_t at, uint64_t signs)
{
	struct sights *s = l->s;

	if (s->signs + 64 > s->signs_cap) {
		size_t cap = s->signs_cap ? s->signs_cap * 2 : 256;
		uint32_t *v = mem_realloc(s->sign, cap * sizeof(*v));

		if (!v)
			return err_fail(l->e, ERR_NOMEM, NULL, "out of memory");
		s->sign = v;
		s->signs_cap = cap;
	}
	for (; signs; signs &= signs - 1)
		s->sign[s->signs++] = (uint32_t)at +
				      (uint32_t)__builtin_ctzll(signs);
	return 0;
}

/* The run that came up to `at` ends `to` behind it.  One that was open for 64
 * and more is dense as it is long. */
static int end_open(struct looking *l, size_t at, unsigned to, uint64_t word)
{
	if (l->open + to < TOKEN_RUN)
		return 0;
	return add_run(l, at - l->open, at + to,
		       begin_16(l->word, word) ||
			       begin_16(word & ~(~(uint64_t)0 << to), 0));
}

/* Runs that lie in text[at, at + 64), where `inner` says. */
static int add_inner(struct looking *l, size_t at, uint64_t token,
		     uint64_t word, uint64_t inner)
{
	uint64_t all = ~(uint64_t)0;
	unsigned from, to;

	for (; inner; inner &= all << to) {
		from = (unsigned)__builtin_ctzll(inner);
		to = from + (unsigned)__builtin_ctzll(~(token >> from));
		if (to >= 64)
			break; /* it may go on */
		if (add_run(l, at + from, at + to,
			    begin_16(word & all << from & ~(all << to), 0)))
			return -1;
	}
	return 0;
}

/* text[at, at + 64): all of a run that lies in it, and what it ends. */
static inline __attribute__((always_inline)) int
add_places(struct looking *l, size_t at, uint64_t token, uint64_t word,
	   uint64_t signs)
{
	uint64_t all = ~(uint64_t)0, inner;
	unsigned to;

	if (signs && add_signs(l, at, signs))
		return -1;
	if (token == all) {
		l->open += 64;
		return 0;
	}
	if (l->open) {
		to = (unsigned)__builtin_ctzll(~token);
		if (l->open + to >= TOKEN_RUN && end_open(l, at, to, word))
			return -1;
		token &= all << to;
	}
	inner = begin_16(token, 0);
	if (inner && add_inner(l, at, token, word, inner))
		return -1;
	l->open = token >> 63 ? (size_t)__builtin_clzll(~token) : 0;
	l->word = l->open ? word & all << (64 - l->open) : 0;
	return 0;
}

/* Where an escape's sign is followed by what goes on with one. */
static inline uint64_t sign_places(const struct places *m)
{
	return (m->escape & (m->second >> 1 | (uint64_t)1 << 63)) | m->plus;
}

/* The same for every way to get at the places. */
#define LOOK(PLACES)                                                           \
	struct places m;                                                       \
	char last[64];                                                         \
                                                                               \
	for (; to - from >= 64; from += 64) {                                  \
		PLACES(text + from, &m);                                       \
		if (add_places(l, from, m.token, m.word, sign_places(&m)))     \
			return -1;                                             \
	}                                                                      \
	memset(last, 0, sizeof(last));                                         \
	memcpy(last, text + from, to - from);                                  \
	PLACES(last, &m);                                                      \
	if (to > from) /* what comes second may be cut off */                  \
		m.second |= (uint64_t)1 << (to - from);                        \
	return add_places(l, from, m.token, m.word, sign_places(&m));

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

WITH("avx2") static inline void both_avx2(const char *p, struct places *out)
{
	const __m256i low = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)sign_low));
	const __m256i high = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)sign_high));
	const __m256i half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	const __m256i kind_low = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)by_low));
	const __m256i kind_high = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)by_high));
	const __m256i escape = _mm256_set1_epi8(ESCAPE);
	const __m256i second = _mm256_set1_epi8(SECOND);
	const __m256i word = _mm256_set1_epi8(WORD);
	uint64_t not_token = 0, not_word = 0;
	uint64_t not_escape = 0, not_second = 0, plus = 0;
	int i;

	for (i = 0; i < 2; i++) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p + i);
		__m256i l = _mm256_and_si256(c, half);
		__m256i h = _mm256_and_si256(_mm256_srli_epi16(c, 4), half);
		__m256i k = _mm256_and_si256(_mm256_shuffle_epi8(kind_low, l),
					     _mm256_shuffle_epi8(kind_high, h));
		__m256i v = _mm256_and_si256(_mm256_shuffle_epi8(low, l),
					     _mm256_shuffle_epi8(high, h));
		__m256i t = _mm256_cmpeq_epi8(k, zero);
		__m256i w = _mm256_cmpeq_epi8(_mm256_and_si256(k, word), zero);
		__m256i x = _mm256_cmpeq_epi8(_mm256_and_si256(v, escape), zero);
		__m256i y = _mm256_cmpeq_epi8(_mm256_and_si256(v, second), zero);

		not_token |= (uint64_t)(unsigned)_mm256_movemask_epi8(t)
			     << (32 * i);
		not_word |= (uint64_t)(unsigned)_mm256_movemask_epi8(w)
			    << (32 * i);
		not_escape |= (uint64_t)(unsigned)_mm256_movemask_epi8(x)
			      << (32 * i);
		not_second |= (uint64_t)(unsigned)_mm256_movemask_epi8(y)
			      << (32 * i);
		plus |= (uint64_t)(unsigned)_mm256_movemask_epi8(
				_mm256_slli_epi16(v, 5)) << (32 * i);
	}
	out->token = ~not_token;
	out->word = ~not_word;
	out->escape = ~not_escape;
	out->second = ~not_second;
	out->plus = plus;
}

WITH("avx2") static int look_avx2(struct looking *l, const char *text,
				  size_t from, size_t to)
{
	LOOK(both_avx2)
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

WITH("ssse3") static inline void both_ssse3(const char *p, struct places *out)
{
	const __m128i low =
		_mm_loadu_si128((const __m128i *)(const void *)sign_low);
	const __m128i high =
		_mm_loadu_si128((const __m128i *)(const void *)sign_high);
	const __m128i half = _mm_set1_epi8(15), zero = _mm_setzero_si128();
	const __m128i escape = _mm_set1_epi8(ESCAPE);
	const __m128i second = _mm_set1_epi8(SECOND);
	uint64_t x, y;
	int i;

	memset(out, 0, sizeof(*out));
	out->token = places_ssse3(p);
	for (i = 0; i < 64; i++)
		out->word |= (uint64_t)((kind_of(p[i]) & WORD) != 0) << i;
	for (i = 0; i < 4; i++) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p + i);
		__m128i l = _mm_shuffle_epi8(low, _mm_and_si128(c, half));
		__m128i h = _mm_shuffle_epi8(high,
			_mm_and_si128(_mm_srli_epi16(c, 4), half));
		__m128i v = _mm_and_si128(l, h);

		x = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(
			    _mm_and_si128(v, escape), zero)) & 0xffff;
		y = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(
			    _mm_and_si128(v, second), zero)) & 0xffff;
		out->escape |= x << (16 * i);
		out->second |= y << (16 * i);
		out->plus |= (uint64_t)(unsigned)_mm_movemask_epi8(
				_mm_slli_epi16(v, 5)) << (16 * i);
	}
}

WITH("ssse3") static int look_ssse3(struct looking *l, const char *text,
				    size_t from, size_t to)
{
	LOOK(both_ssse3)
}

static size_t (*search)(const char *, size_t, size_t) = search_ssse3;
static int (*look)(struct looking *, const char *, size_t, size_t) = look_ssse3;

/* The matcher asks for SSE4.2 anyway. */
static void __attribute__((constructor)) choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2")) {
		search = search_avx2;
		look = look_avx2;
	}
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

static inline unsigned sign_of(char c)
{
	unsigned char u = (unsigned char)c;

	return sign_low[u & 15] & sign_high[u >> 4];
}

static void both_slowly(const char *p, struct places *out)
{
	int i;

	memset(out, 0, sizeof(*out));
	out->token = slowly(p);
	for (i = 0; i < 64; i++) {
		unsigned sign = sign_of(p[i]);

		out->word |= (uint64_t)((kind_of(p[i]) & WORD) != 0) << i;
		out->escape |= (uint64_t)((sign & ESCAPE) != 0) << i;
		out->second |= (uint64_t)((sign & SECOND) != 0) << i;
		out->plus |= (uint64_t)((sign & PLUS) != 0) << i;
	}
}

static int look(struct looking *l, const char *text, size_t from, size_t to)
{
	LOOK(both_slowly)
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

int token_look(const char *text, size_t from, size_t to, struct sights *s,
	       struct err *e)
{
	struct looking l = { .s = s, .e = e };

	return from < to ? look(&l, text, from, to) : 0;
}

void sights_release(struct sights *s)
{
	mem_free(s->run);
	mem_free(s->sign);
	memset(s, 0, sizeof(*s));
}
