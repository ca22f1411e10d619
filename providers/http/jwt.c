/*
 * jwt: see pki.h: keys, signatures, tokens, certificates.  The only file that
 * includes OpenSSL's headers.
 */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/http/pki.h"

#define PEM_MAX (32 * 1024)
#define P256 32 /* bytes of a coordinate */
#define CHAIN_MAX 10
#define CN_MAX 64 /* ub-common-name of RFC 5280 */

struct pki_key {
	EVP_PKEY *p;
};

static void *ssl_alloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n ? mem_alloc(n) : NULL;
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n)
		return mem_realloc(p, n);
	mem_free(p);
	return NULL;
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	mem_free(p);
}

int pki_boot(struct err *e)
{
	if (CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free) != 1)
		return err_fail(e, ERR_BUG, NULL, "OpenSSL has allocated already");
	return 0;
}

/* OpenSSL's own words for what it just did not do; always -1. */
static int fail(struct err *e, const char *what)
{
	const unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	(void)err_fail(e, ERR_BUG, NULL, "%s%s%s", what, why ? ": " : "", why ? why : "");
	ERR_clear_error();
	return -1;
}

/* ---- reading ------------------------------------------------------------------ */

/* Nobody is asked for a key's passphrase. */
static int no_passphrase(char *p, int n, int rw, void *arg)
{
	(void)p;
	(void)n;
	(void)rw;
	(void)arg;
	return -1;
}

static bool curve_is(const EVP_PKEY *p, const char *name)
{
	char group[64];
	size_t n = 0;

	return EVP_PKEY_get_base_id(p) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(p, group, sizeof(group), &n) == 1 &&
	       strcmp(group, name) == 0;
}

static bool usable(const EVP_PKEY *p)
{
	if (EVP_PKEY_get_base_id(p) == EVP_PKEY_RSA)
		return EVP_PKEY_get_bits(p) >= 2048 && EVP_PKEY_get_bits(p) <= 8192;
	return curve_is(p, SN_X9_62_prime256v1) || curve_is(p, SN_secp384r1);
}

struct pki_key *pki_read(const void *pem, size_t n, struct err *e)
{
	BIO *b = n && n < PEM_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
	EVP_PKEY *p = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
	struct pki_key *k = NULL;

	BIO_free(b);
	ERR_clear_error();
	if (!p || !usable(p)) {
		(void)err_fail(e, ERR_FORMAT, NULL, "it is no private key in PEM form "
			       "without a passphrase, RSA of at least 2048 bits or "
			       "ECDSA P-256 or P-384");
	} else if (!(k = mem_zalloc(sizeof(*k)))) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	} else {
		k->p = p;
		p = NULL;
	}
	EVP_PKEY_free(p);
	return k;
}

struct reading {
	struct pki_key *key;
	struct err *e;
};

static int read_lent(const unsigned char *p, size_t n, void *arg)
{
	struct reading *r = arg;

	r->key = pki_read(p, n, r->e);
	return r->key ? 0 : -1;
}

struct pki_key *pki_read_secret(const struct secret *pem, struct err *e)
{
	struct reading r = { NULL, e };

	return secret_reveal(pem, read_lent, &r) ? NULL : r.key;
}

void pki_free(struct pki_key **k)
{
	if (!*k)
		return;
	EVP_PKEY_free((*k)->p);
	mem_free(*k);
	*k = NULL;
}

bool pki_is_rsa(const struct pki_key *k)
{
	return EVP_PKEY_get_base_id(k->p) == EVP_PKEY_RSA;
}

/* ---- making ------------------------------------------------------------------- */

static EVP_PKEY *make(const char *type)
{
	if (!strcmp(type, "p256"))
		return EVP_EC_gen("P-256");
	if (!strcmp(type, "p384"))
		return EVP_EC_gen("P-384");
	if (!strcmp(type, "rsa2048"))
		return EVP_RSA_gen(2048);
	return strcmp(type, "rsa3072") ? NULL : EVP_RSA_gen(3072);
}

bool pki_type(const char *type)
{
	return !strcmp(type, "p256") || !strcmp(type, "p384") ||
	       !strcmp(type, "rsa2048") || !strcmp(type, "rsa3072");
}

