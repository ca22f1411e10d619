/*
 * claims: what the addresses in curfew.toml mean in the inventory.
 *
 * The part of an address after '#' names a credential by its id or by its
 * label (a key's comment): people know the comment, services the id.
 */
#ifndef AGENT_CLAIMS_H
#define AGENT_CLAIMS_H

#include "agent/app.h"
#include "vault/inventory.h"

/* "connection/account#label" in place of what `out` held; nothing without a
 * label. */
int claim_alias(struct buf *out, const char *connection, const char *account,
		const char *label, struct err *e)
	__attribute__((warn_unused_result));
/* Does the pattern mean this credential?  1, 0, -1. */
int claim_glob(const char *pattern, const struct inv_credential *c,
	       struct err *e) __attribute__((warn_unused_result));

/* Told of every address of every identity that nothing in the inventory
 * answers to. */
typedef void (*claim_idle_fn)(const struct config_identity *id,
			      const char *address, void *arg);
int claims_idle(const struct app *app, claim_idle_fn fn, void *arg,
		struct err *e) __attribute__((warn_unused_result));
/* ... as warnings on stderr. */
int claims_warn(const struct app *app, struct err *e)
	__attribute__((warn_unused_result));

#endif
