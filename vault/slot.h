/*
 * slot: the kinds of slot, below keyring.c.
 *
 * A slot record starts with a head in clear and ends with the wrapped root key:
 *
 *    0   4  "CSLT"
 *    4   1  format version, 1
 *    5   1  kind (enum slot_kind)
 *    6   2  zero
 *    8   8  created, ms since 1970, little-endian
 *   16  16  salt, random
 *   32   8  Argon2id operations (passphrase), else zero
 *   40   8  Argon2id memory, bytes (passphrase), else zero
 *   48  32  X25519 public key (recipient), else zero
 *   80   1  length of the name, then the name
 *    .   1  length of the detail, then the detail (path, credential name, item)
 *    .   .  symmetric kinds: 24 bytes nonce, XChaCha20-Poly1305 of the root;
 *           recipient: sealed box of the root and BLAKE2b-256(head, vault id)
 *
 * The head and the vault's id are the associated data, so that no byte of a
 * record can be changed, and no record serves another vault.
 */
#ifndef VAULT_SLOT_H
#define VAULT_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include "vault/keyring.h"

#define SLOT_KEK 32
#define SLOT_SALT 16
#define SLOT_NAME_MAX 64
#define SLOT_DETAIL_MAX 199
#define SLOT_KEY_MIN 32 /* fewest bytes of a key file or stored key */
#define SLOT_PASSPHRASE_MIN 8 /* bytes, when a slot is made */

/* Argon2id: what is asked of new slots is libsodium's "moderate" (3 passes
 * over 256 MiB); what a record may ask of us is capped, as it is read before
 * it can be authenticated. */
#define SLOT_OPS_MAX 16u
#define SLOT_MEM_MAX (1024u * 1024 * 1024)

struct slot_head {
	enum slot_kind kind;
	int64_t created_ms;
	unsigned char salt[SLOT_SALT];
	uint64_t ops, mem;
	unsigned char recipient[32];
	char name[SLOT_NAME_MAX + 1];
	char detail[SLOT_DETAIL_MAX + 1];
};

/* The key that wraps the root, from what was given. */
typedef int (*slot_kek_fn)(const struct slot_head *h,
			   const struct slot_input *in,
			   unsigned char kek[SLOT_KEK], struct err *e);

int slot_passphrase_kek(const struct slot_head *h, const struct slot_input *in,
			unsigned char kek[SLOT_KEK], struct err *e);
int slot_keyfile_kek(const struct slot_head *h, const struct slot_input *in,
		     unsigned char kek[SLOT_KEK], struct err *e);
int slot_libsecret_kek(const struct slot_head *h, const struct slot_input *in,
		       unsigned char kek[SLOT_KEK], struct err *e);
int slot_systemd_kek(const struct slot_head *h, const struct slot_input *in,
		     unsigned char kek[SLOT_KEK], struct err *e);

/* Shared by the three kinds with a random key: keyed by kind and salt. */
int slot_key_kek(const struct slot_head *h, const struct secret *key,
		 unsigned char kek[SLOT_KEK], struct err *e);

/* New passphrase slots' cost. */
void slot_passphrase_cost(uint64_t *ops, uint64_t *mem);
#ifdef CURFEW_TEST
void slot_passphrase_set_cost(uint64_t ops, uint64_t mem); /* 0, 0: as usual */
#endif

/* Recipient: seal root and binding to the public key, and open with the secret
 * half (in->secret, 32 bytes). */
#define SLOT_BINDING 32
#define SLOT_SEALED_LEN (ROOT_LEN + SLOT_BINDING + 48u)
int slot_recipient_seal(const unsigned char pk[32],
			const unsigned char root[ROOT_LEN],
			const unsigned char binding[SLOT_BINDING],
			unsigned char out[SLOT_SEALED_LEN], struct err *e);
int slot_recipient_open(const unsigned char pk[32], const struct secret *half,
			const unsigned char sealed[SLOT_SEALED_LEN],
			const unsigned char binding[SLOT_BINDING],
			unsigned char root[ROOT_LEN], struct err *e);

#endif