int pki_make(const char *type, struct secret **pem, struct err *e)
{
	EVP_PKEY *p = make(type);
	BIO *b = p ? BIO_new(BIO_s_mem()) : NULL;
	char *text = NULL;
	long n = 0;
	int rc = -1;

	/* its memory is ours (pki_boot), so it is wiped */
	if (!b || PEM_write_bio_PKCS8PrivateKey(b, p, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(b, &text)) <= 0) {
		(void)fail(e, "no key can be made");
		goto out;
	}
	*pem = secret_new(text, (size_t)n, e);
	rc = *pem ? 0 : -1;
out:
	BIO_free(b);
	EVP_PKEY_free(p);
	return rc;
}

/* ---- JOSE ------------------------------------------------------------------------- */

const char *pki_alg(const struct pki_key *k)
{
	return pki_is_rsa(k) ? "RS256" :
	       curve_is(k->p, SN_X9_62_prime256v1) ? "ES256" : NULL;
}

/* JOSE wants r and s side by side, not DER (RFC 7518 3.4). */
static int side_by_side(const unsigned char *der, size_t n, struct buf *out, struct err *e)
{
	const unsigned char *p = der;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	unsigned char raw[2 * P256];
	int rc = -1;

	if (!s || BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, P256) != P256 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + P256, P256) != P256)
		(void)fail(e, "the signature cannot be read");
	else
		rc = buf_add(out, raw, sizeof(raw), e);
	ECDSA_SIG_free(s);
	return rc;
}

int pki_sign(const struct pki_key *k, const void *p, size_t n, struct buf *out,
	     struct err *e)
{
	EVP_MD_CTX *m = pki_alg(k) ? EVP_MD_CTX_new() : NULL;
	unsigned char sig[1100];
	size_t len = sizeof(sig);
	int rc = -1;

	if (!m || EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, k->p) != 1 ||
	    EVP_DigestSign(m, sig, &len, p, n) != 1)
		(void)fail(e, "it cannot be signed");
	else
		rc = pki_is_rsa(k) ? buf_add(out, sig, len, e) :
				     side_by_side(sig, len, out, e);
	mem_wipe(sig, sizeof(sig));
	EVP_MD_CTX_free(m);
	return rc;
}

/* ,"name":"base64url of the number" in `width` bytes, or as many as it has. */
static int jwk_number(const struct pki_key *k, const char *param, const char *name,
		      int width, struct buf *out, struct err *e)
{
	unsigned char raw[1100];
	BIGNUM *v = NULL;
	int n = 0, rc = -1;

	if (EVP_PKEY_get_bn_param(k->p, param, &v) == 1)
		n = width ? width : BN_num_bytes(v);
	if (!n || n > (int)sizeof(raw) || BN_bn2binpad(v, raw, n) != n)
		(void)fail(e, "the public key cannot be read");
	else
		rc = buf_printf(out, e, "\"%s\":\"", name) ||
		     base64url_encode(raw, (size_t)n, out, e) || buf_puts(out, "\"", e) ?
			     -1 : 0;
	BN_free(v);
	return rc;
}

int pki_jwk(const struct pki_key *k, struct buf *out, struct err *e)
{
	if (!pki_alg(k))
		return err_fail(e, ERR_UNSUPPORTED, NULL, "an account's key is RSA or P-256");
	if (pki_is_rsa(k))
		return buf_puts(out, "{", e) ||
		       jwk_number(k, OSSL_PKEY_PARAM_RSA_E, "e", 0, out, e) ||
		       buf_puts(out, ",\"kty\":\"RSA\",", e) ||
		       jwk_number(k, OSSL_PKEY_PARAM_RSA_N, "n", 0, out, e) ||
		       buf_puts(out, "}", e) ? -1 : 0;
	return buf_puts(out, "{\"crv\":\"P-256\",\"kty\":\"EC\",", e) ||
	       jwk_number(k, OSSL_PKEY_PARAM_EC_PUB_X, "x", P256, out, e) ||
	       buf_puts(out, ",", e) ||
	       jwk_number(k, OSSL_PKEY_PARAM_EC_PUB_Y, "y", P256, out, e) ||
	       buf_puts(out, "}", e) ? -1 : 0;
}

