/*
 * envelope: the copy that can kill when the vault cannot be opened.
 *
 * DIR/emergency.envelope holds the connections with their admin credentials,
 * the accounts, the ids of credentials and grants, and curfew.toml, sealed to
 * an emergency public key whose secret half lies offline.  It holds no
 * credential's own value.  docs/emergency.md has the format and the drill.
 *
 * It is written whole and atomically; a reader sees the old one or the new one.
 */
#ifndef VAULT_ENVELOPE_H
#define VAULT_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "vault/vault.h"

#define ENVELOPE_NAME "emergency.envelope"
#define ENVELOPE_PUBLIC 32

struct envelope_info {
	bool set;	  /* the vault has an emergency key */
	unsigned char pk[ENVELOPE_PUBLIC];
	int64_t made_ms;  /* when the file was sealed; 0 no file */
	bool stale;	  /* the file is missing, or not of this vault and key */
	uint64_t connections, accounts, credentials, grants;
};

/* Name the emergency key (NULL: none any more, the file is removed) and write
 * the first envelope.  The vault must be open for writing. */
int envelope_setup(struct vault *v, const unsigned char *pk,
		   struct err *e) __attribute__((warn_unused_result));

/*
 * Write the envelope anew from what the vault holds now.  Called after the
 * commit of connect, disconnect and sync, outside of a transaction.  Does
 * nothing when no emergency key is set.  The work already committed stands
 * when this fails: say the error as a warning and go on.
 */
int envelope_refresh(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));

/* What `emergency status` tells; the counts are the vault's. */
int envelope_status(struct vault *v, struct envelope_info *out, struct err *e)
	__attribute__((warn_unused_result));

/*
 * Build a fresh ordinary vault in `dir` (which must not hold one) from the
 * envelope `file`, opened with the secret half `key` (32 bytes), guarded by
 * the slot `first`.  The whole envelope is checked before anything is written:
 * ERR_SEALED wrong key, ERR_TAMPER altered, ERR_FORMAT not an envelope.
 * `out` (may be NULL) tells how much came over.
 */
int envelope_open(const char *file, const struct secret *key, const char *dir,
		  const struct slot_input *first, struct envelope_info *out,
		  struct err *e) __attribute__((warn_unused_result));

#endif
