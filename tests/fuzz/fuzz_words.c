// link: scan
/*
 * words: a published set of known secrets, signed here so that what lies behind
 * the signature is reached; then a text is looked up in it.  Also as it came,
 * which must be refused unless the signature fits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/mem.h"
#include "base/wordset.h"
#include "fuzz_file.h"
#include "hooks/scan/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"token = abcdabcdabcdabcd; abcdabcdabcdabcd=dcba\n=aabbccddaabbccdd= x";

static int one(size_t start, size_t end, void *arg)
{
	(void)arg;
	if (start >= end || end > sizeof(text) - 1 || end - start < WORDSET_MIN ||
	    end - start > WORDSET_MAX)
		abort();
	return 0;
}

static void look(const char *path)
{
	struct ruleset rs = { 0 };
	struct own *o = own_open(path, NULL, &rs, NULL);

	if (o) {
		if (wordset_longest(own_words(o)) > WORDSET_MAX ||
		    own_rule(o) >= rs.n)
			abort();
		own_words_in(o, text, sizeof(text) - 1, 0, sizeof(text) - 1, one,
			     NULL);
		for (size_t n = 0; n < sizeof(text); n++)
			(void)wordset_has(own_words(o), text, n);
	}
	own_free(&o);
	while (rs.n)
		rule_release(&rs.rule[--rs.n]);
	mem_free(rs.rule);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char pk[32], sk[64], seed[32] = { 7 };
	unsigned char sum[32];
	char path[128];
	uint8_t *p;

	fuzz_file("known", data, size, path);
	look(path);
	if (size < 96)
		return 0;
	p = malloc(size);
	if (!p || crypto_sign_seed_keypair(pk, sk, seed))
		abort();
	memcpy(p, data, size);
	memcpy(p + size - 96, pk, 32);
	digest_hash(p, size - 64, sum, sizeof(sum));
	crypto_sign_detached(p + size - 64, NULL, sum, sizeof(sum), sk);
	fuzz_file("known", p, size, path);
	look(path);
	free(p);
	return 0;
}
