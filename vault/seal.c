/*
 * seal: the only place where bytes of the vault are encrypted, opened or
 * hashed under a key.
 *
 * Owns the derivation of keys and the form of boxes (docs/vault-format.md).
 * Never touches a file; never returns plaintext that did not authenticate.
 */
#include "vault/seal.h"

#include <sodium.h>
#include <string.h>

#include "base/mem.h"

static const char kdf_context[crypto_kdf_CONTEXTBYTES + 1] = "curfewv1";

void *seal_alloc(size_t n)
{
#ifdef SECRET_PLAIN_ARENA
	return mem_zalloc(n);
#else
	return sodium_malloc(n);
#endif
}

void seal_free(void *p)
{
#ifdef SECRET_PLAIN_ARENA
	mem_free(p);
#else
	sodium_free(p);
#endif
}

struct keys *keys_new(const unsigned char root[KEY_LEN],
		      const unsigned char *stable, struct err *e)
{
	struct keys *k;

	if (sodium_init() < 0) {
		err_fail(e, ERR_UNSUPPORTED, NULL,
			 "libsodium does not start on this machine");
		return NULL;
	}
	k = seal_alloc(sizeof(*k));
	if (!k) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory for the keys");
		return NULL;
	}
	memcpy(k->root, root, KEY_LEN);
	struct {
		unsigned char *key;
		size_t n;
	} sub[] = {
		{ k->id, sizeof(k->id) }, { k->rows, KEY_LEN },
		{ k->secrets, KEY_LEN },  { k->journal, KEY_LEN },
		{ k->chain, KEY_LEN },	  { k->state, KEY_LEN },
		{ k->head, KEY_LEN },
	};
	for (size_t i = 0; i < sizeof(sub) / sizeof(sub[0]); i++)
		crypto_kdf_derive_from_key(sub[i].key, sub[i].n, i + 1,
					   kdf_context, root);
	memcpy(k->index, stable, KEY_LEN);
	memcpy(k->finger, stable + KEY_LEN, KEY_LEN);
	memcpy(k->fresh, stable + 2 * KEY_LEN, KEY_LEN);
#ifndef SECRET_PLAIN_ARENA
	sodium_mprotect_readonly(k);
#endif
	return k;
}

void keys_free(struct keys **k)
{
	seal_free(*k);
	*k = NULL;
}

void seal_put64(unsigned char p[8], uint64_t x)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(x >> (8 * i));
}

uint64_t seal_get64(const unsigned char p[8])
{
	uint64_t x = 0;

	for (int i = 7; i >= 0; i--)
		x = x << 8 | p[i];
	return x;
}

void seal_ad_bytes(struct seal_ad *a, const void *p, size_t n)
{
	/* The places' lengths are constants that fit; a mistake here must not
	 * shorten what is bound. */
	if (n > sizeof(a->b) - a->n)
		__builtin_trap();
	memcpy(a->b + a->n, p, n);
	a->n += n;
}

void seal_ad_u64(struct seal_ad *a, uint64_t x)
{
	unsigned char b[8];

	seal_put64(b, x);
	seal_ad_bytes(a, b, sizeof(b));
}

void seal_ad(struct seal_ad *a, enum seal_place place,
	     const unsigned char vault_id[VAULT_ID_LEN], const struct keys *k)
{
	const unsigned char head[2] = { VAULT_FORMAT, (unsigned char)place };

	a->n = 0;
	seal_ad_bytes(a, head, sizeof(head));
	seal_ad_bytes(a, vault_id, VAULT_ID_LEN);
	seal_ad_bytes(a, k->id, sizeof(k->id));
}

/* n bytes lie at box + SEAL_NONCE already; pads and encrypts in place. */
static int shut_in_place(const unsigned char key[KEY_LEN],
			 const struct seal_ad *a, unsigned char *box, size_t n,
			 size_t pad, size_t *len, struct err *e)
{
	size_t padded = (n / pad + 1) * pad;
	unsigned long long clen = 0;

	memset(box + SEAL_NONCE + n, 0, padded - n);
	box[SEAL_NONCE + n] = 0x80;
	secret_random(box, SEAL_NONCE);
	if (crypto_aead_xchacha20poly1305_ietf_encrypt(
		    box + SEAL_NONCE, &clen, box + SEAL_NONCE, padded, a->b,
		    a->n, NULL, box, key))
		return err_fail(e, ERR_BUG, NULL, "sealing refused");
	*len = SEAL_NONCE + (size_t)clen;
	return 0;
}

static size_t box_len(size_t n, size_t pad)
{
	return SEAL_NONCE + (n / pad + 1) * pad + SEAL_TAG;
}

