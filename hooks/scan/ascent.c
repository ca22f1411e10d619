/*
 * ascent: all trees above a set of objects.
 *
 * Owns the walk through delta trees: an object that came into a tree is also
 * in every tree stored as a delta on that one, and on those, until a delta
 * takes it out.
 */
#include "hooks/scan/ascent.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/grown.h"

#define EDGES_MAX (512u * 1024 * 1024)

struct climb {
	const struct repo *r;
	const struct links *l;
	struct ascent *a;
	uint32_t *stamp; /* per node: the turn that was there last */
	uint32_t turn;	 /* one for each thing and name */
	struct gain *gain; /* those of a thing, by name */
	size_t gain_room;
	uint32_t *stack;
	size_t depth, cap;
};

void ascent_release(struct ascent *a)
{
	mem_free(a->thing);
	mem_free(a->edge);
	mem_free(a->slot);
	memset(a, 0, sizeof(*a));
}

static size_t place(const struct ascent *a, uint64_t id)
{
	size_t at = (size_t)(id * 0x9e3779b97f4a7c15u >> 16) & (a->slots - 1);

	while (a->slot[at] && a->thing[a->slot[at] - 1].id != id)
		at = (at + 1) & (a->slots - 1);
	return at;
}

uint32_t ascent_find(const struct ascent *a, uint64_t id)
{
	size_t at = a->slots ? place(a, id) : 0;

	return a->slots && a->slot[at] ? a->slot[at] - 1 : THING_NONE;
}

static int grow(struct ascent *a, struct err *e)
{
	size_t slots = a->slots ? a->slots * 2 : 1024;
	uint32_t cap = (uint32_t)(slots / 2), i;
	struct thing *v = mem_realloc(a->thing, cap * sizeof(*v));
	uint32_t *slot;

	if (v)
		a->thing = v;
	slot = v ? mem_array(slots, sizeof(*slot)) : NULL;
	if (!slot || slots > UINT32_MAX / 2) {
		mem_free(slot);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	mem_free(a->slot);
	a->slot = slot;
	a->slots = slots;
	a->cap = cap;
	for (i = 0; i < a->things; i++)
		slot[place(a, a->thing[i].id)] = i + 1;
	return 0;
}

static uint32_t thing(struct ascent *a, uint64_t id, struct err *e)
{
	size_t at;

	if (a->things == a->cap && grow(a, e))
		return THING_NONE;
	at = place(a, id);
	if (a->slot[at])
		return a->slot[at] - 1;
	memset(&a->thing[a->things], 0, sizeof(*a->thing));
	a->thing[a->things].id = id;
	a->slot[at] = ++a->things;
	return a->things - 1;
}

static int add_edge(struct ascent *a, uint32_t parent, uint32_t name,
		    struct err *e)
{
	if (a->edges == a->edges_cap) {
		size_t cap = a->edges_cap ? a->edges_cap * 2 : 4096;
		struct edge *v = cap > EDGES_MAX ? NULL
			: mem_realloc(a->edge, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		a->edge = v;
		a->edges_cap = cap;
	}
	a->edge[a->edges].parent = parent;
	a->edge[a->edges++].name = name;
	return 0;
}

/* The pack that a node is of, with the entry there; NULL: a loose tree. */
static const struct repo_pack *pack_of(const struct climb *c, uint32_t node,
				       uint32_t *entry, uint32_t *first)
{
	size_t k = c->r->packs;

	while (k-- > 0) {
		*first = c->l->first_node[k];
		if (node >= *first) {
			*entry = node - *first;
			return *entry < c->r->pack[k].p->n ? &c->r->pack[k]
							    : NULL;
		}
	}
	return NULL;
}

static int push(struct climb *c, uint32_t node, struct err *e)
{
	if (c->depth == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 256;
		uint32_t *v = mem_realloc(c->stack, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		c->stack = v;
		c->cap = cap;
	}
	c->stack[c->depth++] = node;
	return 0;
}

/* Every tree that has thing x under that name since it came into `node`. */
static int spread(struct climb *c, uint32_t x, uint32_t node, uint32_t name,
		  struct err *e)
{
	uint64_t id = c->a->thing[x].id;
	uint32_t entry, first, child, parent;
	const struct repo_pack *rp;

	if (push(c, node, e))
		return -1;
	while (c->depth) {
		node = c->stack[--c->depth];
		if (c->stamp[node] == c->turn || deadline_met(c->r->deadline))
			continue;
		c->stamp[node] = c->turn;
		parent = thing(c->a, c->l->node[node].id, e);
		if (parent == THING_NONE || add_edge(c->a, parent, name, e))
			return -1;
		rp = pack_of(c, node, &entry, &first);
		child = rp ? rp->f.child[entry] : FOREST_NONE;
		for (; child != FOREST_NONE; child = rp->f.sibling[child])
			if (c->l->node[first + child].id &&
			    c->stamp[first + child] != c->turn &&
			    !links_loses(c->l, first + child, id, name) &&
			    push(c, first + child, e))
				return -1;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct gain *x = a, *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

/* Thing x, name by name: a tree may have it under several. */
static int climb_from(struct climb *c, uint32_t x, struct err *e)
{
	uint64_t id = c->a->thing[x].id;
	size_t all, n = 0, i;
	const uint32_t *list = links_of(c->l, id, &all);
	struct gain *g = grown_more(c->gain, &c->gain_room, (all + 1) * sizeof(*g));

	if (!g)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	c->gain = g;
	for (i = 0; i < all; i++)
		if (c->l->lists.gain[list[i]].child == id)
			g[n++] = c->l->lists.gain[list[i]];
	if (n > 1)
		qsort(g, n, sizeof(*g), by_name);
	for (i = 0; i < n; i++) {
		c->turn += !i || g[i].name != g[i - 1].name;
		if (spread(c, x, g[i].node, g[i].name, e))
			return -1;
	}
	return 0;
}

int ascend(const struct repo *r, const struct links *l, const uint64_t *ids,
	   uint32_t n, struct ascent *a, struct err *e)
{
	struct climb c = { .r = r, .l = l, .a = a };
	uint32_t i;
	int rc = -1;

	memset(a, 0, sizeof(*a));
	c.stamp = mem_array((size_t)l->nodes + 1, sizeof(*c.stamp));
	if (!c.stamp) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (i = 0; i < n; i++)
		if (thing(a, ids[i], e) == THING_NONE)
			goto out;
	for (i = 0; i < a->things && !deadline_over(r->deadline); i++) {
		a->thing[i].edge = a->edges;
		if (climb_from(&c, i, e))
			goto out;
		a->thing[i].edges = a->edges - a->thing[i].edge;
	}
	rc = 0;
out:
	mem_free(c.stamp);
	mem_free(c.stack);
	grown_free(c.gain, c.gain_room);
	return rc;
}
