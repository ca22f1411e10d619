/*
 * seal: bytes in, sealed bytes out; no file, no database.
 *
 * A box is nonce (24 random bytes) | XChaCha20-Poly1305 ciphertext and tag.
 * The plaintext is padded (ISO 7816-4) to a multiple of a block, so that
 * lengths say less.  Associated data names the exact place the box
 * belongs to; anywhere else it does not open (ERR_TAMPER).
 */
#ifndef VAULT_SEAL_H
#define VAULT_SEAL_H

#include "vault/internal.h"

#define SEAL_NONCE 24u
#define SEAL_TAG 16u
#define SEAL_PAD_ROW 32u
#define SEAL_PAD_SECRET 64u
#define SEAL_PLAIN_MAX (BUF_RECORD_MAX - 64u)
#define SEAL_BOX_MAX (BUF_RECORD_MAX + 64u)

/* What kind of place a box belongs to: the first byte of associated data. */
enum seal_place {
	SEAL_ROW = 1,
	SEAL_SECRET,
	SEAL_JOURNAL,
	SEAL_BUCKET,
	SEAL_STATE,
	SEAL_HEADER,
	SEAL_LIFEBOAT,
};

/* Built with the three calls below; order and lengths are fixed per place. */
struct seal_ad {
	unsigned char b[160];
	size_t n;
};
void seal_ad(struct seal_ad *a, enum seal_place place,
	     const unsigned char vault_id[VAULT_ID_LEN], const struct keys *k);
void seal_ad_bytes(struct seal_ad *a, const void *p, size_t n);
void seal_ad_u64(struct seal_ad *a, uint64_t x);

/* Appends the box to out. */
int seal_shut(const unsigned char key[KEY_LEN], const struct seal_ad *a,
	      const void *p, size_t n, size_t pad, struct buf *out,
	      struct err *e) __attribute__((warn_unused_result));
/* out is reset first.  ERR_TAMPER without an object: the caller names it. */
int seal_open(const unsigned char key[KEY_LEN], const struct seal_ad *a,
	      const void *box, size_t n, size_t pad, struct buf *out,
	      struct err *e) __attribute__((warn_unused_result));
/* The same, out of and into locked memory. */
int seal_shut_secret(const unsigned char key[KEY_LEN], const struct seal_ad *a,
		     const struct secret *s, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int seal_open_secret(const unsigned char key[KEY_LEN], const struct seal_ad *a,
		     const void *box, size_t n, struct secret **out,
		     struct err *e) __attribute__((warn_unused_result));

/* Keyed BLAKE2b over parts, each with its length in front. */
struct seal_part {
	const void *p;
	size_t n;
};
void seal_hash(const unsigned char key[KEY_LEN], const struct seal_part *parts,
	       size_t n, void *out, size_t outlen);

/* Keyed BLAKE2b of one message, 32 bytes: the quick form. */
void seal_digest(const unsigned char key[KEY_LEN], const void *p, size_t n,
		 unsigned char out[MAC_LEN]);

/* Little-endian integers, as everywhere in the format. */
void seal_put64(unsigned char p[8], uint64_t x);
uint64_t seal_get64(const unsigned char p[8]);

/* Locked memory for keys and for a secret on its way; wiped by the free. */
void *seal_alloc(size_t n);
void seal_free(void *p);

#endif
