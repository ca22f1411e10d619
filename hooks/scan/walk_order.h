/*
 * walk_order: which delta tree of a pack is looked at when.
 *
 * A tree belongs to one thread.  One with much below its root would keep a thread
 * busy when all others have ended, so such trees come first, the largest in front.
 */
#ifndef SCAN_WALK_ORDER_H
#define SCAN_WALK_ORDER_H

#include "hooks/scan/forest.h"

struct walk_order {
	uint32_t *root; /* all of the forest's */
	uint32_t heavy; /* so many in front, to be handed out one by one */
	uint64_t trees; /* objects in trees whose root is a tree object */
};

int walk_order(const struct pack *p, const struct forest *f,
	       struct walk_order *out, struct err *e)
	__attribute__((warn_unused_result));
void walk_order_release(struct walk_order *o);

#endif
