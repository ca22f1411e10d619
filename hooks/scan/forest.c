/*
 * forest: which object of a pack is a delta of which.
 *
 * Promises: following child and sibling from the roots reaches every object
 * at most once; what a loop of REF deltas hides is reached never, and the
 * caller notices by counting.
 */
#include "hooks/scan/forest.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

#define PARTS_MOST 16u
#define PARTS_FROM 16384u /* entries that are worth more than one thread */

void forest_release(struct forest *f)
{
	mem_free(f->base);
	mem_free(f->child);
	mem_free(f->sibling);
	mem_free(f->type);
	mem_free(f->root);
	memset(f, 0, sizeof(*f));
}

static bool make_room(struct forest *f)
{
	size_t n = (size_t)f->n + 1;

	f->base = mem_array(n, sizeof(uint32_t));
	f->child = mem_array(n, sizeof(uint32_t));
	f->sibling = mem_array(n, sizeof(uint32_t));
	f->type = mem_array(n, 1);
	f->root = mem_array(n, sizeof(uint32_t));
	return f->base && f->child && f->sibling && f->type && f->root;
}

/* Index position to entry; needed by packs with REF deltas only. */
static uint32_t *entries_by_pos(const struct pack *p)
{
	uint32_t *v = mem_array((size_t)p->n + 1, sizeof(*v)), i;

	for (i = 0; v && i < p->n; i++)
		v[p->entry[i].pos] = i;
	return v;
}

/* Entries [from, to) of a pack, as one thread has them. */
struct part {
	const struct pack *p;
	struct forest *f;
	uint32_t from, to;
	bool failed; /* out of memory */
};

static void *find_bases(void *arg)
{
	struct part *k = arg;
	const struct pack *p = k->p;
	struct forest *f = k->f;
	uint32_t *by_pos = NULL, i;
	struct pack_object o;

	for (i = k->from; i < k->to && !k->failed; i++) {
		f->base[i] = FOREST_NONE;
		f->child[i] = f->sibling[i] = FOREST_NONE;
		pack_prefetch(p, i + 16);
		if (!pack_header(p, i, &o))
			continue; /* stays OBJECT_BAD */
		f->type[i] = (uint8_t)o.type;
		if (o.type == OBJECT_OFS_DELTA) {
			f->base[i] = pack_before(p, i, o.base);
			if (f->base[i] == UINT32_MAX)
				f->type[i] = OBJECT_BAD;
		} else if (o.type == OBJECT_REF_DELTA) {
			if (!by_pos)
				by_pos = entries_by_pos(p);
			if (by_pos)
				f->base[i] = pack_find(p, o.base_oid, by_pos);
			k->failed = !by_pos;
		}
	}
	mem_free(by_pos);
	return NULL;
}

/* It is waiting for pages of the pack, mostly. */
static bool all_bases(const struct pack *p, struct forest *f, unsigned threads)
{
	struct part k[PARTS_MOST] = { { .p = p } };
	pthread_t thread[PARTS_MOST];
	unsigned n = threads, i, started = 1;
	bool failed;

	if (n > PARTS_MOST)
		n = PARTS_MOST;
	if (!n || p->n < PARTS_FROM)
		n = 1;
	for (i = 0; i < n; i++) {
		k[i] = (struct part){ .p = p, .f = f };
		k[i].from = (uint32_t)((uint64_t)p->n * i / n);
		k[i].to = (uint32_t)((uint64_t)p->n * (i + 1) / n);
	}
	while (started < n && !pthread_create(&thread[started], NULL,
					      find_bases, &k[started]))
		started++;
	find_bases(&k[0]);
	failed = k[0].failed;
	for (i = 1; i < n; i++) {
		if (i < started)
			pthread_join(thread[i], NULL);
		else
			find_bases(&k[i]);
		failed |= k[i].failed;
	}
	return !failed;
}

int forest_build(const struct pack *p, unsigned threads, struct forest *f,
		 struct err *e)
{
	uint32_t i, b;

	memset(f, 0, sizeof(*f));
	f->n = p->n;
	if (!make_room(f) || !all_bases(p, f, threads)) {
		forest_release(f);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	/* Backwards, so that lists are in pack order. */
	for (i = p->n; i-- > 0;) {
		b = f->base[i];
		if (b == FOREST_NONE)
			continue;
		f->sibling[i] = f->child[b];
		f->child[b] = i;
	}
	for (i = 0; i < p->n; i++)
		if (f->base[i] == FOREST_NONE)
			f->root[f->roots++] = i;
	return 0;
}

uint64_t forest_below(const struct forest *f, uint32_t top,
		      void (*each)(void *arg, uint32_t i), void *arg)
{
	uint32_t i = top;
	uint64_t n = 0;

	for (;;) {
		if (f->child[i] != FOREST_NONE) {
			i = f->child[i];
		} else {
			while (i != top && f->sibling[i] == FOREST_NONE)
				i = f->base[i];
			if (i == top)
				return n;
			i = f->sibling[i];
		}
		n++;
		if (each)
			each(arg, i);
	}
}
