/*
 * slot_passphrase: Argon2id, libsodium's "moderate" cost, kept in the slot.
 *
 * The record's cost is read before anything can be authenticated, so it is
 * bounded here: a hostile record may slow one try down to about a second per
 * pass over 1 GiB, and no further.
 */
#include <sodium.h>

#include "vault/slot.h"

#ifdef CURFEW_TEST
static uint64_t test_ops, test_mem;

void slot_passphrase_set_cost(uint64_t ops, uint64_t mem)
{
	test_ops = ops;
	test_mem = mem;
}
#endif

void slot_passphrase_cost(uint64_t *ops, uint64_t *mem)
{
	*ops = crypto_pwhash_argon2id_OPSLIMIT_MODERATE;
	*mem = crypto_pwhash_argon2id_MEMLIMIT_MODERATE;
#ifdef CURFEW_TEST
	if (test_mem) {
		*ops = test_ops;
		*mem = test_mem;
	}
#endif
}

struct hashing {
	const struct slot_head *h;
	unsigned char *kek;
};

static int hash(const unsigned char *p, size_t n, void *arg)
{
	const struct hashing *j = arg;

	return crypto_pwhash(j->kek, SLOT_KEK, (const char *)p, n, j->h->salt,
			     j->h->ops, (size_t)j->h->mem,
			     crypto_pwhash_ALG_ARGON2ID13);
}

_Static_assert(SLOT_SALT == crypto_pwhash_SALTBYTES, "salt");

int slot_passphrase_kek(const struct slot_head *h, const struct slot_input *in,
			unsigned char kek[SLOT_KEK], struct err *e)
{
	struct hashing j = { .h = h, .kek = kek };

	if (h->ops < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
	    h->ops > SLOT_OPS_MAX ||
	    h->mem < crypto_pwhash_argon2id_MEMLIMIT_MIN || h->mem > SLOT_MEM_MAX)
		return err_fail(e, ERR_SEALED, h->name,
				"the slot's Argon2id cost is out of bounds: "
				"the record is damaged");
	if (!in->secret || secret_len(in->secret) == 0)
		return err_fail(e, ERR_SEALED, h->name, "an empty passphrase");
	if (secret_reveal(in->secret, hash, &j) != 0)
		return err_fail(e, ERR_NOMEM, h->name,
				"Argon2id needs %u MiB of memory and did not "
				"get it", (unsigned)(h->mem >> 20));
	return 0;
}
