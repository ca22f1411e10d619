/*
 * jwt: see jwt.h.  OpenSSL gets the wiping allocator before it allocates.
 */
#include "providers/http/jwt.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/mem.h"
#include "providers/http/tmpl.h"

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

int jwt_boot(struct err *e)
{
	if (CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free) != 1)
		return err_fail(e, ERR_BUG, NULL, "OpenSSL has allocated already");
	return 0;
}

/* Nobody is asked for a key's passphrase. */
static int no_passphrase(char *p, int n, int rw, void *arg)
{
	(void)p;
	(void)n;
	(void)rw;
	(void)arg;
	return -1;
}

static EVP_PKEY *key_read(const struct buf *pem, struct err *e)
{
	BIO *b = pem->len < 64 * 1024 ? BIO_new_mem_buf(pem->p, (int)pem->len) : NULL;
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;

	BIO_free(b);
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    EVP_PKEY_get_bits(key) >= 2048)
		return key;
	EVP_PKEY_free(key);
	(void)err_fail(e, ERR_PROVIDER, NULL, "the credential is no RSA private key "
		       "in PEM form of at least 2048 bits without a passphrase");
	return NULL;
}

int jwt_sign(const struct buf *pem, const struct buf *claims, struct buf *out,
	     struct err *e)
{
	static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	EVP_PKEY *key = key_read(pem, e);
	EVP_MD_CTX *m = key ? EVP_MD_CTX_new() : NULL;
	struct buf t = BUF_INIT(BUF_TEXT_MAX);
	unsigned char sig[1024];
	size_t n = sizeof(sig);
	int rc = -1;

	if (!key)
		goto out;
	if (tmpl_base64(&t, head, sizeof(head) - 1, true, e) || buf_puts(&t, ".", e) ||
	    tmpl_base64(&t, claims->p, claims->len, true, e))
		goto out;
	if (!m || EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(m, sig, &n, (const unsigned char *)t.p, t.len) != 1) {
		(void)err_fail(e, ERR_BUG, NULL, "the token cannot be signed");
		goto out;
	}
	if (buf_add(out, t.p, t.len, e) || buf_puts(out, ".", e) ||
	    tmpl_base64(out, sig, n, true, e))
		goto out;
	rc = 0;
out:
	mem_wipe(sig, sizeof(sig));
	buf_release(&t);
	EVP_MD_CTX_free(m);
	EVP_PKEY_free(key);
	return rc;
}
