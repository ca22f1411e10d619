/*
 * link_walk: reading the trees of one pack for links.c.  Not for others.
 */
#ifndef SCAN_LINK_WALK_H
#define SCAN_LINK_WALK_H

#include <pthread.h>

#include "hooks/scan/links.h"
#include "hooks/scan/names.h"
#include "hooks/scan/rebuild.h"

/* A tree on the way down. */
struct link_frame {
	uint32_t entry, child;
	char *text;
	size_t len;
};

struct link_shared {
	struct repo *r;
	struct links *l;
	struct names *names;
	size_t pack;
	uint32_t next;
	size_t most;
	struct tally *tally;
	pthread_mutex_t lock;
	struct err err;
};

struct link_worker {
	struct link_shared *s;
	struct rebuilder rebuilder;
	struct names_near *near;
	struct link_lists lists;
	uint32_t *read; /* the trees that were, in turn */
	size_t n_read, read_room;
	struct run *sorted; /* runs by their place in the base */
	size_t sorted_cap;
	struct link_frame *stack;
	size_t depth, stack_cap;
	uint32_t node; /* being read */
};

/* A thread's work; arg is a struct link_worker.  Errors go to s->err. */
void *link_work(void *arg);
/* One tree by itself. */
int link_tree(struct link_worker *k, uint32_t node, const unsigned char *oid,
	      const char *text, size_t n, const struct link_frame *base,
	      struct err *e) __attribute__((warn_unused_result));

#endif