int pki_key_print(const struct pki_key *k, char out[PKI_PRINT], struct err *e)
{
	unsigned char *der = NULL, hash[32];
	const int n = i2d_PUBKEY(k->p, &der);

	if (n <= 0)
		return fail(e, "the public key cannot be read");
	digest_sha256(der, (size_t)n, hash);
	text_hex(hash, sizeof(hash), out);
	OPENSSL_free(der);
	return 0;
}

static struct pki_key *rsa_read(const struct buf *pem, struct err *e)
{
	struct pki_key *key = pki_read(pem->p, pem->len, NULL);

	if (key && pki_is_rsa(key))
		return key;
	pki_free(&key);
	(void)err_fail(e, ERR_PROVIDER, NULL, "the credential is no RSA private key "
		       "in PEM form of at least 2048 bits without a passphrase");
	return NULL;
}

int jwt_sign(const struct buf *pem, const struct buf *claims, struct buf *out,
	     struct err *e)
{
	static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	struct pki_key *key = rsa_read(pem, e);
	struct buf t = BUF_INIT(BUF_TEXT_MAX), sig = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (!key)
		goto out;
	if (base64url_encode(head, sizeof(head) - 1, &t, e) || buf_puts(&t, ".", e) ||
	    base64url_encode(claims->p, claims->len, &t, e) ||
	    pki_sign(key, t.p, t.len, &sig, e))
		goto out;
	if (buf_add(out, t.p, t.len, e) || buf_puts(out, ".", e) ||
	    base64url_encode(sig.p, sig.len, out, e))
		goto out;
	rc = 0;
out:
	buf_release(&t);
	buf_release(&sig);
	pki_free(&key);
	return rc;
}

/* ---- requests -------------------------------------------------------------------- */

static bool add_alt_names(X509_REQ *r, const char *const *names, size_t n)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	X509_EXTENSION *x = NULL;
	bool ok = exts && all;

	for (size_t i = 0; ok && i < n; i++) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();

		ok = g && s && ASN1_STRING_set(s, names[i], (int)strlen(names[i])) == 1;
		if (!ok) {
			ASN1_IA5STRING_free(s);
			GENERAL_NAME_free(g);
			break;
		}
		GENERAL_NAME_set0_value(g, GEN_DNS, s);
		ok = sk_GENERAL_NAME_push(all, g) > 0;
		if (!ok)
			GENERAL_NAME_free(g);
	}
	x = ok ? X509V3_EXT_i2d(NID_subject_alt_name, 0, all) : NULL;
	ok = x && sk_X509_EXTENSION_push(exts, x) > 0;
	if (!ok)
		X509_EXTENSION_free(x);
	ok = ok && X509_REQ_add_extensions(r, exts) == 1;
	GENERAL_NAMES_free(all);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return ok;
}

int pki_csr(const struct pki_key *k, const char *const *names, size_t n,
	    struct buf *der, struct err *e)
{
	X509_REQ *r = X509_REQ_new();
	unsigned char *out = NULL;
	int len = 0, rc = -1;

	/* no subject: the names stand where readers look (RFC 8555 7.4) */
	if (!r || X509_REQ_set_version(r, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(r, k->p) != 1 || !add_alt_names(r, names, n) ||
	    X509_REQ_sign(r, k->p, EVP_sha256()) <= 0 || (len = i2d_X509_REQ(r, &out)) <= 0)
		(void)fail(e, "no request can be made");
	else
		rc = buf_add(der, out, (size_t)len, e);
	OPENSSL_free(out);
	X509_REQ_free(r);
	return rc;
}

/* ---- a certificate of one's own ------------------------------------------------------ */

static bool fill(X509 *c, const struct pki_key *k, const char *cn, time_t now, unsigned days)
{
	X509_NAME *name = X509_get_subject_name(c);
	unsigned char serial[16];
	BIGNUM *bn;
	bool ok;

	secret_random(serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive */
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c)) &&
	     X509_set_version(c, X509_VERSION_3) == 1 &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn,
					(int)strnlen(cn, CN_MAX), -1, 0) == 1 &&
	     X509_set_issuer_name(c, name) == 1 &&
	     ASN1_TIME_adj(X509_getm_notBefore(c), now, 0, -300) &&
	     ASN1_TIME_adj(X509_getm_notAfter(c), now, (int)days, 0) &&
	     X509_set_pubkey(c, k->p) == 1;
	BN_free(bn);
	return ok;
}

