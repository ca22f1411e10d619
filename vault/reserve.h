/*
 * reserve: room kept back for the moment when the disk is full.
 *
 * Two files beside the vault.  DIR/vault.ballast holds nothing: it is removed
 * so that what is already known can still be committed.  DIR/vault.lifeboat has
 * its bytes on the disk beforehand and takes a few sealed records in place, for
 * the case that even then nothing can be committed; what is in it is brought
 * into the vault by whoever next opens it for writing.
 *
 * Records are sealed as rows are (docs/vault-format.md) and bound to their
 * place in the file; a secret goes from locked memory to its box.
 *
 * Where a file system writes to a new place whatever is overwritten (btrfs,
 * ZFS), the lifeboat's bytes are no promise; the ballast is.
 */
#ifndef VAULT_RESERVE_H
#define VAULT_RESERVE_H

#include "vault/store.h"

#define RESERVE_BALLAST (4u * 1024 * 1024) /* a commit of many answers */
#define RESERVE_LIFEBOAT (64u * 1024)	   /* some hundred keys */

/* Both files are there, with all their bytes; ERR_FULL when they cannot be. */
int reserve_fill(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* Give the ballast's room back; false: there was none. */
bool reserve_release(struct vault *v);

/* Before the vault is opened for what cannot wait (a kill): where less room is
 * left than the ballast has, it is given back.  true: it was. */
bool reserve_make_way(const char *dir);

/* Into the lifeboat, on the disk when it returns 0.  `secret` must be there. */
int reserve_put(struct vault *v, const void *p, size_t n,
		const struct secret *secret, struct err *e)
	__attribute__((warn_unused_result));
/* What is in it, the oldest first; lent for the call.  fn: 0 or -1 + e.
 * ERR_TAMPER: it holds something that does not open. */
typedef int (*reserve_fn)(const void *p, size_t n, const struct secret *s,
			  void *arg, struct err *e);
int reserve_each(struct vault *v, reserve_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Is anything in it?  Needs no key. */
bool reserve_used(const char *dir);
/* Empty again; what was in it is overwritten. */
int reserve_clear(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* It does not open: out of the way, under a name that is told. */
int reserve_aside(struct vault *v, char **to, struct err *e)
	__attribute__((warn_unused_result));

#endif
