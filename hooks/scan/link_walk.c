/*
 * link_walk: what each tree of a pack holds more and less than its base.
 *
 * Owns the reading of tree objects (entries "MODE NAME\0ID").  An entry that no
 * copy has whole is told of both sides: what the base has of those was lost, what
 * the tree has of them was gained, and what both have is left out.  Where an
 * entry begins is found backwards from the NUL behind its name.  Of submodules
 * the names are taken.
 *
 * Promises: a tree that cannot be read is counted as a problem.
 */
#include "hooks/scan/link_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/grown.h"

#define NAME_MAX_BYTES 4096u
#define ROOTS_A_TIME 16u
#define REACH (NAME_MAX_BYTES + 16u) /* of an entry to its NUL */
#define CANCEL_NEAR 16u

/* ---- what a tree holds --------------------------------------------------- */

static int nomem(struct err *e)
{
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int gain(struct link_worker *k, const char *id, uint32_t name,
		struct err *e)
{
	struct gain *v = grown_more(k->lists.gain, &k->lists.gain_room,
				    (k->lists.gains + 1) * sizeof(*v));

	if (!v)
		return nomem(e);
	k->lists.gain = v;
	v += k->lists.gains++;
	memcpy(&v->child, id, sizeof(v->child)); /* as oid_short() has it */
	v->node = k->node;
	v->name = name;
	return 0;
}

static int lose(struct link_worker *k, const char *id, uint32_t name,
		struct err *e)
{
	struct loss *v = grown_more(k->lists.loss, &k->lists.loss_room,
				    (k->lists.losses + 1) * sizeof(*v));
	uint64_t child;

	if (!v)
		return nomem(e);
	memcpy(&child, id, sizeof(child));
	k->lists.loss = v;
	v += k->lists.losses++;
	v->child = child;
	v->name = name;
	return 0;
}

/* A commit of another repository; `space` ends its mode. */
static bool submodule(const char *space, const char *text)
{
	return space >= text + 6 && !memcmp(space - 6, "160000", 6);
}

/* An entry: of a submodule only what it is called, what is in it is not here. */
static int entry(struct link_worker *k, const char *text, const char *name,
		 const char *nul, bool lost, struct err *e)
{
	uint32_t word = names_intern(k->s->names, k->near, name,
				     (size_t)(nul - name), e);

	if (word == NAMES_NONE)
		return -1;
	if (submodule(name - 1, text))
		return 0;
	return lost ? lose(k, nul + 1, word, e) : gain(k, nul + 1, word, e);
}

static int read_whole(struct link_worker *k, const char *p, size_t n, struct err *e)
{
	const char *end = p + n, *space, *nul;

	while (p < end) {
		space = memchr(p, ' ', (size_t)(end - p));
		nul = space ? memchr(space, '\0', (size_t)(end - space)) : NULL;
		if (!nul || end - nul < 1 + OID_LEN)
			return 0; /* a cut tree: what came before counts */
		if (entry(k, p, space + 1, nul, false, e))
			return -1;
		p = nul + 1 + OID_LEN;
	}
	return 0;
}

/* Does a mode end at `space`?  Whatever git takes for a folder (4), file (10),
 * link (12) or submodule (16), not only what it writes. */
static bool mode_before(const char *text, const char *space)
{
	const char *p = space - 4;

	if (space < text + 5 || (p[0] & ~7) != '0' || (p[1] & ~7) != '0' ||
	    (p[2] & ~7) != '0' || (p[3] & ~7) != '0')
		return false;
	return p[-1] == '4' ||
	       (space >= text + 6 && p[-2] == '1' &&
		(p[-1] == '0' || p[-1] == '2' || p[-1] == '6'));
}

/* Where the name begins whose NUL is at `nul`: after the nearest mode.  NULL:
 * that is a NUL inside an id. */
static const char *name_start(const char *text, const char *nul)
{
	const char *p = nul;

	while (p > text + 5 && nul - p < (long)NAME_MAX_BYTES) {
		p--;
		if (*p == ' ' && mode_before(text, p))
			return p + 1;
		if (!*p)
			return NULL;
	}
	return NULL;
}

/* Every entry with a byte before text[to] and one from text[from] on: none that
 * a copy has whole, neither one that ends at `from` nor one that begins at `to`
 * (which may lie before `from`). */
static int entries_between(struct link_worker *k, const char *text, size_t n,
			   size_t from, size_t to, bool lost, struct err *e)
{
	const char *nul = from > OID_LEN ? text + (from - OID_LEN) : text;
	const char *end = text + (n - to > REACH ? to + REACH : n), *name;

	for (; nul < end && (nul = memchr(nul, '\0', (size_t)(end - nul))); nul++) {
		if ((size_t)(text + n - nul) < 1 + OID_LEN)
			return 0;
		name = name_start(text, nul);
		if (!name)
			continue;
		/* "40000 NAME" or "100644 NAME" */
		if (name - (name[-6] == '4' ? 6 : 7) >= text + to)
			return 0;
		if (entry(k, text, name, nul, lost, e))
			return -1;
		nul += OID_LEN;
	}
	return 0;
}

static int by_from(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* The runs by their place in the base: mostly they are. */
static int sort_runs(struct link_worker *k, const struct run **out, struct err *e)
{
	const struct runs *r = &k->rebuilder.runs;
	size_t i;

	*out = r->v;
	for (i = 1; i < r->n && r->v[i - 1].from <= r->v[i].from; i++)
		;
	if (i >= r->n)
		return 0;
	if (r->n > k->sorted_cap) {
		mem_free(k->sorted);
		k->sorted_cap = r->n * 2;
		k->sorted = mem_array(k->sorted_cap, sizeof(*k->sorted));
		if (!k->sorted) {
			k->sorted_cap = 0;
			return nomem(e);
		}
	}
	memcpy(k->sorted, r->v, r->n * sizeof(*k->sorted));
	qsort(k->sorted, r->n, sizeof(*k->sorted), by_from);
	*out = k->sorted;
	return 0;
}

/* Entries that were lost and gained stayed.  Both lists have the same order,
 * mostly; what is not found close by is told twice and does no harm. */
static void cancel(struct link_worker *k, size_t gains, size_t losses)
{
	struct link_lists *v = &k->lists;
	size_t i, j, next = losses, kept = gains, left = losses;

	for (i = gains; i < v->gains; i++) {
		const struct gain *g = &v->gain[i];
		size_t end = v->losses - next < CANCEL_NEAR ? v->losses
							     : next + CANCEL_NEAR;

		for (j = next; j < end && (v->loss[j].child != g->child ||
					   v->loss[j].name != g->name); j++)
			;
		if (j == end) {
			v->gain[kept++] = *g;
			continue;
		}
		for (; next < j; next++)
			v->loss[left++] = v->loss[next];
		next = j + 1;
	}
	for (; next < v->losses; next++)
		v->loss[left++] = v->loss[next];
	v->gains = kept;
	v->losses = left;
}

static int read_delta(struct link_worker *k, const struct link_frame *base,
		      const char *text, size_t n, struct err *e)
{
	const struct runs *r = &k->rebuilder.runs;
	const size_t gains = k->lists.gains, losses = k->lists.losses;
	const struct run *sorted;
	size_t i, at = 0;

	for (i = 0; i <= r->n; i++) {
		size_t to = i < r->n ? r->v[i].at : n;

		if ((at != to || (i && i < r->n)) &&
		    entries_between(k, text, n, at, to, false, e))
			return -1;
		at = i < r->n ? (size_t)r->v[i].at + r->v[i].len : n;
	}
	if (sort_runs(k, &sorted, e))
		return -1;
	for (i = 0, at = 0; i <= r->n; i++) {
		size_t to = i < r->n ? sorted[i].from : base->len;

		if ((i || to) && at < base->len &&
		    entries_between(k, base->text, base->len, at, to, true,
				    e))
			return -1;
		if (i < r->n && (size_t)sorted[i].from + sorted[i].len > at)
			at = (size_t)sorted[i].from + sorted[i].len;
	}
	cancel(k, gains, losses);
	return 0;
}

/* ---- the walk ------------------------------------------------------------ */

int link_tree(struct link_worker *k, uint32_t node, const unsigned char *oid,
		     const char *text, size_t n, const struct link_frame *base,
		     struct err *e)
{
	struct tree_node *t = &k->s->l->node[node];
	size_t gains = k->lists.gains, losses = k->lists.losses;
	uint32_t *read = grown_more(k->read, &k->read_room,
				    (k->n_read + 1) * sizeof(*read));

	if (!read)
		return nomem(e);
	k->read = read;
	read[k->n_read++] = node;
	k->node = node;
	t->id = oid_short(oid);
	if (base ? read_delta(k, base, text, n, e) : read_whole(k, text, n, e))
		return -1;
	t->gain = (uint32_t)gains;
	t->gains = (uint32_t)(k->lists.gains - gains);
	t->loss = (uint32_t)losses;
	t->losses = (uint32_t)(k->lists.losses - losses);
	return 0;
}

static int push(struct link_worker *k, uint32_t i, char **text, size_t len,
		struct err *e)
{
	if (k->depth == k->stack_cap) {
		size_t cap = k->stack_cap ? k->stack_cap * 2 : 64;
		struct link_frame *v = mem_realloc(k->stack, cap * sizeof(*v));

		if (!v)
			return nomem(e);
		k->stack = v;
		k->stack_cap = cap;
	}
	k->stack[k->depth].entry = i;
	k->stack[k->depth].child = k->s->r->pack[k->s->pack].f.child[i];
	k->stack[k->depth].text = *text;
	k->stack[k->depth++].len = len;
	*text = NULL;
	return 0;
}

static int visit(struct link_worker *k, uint32_t i, const struct link_frame *base,
		 bool whole, struct err *e)
{
	struct link_shared *s = k->s;
	const struct pack *p = s->r->pack[s->pack].p;
	char *text = NULL, name[2 * OID_LEN + 1];
	size_t len = 0;
	const char *why;
	int rc = 0;

	if (deadline_over(s->r->deadline))
		return 0; /* what hangs on it stays unread, too */
	why = rebuild(&k->rebuilder, p, i, base ? base->text : NULL,
		      base ? base->len : 0, s->most, &text, &len);
	if (why) {
		walk_name(pack_oid(p, i), name);
		tally_problem(s->tally, name, "tree: %s", why);
		goto out;
	}
	rc = link_tree(k, s->l->first_node[s->pack] + i, pack_oid(p, i), text,
		       len, whole ? NULL : base, e);
	if (!rc && s->r->pack[s->pack].f.child[i] != FOREST_NONE)
		rc = push(k, i, &text, len, e);
out:
	free(text);
	return rc;
}

static int root(struct link_worker *k, uint32_t i, struct err *e)
{
	const struct repo_pack *rp = &k->s->r->pack[k->s->pack];
	struct link_frame base = { 0 }, *top;
	enum object_type type = (enum object_type)rp->f.type[i];
	struct pack_object o;
	int rc = 0;

	if (type == OBJECT_REF_DELTA && pack_header(rp->p, i, &o) &&
	    repo_fetch(k->s->r, o.base_oid, &base.text, &base.len, &type) &&
	    type == OBJECT_TREE)
		rc = visit(k, i, &base, true, e);
	else if (type == OBJECT_TREE)
		rc = visit(k, i, NULL, true, e);
	free(base.text);
	while (!rc && k->depth) {
		uint32_t next;

		top = &k->stack[k->depth - 1];
		next = top->child;
		if (next == FOREST_NONE) {
			free(top->text);
			k->depth--;
			continue;
		}
		top->child = rp->f.sibling[next];
		/* the stack may move in push(): hand over a copy */
		base = *top;
		rc = visit(k, next, &base, false, e);
	}
	return rc;
}

void *link_work(void *arg)
{
	struct link_worker *k = arg;
	struct link_shared *s = k->s;
	const struct forest *f = &s->r->pack[s->pack].f;
	struct err e = ERR_INIT;
	uint32_t i, end;

	for (;;) {
		i = __atomic_fetch_add(&s->next, ROOTS_A_TIME, __ATOMIC_RELAXED);
		if (i >= f->roots)
			return NULL;
		end = f->roots - i < ROOTS_A_TIME ? f->roots : i + ROOTS_A_TIME;
		for (; i < end; i++)
			if (root(k, f->root[i], &e))
				goto failed;
	}
failed:
	pthread_mutex_lock(&s->lock);
	if (!s->err.code)
		s->err = e;
	pthread_mutex_unlock(&s->lock);
	__atomic_store_n(&s->next, f->roots, __ATOMIC_RELAXED);
	return NULL;
}
