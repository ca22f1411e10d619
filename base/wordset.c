/*
 * wordset: fingerprints of words behind a Bloom test.
 *
 * Owns the form of the file.  Promises: every length and offset of a file from
 * outside is checked before it is used.  Must never keep or print a word.
 *
 * The quick test looks at the first and the last 8 bytes and the length only,
 * so that its cost does not grow with the word; it says yes to about one
 * stranger in 2,000, and gives a guesser no more than that.
 */
#include "base/wordset.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAGIC "curfew-words-1\n" /* 16 bytes with its NUL */
#define HEAD 96u
#define TAIL (DIGEST_PUBLIC + DIGEST_SIGNATURE)
#define LENGTHS (WORDSET_MAX / 64u)
#define PROBES 3u
#define LOG2_MIN 10u
#define LOG2_MAX 28u

struct wordset {
	uint64_t k0, k1, mask;
	const unsigned char *bloom, *print, *key;
	size_t n, longest;
	int64_t made_ms;
	uint64_t lengths[LENGTHS];
};

static void put32(unsigned char *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(x >> (8 * i));
}

static void put64(unsigned char *p, uint64_t x)
{
	put32(p, (uint32_t)x);
	put32(p + 4, (uint32_t)(x >> 32));
}

static uint32_t get32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static uint64_t get64(const unsigned char *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* ---- hashes -------------------------------------------------------------- */

static void quick_keys(const unsigned char *key, uint64_t *k0, uint64_t *k1)
{
	unsigned char d[16];

	digest_keyed(key, "quick", 5, d, sizeof d);
	*k0 = get64(d);
	*k1 = get64(d + 8);
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return h ^ h >> 32;
}

static uint64_t quick(uint64_t k0, uint64_t k1, const unsigned char *p, size_t n)
{
	return mix(mix(get64(p) ^ k0) + (get64(p + n - 8) ^ k1) + n);
}

static uint64_t probe(uint64_t h, unsigned i)
{
	return i == 0 ? h : mix(h + i);
}

static void print_of(const unsigned char *key, const void *p, size_t n,
		     unsigned char out[static 16])
{
	digest_keyed(key, p, n, out, 16);
}

/* ---- making -------------------------------------------------------------- */

bool wordset_fits(const void *p, size_t n)
{
	const unsigned char *c = p;

	if (n < WORDSET_MIN || n > WORDSET_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (c[i] <= ' ' || c[i] > '~')
			return false;
	return true;
}

void wordset_entry(const unsigned char key[static DIGEST_KEY], const void *p,
		   size_t n, struct wordset_entry *out)
{
	uint64_t k0, k1;

	quick_keys(key, &k0, &k1);
	print_of(key, p, n, out->print);
	out->quick = quick(k0, k1, p, n);
	out->len = (uint32_t)n;
}

static int by_print(const void *a, const void *b)
{
	const struct wordset_entry *x = a, *y = b;

	return memcmp(x->print, y->print, sizeof x->print);
}

static size_t sort_out(struct wordset_entry *v, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_print);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || by_print(&v[i], &v[kept - 1]) != 0)
			v[kept++] = v[i];
	return kept;
}

int wordset_build(const unsigned char key[static DIGEST_KEY], int64_t made_ms,
		  struct wordset_entry *v, size_t n,
		  const unsigned char signer[static DIGEST_PUBLIC],
		  struct buf *out, struct err *e)
{
	unsigned log2 = LOG2_MIN;
	unsigned char *p;
	size_t bloom;

	if (n > WORDSET_WORDS_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "%zu words; %u is the most",
				n, WORDSET_WORDS_MAX);
	n = sort_out(v, n);
	while (log2 < LOG2_MAX && ((uint64_t)1 << log2) < n * 32)
		log2++;
	bloom = ((size_t)1 << log2) / 8;
	if (buf_reserve(out, HEAD + bloom + n * 16 + TAIL, e) != 0)
		return -1;
	p = (unsigned char *)out->p + out->len;
	memset(p, 0, HEAD + bloom);
	memcpy(p, MAGIC, 16);
	put64(p + 16, (uint64_t)made_ms);
	put32(p + 24, (uint32_t)n);
	p[28] = (unsigned char)log2;
	p[29] = PROBES;
	memcpy(p + 32, key, DIGEST_KEY);
	for (size_t i = 0; i < n; i++) {
		p[64 + (v[i].len - 1) / 8] |=
			(unsigned char)(1u << ((v[i].len - 1) % 8));
		for (unsigned k = 0; k < PROBES; k++) {
			uint64_t at = probe(v[i].quick, k) &
				      (((uint64_t)1 << log2) - 1);

			p[HEAD + at / 8] |= (unsigned char)(1u << (at % 8));
		}
		memcpy(p + HEAD + bloom + i * 16, v[i].print, 16);
	}
	memcpy(p + HEAD + bloom + n * 16, signer, DIGEST_PUBLIC);
	out->len += HEAD + bloom + n * 16 + DIGEST_PUBLIC;
	out->p[out->len] = '\0';
	return 0;
}

