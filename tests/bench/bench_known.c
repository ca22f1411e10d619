// link: base
/*
 * A published set of N random values, for tests/bench/known.sh; then how fast
 * words of a text are held against such a set.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/wordset.h"

static void word(unsigned char *out, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				  "qrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)set[randombytes_uniform(62)];
}

static void ask(const struct buf *file)
{
	enum { WORDS = 1000 };
	static unsigned char strange[WORDS][40];
	struct err e = ERR_INIT;
	struct wordset *w = wordset_open(file->p, file->len, NULL, &e);
	size_t yes = 0;
	int64_t from;

	if (!w)
		return;
	for (size_t i = 0; i < WORDS; i++)
		word(strange[i], sizeof strange[i]);
	from = clock_mono_ms();
	for (int r = 0; r < 10000; r++)
		for (size_t i = 0; i < WORDS; i++)
			yes += wordset_has(w, strange[i], sizeof strange[i]);
	printf("%zu words in the set, %zu bytes: %.1f ns to refuse a stranger, "
	       "%zu of 10,000,000 let through\n", wordset_count(w), file->len,
	       (double)(clock_mono_ms() - from) / 10.0, yes);
	wordset_free(&w);
}

int main(int argc, char **argv)
{
	static const size_t lengths[] = { 20, 24, 32, 40, 64 };
	unsigned char key[32] = { 1 }, pk[32], sk[64], sum[32], sig[64], p[64];
	const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	struct wordset_entry *v = mem_array(n + 1, sizeof *v);
	struct buf b = BUF_INIT(WORDSET_FILE_MAX);

	if (sodium_init() < 0 || v == NULL || argc < 3)
		return 2;
	for (size_t i = 0; i < n; i++) {
		word(p, lengths[i % 5]);
		wordset_entry(key, p, lengths[i % 5], &v[i]);
	}
	(void)crypto_sign_keypair(pk, sk);
	if (wordset_build(key, 1, v, n, pk, &b, NULL) < 0)
		return 1;
	digest_hash(b.p, b.len, sum, sizeof sum);
	(void)crypto_sign_detached(sig, NULL, sum, sizeof sum, sk);
	if (buf_add(&b, sig, sizeof sig, NULL) < 0 ||
	    io_write_atomic(argv[2], b.p, b.len, 0600, NULL) < 0)
		return 1;
	ask(&b);
	buf_release(&b);
	mem_free(v);
	return 0;
}
