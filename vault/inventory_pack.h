/*
 * inventory_pack: the four record types as tables of fields.
 *
 * A tag, once given to a field, is never given to another: older records
 * must go on opening.
 */
#ifndef VAULT_INVENTORY_PACK_H
#define VAULT_INVENTORY_PACK_H

#include "vault/inventory.h"

enum inv_field_type { INV_STR, INV_INT, INV_UINT, INV_BOOL, INV_STATE };

struct inv_field {
	unsigned char tag;
	enum inv_field_type type;
	size_t at; /* offset in the struct */
};

struct inv_type {
	enum store_table table;
	size_t size;
	const struct inv_field *fields;
	size_t n;
};

extern const struct inv_type inv_type_connection, inv_type_account,
	inv_type_credential, inv_type_grant;

int inv_pack(const struct inv_type *t, const void *rec, struct buf *out,
	     struct err *e) __attribute__((warn_unused_result));
/* Fills rec from nothing: every string is allocated, released by inv_free. On
 * failure nothing is held. */
int inv_unpack(const struct inv_type *t, const void *p, size_t n, void *rec,
	       struct err *e) __attribute__((warn_unused_result));
void inv_free(const struct inv_type *t, void *rec);

struct store_id inv_connection_id(const struct vault *v, const char *name);
struct store_id inv_account_id(const struct vault *v, const char *connection,
			       const char *name);

/* A walk's record, lent to the caller's function of the right type. */
typedef int (*inv_fn)(const void *rec, void *arg, struct err *e);
struct inv_walk {
	const struct inv_type *type;
	inv_fn fn;
	void *arg;
	bool stopped;
};
int inv_walk_row(const struct store_row *row, void *arg, struct err *e);

#endif
