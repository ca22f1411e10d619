/*
 * internal: what the files of vault/ share, and nobody else includes.
 *
 * Layers, lowest first: seal.c (bytes in, sealed bytes out), schema.c (SQLite
 * opened, settled and checked; statements; error mapping), freshness.c
 * (sums that make an old or missing row noticed), head.c (DIR/vault.head),
 * store.c (transactions and records), journal.c, vault.c (init, open, close,
 * verify, reseal).  slots.c, rekey.c and backup.c stand on top.
 */
#ifndef VAULT_INTERNAL_H
#define VAULT_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vault/keyring.h"
#include "vault/store.h"
#include "vault/vault.h"

#define VAULT_FORMAT 1
#define VAULT_ID_LEN 16
#define KEY_LEN 32
#define MAC_LEN 32

/* ---- keys (seal.c) ------------------------------------------------------ */

/*
 * One locked block, read-only between changes.  The first group is derived
 * from the root and changes with it; the second is random, made once,
 * sealed in the header, and survives a rekey: record ids, fingerprints
 * and freshness sums stay what they are.
 */
struct keys {
	unsigned char root[KEY_LEN];
	unsigned char id[16]; /* names the root in associated data; not secret */
	unsigned char rows[KEY_LEN], secrets[KEY_LEN], journal[KEY_LEN];
	unsigned char chain[KEY_LEN], state[KEY_LEN], head[KEY_LEN];

	unsigned char index[KEY_LEN], finger[KEY_LEN], fresh[KEY_LEN];
};

/* Derive from root.  `stable` has 3 * KEY_LEN bytes (index, finger, fresh). */
struct keys *keys_new(const unsigned char root[KEY_LEN],
		      const unsigned char *stable, struct err *e);
void keys_free(struct keys **k);

/* ---- for slots.c, rekey.c, backup.c -------------------------------------- */

/* SQLite with our allocator, started once; whoever opens a database without
 * db_open calls it first. */
int db_boot(struct err *e) __attribute__((warn_unused_result));
/* Open DIR/vault.db with every setting of ours and check its schema; no key
 * needed.  Closed by db_close. */
int db_open(const char *dir, bool write, sqlite3 **db, struct err *e)
	__attribute__((warn_unused_result));
void db_close(sqlite3 **db);
/* SQLite's complaint as ours: FULL, IO, NOMEM, BUSY, TAMPER (corrupt). */
int db_fail(sqlite3 *db, int rc, const char *doing, struct err *e);
/* Header without a key: the vault's id, key id and state version. */
struct db_header {
	unsigned char vault_id[VAULT_ID_LEN], key_id[16];
	uint64_t version; /* counts commits; authentic only once opened */
};
int db_header(sqlite3 *db, struct db_header *h, struct err *e)
	__attribute__((warn_unused_result));

/* Slot records, in id order.  fn: 0 on, 1 stop, -1 + e fail. */
typedef int (*slot_fn)(unsigned id, const void *record, size_t n, void *arg,
		       struct err *e);
int slot_each(sqlite3 *db, slot_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Inside store_begin..store_commit.  *id 0: a new one is chosen. */
int slot_write(struct vault *v, unsigned *id, const void *record, size_t n,
	       struct err *e) __attribute__((warn_unused_result));
int slot_delete(struct vault *v, unsigned id, struct err *e)
	__attribute__((warn_unused_result));

/*
 * Inside store_begin..store_commit: everything sealed anew under `root`, and v
 * uses it from here on; a rollback puts the old one back.  The caller writes
 * the slot records for the new root in the same transaction.  store_commit
 * then writes the head so that a crash leaves old or new, both complete.
 */
int vault_reseal(struct vault *v, const unsigned char root[KEY_LEN],
		 struct err *e) __attribute__((warn_unused_result));

/* The root of the open vault, for wrapping into a new slot.  Borrowed. */
const unsigned char *vault_root(const struct vault *v);
sqlite3 *vault_db(const struct vault *v);

/* DIR/vault.head as bytes (HEAD_FILE_LEN), as it would be written now: what a
 * backup keeps beside its copy. */
#define HEAD_FILE_LEN 1024u
int head_image(const struct vault *v, unsigned char out[HEAD_FILE_LEN],
	       struct err *e) __attribute__((warn_unused_result));

#endif
