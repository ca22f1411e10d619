/*
 * pki: private keys, signatures and X.509 for providers, over OpenSSL's
 * libcrypto.  jwt.c is the only file that includes its headers.
 *
 * Promises: OpenSSL's memory is wiped when it is freed; a key is read from
 * locked memory and never leaves the process but in a struct secret; nobody is
 * asked for a passphrase.  Nothing here talks to anybody.
 */
#ifndef PROVIDERS_HTTP_PKI_H
#define PROVIDERS_HTTP_PKI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"

struct pki_key;

/* First of all in main, before libcurl: OpenSSL gets the wiping allocator. */
int pki_boot(struct err *e) __attribute__((warn_unused_result));

/* PEM without a passphrase: RSA of at least 2048 bits, or ECDSA P-256 or
 * P-384.  NULL + e. */
struct pki_key *pki_read(const void *pem, size_t n, struct err *e);
struct pki_key *pki_read_secret(const struct secret *pem, struct err *e);
void pki_free(struct pki_key **k);
bool pki_is_rsa(const struct pki_key *k);

/* A fresh key as PEM (PKCS #8): "p256", "p384", "rsa2048", "rsa3072". */
int pki_make(const char *type, struct secret **pem, struct err *e)
	__attribute__((warn_unused_result));
bool pki_type(const char *type);

/* ---- JOSE (RFC 7515, 7518, 7638) ---------------------------------------------- */

/* "RS256", or "ES256", or NULL: P-384 is for certificates only here. */
const char *pki_alg(const struct pki_key *k);
/* The signature of p[0..n) in JOSE's form, not yet encoded. */
int pki_sign(const struct pki_key *k, const void *p, size_t n, struct buf *out,
	     struct err *e) __attribute__((warn_unused_result));
/* header.payload.signature (RFC 7519) with RS256; `pem` is an RSA key. */
int jwt_sign(const struct buf *pem, const struct buf *claims, struct buf *out,
	     struct err *e) __attribute__((warn_unused_result));
/* The public half as a JWK, with the members and the order of RFC 7638: its
 * SHA-256 is the thumbprint. */
int pki_jwk(const struct pki_key *k, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* ---- X.509 (RFC 5280, 2986) ------------------------------------------------------ */

#define PKI_SERIAL 48 /* hexadecimal, and NUL */
#define PKI_PRINT 65  /* SHA-256, hexadecimal, and NUL */

/* A request (DER) for a certificate of these DNS names. */
int pki_csr(const struct pki_key *k, const char *const *names, size_t n,
	    struct buf *der, struct err *e) __attribute__((warn_unused_result));
/* A certificate (PEM) that the key signs for itself. */
int pki_self_signed(const struct pki_key *k, const char *cn, int64_t now_ms,
		    unsigned days, struct buf *pem, struct err *e)
	__attribute__((warn_unused_result));

struct pki_cert {
	char serial[PKI_SERIAL]; /* lower case, as the authority writes it */
	char print[PKI_PRINT];	 /* SHA-256 of the certificate */
	int64_t from_ms, to_ms;	 /* notBefore, notAfter */
	size_t n;		 /* certificates in the chain */
	bool fits;		 /* it is the key's, when one was given */
	bool linked;		 /* each is signed by the one after it */
};

/* The first certificate of a PEM chain; `key` and `der` may be NULL. */
int pki_cert(const void *pem, size_t n, const struct pki_key *key,
	     struct pki_cert *out, struct buf *der, struct err *e)
	__attribute__((warn_unused_result));
/* Is the first certificate of the chain good for that name? */
bool pki_cert_names(const void *pem, size_t n, const char *name);
/* SHA-256 of the public half (SubjectPublicKeyInfo), hexadecimal. */
int pki_key_print(const struct pki_key *k, char out[PKI_PRINT], struct err *e)
	__attribute__((warn_unused_result));

#endif
