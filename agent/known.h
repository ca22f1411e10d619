/*
 * known: what the vault holds of one connection, by keyed hash, so that a
 * listing of 100,000 things rewrites only what changed.
 *
 * A thing is (what, account, kind, id).  About 100 bytes each; no names.
 */
#ifndef AGENT_KNOWN_H
#define AGENT_KNOWN_H

#include "agent/item.h"
#include "vault/vault.h"

struct known_thing {
	unsigned char key[16]; /* all zero: free place */
	unsigned char body[16]; /* of what a listing says besides the below */
	int64_t created_ms, last_used_ms, dead_ms;
	enum inv_state state;
	unsigned missing;
	bool stored; /* in the vault before this listing */
	bool seen;   /* by this listing */
};

struct known;

/* Read the connection's accounts, credentials and grants. */
int known_load(struct vault *v, const char *connection, struct known **out,
	       struct err *e) __attribute__((warn_unused_result));
void known_free(struct known **k);

/* The thing an item is, made if it was not known (stored false).  NULL: out of
 * memory.  Borrowed until the next call. */
struct known_thing *known_get(struct known *k, const struct item *i);
/* By its names; NULL when not known. */
struct known_thing *known_find(struct known *k, enum item_what what,
			       const char *account, const char *kind,
			       const char *id);
/* Is what the item says the same as what is stored?  `state` is the state after
 * known_state(). */
bool known_same(struct known *k, const struct known_thing *t,
		const struct item *i, enum inv_state state);
/* How many were stored before and not seen, without those proved dead. */
size_t known_unseen(const struct known *k);

/*
 * The state to store: what the listing says, except that a thing proved dead
 * or revoked stays so while the listing does not show it active.  *revived:
 * it was proved dead and is listed active.
 */
enum inv_state known_state(const struct known_thing *t, enum inv_state listed,
			   bool *revived);

#endif
