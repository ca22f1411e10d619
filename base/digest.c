/*
 * digest: hashes and one-way sealing over libsodium.
 *
 * Must never: keep a secret key, or open what was sealed.
 */
#include "base/digest.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

_Static_assert(DIGEST_PUBLIC == crypto_box_PUBLICKEYBYTES, "X25519 key");
_Static_assert(DIGEST_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519 key");
_Static_assert(DIGEST_SIGNATURE == crypto_sign_BYTES, "Ed25519 signature");

void digest_keyed(const unsigned char key[static DIGEST_KEY], const void *p,
		  size_t n, void *out, size_t outlen)
{
	if (crypto_generichash(out, outlen, p, n, key, DIGEST_KEY) != 0)
		abort(); /* only for an outlen that no caller may ask for */
}

void digest_hash(const void *p, size_t n, void *out, size_t outlen)
{
	if (crypto_generichash(out, outlen, p, n, NULL, 0) != 0)
		abort();
}

void digest_public_of(const void *p, size_t n,
		      unsigned char pk[static DIGEST_PUBLIC])
{
	unsigned char h[crypto_hash_sha512_BYTES];

	crypto_hash_sha512(h, p, n);
	/* clamps the scalar as RFC 8032 does; it is never the zero point */
	(void)crypto_scalarmult_ed25519_base(pk, h);
	sodium_memzero(h, sizeof h);
}

void digest_sha512(const void *p, size_t n, unsigned char out[static 64])
{
	crypto_hash_sha512(out, p, n);
}

void digest_public(const unsigned char seed[static 32],
		   unsigned char pk[static DIGEST_PUBLIC])
{
	unsigned char sk[crypto_sign_SECRETKEYBYTES];

	if (crypto_sign_seed_keypair(pk, sk, seed) != 0)
		abort(); /* it has no way to fail */
	mem_wipe(sk, sizeof sk);
}

bool digest_verify(const unsigned char pk[static DIGEST_PUBLIC], const void *p,
		   size_t n, const unsigned char sig[static DIGEST_SIGNATURE])
{
	return crypto_sign_verify_detached(sig, p, n, pk) == 0;
}

void digest_sha256(const void *p, size_t n, unsigned char out[static 32])
{
	crypto_hash_sha256(out, p, n);
}

int digest_seal(const unsigned char pk[static DIGEST_PUBLIC], const void *p,
		size_t n, struct buf *out, struct err *e)
{
	size_t total;

	if (sodium_init() < 0)
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"libsodium does not start");
	if (!mem_add(n, crypto_box_SEALBYTES, &total) ||
	    buf_reserve(out, total, e) != 0)
		return err_fail(e, ERR_TOOBIG, NULL, "%zu bytes to seal", n);
	if (crypto_box_seal((unsigned char *)out->p + out->len, p, n, pk) != 0)
		return err_fail(e, ERR_FORMAT, NULL, "unusable public key");
	out->len += total;
	out->p[out->len] = '\0';
	return 0;
}
