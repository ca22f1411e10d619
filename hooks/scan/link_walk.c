/*
 * link_walk: what each tree of a pack holds more and less than its base.
 *
 * Owns the reading of tree objects (entries "MODE NAME\0ID").  Around what a
 * delta inserts every position after a NUL that ends a name is taken for the
 * start of an id.  Of submodules the names
 * are taken.  An object that stands twice in
 * a tree and is taken out once counts as gone.
 *
 * Promises: a tree that cannot be read is counted as a problem.
 */
#include "hooks/scan/link_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_BYTES 4096u
#define ROOTS_A_TIME 16u

/* ---- what a tree holds --------------------------------------------------- */

static int gain(struct link_worker *k, const char *id, const char *name, size_t n,
		struct err *e)
{
	uint32_t word = names_intern(k->s->names, name, n, e);

	if (word == NAMES_NONE)
		return -1;
	if (k->gains == k->gains_cap) {
		size_t cap = k->gains_cap ? k->gains_cap * 2 : 4096;
		struct gain *v = mem_realloc(k->gain, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->gain = v;
		k->gains_cap = cap;
	}
	k->gain[k->gains].child = oid_short((const unsigned char *)id);
	k->gain[k->gains].node = k->node;
	k->gain[k->gains++].name = word;
	return 0;
}

static int lose(struct link_worker *k, const char *id, struct err *e)
{
	if (k->losses == k->losses_cap) {
		size_t cap = k->losses_cap ? k->losses_cap * 2 : 4096;
		uint64_t *v = mem_realloc(k->loss, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->loss = v;
		k->losses_cap = cap;
	}
	k->loss[k->losses++] = oid_short((const unsigned char *)id);
	return 0;
}

/* A commit of another repository; `space` ends its mode. */
static bool submodule(const char *space, const char *text)
{
	return space >= text + 6 && !memcmp(space - 6, "160000", 6);
}

/* What a submodule is called; what is in it is not here. */
static int only_name(struct link_worker *k, const char *name, size_t n,
		     struct err *e)
{
	return names_intern(k->s->names, name, n, e) == NAMES_NONE ? -1 : 0;
}

static int read_whole(struct link_worker *k, const char *p, size_t n, struct err *e)
{
	const char *end = p + n, *space, *nul;

	while (p < end) {
		space = memchr(p, ' ', (size_t)(end - p));
		nul = space ? memchr(space, '\0', (size_t)(end - space)) : NULL;
		if (!nul || end - nul < 1 + OID_LEN)
			return 0; /* a cut tree: what came before counts */
		if (submodule(space, p)
			    ? only_name(k, space + 1, (size_t)(nul - space - 1), e)
			    : gain(k, nul + 1, space + 1,
				   (size_t)(nul - space - 1), e))
			return -1;
		p = nul + 1 + OID_LEN;
	}
	return 0;
}

/* Where the name begins whose NUL is at `nul`: after the nearest mode. */
static const char *name_start(const char *text, const char *nul)
{
	const char *p = nul;

	while (p > text + 5 && nul - p < (long)NAME_MAX_BYTES) {
		p--;
		if (*p != ' ')
			continue;
		if (!memcmp(p - 5, "40000", 5) ||
		    (p >= text + 6 && (!memcmp(p - 6, "1006", 4) ||
				       !memcmp(p - 6, "1007", 4) ||
				       !memcmp(p - 6, "120000", 6) ||
				       !memcmp(p - 6, "160000", 6))))
			return p + 1;
	}
	return NULL;
}

/* An id may begin at s: after a NUL that ends a name. */
static int gain_at(struct link_worker *k, const char *text, size_t n, size_t s,
		   struct err *e)
{
	const char *nul = text + s - 1, *name;

	if (s == 0 || s + OID_LEN > n || *nul)
		return 0;
	name = name_start(text, nul);
	if (name && memchr(name, '\0', (size_t)(nul - name)))
		name = NULL; /* a NUL inside an id */
	if (name && submodule(name - 1, text))
		return only_name(k, name, (size_t)(nul - name), e);
	return name ? gain(k, text + s, name, (size_t)(nul - name), e) : 0;
}

static int gains_between(struct link_worker *k, const char *text, size_t n,
			 size_t from, size_t to, struct err *e)
{
	size_t s = from > OID_LEN - 1 ? from - (OID_LEN - 1) : 0;
	const char *nul;

	for (; s <= to; s++)
		if (gain_at(k, text, n, s, e))
			return -1;
	/* the name that reaches over the end of the insert */
	nul = memchr(text + to, '\0', n - to);
	if (!nul || nul + 1 == text + to)
		return 0;
	return gain_at(k, text, n, (size_t)(nul - text) + 1, e);
}

static int losses_between(struct link_worker *k, const char *base, size_t n,
			  size_t from, size_t to, struct err *e)
{
	size_t s = from > OID_LEN - 1 ? from - (OID_LEN - 1) : 1;

	for (; s < to || s == from; s++) {
		if (s + OID_LEN > n)
			break;
		if (s && !base[s - 1] && lose(k, base + s, e))
			return -1;
	}
	return 0;
}

static int by_from(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static int read_delta(struct link_worker *k, const struct link_frame *base,
		      const char *text, size_t n, struct err *e)
{
	const struct runs *r = &k->rebuilder.runs;
	size_t i, at = 0;

	for (i = 0; i <= r->n; i++) {
		size_t to = i < r->n ? r->v[i].at : n;

		if ((at != to || (i && i < r->n)) &&
		    gains_between(k, text, n, at, to, e))
			return -1;
		at = i < r->n ? (size_t)r->v[i].at + r->v[i].len : n;
	}
	if (r->n > k->sorted_cap) {
		mem_free(k->sorted);
		k->sorted_cap = r->n * 2;
		k->sorted = mem_array(k->sorted_cap, sizeof(*k->sorted));
		if (!k->sorted) {
			k->sorted_cap = 0;
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		}
	}
	if (r->n) {
		memcpy(k->sorted, r->v, r->n * sizeof(*k->sorted));
		qsort(k->sorted, r->n, sizeof(*k->sorted), by_from);
	}
	for (i = 0, at = 0; i <= r->n; i++) {
		size_t to = i < r->n ? k->sorted[i].from : base->len;

		if (to >= at && (to > at || (i && i < r->n)) &&
		    losses_between(k, base->text, base->len, at, to, e))
			return -1;
		if (i < r->n && (size_t)k->sorted[i].from + k->sorted[i].len > at)
			at = (size_t)k->sorted[i].from + k->sorted[i].len;
	}
	return 0;
}

/* ---- the walk ------------------------------------------------------------ */

int link_tree(struct link_worker *k, uint32_t node, const unsigned char *oid,
		     const char *text, size_t n, const struct link_frame *base,
		     struct err *e)
{
	struct tree_node *t = &k->s->l->node[node];
	size_t gains = k->gains, losses = k->losses;

	if (buf_add(&k->read, &node, sizeof(node), e))
		return -1;
	k->node = node;
	t->id = oid_short(oid);
	if (base ? read_delta(k, base, text, n, e) : read_whole(k, text, n, e))
		return -1;
	t->gain = (uint32_t)gains;
	t->gains = (uint32_t)(k->gains - gains);
	t->loss = (uint32_t)losses;
	t->losses = (uint32_t)(k->losses - losses);
	return 0;
}

static int push(struct link_worker *k, uint32_t i, char **text, size_t len,
		struct err *e)
{
	if (k->depth == k->stack_cap) {
		size_t cap = k->stack_cap ? k->stack_cap * 2 : 64;
		struct link_frame *v = mem_realloc(k->stack, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
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
