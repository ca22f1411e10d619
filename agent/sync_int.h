/*
 * sync_int: shared by sync.c (processes and listing) and sync_store.c (what is
 * written); nobody else includes it.
 */
#ifndef AGENT_SYNC_INT_H
#define AGENT_SYNC_INT_H

#include "agent/item.h"
#include "agent/known.h"
#include "agent/sync.h"

#define SYNC_BATCH 25000u /* items written in one transaction */

struct sync_conn {
	struct inv_connection rec; /* ours */
	struct secret *admin;
	struct link *link;
	struct known *known;
	int64_t at_ms; /* this sync; the same for everything it sees */
	struct item *batch; /* SYNC_BATCH places */
	size_t n_batch, cap_batch;
	bool done, complete;
	struct sync_result *result;
	char last_account[ITEM_NAME_MAX + 1]; /* implied already */
};

/* Take an item into the batch (and the account it implies). */
int sync_take(struct sync_conn *c, const struct json *item, struct err *e)
	__attribute__((warn_unused_result));
/* Write the batch in one transaction. */
int sync_flush(struct vault *v, struct sync_conn *c, struct err *e)
	__attribute__((warn_unused_result));
/* The end of one connection: what is missing, the connection's own record, the
 * journal's line. */
int sync_finish(struct vault *v, struct sync_conn *c, struct err *e)
	__attribute__((warn_unused_result));

#endif
