/*
 * store: sealed records by table and id, inside transactions.
 *
 * A record is bytes (base/pack.h) plus, optionally, one secret value in its
 * own sealed column.  Each row is sealed with XChaCha20-Poly1305; associated
 * data binds format version, vault id, table, record id, record version and
 * key id.  A per-bucket freshness sum, itself sealed and bound to the journal's
 * head, makes an old copy of a row as foreign as a stranger's (ERR_TAMPER).
 *
 * Ids are keyed BLAKE2b of the natural key, so the file shows no names.
 *
 * No outside call may happen inside a transaction.  A write outside of one is
 * a transaction of its own.
 */
#ifndef VAULT_STORE_H
#define VAULT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "vault/vault.h"

enum store_table {
	STORE_CONNECTION = 1,
	STORE_ACCOUNT,
	STORE_CREDENTIAL,
	STORE_GRANT,
	STORE_INCIDENT,
	STORE_ACTION,	/* one provider call of an incident and its state */
	STORE_SNAPSHOT, /* evidence and undo data */
	STORE_SETTING,
	STORE_ROTATION, /* one row per line of credentials that is rotated */
	STORE_TABLES,
};

struct store_id {
	unsigned char b[16];
};

/* Keyed hash of a natural key; parts are joined unambiguously. */
struct store_id store_id(const struct vault *v, enum store_table t,
			 const char *const *parts, size_t n);
/* Keyed fingerprint of a secret value, for lookup by value. */
struct store_id store_fingerprint(const struct vault *v, const struct secret *s);

int store_begin(struct vault *v, struct err *e) __attribute__((warn_unused_result));
/* On failure everything since store_begin is undone. */
int store_commit(struct vault *v, struct err *e) __attribute__((warn_unused_result));
void store_rollback(struct vault *v);
bool store_in_transaction(const struct vault *v);

struct store_row {
	struct store_id id;
	struct store_id group; /* all zero: none */
	struct store_id area;  /* a second, wider group; all zero: none */
	struct store_id fp;    /* fingerprint of the secret; all zero: none */
	const void *data;
	size_t len;
	const struct secret *secret; /* may be NULL */
	bool keep_secret; /* put: leave the stored secret and fp as they are */
	bool drop_secret; /* put: wipe the stored secret, keep its fp (a dead
			   * credential is still recognised by its value) */
	bool has_secret;  /* walks: a secret is sealed with it */
	int64_t due_ms;	  /* put: deadline in the unsealed table; 0 none */
};

/* Insert or replace. */
int store_put(struct vault *v, enum store_table t, const struct store_row *row,
	      struct err *e) __attribute__((warn_unused_result));
/* 1 found, 0 absent, -1 error.  `secret` may be NULL (not opened then). */
int store_get(struct vault *v, enum store_table t, const struct store_id *id,
	      struct buf *data, struct secret **secret, struct err *e)
	__attribute__((warn_unused_result));
/* The same, with the row's other members (not data) in *meta. */
int store_look(struct vault *v, enum store_table t, const struct store_id *id,
	       struct buf *data, struct store_row *meta, struct secret **secret,
	       struct err *e) __attribute__((warn_unused_result));
int store_delete(struct vault *v, enum store_table t, const struct store_id *id,
		 struct err *e) __attribute__((warn_unused_result));

/*
 * Walk a table (group == NULL) or a group, in id order.  The row and its data
 * are lent for the call; secrets are not opened.  fn returns 0 to go on, 1 to
 * stop, -1 + e to fail.  fn must not write; it may read.
 *
 * Each row is authentic when fn sees it; that none is missing or old is known
 * at the end: whatever fn gathered counts only when the walk returned 0.
 */
typedef int (*store_fn)(const struct store_row *row, void *arg, struct err *e);
int store_each(struct vault *v, enum store_table t, const struct store_id *group,
	       store_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* The same for an area. */
int store_each_area(struct vault *v, enum store_table t,
		    const struct store_id *area, store_fn fn, void *arg,
		    struct err *e) __attribute__((warn_unused_result));
/* The rows whose secret has this fingerprint. */
int store_by_secret(struct vault *v, enum store_table t,
		    const struct store_id *fp, store_fn fn, void *arg,
		    struct err *e) __attribute__((warn_unused_result));
/* The rows whose deadline is `now` or before, the earliest first, at most
 * `max`.  Each is authentic and fresh; that none was held back is known only to
 * a walk of the whole table. */
int store_each_due(struct vault *v, enum store_table t, int64_t now_ms,
		   size_t max, store_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* A digest of all that a table holds: another one when anything changed. */
int store_digest(struct vault *v, enum store_table t, struct store_id *out,
		 struct err *e) __attribute__((warn_unused_result));
int store_count(struct vault *v, enum store_table t, uint64_t *n, struct err *e)
	__attribute__((warn_unused_result));

/* The unsealed deadlines of each table, readable without a key. */
struct store_deadlines {
	uint64_t overdue[STORE_TABLES];
	int64_t oldest_ms[STORE_TABLES]; /* of those; 0 none */
	int64_t next_ms; /* the earliest to come; 0 none */
	unsigned next_table;
};
int store_deadlines(const char *dir, int64_t now_ms, struct store_deadlines *out,
		    struct err *e) __attribute__((warn_unused_result));
/* All of them together: how many are past `now`,
 * and the earliest to come (0: none). */
int store_due(const char *dir, int64_t now_ms, uint64_t *overdue,
	      int64_t *next_ms, struct err *e) __attribute__((warn_unused_result));

#endif
