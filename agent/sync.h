/*
 * sync: read what lives at connections into the vault, all at once.
 *
 * Used by `sync`, by `connect` for the first look, and by whoever wants a fresh
 * inventory.  The vault must be open for writing and no transaction open.
 *
 * What one listing did not show is never forgotten: only a listing that said
 * it was complete counts something as missing, and nothing is deleted.
 */
#ifndef AGENT_SYNC_H
#define AGENT_SYNC_H

#include "agent/app.h"
#include "agent/engine/link.h"

#define SYNC_NEW_MAX 1000u /* addresses kept for the report */

struct sync_result {
	char *connection;
	bool failed, incomplete, first;
	struct err why;
	char left_out[300]; /* incomplete: what was in the way, "" unsaid */
	uint64_t accounts, credentials, grants, sessions;
	uint64_t fresh, changed, missing;
	/* addresses: new since the last sync; proved dead and listed active */
	char **added;	size_t n_added; /* the first SYNC_NEW_MAX */
	char **revived; size_t n_revived;
};

/* names: NULL-terminated, or NULL for all.  An unknown name is an error before
 * anything is started; a connection that fails is told in its result.  -1 only
 * for the vault's and our own faults. */
int sync_run(const struct app *app, const char *const *names,
	     struct sync_result **out, size_t *n, struct err *e)
	__attribute__((warn_unused_result));
void sync_results_free(struct sync_result **r, size_t n);

#endif
