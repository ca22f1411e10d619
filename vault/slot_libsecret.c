/*
 * slot_libsecret: a random key that the desktop keyring keeps.
 *
 * The keyring itself is reached by another process (vault/keyring_main.c); here
 * is only what the key and the item's name look like: 64 hex digits (the line
 * protocol carries text) and 32 hex digits.
 */
#include "base/mem.h"
#include "base/text.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

int slot_libsecret_kek(const struct slot_head *h, const struct slot_input *in,
		       unsigned char kek[SLOT_KEK], struct err *e)
{
	return slot_key_kek(h, in->secret, kek, e);
}

int slot_libsecret_make(struct secret **key, char item[33], struct err *e)
{
	unsigned char raw[32], id[16];
	char hex[65];

	secret_random(raw, sizeof raw);
	secret_random(id, sizeof id);
	text_hex(raw, sizeof raw, hex);
	text_hex(id, sizeof id, item);
	*key = secret_new(hex, 64, e);
	mem_wipe(raw, sizeof raw);
	mem_wipe(hex, sizeof hex);
	return *key ? 0 : -1;
}
