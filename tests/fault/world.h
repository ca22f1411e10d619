/*
 * world: what the fake service really holds, in a file that survives kill -9.
 *
 * Lines of tab-separated fields, later ones win; each change is one append
 * under flock, so that several processes and the checker agree:
 *   O key value                                    a setting of the script
 *   A account origin makes disabled_ms claimed_ms created_ms
 *   K account kind id secret origin created_ms revoked_ms claimed_ms label
 *   G account kind id removed_ms
 *   S account id closed_ms
 *   N counter value
 *   D place version secret from ms                 what a sink was given
 *   L ms verb account kind id status               one call, for the checker
 * origin is given (the identity's), foreign or intruder.  `claimed` is what the
 * service says it did; it may lie.
 */
#ifndef TESTS_FAULT_WORLD_H
#define TESTS_FAULT_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define W_NAME 64

struct w_account {
	char name[W_NAME], origin[12];
	bool makes;
	int64_t disabled_ms, claimed_ms, created_ms;
};
struct w_key {
	char account[W_NAME], kind[24], id[W_NAME], secret[W_NAME], origin[12];
	char label[W_NAME];
	int64_t created_ms, revoked_ms, claimed_ms;
	uint32_t chain;
};
struct w_grant {
	char account[W_NAME], kind[24], id[W_NAME];
	int64_t removed_ms;
};
struct w_session {
	char account[W_NAME], id[W_NAME];
	int64_t closed_ms;
};
struct w_delivery { /* the latest of a place */
	char place[W_NAME], secret[W_NAME], from[128];
	int64_t version, ms;
};
struct w_pair {
	char key[32], value[160];
};
struct w_call {
	int64_t ms;
	char verb[20], account[W_NAME], kind[24], id[W_NAME], status[16];
};

struct world {
	int fd;
	long long at; /* read up to here */
	struct w_account *a; size_t na, ca;
	struct w_key *k; size_t nk, ck;
	uint32_t *table; size_t table_size;
	struct w_grant *g; size_t ng, cg;
	struct w_session *s; size_t ns, cs;
	struct w_delivery *d; size_t nd, cd;
	struct w_pair *o; size_t no, co; /* settings and counters */
	struct w_call *l; size_t nl, cl;
	bool keep_calls;
};

/* Exits with a message when the file cannot be used: a test tool. */
void world_open(struct world *w, const char *path, bool keep_calls);
void world_close(struct world *w);
void world_lock(struct world *w);   /* and take in what others wrote */
void world_unlock(struct world *w);
void world_line(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* locked; applied and appended */

/* The account or key as it is from now on (locked); 0: not disabled. */
void world_put_account(struct world *w, const struct w_account *a,
		       int64_t disabled, int64_t claimed);
void world_put_key(struct world *w, const struct w_key *k, int64_t revoked,
		   int64_t claimed);

int64_t world_option(const struct world *w, const char *key, int64_t otherwise);
const char *world_text(const struct world *w, const char *key);
/* Is `word` one of the comma-separated words of that setting? */
bool world_lists(const struct world *w, const char *key, const char *word);
/* The counter after adding `by` (locked). */
int64_t world_count(struct world *w, const char *key, int64_t by);

struct w_account *world_account(const struct world *w, const char *name);
struct w_key *world_key(const struct world *w, const char *account,
			const char *kind, const char *id);
/* The key of that account and kind whose value this is, NULL none; an accepted
 * one before others. */
struct w_key *world_by_secret(const struct world *w, const char *account,
			      const char *kind, const char *secret, int64_t t);
const struct w_delivery *world_delivery(const struct world *w,
					const char *place);
/* Would the service take it at t?  `settled`: after every lag. */
bool world_accepts(const struct world *w, const struct w_key *k, int64_t t);
bool world_account_open(const struct world *w, const struct w_account *a,
			int64_t t);
/* Within a lag: some of the service's machines say yes, some no. */
bool world_partial(const struct world *w, const struct w_key *k, int64_t t);

#endif
