/*
 * outward: keys for those who never open the vault.
 *
 * Owns the setting "outward-seed".  Must never hand out the seed or a secret
 * half, nor leave one in ordinary memory.
 */
#include "vault/outward.h"

#include <sodium.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "vault/journal.h"
#include "vault/seal.h"
#include "vault/store.h"

struct halves { /* in locked memory */
	unsigned char seed[32], spool_sk[32], sign_sk[64];
	struct outward pub;
};

_Static_assert(crypto_box_SECRETKEYBYTES == 32, "X25519 secret");
_Static_assert(crypto_sign_SECRETKEYBYTES == 64, "Ed25519 secret");

static struct store_id seed_id(const struct vault *v)
{
	static const char *const part = "outward-seed";

	return store_id(v, STORE_SETTING, &part, 1);
}

/* The two keys are told apart by what the seed is hashed with. */
static int derive(const unsigned char *p, size_t n, void *arg)
{
	struct halves *h = arg;

	if (n != DIGEST_KEY)
		return -1;
	digest_keyed(p, "curfew spool 1", 14, h->seed, sizeof h->seed);
	if (crypto_box_seed_keypair(h->pub.spool, h->spool_sk, h->seed) != 0)
		return -1;
	digest_keyed(p, "curfew sign 1", 13, h->seed, sizeof h->seed);
	return crypto_sign_seed_keypair(h->pub.sign, h->sign_sk, h->seed);
}

static int make_seed(struct vault *v, struct secret **seed, struct err *e)
{
	struct store_row row = { .id = seed_id(v), .data = "\1", .len = 1 };
	struct journal_entry j = { .kind = J_VAULT,
				   .text = "made the spool's key and the key "
					   "that signs what is published" };

	*seed = secret_generate(DIGEST_KEY, e);
	if (!*seed || store_begin(v, e) != 0)
		return -1;
	row.secret = *seed;
	if (store_put(v, STORE_SETTING, &row, e) != 0 ||
	    journal_append(v, &j, NULL, e) != 0) {
		store_rollback(v);
		return -1;
	}
	return store_commit(v, e);
}

static struct halves *halves(struct vault *v, bool make, struct err *e)
{
	struct store_id id = seed_id(v);
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	struct halves *h = seal_alloc(sizeof *h);
	struct secret *seed = NULL;
	int rc = -1, got;

	if (!h) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory for the keys");
		goto out;
	}
	got = store_get(v, STORE_SETTING, &id, &data, &seed, e);
	if (got < 0 || (got == 0 && make && make_seed(v, &seed, e) != 0))
		goto out;
	if (got == 0 && !make) {
		err_fail(e, ERR_ABSENT, NULL, "this vault has no spool key yet");
		err_hint(e, "'curfew hook publish' makes it and tells it");
		goto out;
	}
	if (!seed || secret_reveal(seed, derive, h) != 0) {
		err_fail(e, ERR_FORMAT, NULL, "the spool key's setting is "
			 "malformed");
		goto out;
	}
	rc = 0;
out:
	secret_free(&seed);
	buf_release(&data);
	if (rc == 0)
		return h;
	if (h)
		seal_free(h);
	return NULL;
}

int outward_keys(struct vault *v, struct outward *out, struct err *e)
{
	struct halves *h = halves(v, true, e);

	if (!h)
		return -1;
	*out = h->pub;
	seal_free(h);
	return 0;
}

int outward_open(struct vault *v, const void *box, size_t n, struct buf *plain,
		 struct err *e)
{
	struct halves *h = halves(v, false, e);
	int rc = -1;

	if (!h)
		return -1;
	if (n < crypto_box_SEALBYTES) {
		err_fail(e, ERR_TAMPER, NULL, "too short for a sealed file");
		goto out;
	}
	if (buf_reserve(plain, n - crypto_box_SEALBYTES + 1, e) != 0)
		goto out;
	if (crypto_box_seal_open((unsigned char *)plain->p, box, n,
				 h->pub.spool, h->spool_sk) != 0) {
		err_fail(e, ERR_TAMPER, NULL, "not sealed to this vault's spool "
			 "key, or altered or cut short since");
		goto out;
	}
	plain->len = n - crypto_box_SEALBYTES;
	plain->p[plain->len] = '\0';
	rc = 0;
out:
	seal_free(h);
	return rc;
}

int outward_sign(struct vault *v, const void *p, size_t n,
		 unsigned char sig[static DIGEST_SIGNATURE], struct err *e)
{
	struct halves *h = halves(v, false, e);
	int rc;

	if (!h)
		return -1;
	rc = crypto_sign_detached(sig, NULL, p, n, h->sign_sk);
	seal_free(h);
	return rc == 0 ? 0 : err_fail(e, ERR_BUG, NULL, "signing refused");
}
