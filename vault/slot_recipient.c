/*
 * slot_recipient: break-glass.  Anyone can make the slot from a public key;
 * only the secret half, which lies offline, opens it.
 *
 * A sealed box carries no associated data, so the hash of the record's head
 * and of the vault's id is sealed along and compared.
 */
#include <sodium.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

#define PUB_PREFIX "curfew-pub-"
#define KEY_PREFIX "curfew-key-"
#define PREFIX_LEN 11u

_Static_assert(SLOT_SEALED_LEN ==
	       ROOT_LEN + SLOT_BINDING + crypto_box_SEALBYTES, "sealed length");
_Static_assert(SLOT_PUBLIC_TEXT == PREFIX_LEN + 64 + 1, "text length");

int slot_recipient_seal(const unsigned char pk[32],
			const unsigned char root[ROOT_LEN],
			const unsigned char binding[SLOT_BINDING],
			unsigned char out[SLOT_SEALED_LEN], struct err *e)
{
	unsigned char *m = sodium_malloc(ROOT_LEN + SLOT_BINDING);
	int rc;

	if (!m)
		return err_fail(e, ERR_NOMEM, NULL, "no locked memory");
	memcpy(m, root, ROOT_LEN);
	memcpy(m + ROOT_LEN, binding, SLOT_BINDING);
	rc = crypto_box_seal(out, m, ROOT_LEN + SLOT_BINDING, pk);
	sodium_free(m);
	if (rc != 0)
		return err_fail(e, ERR_FORMAT, NULL,
				"the public key is not a usable X25519 key");
	return 0;
}

struct opening {
	const unsigned char *pk, *sealed, *binding;
	unsigned char *m, *root;
};

static int open_box(const unsigned char *p, size_t n, void *arg)
{
	const struct opening *j = arg;
	unsigned char mine[32];

	if (n != 32 || crypto_scalarmult_base(mine, p) != 0 ||
	    sodium_memcmp(mine, j->pk, 32) != 0)
		return -1;
	if (crypto_box_seal_open(j->m, j->sealed, SLOT_SEALED_LEN, j->pk, p) != 0)
		return -1;
	if (sodium_memcmp(j->m + ROOT_LEN, j->binding, SLOT_BINDING) != 0)
		return -1;
	memcpy(j->root, j->m, ROOT_LEN);
	return 0;
}

int slot_recipient_open(const unsigned char pk[32], const struct secret *half,
			const unsigned char sealed[SLOT_SEALED_LEN],
			const unsigned char binding[SLOT_BINDING],
			unsigned char root[ROOT_LEN], struct err *e)
{
	struct opening j = { pk, sealed, binding, NULL, root };
	int rc;

	j.m = sodium_malloc(ROOT_LEN + SLOT_BINDING);
	if (!j.m)
		return err_fail(e, ERR_NOMEM, NULL, "no locked memory");
	rc = secret_reveal(half, open_box, &j);
	sodium_free(j.m);
	if (rc != 0)
		return err_fail(e, ERR_SEALED, NULL,
				"the secret half does not open this slot");
	return 0;
}

void slot_recipient_text(const unsigned char pk[32],
			 char pub[SLOT_PUBLIC_TEXT])
{
	memcpy(pub, PUB_PREFIX, PREFIX_LEN);
	text_hex(pk, 32, pub + PREFIX_LEN);
}

int slot_recipient_make(const char *path, char pub[SLOT_PUBLIC_TEXT],
			struct err *e)
{
	unsigned char pk[32];
	unsigned char *sk = sodium_malloc(32);
	char *line = sodium_malloc(PREFIX_LEN + 64 + 1);
	int rc = -1;

	if (!sk || !line) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory");
		goto out;
	}
	if (crypto_box_keypair(pk, sk) != 0) {
		err_fail(e, ERR_BUG, NULL, "no key pair was made");
		goto out;
	}
	memcpy(line, KEY_PREFIX, PREFIX_LEN);
	text_hex(sk, 32, line + PREFIX_LEN);
	line[PREFIX_LEN + 64] = '\n';
	if (io_create(path, line, PREFIX_LEN + 65, 0600, e) != 0)
		goto out;
	slot_recipient_text(pk, pub);
	rc = 0;
out:
	sodium_free(sk);
	sodium_free(line);
	if (rc != 0)
		err_ctx(e, path, "make the key pair");
	return rc;
}

int slot_recipient_parse(const char *text, unsigned char pk[32], struct err *e)
{
	static const unsigned char zero[32];

	if (strncmp(text, KEY_PREFIX, PREFIX_LEN) == 0)
		return err_fail(e, ERR_USAGE, NULL,
				"that is a SECRET half; give the public one "
				"(" PUB_PREFIX "...)");
	if (strncmp(text, PUB_PREFIX, PREFIX_LEN) != 0 ||
	    strlen(text) != PREFIX_LEN + 64 ||
	    !text_unhex(text + PREFIX_LEN, pk, 32) || memcmp(pk, zero, 32) == 0)
		return err_fail(e, ERR_USAGE, text,
				"a public key is " PUB_PREFIX
				" and 64 hex digits, as 'curfew vault keygen' "
				"prints it");
	return 0;
}

static int parse_half(const unsigned char *p, size_t n, void *arg)
{
	char hex[65];
	bool good = n == PREFIX_LEN + 64 && memcmp(p, KEY_PREFIX, PREFIX_LEN) == 0;

	if (!good)
		return -1;
	memcpy(hex, p + PREFIX_LEN, 64);
	hex[64] = '\0';
	good = text_unhex(hex, arg, 32);
	mem_wipe(hex, sizeof hex);
	return good ? 0 : -1;
}

int slot_recipient_read(const char *path, struct secret **half, struct err *e)
{
	unsigned char sk[32];
	struct secret *line = NULL;
	int rc = -1;

	if (io_read_secret(path, IO_PRIVATE, &line, e) != 0)
		goto out;
	if (secret_reveal(line, parse_half, sk) != 0) {
		err_fail(e, ERR_FORMAT, path,
			 "it holds no secret half (" KEY_PREFIX
			 " and 64 hex digits)");
		goto out;
	}
	*half = secret_new(sk, sizeof sk, e);
	if (!*half)
		goto out;
	rc = 0;
out:
	mem_wipe(sk, sizeof sk);
	secret_free(&line);
	if (rc != 0)
		err_ctx(e, path, "read the secret half");
	return rc;
}