/* ---- asking -------------------------------------------------------------- */

static int check_form(const unsigned char *p, size_t n, struct wordset *w,
		      struct err *e)
{
	size_t bloom;

	if (n < HEAD + TAIL || memcmp(p, MAGIC, 16) != 0)
		return err_fail(e, ERR_FORMAT, NULL, "no published set of words, "
				"or of another version");
	w->n = get32(p + 24);
	if (p[28] < LOG2_MIN || p[28] > LOG2_MAX || p[29] != PROBES ||
	    w->n > WORDSET_WORDS_MAX)
		return err_fail(e, ERR_FORMAT, NULL, "its head is malformed");
	bloom = ((size_t)1 << p[28]) / 8;
	if (n != HEAD + bloom + w->n * 16 + TAIL)
		return err_fail(e, ERR_FORMAT, NULL, "%zu bytes, its head tells "
				"of %zu", n, HEAD + bloom + w->n * 16 + TAIL);
	w->made_ms = (int64_t)get64(p + 16);
	w->mask = ((uint64_t)1 << p[28]) - 1;
	w->key = p + 32;
	w->bloom = p + HEAD;
	w->print = p + HEAD + bloom;
	for (size_t i = 0; i < LENGTHS; i++)
		w->lengths[i] = get64(p + 64 + i * 8);
	/* a word below the least length would be read past its ends */
	w->lengths[0] &= ~(((uint64_t)1 << (WORDSET_MIN - 1)) - 1);
	for (size_t i = 0; i < WORDSET_MAX; i++)
		if (w->lengths[i / 64] >> (i % 64) & 1)
			w->longest = i + 1;
	quick_keys(w->key, &w->k0, &w->k1);
	return 0;
}

struct wordset *wordset_open(const void *from, size_t n,
			     const unsigned char *signer, struct err *e)
{
	struct wordset *w = mem_zalloc(sizeof *w);
	const unsigned char *p = from, *key;
	unsigned char sum[32];

	if (w == NULL) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	if (check_form(p, n, w, e) != 0)
		goto bad;
	key = p + n - TAIL;
	if (signer != NULL && memcmp(key, signer, DIGEST_PUBLIC) != 0) {
		(void)err_fail(e, ERR_TAMPER, NULL, "signed by another vault "
			       "than the configured one");
		goto bad;
	}
	digest_hash(p, n - DIGEST_SIGNATURE, sum, sizeof sum);
	if (!digest_verify(key, sum, sizeof sum, p + n - DIGEST_SIGNATURE)) {
		(void)err_fail(e, ERR_TAMPER, NULL,
			       "its signature does not fit: altered or damaged");
		goto bad;
	}
	return w;
bad:
	wordset_free(&w);
	return NULL;
}

void wordset_free(struct wordset **w)
{
	mem_free(*w);
	*w = NULL;
}

static bool bloom_has(const struct wordset *w, uint64_t h)
{
	for (unsigned k = 0; k < PROBES; k++) {
		uint64_t at = probe(h, k) & w->mask;

		if (!(w->bloom[at / 8] >> (at % 8) & 1))
			return false;
	}
	return true;
}

bool wordset_has(const struct wordset *w, const void *p, size_t n)
{
	unsigned char print[16];
	size_t low = 0, high = w->n;

	if (n < WORDSET_MIN || n > WORDSET_MAX ||
	    !bloom_has(w, quick(w->k0, w->k1, p, n)))
		return false;
	print_of(w->key, p, n, print);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = memcmp(print, w->print + mid * 16, 16);

		if (c == 0)
			return true;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

const uint64_t *wordset_lengths(const struct wordset *w)
{
	return w->lengths;
}

size_t wordset_longest(const struct wordset *w)
{
	return w->longest;
}

size_t wordset_count(const struct wordset *w)
{
	return w->n;
}

int64_t wordset_made_ms(const struct wordset *w)
{
	return w->made_ms;
}
