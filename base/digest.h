/*
 * digest: keyed BLAKE2b, SHA-256 and sealing to a public key, for programs
 * that never hold the vault's keys (scanner, hooks) as well as for it.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/secret.h"

#define DIGEST_KEY 32
#define DIGEST_LEN 32
#define DIGEST_PUBLIC 32 /* an X25519 or Ed25519 public key, bytes */
#define DIGEST_SIGNATURE 64

void digest_keyed(const unsigned char key[static DIGEST_KEY], const void *p,
		  size_t n, void *out, size_t outlen /* 16..64 */);
/* BLAKE2b without a key. */
void digest_hash(const void *p, size_t n, void *out, size_t outlen /* 16..64 */);
void digest_sha256(const void *p, size_t n, unsigned char out[static 32]);

/* crypto_box_seal: anyone can seal, only the secret half opens. */
int digest_seal(const unsigned char pk[static DIGEST_PUBLIC], const void *p,
		size_t n, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* The Ed25519 public key that belongs to a secret of 32 bytes (RFC 8032 5.1.5). */
void digest_public(const unsigned char seed[static 32],
		   unsigned char pk[static DIGEST_PUBLIC]);

/* The same for a secret of any length: SHA-512 of it in the place of RFC 8032's
 * first step, as MariaDB's ed25519 plugin keeps a password. */
void digest_public_of(const void *p, size_t n,
		      unsigned char pk[static DIGEST_PUBLIC]);
/* For the hashes of passwords that services keep, and for nothing else. */
void digest_sha512(const void *p, size_t n, unsigned char out[static 64]);
void digest_sha1(const void *p, size_t n, unsigned char out[static 20]);

/* An Ed25519 signature of p[0..n) by the holder of pk? */
bool digest_verify(const unsigned char pk[static DIGEST_PUBLIC], const void *p,
		   size_t n, const unsigned char sig[static DIGEST_SIGNATURE]);

#endif
