/*
 * links: which tree holds which object under which name, for all trees of a
 * repository, without ever listing a tree that is stored as a delta.
 *
 * A tree that is a delta says what it holds more than its base (`gain`) and
 * what it holds no more (`loss`), each an object under a name.  Objects go by the first eight bytes of
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

struct loss {
	uint64_t child;
	uint32_t name;
} __attribute__((packed, aligned(4))); /* there are millions */

struct tree_node {
	uint64_t id;
	uint32_t gain, gains; /* in links.lists */
	uint32_t loss, losses;
};

struct link_lists {
	struct gain *gain; /* by node; those of child 0 are none */
	size_t gains, gain_room; /* room: see grown.h */
	struct loss *loss;
	size_t losses, loss_room;
};

struct link_index;

struct links {
	struct tree_node *node; /* packs' entries in turn, then loose trees */
	uint32_t nodes;
	uint32_t *first_node; /* of pack k */
	struct link_lists lists;
	struct link_index *index; /* of children; see links_ready() */
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

/* Before the first links_of(): with several threads one has begun to sort them
 * when they were built, while others look at names. */
int links_ready(struct links *l, struct err *e)
	__attribute__((warn_unused_result));
/* The gains of a child: which they are, with others between. */
const uint32_t *links_of(const struct links *l, uint64_t child, size_t *n);
bool links_loses(const struct links *l, uint32_t node, uint64_t child,
		 uint32_t name);

#endif
