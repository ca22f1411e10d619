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

/* ---- putting together ---------------------------------------------------- */

static int nomem(struct err *e)
{
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

/* The first thread goes on where the list ends. */
static void lend(struct links *l, struct link_worker *k)
{
	k->gain = l->gain;
	k->gains = l->gains;
	k->gain_room = l->gain_room;
	k->loss = l->loss;
	k->losses = l->losses;
	k->loss_room = l->loss_room;
	l->gain = NULL;
	l->loss = NULL;
}

static void take_back(struct links *l, struct link_worker *k)
{
	l->gain = k->gain;
	l->gains = k->gains;
	l->gain_room = k->gain_room;
	l->loss = k->loss;
	l->losses = k->losses;
	l->loss_room = k->loss_room;
	k->gain = NULL;
	k->loss = NULL;
}

/* Append another's lists; its nodes get their places in the whole. */
static int join(struct links *l, struct link_worker *k, struct err *e)
{
	struct gain *g = grown_more(l->gain, &l->gain_room,
				    (l->gains + k->gains + 1) * sizeof(*g));
	struct loss *s = grown_more(l->loss, &l->loss_room,
				    (l->losses + k->losses + 1) * sizeof(*s));
	size_t i;

	if (g)
		l->gain = g;
	if (s)
		l->loss = s;
	if (!g || !s)
		return nomem(e);
	if (k->gains)
		memcpy(g + l->gains, k->gain, k->gains * sizeof(*g));
	if (k->losses)
		memcpy(s + l->losses, k->loss, k->losses * sizeof(*s));
	for (i = 0; i < k->n_read; i++) {
		l->node[k->read[i]].gain += (uint32_t)l->gains;
		l->node[k->read[i]].loss += (uint32_t)l->losses;
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
	mem_free(k->near);
	grown_free(k->gain, k->gain_room);
	grown_free(k->loss, k->loss_room);
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

	take_back(l, &k[0]);
	for (i = 1; i < n && !rc; i++) {
		rc = join(l, &k[i], e);
		worker_release(&k[i]);
	}
	if (!rc && (l->gains > UINT32_MAX || l->losses > UINT32_MAX))
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
	lend(s->l, &k[0]);
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
	lend(s->l, &k);
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

/* Ids are hashes; whoever chooses them finds it hard to choose so many. */
static size_t bucket_of(const struct links *l, uint64_t child)
{
	uint64_t h = (child ^ child >> 29) * 0x9e3779b97f4a7c15u;

	return (size_t)(h >> (64 - l->bucket_bits));
}

/* Indices by child: buckets of about four. */
static int index_children(struct links *l, struct err *e)
{
	uint32_t *b, *to;
	size_t i, at;

	for (l->bucket_bits = 8; l->gains >> (l->bucket_bits + 2);)
		l->bucket_bits++;
	at = ((size_t)1 << l->bucket_bits) + 2;
	b = l->bucket = grown_more(NULL, &l->bucket_room, at * sizeof(*b));
	to = l->by_child = grown_more(NULL, &l->by_child_room,
				      (l->gains + 1) * sizeof(*to));
	if (!b || !to)
		return nomem(e);
	for (i = 0; i < l->gains; i++)
		b[bucket_of(l, l->gain[i].child) + 2]++;
	for (i = 2; i < at; i++)
		b[i] += b[i - 1];
	for (i = 0; i < l->gains; i++)
		to[b[bucket_of(l, l->gain[i].child) + 1]++] = (uint32_t)i;
	return 0;
}

void links_release(struct links *l)
{
	size_t i;

	for (i = 0; i < l->names; i++)
		mem_free(l->name[i]);
	mem_free(l->name);
	mem_free(l->node);
	mem_free(l->first_node);
	grown_free(l->gain, l->gain_room);
	grown_free(l->loss, l->loss_room);
	grown_free(l->by_child, l->by_child_room);
	grown_free(l->bucket, l->bucket_room);
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
	if (run_loose(&s, loose, e) || index_children(l, e))
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
	size_t at = l->bucket ? bucket_of(l, child) : 0;

	*from = l->bucket ? l->bucket[at] : 0;
	*to = l->bucket ? l->bucket[at + 1] : 0;
}

bool links_loses(const struct links *l, uint32_t node, uint64_t child,
		 uint32_t name)
{
	const struct tree_node *t = &l->node[node];
	const struct loss *v = &l->loss[t->loss];
	uint32_t i;

	for (i = 0; i < t->losses; i++)
		if (v[i].child == child && v[i].name == name)
			return true;
	return false;
}
