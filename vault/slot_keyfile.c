/*
 * slot_keyfile: the bytes of a private file.
 *
 * All bytes count, a trailing newline too.  The file must belong to us or to
 * root and be closed to everyone else: a key that others can read is refused
 * rather than used.
 */
#include <sodium.h>

#include "base/io.h"
#include "base/mem.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

#define KEYFILE_MAX SECRET_MAX

struct hashing {
	const struct slot_head *h;
	unsigned char *kek;
};

/* key bytes -> BLAKE2b-256 -> keyed BLAKE2b-256 of (label, kind, salt) */
static int hash(const unsigned char *p, size_t n, void *arg)
{
	static const char label[] = "curfew slot key";
	const struct hashing *j = arg;
	crypto_generichash_state st;
	unsigned char kind = (unsigned char)j->h->kind;
	int rc = -1;

	if (crypto_generichash(j->kek, SLOT_KEK, p, n, NULL, 0) != 0 ||
	    crypto_generichash_init(&st, j->kek, SLOT_KEK, SLOT_KEK) != 0)
		goto out;
	crypto_generichash_update(&st, (const unsigned char *)label,
				  sizeof label);
	crypto_generichash_update(&st, &kind, 1);
	crypto_generichash_update(&st, j->h->salt, SLOT_SALT);
	rc = crypto_generichash_final(&st, j->kek, SLOT_KEK);
out:
	mem_wipe(&st, sizeof st);
	return rc;
}

int slot_key_kek(const struct slot_head *h, const struct secret *key,
		 unsigned char kek[SLOT_KEK], struct err *e)
{
	struct hashing j = { .h = h, .kek = kek };

	if (!key || secret_len(key) < SLOT_KEY_MIN)
		return err_fail(e, ERR_SEALED, h->name,
				"a key must have at least %d bytes", SLOT_KEY_MIN);
	if (secret_reveal(key, hash, &j) != 0)
		return err_fail(e, ERR_BUG, h->name, "BLAKE2b refused the key");
	return 0;
}

int slot_keyfile_kek(const struct slot_head *h, const struct slot_input *in,
		     unsigned char kek[SLOT_KEK], struct err *e)
{
	return slot_key_kek(h, in->secret, kek, e);
}

int slot_keyfile_read(const char *path, struct secret **out, struct err *e)
{
	struct buf b = BUF_INIT(KEYFILE_MAX);
	int rc = -1;

	if (io_read_file(path, IO_PRIVATE, KEYFILE_MAX, &b, e) != 0)
		goto out;
	if (b.len < SLOT_KEY_MIN) {
		err_fail(e, ERR_FORMAT, path,
			 "a key file has at least %d bytes, this one %zu",
			 SLOT_KEY_MIN, b.len);
		goto out;
	}
	*out = secret_new(b.p, b.len, e);
	if (!*out)
		goto out;
	rc = 0;
out:
	buf_release(&b);
	if (rc != 0)
		err_ctx(e, path, "read the key file");
	return rc;
}

int slot_keyfile_make(const char *path, struct err *e)
{
	unsigned char key[SLOT_KEY_MIN];
	int rc;

	secret_random(key, sizeof key);
	rc = io_create(path, key, sizeof key, 0600, e);
	mem_wipe(key, sizeof key);
	if (rc != 0)
		err_ctx(e, path, "make the key file");
	return rc;
}
