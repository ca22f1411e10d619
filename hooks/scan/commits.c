/*
 * commits: every commit's tree, parents and time, in order.
 *
 * Owns the order: parents before children, among the free ones the earliest
 * committer time first.  Reads commit text as git writes it (gitformat:
 * "tree", "parent"*, "author", "committer"); hostile times only shift ties.
 */
#include "hooks/scan/commits.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define NOT_RANKED UINT32_MAX

uint64_t oid_short(const unsigned char *oid)
{
	uint64_t v;

	memcpy(&v, oid, sizeof(v));
	return v;
}

void commits_release(struct commits *c)
{
	mem_free(c->v);
	mem_free(c->parent);
	memset(c, 0, sizeof(*c));
}

static struct commit *push(struct commits *c, struct err *e)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 1024;
		struct commit *v = mem_realloc(c->v, cap * sizeof(*v));

		if (!v) {
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
			return NULL;
		}
		c->v = v;
		c->cap = cap;
	}
	return memset(&c->v[c->n++], 0, sizeof(*c->v));
}

static int push_parent(struct commits *c, uint64_t parent, struct err *e)
{
	if (c->n_parents == c->cap_parents) {
		size_t cap = c->cap_parents ? c->cap_parents * 2 : 1024;
		uint64_t *v = mem_realloc(c->parent, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		c->parent = v;
		c->cap_parents = cap;
	}
	c->parent[c->n_parents++] = parent;
	return 0;
}

bool commit_id(const char **p, const char *end, const char *word,
	       unsigned char *oid)
{
	char hex[2 * OID_LEN + 1];
	size_t n = strlen(word);

	if ((size_t)(end - *p) < n + 41 || memcmp(*p, word, n) != 0 ||
	    (*p)[n + 40] != '\n')
		return false;
	memcpy(hex, *p + n, 2 * OID_LEN);
	hex[2 * OID_LEN] = '\0';
	if (!text_unhex(hex, oid, OID_LEN))
		return false;
	*p += n + 41;
	return true;
}

/* "committer NAME <MAIL> SECONDS ZONE" */
static int64_t committer_time(const char *p, const char *end)
{
	const char *line = memmem(p, (size_t)(end - p), "\ncommitter ", 11), *nl;
	const char *close;
	int64_t t = 0;

	if (!line)
		return 0;
	nl = memchr(line + 1, '\n', (size_t)(end - line - 1));
	if (!nl)
		nl = end;
	close = memrchr(line, '>', (size_t)(nl - line));
	for (p = close ? close + 1 : nl; p < nl && *p == ' '; p++)
		;
	for (; p < nl && *p >= '0' && *p <= '9' && t < INT64_MAX / 20; p++)
		t = t * 10 + (*p - '0');
	return t;
}

int commits_add(struct commits *c, const unsigned char *oid, const char *text,
		size_t n, struct err *e)
{
	const char *p = text, *end = text + n;
	struct commit *k;
	unsigned char id[OID_LEN];

	if (!commit_id(&p, end, "tree ", id))
		return 0;
	k = push(c, e);
	if (!k)
		return -1;
	memcpy(k->oid, oid, OID_LEN);
	k->tree = oid_short(id);
	k->parent = (uint32_t)c->n_parents;
	while (commit_id(&p, end, "parent ", id)) {
		if (push_parent(c, oid_short(id), e))
			return -1;
		k->parents++;
	}
	k->time = committer_time(p - 1, end);
	return 0;
}

int commits_join(struct commits *to, const struct commits *from, struct err *e)
{
	uint32_t shift = (uint32_t)to->n_parents;
	struct commit *k;
	size_t i;

	for (i = 0; i < from->n_parents; i++)
		if (push_parent(to, from->parent[i], e))
			return -1;
	for (i = 0; i < from->n; i++) {
		k = push(to, e);
		if (!k)
			return -1;
		*k = from->v[i];
		k->parent += shift;
	}
	return 0;
}

/* ---- the order ----------------------------------------------------------- */

static int by_oid(const void *a, const void *b)
{
	return memcmp(((const struct commit *)a)->oid,
		      ((const struct commit *)b)->oid, OID_LEN);
}

/* Commits by id, and where those of each beginning stand. */
struct sorted {
	struct commit *v;
	size_t n;
	uint32_t *first; /* by the first bits of an id; and the end */
	unsigned drop;	 /* of 16 bits, so many do not count */
};

static size_t beginning(const struct sorted *s, const void *oid)
{
	unsigned char b[2];

	memcpy(b, oid, sizeof(b));
	return (size_t)(b[0] << 8 | b[1]) >> s->drop;
}

/* Ids are even: into buckets first, where few are left to be sorted. */
static int sort_commits(const struct commits *c, struct sorted *s, struct err *e)
{
	size_t buckets, i;

	s->drop = c->n < 4096 ? 8 : 0;
	buckets = (size_t)1 << (16 - s->drop);
	s->v = mem_array(c->n + 1, sizeof(*s->v));
	s->first = mem_array(buckets + 2, sizeof(*s->first));
	if (!s->v || !s->first)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (i = 0; i < c->n; i++)
		s->first[beginning(s, c->v[i].oid) + 2]++;
	for (i = 2; i < buckets + 2; i++)
		s->first[i] += s->first[i - 1];
	for (i = 0; i < c->n; i++)
		s->v[s->first[beginning(s, c->v[i].oid) + 1]++] = c->v[i];
	for (i = 0; i < buckets; i++)
		if (s->first[i + 1] - s->first[i] > 1)
			qsort(s->v + s->first[i], s->first[i + 1] - s->first[i],
			      sizeof(*s->v), by_oid);
	/* without doubles all move down, and so do the beginnings */
	for (i = 0; i < buckets; i++) {
		size_t at = s->first[i];

		s->first[i] = (uint32_t)s->n;
		for (; at < s->first[i + 1]; at++)
			if (!s->n || by_oid(&s->v[at], &s->v[s->n - 1]))
				s->v[s->n++] = s->v[at];
	}
	s->first[buckets] = (uint32_t)s->n;
	return 0;
}

/* By the id's first eight bytes. */
static uint32_t find(const struct sorted *s, uint64_t id)
{
	size_t at = beginning(s, &id), low = s->first[at], high = s->first[at + 1];
	const size_t end = high;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(s->v[mid].oid, &id, sizeof(id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < end && oid_short(s->v[low].oid) == id ? (uint32_t)low
							    : NOT_RANKED;
}

/* A heap of commits that wait for nothing, earliest on top. */
struct heap {
	const struct sorted *c;
	uint32_t *v;
	size_t n;
};

static bool earlier(const struct heap *h, uint32_t a, uint32_t b)
{
	return h->c->v[a].time < h->c->v[b].time;
}

static void heap_add(struct heap *h, uint32_t x)
{
	size_t i = h->n++;

	for (; i && earlier(h, x, h->v[(i - 1) / 2]); i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = x;
}

static uint32_t heap_take(struct heap *h)
{
	uint32_t top = h->v[0], last = h->v[--h->n];
	size_t i = 0, k;

	while ((k = 2 * i + 1) < h->n) {
		if (k + 1 < h->n && earlier(h, h->v[k + 1], h->v[k]))
			k++;
		if (!earlier(h, h->v[k], last))
			break;
		h->v[i] = h->v[k];
		i = k;
	}
	h->v[i] = last;
	return top;
}

/* children[first[p] .. first[p + 1]) are the children of p. */
struct family {
	uint32_t *first, *child, *waits, *heap;
};

static int make_family(const struct commits *c, const struct sorted *s,
		       struct family *f, struct err *e)
{
	uint32_t *of = mem_array(c->n_parents + 1, sizeof(*of)), k;
	size_t i, j;

	f->first = mem_array(s->n + 2, sizeof(uint32_t));
	f->child = mem_array(c->n_parents + 1, sizeof(uint32_t));
	f->waits = mem_array(s->n + 1, sizeof(uint32_t));
	f->heap = mem_array(s->n + 1, sizeof(uint32_t));
	if (!of || !f->first || !f->child || !f->waits || !f->heap) {
		mem_free(of);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	for (i = 0; i < s->n; i++)
		for (j = 0; j < s->v[i].parents; j++) {
			k = find(s, c->parent[s->v[i].parent + j]);
			of[s->v[i].parent + j] = k;
			if (k == NOT_RANKED)
				continue; /* shallow: the parent is not here */
			f->first[k + 2]++;
			f->waits[i]++;
		}
	for (i = 2; i < s->n + 2; i++)
		f->first[i] += f->first[i - 1];
	for (i = 0; i < s->n; i++)
		for (j = 0; j < s->v[i].parents; j++) {
			k = of[s->v[i].parent + j];
			if (k != NOT_RANKED)
				f->child[f->first[k + 1]++] = (uint32_t)i;
		}
	mem_free(of);
	return 0;
}

int commits_rank(struct commits *c, struct err *e)
{
	struct sorted s = { 0 };
	struct family f = { 0 };
	struct heap h = { .c = &s };
	uint32_t rank = 0, x;
	size_t i, k;
	int rc = -1;

	if (sort_commits(c, &s, e) || make_family(c, &s, &f, e))
		goto out;
	h.v = f.heap;
	for (i = 0; i < s.n; i++) {
		s.v[i].rank = NOT_RANKED;
		if (!f.waits[i])
			heap_add(&h, (uint32_t)i);
	}
	while (h.n) {
		x = heap_take(&h);
		s.v[x].rank = rank;
		c->v[rank++] = s.v[x];
		for (k = f.first[x]; k < f.first[x + 1]; k++)
			if (!--f.waits[f.child[k]])
				heap_add(&h, f.child[k]);
	}
	/* ids that only look like those of their own parents */
	for (i = 0, c->n = rank; i < s.n; i++)
		if (s.v[i].rank == NOT_RANKED)
			c->v[c->n++] = s.v[i];
	rc = 0;
out:
	mem_free(s.v);
	mem_free(s.first);
	mem_free(f.first);
	mem_free(f.child);
	mem_free(f.waits);
	mem_free(f.heap);
	return rc;
}

/* ---- by id --------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct commit *const *x = a, *const *y = b;

	return memcmp((*x)->oid, (*y)->oid, OID_LEN);
}

int commits_index(const struct commits *c, struct commit_index *x,
		  struct err *e)
{
	x->n = 0;
	x->v = mem_array(c->n + 1, sizeof(*x->v));
	if (!x->v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (; x->n < c->n; x->n++)
		x->v[x->n] = &c->v[x->n];
	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), by_id);
	return 0;
}

const struct commit *commit_find(const struct commit_index *x,
				 const unsigned char *oid)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(x->v[mid]->oid, oid, OID_LEN);

		if (!order)
			return x->v[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void commit_index_release(struct commit_index *x)
{
	mem_free(x->v);
	memset(x, 0, sizeof(*x));
}
