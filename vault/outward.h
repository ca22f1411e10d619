/*
 * outward: the vault's two public keys, for those who never open it.
 *
 * Hooks seal what they found to the spool key (X25519); what the vault
 * publishes is signed with the other (Ed25519).  Both come from one random
 * seed, sealed in the vault, made on first use; it is no relative of the key
 * by which the vault fingerprints values, and it survives a rekey.
 */
#ifndef VAULT_OUTWARD_H
#define VAULT_OUTWARD_H

#include "base/buf.h"
#include "base/digest.h"
#include "vault/vault.h"

struct outward {
	unsigned char spool[DIGEST_PUBLIC]; /* hooks seal to it */
	unsigned char sign[DIGEST_PUBLIC];
};

/* The keys; made when there are none yet, for which the vault must be open for
 * writing. */
int outward_keys(struct vault *v, struct outward *out, struct err *e)
	__attribute__((warn_unused_result));
/* ERR_ABSENT when no keys were made; ERR_TAMPER when the box was not sealed to
 * this vault, or was altered.  The plain text is wiped with its buffer. */
int outward_open(struct vault *v, const void *box, size_t n, struct buf *plain,
		 struct err *e) __attribute__((warn_unused_result));
int outward_sign(struct vault *v, const void *p, size_t n,
		 unsigned char sig[static DIGEST_SIGNATURE], struct err *e)
	__attribute__((warn_unused_result));

#endif