int seal_shut(const unsigned char key[KEY_LEN], const struct seal_ad *a,
	      const void *p, size_t n, size_t pad, struct buf *out,
	      struct err *e)
{
	unsigned char *box;
	size_t len = 0;

	if (n > SEAL_PLAIN_MAX)
		return err_fail(e, ERR_TOOBIG, NULL,
				"a record of %zu bytes; %u is the most", n,
				SEAL_PLAIN_MAX);
	if (buf_reserve(out, box_len(n, pad), e))
		return -1;
	box = (unsigned char *)out->p + out->len;
	if (n)
		memcpy(box + SEAL_NONCE, p, n);
	if (shut_in_place(key, a, box, n, pad, &len, e))
		return -1;
	out->len += len;
	out->p[out->len] = '\0';
	return 0;
}

/* Opens into `plain`, which has room for n bytes. */
static int open_raw(const unsigned char key[KEY_LEN], const struct seal_ad *a,
		    const unsigned char *box, size_t n, size_t pad,
		    unsigned char *plain, size_t *len, struct err *e)
{
	unsigned long long mlen = 0;

	if (n < SEAL_NONCE + SEAL_TAG + pad ||
	    n > box_len(SEAL_PLAIN_MAX, pad))
		return err_fail(e, ERR_TAMPER, NULL,
				"the sealed bytes have an impossible length");
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    plain, &mlen, NULL, box + SEAL_NONCE, n - SEAL_NONCE, a->b,
		    a->n, box, key) ||
	    sodium_unpad(len, plain, (size_t)mlen, pad))
		return err_fail(e, ERR_TAMPER, NULL,
				"the seal does not fit: altered, moved, "
				"or from another vault");
	return 0;
}

int seal_open(const unsigned char key[KEY_LEN], const struct seal_ad *a,
	      const void *box, size_t n, size_t pad, struct buf *out,
	      struct err *e)
{
	size_t len = 0;

	buf_reset(out);
	if (n < SEAL_NONCE + SEAL_TAG)
		return err_fail(e, ERR_TAMPER, NULL,
				"the sealed bytes are cut short");
	if (buf_reserve(out, n - SEAL_NONCE - SEAL_TAG, e) ||
	    open_raw(key, a, box, n, pad, (unsigned char *)out->p, &len, e))
		return -1;
	out->len = len;
	out->p[len] = '\0';
	return 0;
}

struct shut {
	const unsigned char *key;
	const struct seal_ad *a;
	struct buf *out;
	struct err *e;
};

static int shut_revealed(const unsigned char *p, size_t n, void *arg)
{
	const struct shut *s = arg;

	/* shut_in_place overwrites the copy with ciphertext, so the plain
	 * bytes are in ordinary memory for the encryption only. */
	return seal_shut(s->key, s->a, p, n, SEAL_PAD_SECRET, s->out, s->e);
}

int seal_shut_secret(const unsigned char key[KEY_LEN], const struct seal_ad *a,
		     const struct secret *s, struct buf *out, struct err *e)
{
	struct shut arg = { key, a, out, e };

	return secret_reveal(s, shut_revealed, &arg);
}

int seal_open_secret(const unsigned char key[KEY_LEN], const struct seal_ad *a,
		     const void *box, size_t n, struct secret **out,
		     struct err *e)
{
	unsigned char *plain = NULL;
	size_t len = 0;
	int rc = -1;

	*out = NULL;
	if (n > box_len(SECRET_MAX, SEAL_PAD_SECRET))
		return err_fail(e, ERR_TAMPER, NULL,
				"the sealed secret has an impossible length");
	plain = seal_alloc(n ? n : 1);
	if (!plain) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory for a secret");
		goto out;
	}
	if (open_raw(key, a, box, n, SEAL_PAD_SECRET, plain, &len, e))
		goto out;
	*out = secret_new(plain, len, e);
	if (!*out)
		goto out;
	rc = 0;
out:
	seal_free(plain);
	return rc;
}

void seal_hash(const unsigned char key[KEY_LEN], const struct seal_part *parts,
	       size_t n, void *out, size_t outlen)
{
	crypto_generichash_state st;
	unsigned char len[8];

	crypto_generichash_init(&st, key, KEY_LEN, outlen);
	for (size_t i = 0; i < n; i++) {
		seal_put64(len, parts[i].n);
		crypto_generichash_update(&st, len, sizeof(len));
		if (parts[i].n)
			crypto_generichash_update(&st, parts[i].p, parts[i].n);
	}
	crypto_generichash_final(&st, out, outlen);
	sodium_memzero(&st, sizeof(st));
}

void seal_digest(const unsigned char key[KEY_LEN], const void *p, size_t n,
		 unsigned char out[MAC_LEN])
{
	crypto_generichash(out, MAC_LEN, p, n, key, KEY_LEN);
}
