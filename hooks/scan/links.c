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
#include "hooks/scan/link_walk.h"

/* ---- putting together ---------------------------------------------------- */

/* Append one thread's lists; its nodes get their places in the whole. */
static int join(struct links *l, struct link_worker *k, struct err *e)
{
	struct gain *g = mem_realloc(l->gain, (l->gains + k->gains + 1) * sizeof(*g));
	uint64_t *s;
	size_t i;
	uint32_t node;

	if (g)
		l->gain = g;
	s = mem_realloc(l->loss, (l->losses + k->losses + 1) * sizeof(*s));
	if (s)
		l->loss = s;
	if (!g || !s || l->gains + k->gains > UINT32_MAX)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (k->gains)
		memcpy(g + l->gains, k->gain, k->gains * sizeof(*g));
	if (k->losses)
		memcpy(s + l->losses, k->loss, k->losses * sizeof(*s));
	for (i = 0; i < k->read.len; i += sizeof(node)) {
		memcpy(&node, k->read.p + i, sizeof(node));
		l->node[node].gain += (uint32_t)l->gains;
		l->node[node].loss += (uint32_t)l->losses;
	}
	l->gains += k->gains;
	l->losses += k->losses;
	return 0;
}

static void worker_release(struct link_worker *k)
{
	while (k->depth)
		free(k->stack[--k->depth].text);
	mem_free(k->stack);
	mem_free(k->gain);
	mem_free(k->loss);
	mem_free(k->sorted);
	buf_release(&k->read);
	rebuilder_release(&k->rebuilder);
}

static int run_pack(struct link_shared *s, unsigned threads, struct err *e)
{
	struct link_worker *k = mem_array(threads, sizeof(*k));
	pthread_t *thread = mem_array(threads, sizeof(*thread));
	unsigned i, ready = 0, started = 1;
	int rc = -1;

	if (!k || !thread) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (; ready < threads; ready++) {
		k[ready].s = s;
		k[ready].read.max = SIZE_MAX / 2;
		if (rebuilder_init(&k[ready].rebuilder, e))
			goto out;
	}
	while (started < threads &&
	       !pthread_create(&thread[started], NULL, link_work, &k[started]))
		started++;
	link_work(&k[0]);
	for (i = 1; i < started; i++)
		pthread_join(thread[i], NULL);
	rc = 0;
	for (i = 0; i < threads && !rc; i++)
		rc = join(s->l, &k[i], e);
	if (!rc && s->err.code) {
		*e = s->err;
		rc = -1;
	}
out:
	for (i = 0; i < ready; i++)
		worker_release(&k[i]);
	mem_free(k);
	mem_free(thread);
	return rc;
}

static int run_loose(struct link_shared *s, uint32_t node, struct err *e)
{
	struct link_worker k = { .s = s, .read = BUF_INIT(SIZE_MAX / 2) };
	const struct buf *ids = &s->r->loose_trees;
	size_t i, n, len;
	int rc = 0;

	n = ids->len / OID_LEN;
	for (i = 0; i < n && !rc && !deadline_over(s->r->deadline); i++) {
		const unsigned char *oid = (const unsigned char *)ids->p + i * OID_LEN;
		enum object_type type;
		char *text = NULL;

		if (repo_fetch(s->r, oid, &text, &len, &type))
			rc = link_tree(&k, node + (uint32_t)i, oid, text, len,
				       NULL, e);
		free(text);
	}
	if (!rc)
		rc = join(s->l, &k, e);
	worker_release(&k);
	return rc;
}

struct order {
	uint64_t child;
	uint32_t gain;
};

static int by_child(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return (x->child > y->child) - (x->child < y->child);
}

/* Indices by child: buckets of the first bits, each sorted. */
static int sort_children(struct links *l, struct err *e)
{
	unsigned bits = 4; /* of a push there is little */
	size_t *bucket, n, i;
	struct order *o;
	int rc = -1;

	while (bits < 16 && (size_t)1 << bits < l->gains)
		bits++;
	n = (size_t)1 << bits;
	bucket = mem_array(n + 2, sizeof(*bucket));
	o = mem_array(l->gains + 1, sizeof(*o));
	l->by_child = mem_array(l->gains + 1, sizeof(uint32_t));
	if (!bucket || !o || !l->by_child) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (i = 0; i < l->gains; i++)
		bucket[(l->gain[i].child >> (64 - bits)) + 2]++;
	for (i = 1; i < n + 2; i++)
		bucket[i] += bucket[i - 1];
	for (i = 0; i < l->gains; i++) {
		struct order *to =
			&o[bucket[(l->gain[i].child >> (64 - bits)) + 1]++];

		to->child = l->gain[i].child;
		to->gain = (uint32_t)i;
	}
	for (i = 0; i < n; i++)
		if (bucket[i + 1] > bucket[i] + 1)
			qsort(o + bucket[i], bucket[i + 1] - bucket[i],
			      sizeof(*o), by_child);
	for (i = 0; i < l->gains; i++)
		l->by_child[i] = o[i].gain;
	rc = 0;
out:
	mem_free(bucket);
	mem_free(o);
	return rc;
}

void links_release(struct links *l)
{
	size_t i;

	for (i = 0; i < l->names; i++)
		mem_free(l->name[i]);
	mem_free(l->name);
	mem_free(l->node);
	mem_free(l->first_node);
	mem_free(l->gain);
	mem_free(l->by_child);
	mem_free(l->loss);
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
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	pthread_mutex_init(&s.lock, NULL);
	for (s.pack = 0; s.pack < r->packs; s.pack++) {
		s.next = 0;
		if (run_pack(&s, threads ? threads : 1, e))
			goto out;
	}
	if (run_loose(&s, loose, e) || sort_children(l, e))
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

void links_of(const struct links *l, uint64_t child, size_t *from, size_t *to)
{
	size_t low = 0, high = l->gains;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->gain[l->by_child[mid]].child < child)
			low = mid + 1;
		else
			high = mid;
	}
	for (*from = *to = low; *to < l->gains &&
	     l->gain[l->by_child[*to]].child == child;)
		(*to)++;
}

bool links_gains(const struct links *l, uint32_t node, uint64_t child)
{
	const struct tree_node *t = &l->node[node];
	uint32_t i;

	for (i = 0; i < t->gains; i++)
		if (l->gain[t->gain + i].child == child)
			return true;
	return false;
}

bool links_loses(const struct links *l, uint32_t node, uint64_t child)
{
	const struct tree_node *t = &l->node[node];
	uint32_t i;

	for (i = 0; i < t->losses; i++)
		if (l->loss[t->loss + i] == child)
			return true;
	return false;
}
