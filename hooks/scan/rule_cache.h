/*
 * rule_cache: where files that were made from the rules are kept: the compiled
 * matcher and the built-in rules as they were read.
 *
 * Two folders: the user's own, and one beside the settings of a repository,
 * which "hook install" fills for whoever runs the hook.
 */
#ifndef SCAN_RULE_CACHE_H
#define SCAN_RULE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Its name in a repository's common folder, if curfew.cache says nothing. */
#define RULE_CACHE_BESIDE "curfew"

struct rule_cache {
	const char *own;    /* private to the user; NULL: none */
	const char *beside; /* NULL: none */
	uid_t owner;	    /* of the repository that has `beside` */
	bool publish;	    /* what is read or made shall be there too */
	bool announce;	    /* somebody waits: say when rules are compiled */
	bool only;	    /* fail where they would have to be compiled */
};

enum { CACHE_OWN, CACHE_BESIDE, CACHE_FOLDERS };

/* The file mapped for reading, when it is there and to be believed: it belongs
 * to us or root and nobody else reads it (own), or to one of these or the
 * repository's owner and nobody else writes it (beside).  Else NULL. */
void *rule_cache_map(const struct rule_cache *c, int folder, const char *name,
		     size_t max, size_t *n);
/* Into the own folder, else the other one; into that too to publish.  False:
 * nowhere, so next time it has to be made again. */
bool rule_cache_save(const struct rule_cache *c, const char *name,
		     const void *p, size_t n);
/* What was found in the own folder, for the other one. */
void rule_cache_publish(const struct rule_cache *c, const char *name,
			const void *p, size_t n);

/* One process compiles, the others wait for it, a minute at most.  -1: no lock,
 * compile all the same.  `waited`: look again first. */
int rule_cache_lock(const struct rule_cache *c, bool *waited);
void rule_cache_unlock(int fd);

/* Remove from a folder beside a repository what was made there. */
void rule_cache_clear(const char *beside);

#endif
