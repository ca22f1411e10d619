/*
 * links: which tree holds which object under which name, for all trees of a
 * repository, without ever listing a tree that is stored as a delta.
 *
 * A tree that is a delta says what it holds more than its base (`gain`) and
 * what it holds no more (`loss`).  Objects go by the first eight bytes of
 * their id, see commits.h.
 */
#ifndef SCAN_LINKS_H
#define SCAN_LINKS_H

#include "hooks/scan/repo.h"

struct gain {
	uint64_t child;
	uint32_t node; /* the tree */
	uint32_t name;
};

struct tree_node {
	uint64_t id;
	uint32_t gain, gains; /* in links.gain before sorting; see by_node */
	uint32_t loss, losses;
};

struct links {
	struct tree_node *node; /* packs' entries in turn, then loose trees */
	uint32_t nodes;
	uint32_t *first_node; /* of pack k */
	struct gain *gain;    /* by node */
	size_t gains;
	uint32_t *by_child;   /* indices of gain, by child */
	uint64_t *loss;
	size_t losses;
	char **name;
	uint32_t names;
};

int links_build(struct repo *r, unsigned threads, size_t most,
		struct tally *tally, struct links *l, struct err *e)
	__attribute__((warn_unused_result));
void links_release(struct links *l);

/* The same, from who has kept them, if any. */
int links_get(struct repo *r, unsigned threads, size_t most,
	      struct tally *tally, struct links *l, struct err *e)
	__attribute__((warn_unused_result));
/* Whole as they were built: for who wants them next, or the repository's end. */
void links_keep(struct repo *r, struct links *l);

/* The gains of a child: [*from, *to) in by_child. */
void links_of(const struct links *l, uint64_t child, size_t *from, size_t *to);
bool links_gains(const struct links *l, uint32_t node, uint64_t child);
bool links_loses(const struct links *l, uint32_t node, uint64_t child);

#endif