int pki_self_signed(const struct pki_key *k, const char *cn, int64_t now_ms,
		    unsigned days, struct buf *pem, struct err *e)
{
	X509 *c = X509_new();
	BIO *b = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	int rc = -1;

	if (!c || !b || !fill(c, k, cn, (time_t)(now_ms / 1000), days) ||
	    X509_sign(c, k->p, EVP_sha256()) <= 0 || PEM_write_bio_X509(b, c) != 1 ||
	    (n = BIO_get_mem_data(b, &text)) <= 0)
		(void)fail(e, "no certificate can be made");
	else
		rc = buf_add(pem, text, (size_t)n, e);
	BIO_free(b);
	X509_free(c);
	return rc;
}

/* ---- reading a chain --------------------------------------------------------------------- */

static int64_t time_of(const ASN1_TIME *t)
{
	ASN1_TIME *zero = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	const bool ok = zero && ASN1_TIME_diff(&days, &seconds, zero, t) == 1;

	ASN1_TIME_free(zero);
	return ok ? ((int64_t)days * 86400 + seconds) * 1000 : 0;
}

static bool describe(X509 *c, struct pki_cert *out, struct buf *der, struct err *e)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(c), NULL);
	unsigned char raw[PKI_SERIAL / 2], hash[32], *all = NULL;
	const int n = bn && !BN_is_negative(bn) ? BN_num_bytes(bn) : 0;
	const int len = i2d_X509(c, &all);
	bool ok = n > 0 && n < (int)sizeof(raw) && len > 0;

	if (ok) {
		(void)BN_bn2bin(bn, raw);
		text_hex(raw, (size_t)n, out->serial);
		digest_sha256(all, (size_t)len, hash);
		text_hex(hash, sizeof(hash), out->print);
		out->from_ms = time_of(X509_get0_notBefore(c));
		out->to_ms = time_of(X509_get0_notAfter(c));
		ok = !der || buf_add(der, all, (size_t)len, e) == 0;
	}
	OPENSSL_free(all);
	BN_free(bn);
	return ok && out->to_ms > 0;
}

static BIO *lend(const void *pem, size_t n)
{
	return n && n < BUF_TEXT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
}

int pki_cert(const void *pem, size_t n, const struct pki_key *key,
	     struct pki_cert *out, struct buf *der, struct err *e)
{
	BIO *b = lend(pem, n);
	X509 *c, *below = NULL;
	bool ok = b != NULL;

	*out = (struct pki_cert){ .linked = true };
	while (ok && (c = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
		if (++out->n == 1) {
			ok = describe(c, out, der, e);
			out->fits = key && X509_check_private_key(c, key->p) == 1;
		} else if (X509_verify(below, X509_get0_pubkey(c)) != 1) {
			out->linked = false;
		}
		ok = ok && out->n <= CHAIN_MAX;
		X509_free(below);
		below = c;
	}
	X509_free(below);
	BIO_free(b);
	ERR_clear_error();
	if (ok && out->n)
		return 0;
	return err_fail(e, ERR_FORMAT, NULL, "it is no chain of certificates in PEM form");
}

bool pki_cert_names(const void *pem, size_t n, const char *name)
{
	BIO *b = lend(pem, n);
	X509 *c = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	char any[256];
	bool ok = false;

	/* a wildcard is good for a name below it */
	if (c && snprintf(any, sizeof(any), "%s%s", name[0] == '*' ? "any" : "",
			  name[0] == '*' ? name + 1 : name) < (int)sizeof(any))
		ok = X509_check_host(c, any, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
				     NULL) == 1;
	X509_free(c);
	BIO_free(b);
	ERR_clear_error();
	return ok;
}
