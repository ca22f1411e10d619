/*
 * match_inner: what match.c and match_cache.c share.
 */
#ifndef SCAN_MATCH_INNER_H
#define SCAN_MATCH_INNER_H

#include <hs/hs.h>

#include "hooks/scan/match.h"

/* The databases.  A rule whose matches all hold a dense run of token
 * characters (tokens.h) is in the second, which is run around such runs only. */
enum { DB_ALL, DB_DENSE, DBS };

struct class_row {
	uint32_t width;
	uint8_t class, prefilter, dense, spare;
};

struct matcher {
	const struct ruleset *rs;
	struct class_row *row;
	uint32_t *of; /* slot: the rule */
	size_t slots;
	hs_database_t *db[DBS]; /* NULL when no rule needs one */
	void *map;	   /* the cache file, when they lie in it */
	size_t map_len;
	hs_scratch_t *scratch; /* the original, cloned per thread */
	size_t reach, words;
	size_t dense_reach; /* the largest width in DB_DENSE */
	struct bytes breaks;
	uint64_t *gated, *always; /* bit per rule: of that class */
	bool cached;
	unsigned char key[16];
};

#define MATCH_CACHE_NAME 48u

/* By what rules, library and processor this is. */
int match_cache_key(struct matcher *m, char name[static MATCH_CACHE_NAME],
		    struct err *e) __attribute__((warn_unused_result));
bool match_cache_load(struct matcher *m, const struct rule_cache *c,
		      int folder, const char *name);
/* False: not kept. */
bool match_cache_save(const struct matcher *m, const struct rule_cache *c,
		      const char *name);

#endif
