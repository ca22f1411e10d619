/*
 * vault: opening, closing and keeping the sealed store.
 *
 * One SQLite file DIR/vault.db plus DIR/vault.head (the chain's head, outside
 * the database; elsewhere with vault_head_at) plus DIR/vault.lock.  The root key is wrapped once per slot;
 * any slot opens it.  The format is docs/vault-format.md.
 *
 * Thread rule: one thread.  Process rule: the core only.
 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"

struct vault;

enum slot_kind {
	SLOT_PASSPHRASE = 1, /* Argon2id, moderate */
	SLOT_KEYFILE,	     /* 32+ random bytes in a private file */
	SLOT_LIBSECRET,	     /* random key kept by the desktop keyring */
	SLOT_SYSTEMD,	     /* random key from $CREDENTIALS_DIRECTORY */
	SLOT_RECIPIENT,	     /* X25519 public key, the secret half is offline */
};

/* What a slot needs to open or be made.  Unused members are NULL. */
struct slot_input {
	enum slot_kind kind;
	const char *name;	     /* the slot's label */
	const struct secret *secret; /* passphrase, key bytes, or secret half */
	const char *path;	     /* key file (remembered in the slot) / credential name */
	unsigned char recipient[32]; /* making a recipient slot */
};

struct slot_info {
	unsigned id;
	enum slot_kind kind;
	char name[65];
	char detail[200]; /* path, credential name, public key; never secret */
	int64_t created_ms;
};

/*
 * From now on the head of the vault in DIR (which need not be there yet) lies
 * at `path`, an absolute one, instead of DIR/vault.head; NULL: in DIR again.
 * For the rest of this process, and for one folder only.  The next opening
 * for writing moves the head there.
 */
int vault_head_at(const char *dir, const char *path, struct err *e)
	__attribute__((warn_unused_result));

/* Create an empty vault with one slot, open it. ERR_EXISTS when there is one. */
int vault_init(const char *dir, const struct slot_input *first,
	       struct vault **out, struct err *e)
	__attribute__((warn_unused_result));

/*
 * Open. `inputs` are tried in turn against the slots of their kind; none fits:
 * ERR_SEALED.  Checks the header's seal, the head file against the chain and
 * the freshness table; ERR_TAMPER says what did not fit.
 * `write` takes DIR/vault.lock (ERR_BUSY when held).
 */
int vault_open(const char *dir, const struct slot_input *inputs, size_t n,
	       bool write, struct vault **out, struct err *e)
	__attribute__((warn_unused_result));
void vault_close(struct vault **v);
/* After ERR_TAMPER from a head that is missing, foreign or newer, and only on
 * an operator's word: take the database as it is, write its head anew and
 * journal the override. Everything else is still checked. */
int vault_accept_head(const char *dir, const struct slot_input *inputs,
		      size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* Before opening, without any key: which slots exist. mem_free the array. */
int vault_slots(const char *dir, struct slot_info **out, size_t *n,
		struct err *e) __attribute__((warn_unused_result));
const char *slot_kind_word(enum slot_kind k);
bool slot_kind_parse(const char *word, enum slot_kind *k);

int vault_slot_add(struct vault *v, const struct slot_input *in,
		   unsigned *id, struct err *e) __attribute__((warn_unused_result));
/* Refuses to remove the last slot (ERR_POLICY). */
int vault_slot_remove(struct vault *v, unsigned id, struct err *e)
	__attribute__((warn_unused_result));

/* New root key, every row sealed again.  Slots whose key is not at hand
 * (passphrase, recipient works from its public key) need an input; the ones
 * without are told in `dropped` (a text list) unless `strict`.
 * Crash-safe: afterwards the old or the new key opens everything. */
int vault_rekey(struct vault *v, const struct slot_input *inputs, size_t n,
		bool strict, struct buf *dropped, struct err *e)
	__attribute__((warn_unused_result));

struct vault_report {
	uint64_t rows, entries, bad;
	struct buf text; /* a line per thing that is wrong */
};
/* Every row opened, freshness sums, chain, SQLite's integrity check. */
int vault_verify(struct vault *v, struct vault_report *r, struct err *e)
	__attribute__((warn_unused_result));

/* A consistent copy (still sealed) with its head; restore refuses to replace
 * a newer vault unless `force`, and keeps what it replaced as *.before. */
int vault_backup(struct vault *v, const char *path, struct err *e)
	__attribute__((warn_unused_result));
int vault_restore(const char *dir, const char *backup, bool force, struct err *e)
	__attribute__((warn_unused_result));

/* 16 bytes, random, fixed for the vault's life. */
const unsigned char *vault_id(const struct vault *v);
const char *vault_dir(const struct vault *v);

#endif
