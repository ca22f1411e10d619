/*
 * links: which tree holds which object under which name.
 *
 * Puts together what the threads of link_walk.c read, and answers.
 */
#include "hooks/scan/links.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/grown.h"
#include "hooks/scan/link_walk.h"

#define INDEX_ASIDE 100000u /* gains that are worth a thread */
#define LARGE ((size_t)1 << 20)

/* ---- putting together ---------------------------------------------------- */

static int nomem(struct err *e)
{
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

/* The first thread goes on where the lists end; and they come back. */
static void lend(struct link_lists *from, struct link_lists *to)
{
	*to = *from;
	*from = (struct link_lists){ 0 };
}

/* A list of a thread comes behind the whole one, *p; *first says where: there may
 * be a gap of zeros.  Large ones are taken over as they lie. */
static bool append(void **p, size_t *room, size_t *items, size_t size, void **q,
		   size_t q_room, size_t n, size_t *first)
{
	const size_t step = GROWN_STEP * (size / (size & -size));
	size_t end = *items * size, at = (end + step - 1) / step * step;
	const bool take = n * size >= LARGE;
	char *v, *tail = *q;

	if (!take)
		at = end;
	v = grown_more(*p, room, at + n * size + GROWN_STEP);
	if (!v)
		return false;
	*p = v;
	memset(v + end, 0, at - end);
	if (take) {
		*q = NULL;
		if (!grown_join(v, at, tail, q_room, n * size))
			return false;
	} else if (n) {
		memcpy(v + at, tail, n * size);
	}
	*first = at / size;
	*items = *first + n;
	return true;
}

/* Append another's lists; its nodes get their places in the whole. */
static int join(struct links *l, struct link_worker *k, struct err *e)
{
	struct link_lists *all = &l->lists, *more = &k->lists;
	void *whole = all->gain, *q = more->gain;
	size_t gain, loss, i;
	bool ok;

	ok = append(&whole, &all->gain_room, &all->gains, sizeof(*all->gain),
		    &q, more->gain_room, more->gains, &gain);
	all->gain = whole;
	more->gain = q;
	if (!ok)
		return nomem(e);
	whole = all->loss;
	q = more->loss;
	ok = append(&whole, &all->loss_room, &all->losses, sizeof(*all->loss),
		    &q, more->loss_room, more->losses, &loss);
	all->loss = whole;
	more->loss = q;
	if (!ok)
		return nomem(e);
	for (i = 0; i < k->n_read; i++) {
		l->node[k->read[i]].gain += (uint32_t)gain;
		l->node[k->read[i]].loss += (uint32_t)loss;
	}
	return 0;
}

static void worker_release(struct link_worker *k)
{
	while (k->depth)
		free(k->stack[--k->depth].text);
	mem_free(k->stack);
	mem_free(k->near);
	grown_free(k->lists.gain, k->lists.gain_room);
	grown_free(k->lists.loss, k->lists.loss_room);
	grown_free(k->read, k->read_room);
	mem_free(k->sorted);
	rebuilder_release(&k->rebuilder);
	memset(k, 0, sizeof(*k));
}

static int join_all(struct links *l, struct link_worker *k, unsigned n,
		    struct err *e)
{
	unsigned i;
	int rc = 0;

	lend(&k[0].lists, &l->lists);
	for (i = 1; i < n && !rc; i++) {
		rc = join(l, &k[i], e);
		worker_release(&k[i]);
	}
	if (!rc && (l->lists.gains > UINT32_MAX || l->lists.losses > UINT32_MAX))
		rc = err_fail(e, ERR_TOOBIG, NULL, "too many entries of trees");
	return rc;
}

static int run_pack(struct link_shared *s, unsigned threads, struct err *e)
{
	struct link_worker *k = mem_array(threads, sizeof(*k));
	pthread_t *thread = mem_array(threads, sizeof(*thread));
	unsigned i, started = 1;
	int rc = -1;

	if (!k || !thread) {
		nomem(e);
		goto out;
	}
	for (i = 0; i < threads; i++) {
		k[i].s = s;
		k[i].near = mem_zalloc(sizeof(*k->near));
		if (rebuilder_init(&k[i].rebuilder, e))
			goto out;
	}
	lend(&s->l->lists, &k[0].lists);
	while (started < threads &&
	       !pthread_create(&thread[started], NULL, link_work, &k[started]))
		started++;
	link_work(&k[0]);
	for (i = 1; i < started; i++)
		pthread_join(thread[i], NULL);
	rc = join_all(s->l, k, threads, e);
	if (!rc && s->err.code) {
		*e = s->err;
		rc = -1;
	}
out:
	for (i = 0; k && i < threads; i++)
		worker_release(&k[i]);
	mem_free(k);
	mem_free(thread);
	return rc;
}

static int run_loose(struct link_shared *s, uint32_t node, struct err *e)
{
	struct link_worker k = { .s = s };
	const struct buf *ids = &s->r->loose_trees;
	size_t i, n, len;
	int rc = 0;

	n = ids->len / OID_LEN;
	lend(&s->l->lists, &k.lists);
	for (i = 0; i < n && !rc && !deadline_over(s->r->deadline); i++) {
		const unsigned char *oid = (const unsigned char *)ids->p + i * OID_LEN;
		enum object_type type;
		char *text = NULL;

		if (repo_fetch(s->r, oid, &text, &len, &type))
			rc = link_tree(&k, node + (uint32_t)i, oid, text, len,
				       NULL, e);
		free(text);
	}
	if (join_all(s->l, &k, 1, e))
		rc = -1;
	worker_release(&k);
	return rc;
}

/* ---- by child ------------------------------------------------------------ */

/* Buckets of about four. */
struct link_index {
	const struct gain *gain;
	size_t gains;
	uint32_t *list;	  /* indices of gain, bucket after bucket */
	uint32_t *bucket; /* where each begins, and the end */
	size_t list_room, bucket_room;
	unsigned bits;
	pthread_t thread;
	bool running, done;
};

/* Ids are hashes; whoever chooses them finds it hard to choose so many. */
static size_t bucket_of(const struct link_index *x, uint64_t child)
{
	uint64_t h = (child ^ child >> 29) * 0x9e3779b97f4a7c15u;

	return (size_t)(h >> (64 - x->bits));
}

static void *index_work(void *arg)
{
	struct link_index *x = arg;
	uint32_t *b, *to;
	size_t i, all;

	for (x->bits = 8; x->gains >> (x->bits + 2);)
		x->bits++;
	all = ((size_t)1 << x->bits) + 2;
	b = x->bucket = grown_more(NULL, &x->bucket_room, all * sizeof(*b));
	to = x->list = grown_more(NULL, &x->list_room,
				  (x->gains + 1) * sizeof(*to));
	if (!b || !to)
		return NULL;
	for (i = 0; i < x->gains; i++)
		if (x->gain[i].child)
			b[bucket_of(x, x->gain[i].child) + 2]++;
	for (i = 2; i < all; i++)
		b[i] += b[i - 1];
	for (i = 0; i < x->gains; i++)
		if (x->gain[i].child)
			to[b[bucket_of(x, x->gain[i].child) + 1]++] = (uint32_t)i;
	x->done = true;
	return NULL;
}

static int index_begin(struct links *l, bool thread, struct err *e)
{
	struct link_index *x = l->index = mem_zalloc(sizeof(*x));

	if (!x)
		return nomem(e);
	x->gain = l->lists.gain;
	x->gains = l->lists.gains;
	if (thread && x->gains >= INDEX_ASIDE)
		x->running = !pthread_create(&x->thread, NULL, index_work, x);
	return 0;
}

static void index_wait(struct link_index *x)
{
	if (x && x->running)
		pthread_join(x->thread, NULL);
	if (x)
		x->running = false;
}

static void index_free(struct link_index *x)
{
	index_wait(x);
	if (x) {
		grown_free(x->list, x->list_room);
		grown_free(x->bucket, x->bucket_room);
	}
	mem_free(x);
}

int links_ready(struct links *l, struct err *e)
{
	if (!l->index)
		return 0;
	index_wait(l->index);
	if (!l->index->done && !l->index->bucket)
		index_work(l->index);
	return l->index->done ? 0 : nomem(e);
}

const uint32_t *links_of(const struct links *l, uint64_t child, size_t *n)
{
	const struct link_index *x = l->index;
	size_t at;

	*n = 0;
	if (!x)
		return NULL;
	at = bucket_of(x, child);
	*n = x->bucket[at + 1] - x->bucket[at];
	return x->list + x->bucket[at];
}

/* ---- all ----------------------------------------------------------------- */

void links_release(struct links *l)
{
	size_t i;

	index_free(l->index); /* it reads the gains */
	for (i = 0; i < l->names; i++)
		mem_free(l->name[i]);
	mem_free(l->name);
	mem_free(l->node);
	mem_free(l->first_node);
	grown_free(l->lists.gain, l->lists.gain_room);
	grown_free(l->lists.loss, l->lists.loss_room);
	memset(l, 0, sizeof(*l));
}

int links_build(struct repo *r, unsigned threads, size_t most,
		struct tally *tally, struct links *l, struct err *e)
{
	struct link_shared s = { .r = r, .l = l, .most = most, .tally = tally };
	size_t all = r->loose_trees.len / OID_LEN, k;
	uint32_t loose = 0;
	int rc = -1;

	memset(l, 0, sizeof(*l));
	l->first_node = mem_array(r->packs + 1, sizeof(uint32_t));
	s.names = names_new(e);
	if (!l->first_node || !s.names)
		goto out;
	for (k = 0; k < r->packs; k++) {
		l->first_node[k] = loose;
		if (r->pack[k].p->n > UINT32_MAX - loose - all) {
			err_fail(e, ERR_TOOBIG, NULL, "too many objects");
			goto out;
		}
		loose += r->pack[k].p->n;
	}
	l->nodes = loose + (uint32_t)all;
	l->node = mem_array((size_t)l->nodes + 1, sizeof(*l->node));
	if (!l->node) {
		nomem(e);
		goto out;
	}
	pthread_mutex_init(&s.lock, NULL);
	for (s.pack = 0; s.pack < r->packs; s.pack++) {
		s.next = 0;
		if (run_pack(&s, threads ? threads : 1, e))
			goto out;
	}
	if (run_loose(&s, loose, e) || index_begin(l, threads > 1, e))
		goto out;
	names_take(s.names, &l->name, &l->names);
	rc = 0;
out:
	names_free(&s.names);
	return rc;
}

int links_get(struct repo *r, unsigned threads, size_t most,
	      struct tally *tally, struct links *l, struct err *e)
{
	if (!r->links)
		return links_build(r, threads, most, tally, l, e);
	*l = *r->links;
	mem_free(r->links);
	r->links = NULL;
	return 0;
}

void links_keep(struct repo *r, struct links *l)
{
	if (!r->links)
		r->links = mem_zalloc(sizeof(*r->links));
	else
		links_release(r->links);
	if (r->links)
		*r->links = *l;
	else
		links_release(l);
	memset(l, 0, sizeof(*l));
}

bool links_loses(const struct links *l, uint32_t node, uint64_t child,
		 uint32_t name)
{
	const struct tree_node *t = &l->node[node];
	const struct loss *v = &l->lists.loss[t->loss];
	uint32_t i;

	for (i = 0; i < t->losses; i++)
		if (v[i].child == child && v[i].name == name)
			return true;
	return false;
}
