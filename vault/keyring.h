/*
 * keyring: one slot record = the root key wrapped for one way of opening.
 *
 * Pure functions: no database, no file of the vault.  A record is opaque to the
 * rest of vault/, which keeps it in table `slot` and covers the whole table
 * with a keyed hash in the sealed state, so a swapped, added or removed
 * record is ERR_TAMPER after opening.
 *
 * A record must bind the vault's id, so that it cannot serve another vault.
 */
#ifndef VAULT_KEYRING_H
#define VAULT_KEYRING_H

#include <stddef.h>

#include "base/buf.h"
#include "vault/vault.h"

#define ROOT_LEN 32
#define SLOT_RECORD_MAX 4096u /* one record, bytes */

/* Wrap `root` for `in`; the record is appended to an empty buffer. */
int keyring_wrap(const struct slot_input *in, const unsigned char vault_id[16],
		 const unsigned char root[ROOT_LEN], struct buf *record,
		 struct err *e) __attribute__((warn_unused_result));

/* ERR_SEALED when this input does not open this record (wrong kind, wrong
 * passphrase, damaged record): the caller goes on to the next one. */
int keyring_unwrap(const void *record, size_t n, const struct slot_input *in,
		   const unsigned char vault_id[16],
		   unsigned char root[ROOT_LEN], struct err *e)
	__attribute__((warn_unused_result));

/* What can be told without a key; out->id is left alone. */
int keyring_info(const void *record, size_t n, struct slot_info *out,
		 struct err *e) __attribute__((warn_unused_result));

#endif
