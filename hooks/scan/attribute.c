/*
 * attribute: from objects with findings up to commits and paths.
 *
 * Owns the choice of the commit: the first in an order in which parents come
 * before children, so none of its parents has the object at that path through
 * the same trees.
 */
#include "hooks/scan/attribute.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/ascent.h"
#include "hooks/scan/paths.h"
#include "hooks/scan/tips.h"

#define SPOTS_MAX 256u /* paths that one object is followed at */

/* Where a thing stands: a path, and the first commit that has it there. */
struct spot {
	uint32_t path, rank;
};

struct found {
	size_t spot; /* in work.spot */
	uint32_t spots;
	uint32_t rank; /* of a root tree: its first commit */
	uint8_t state; /* 0 new, 1 under way, 2 done */
};

struct work {
	struct repo *r;
	struct walk_out *out;
	struct links links;
	struct ascent up;
	struct found *found; /* per thing */
	struct spot *spot;
	size_t spots, spots_cap;
	struct attribution *a;
	uint64_t *ids;
	uint32_t n_ids;
	struct commit_index commit; /* as many as there are may hold something */
};

/* ---- the first commit ---------------------------------------------------- */

/* Root trees know their earliest commit. */
static void mark_roots(struct work *w)
{
	const struct commits *c = &w->out->commits;
	uint32_t t;
	size_t i;

	for (i = 0; i < w->up.things; i++)
		w->found[i].rank = RANK_NONE;
	for (i = c->n; i-- > 0;) { /* backwards: the earliest stays */
		t = ascent_find(&w->up, c->v[i].tree);
		if (t != THING_NONE && t >= w->n_ids)
			w->found[t].rank = c->v[i].rank;
	}
}

/* The first of thing x's edges whose tree is not settled yet. */
static uint32_t unsettled(const struct work *w, uint32_t x, size_t *at)
{
	const struct thing *t = &w->up.thing[x];

	for (; *at < t->edges; (*at)++) {
		uint32_t parent = w->up.edge[t->edge + *at].parent;

		if (w->found[parent].state == 0)
			return parent;
	}
	return THING_NONE;
}

static int add_spot(struct work *w, uint32_t x, uint32_t path, uint32_t rank,
		    struct err *e)
{
	struct found *f = &w->found[x];
	struct spot *s;
	uint32_t i;

	for (i = f->spots; i-- > 0;) {
		s = &w->spot[f->spot + i];
		if (s->path == path) {
			if (rank < s->rank)
				s->rank = rank;
			return 0;
		}
	}
	if (f->spots >= SPOTS_MAX)
		return 0;
	if (w->spots == w->spots_cap) {
		size_t cap = w->spots_cap ? w->spots_cap * 2 : 4096;

		s = mem_realloc(w->spot, cap * sizeof(*s));
		if (!s)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		w->spot = s;
		w->spots_cap = cap;
	}
	w->spot[w->spots].path = path;
	w->spot[w->spots++].rank = rank;
	f->spots++;
	return 0;
}

/* All its trees are settled: x stands where they stand, below. */
static int settle(struct work *w, uint32_t x, struct err *e)
{
	const struct thing *t = &w->up.thing[x];
	struct found *f = &w->found[x];
	uint32_t path, k;
	size_t i;

	f->spot = w->spots;
	f->state = 2;
	if (f->rank != RANK_NONE && add_spot(w, x, PATH_ROOT, f->rank, e))
		return -1;
	for (i = 0; i < t->edges; i++) {
		const struct edge *d = &w->up.edge[t->edge + i];
		const struct found *up = &w->found[d->parent];

		/* state 1 would be a tree inside itself */
		for (k = 0; up->state == 2 && k < up->spots; k++) {
			struct spot from = w->spot[up->spot + k];

			path = path_in(w->a->paths, from.path, d->name, e);
			if (path == PATH_ROOT ||
			    add_spot(w, x, path, from.rank, e))
				return -1;
		}
	}
	return 0;
}

/* Depth first without recursion: trees may be nested as deep as they like. */
static int settle_all(struct work *w, struct err *e)
{
	struct step {
		uint32_t x;
		size_t at;
	} *stack = mem_array((size_t)w->up.things + 1, sizeof(*stack));
	size_t depth = 0;
	uint32_t i, next;
	int rc = stack ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");

	for (i = 0; i < w->up.things && !rc; i++) {
		if (w->found[i].state || deadline_over(w->r->deadline))
			continue;
		stack[depth].x = i;
		stack[depth++].at = 0;
		w->found[i].state = 1;
		while (depth && !rc) {
			struct step *top = &stack[depth - 1];

			next = unsettled(w, top->x, &top->at);
			if (next == THING_NONE) {
				rc = settle(w, top->x, e);
				depth--;
			} else {
				w->found[next].state = 1;
				stack[depth].x = next;
				stack[depth++].at = 0;
			}
		}
	}
	mem_free(stack);
	return rc;
}

/* ---- places -------------------------------------------------------------- */

static int add_place(struct attribution *a, const struct sighting *s,
		     uint32_t rank, uint32_t path, struct err *e)
{
	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 256;
		struct place *v = mem_realloc(a->v, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		a->v = v;
		a->cap = cap;
	}
	memset(&a->v[a->n], 0, sizeof(*a->v));
	a->v[a->n].secret = s->mark.secret;
	a->v[a->n].rank = rank;
	a->v[a->n].path = path;
	a->v[a->n].objects = 1;
	a->v[a->n++].seen = s;
	return 0;
}

/* Every path of one object, each with its first commit. */
static int blob_places(struct work *w, const struct sighting *s, struct err *e)
{
	const struct found *f =
		&w->found[ascent_find(&w->up, oid_short(s->oid))];
	const uint32_t spots = w->spot ? f->spots : 0;
	uint32_t i;

	for (i = 0; i < spots; i++)
		if (add_place(w->a, s, w->spot[f->spot + i].rank,
			      w->spot[f->spot + i].path, e))
			return -1;
	return spots ? 0 : add_place(w->a, s, RANK_NONE, PATH_ROOT, e);
}

static uint32_t commit_rank(const struct work *w, const unsigned char *oid)
{
	const struct commit *c = commit_find(&w->commit, oid);

	return c ? c->rank : RANK_NONE;
}

static int by_path(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->secret != y->secret)
		return x->secret < y->secret ? -1 : 1;
	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return memcmp(x->seen->oid, y->seen->oid, OID_LEN);
}

static int by_rank(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->secret != y->secret)
		return x->secret < y->secret ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return by_path(a, b);
}

/* One place for each (secret, path): the earliest. */
static void fold(struct attribution *a)
{
	size_t i, kept = 0;

	if (a->n)
		qsort(a->v, a->n, sizeof(*a->v), by_path);
	for (i = 0; i < a->n; i++) {
		struct place *last = kept ? &a->v[kept - 1] : NULL;

		if (last && last->secret == a->v[i].secret &&
		    last->path == a->v[i].path && last->path != PATH_ROOT)
			last->objects++;
		else
			a->v[kept++] = a->v[i];
	}
	a->n = kept;
	if (a->n)
		qsort(a->v, a->n, sizeof(*a->v), by_rank);
	/* objects that no commit leads to: once, and only when nothing does */
	for (i = kept = 0; i < a->n; i++)
		if (a->v[i].rank != RANK_NONE || !kept ||
		    a->v[kept - 1].secret != a->v[i].secret)
			a->v[kept++] = a->v[i];
	a->n = kept;
}

static int all_places(struct work *w, struct err *e)
{
	const struct sightings *s = &w->out->seen;
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct sighting *v = &s->v[i];
		int rc;

		if (v->type == OBJECT_BLOB)
			rc = blob_places(w, v, e);
		else
			rc = add_place(w->a, v,
				       v->type == OBJECT_COMMIT
					       ? commit_rank(w, v->oid)
					       : RANK_NONE,
				       PATH_ROOT, e);
		if (rc)
			return -1;
	}
	fold(w->a);
	return 0;
}

/* ---- all ----------------------------------------------------------------- */

static int by_oid(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;
	uint64_t i = oid_short(x->oid), k = oid_short(y->oid);

	return (i > k) - (i < k);
}

static int collect_ids(struct work *w, struct err *e)
{
	const struct sightings *s = &w->out->seen;
	uint64_t id;
	size_t i;

	w->ids = mem_array(s->n + 1, sizeof(*w->ids));
	if (!w->ids)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (i = 0; i < s->n; i++) {
		id = oid_short(s->v[i].oid);
		if (s->v[i].type == OBJECT_BLOB &&
		    (!w->n_ids || w->ids[w->n_ids - 1] != id))
			w->ids[w->n_ids++] = id;
	}
	return 0;
}

void attribution_release(struct attribution *a)
{
	uint32_t i;

	for (i = 0; a->refs && i < a->secrets; i++)
		strings_free(&a->refs[i]);
	mem_free(a->refs);
	mem_free(a->v);
	paths_free(&a->paths);
	memset(a, 0, sizeof(*a));
}

int attribute(struct repo *r, struct walk_out *out, uint32_t secrets,
	      const struct attribute_options *o, struct tally *tally,
	      struct attribution *a, struct err *e)
{
	struct work w = { .r = r, .out = out, .a = a };
	struct tips_of t = { .r = r, .seen = &out->seen, .up = &w.up,
			     .commit = &w.commit };
	int rc = -1;

	memset(a, 0, sizeof(*a));
	a->secrets = secrets;
	a->refs = mem_array((size_t)secrets + 1, sizeof(*a->refs));
	a->paths = mem_zalloc(sizeof(*a->paths));
	if (!a->refs || !a->paths) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (!out->seen.n)
		return 0;
	qsort(out->seen.v, out->seen.n, sizeof(*out->seen.v), by_oid);
	if (collect_ids(&w, e) || commits_rank(&out->commits, e))
		goto out;
	if (w.n_ids && links_get(r, o->threads, o->most, tally,
				   &w.links, e))
		goto out;
	if (links_ready(&w.links, e) || ascend(r, &w.links, w.ids, w.n_ids, &w.up, e))
		goto out;
	w.found = mem_array((size_t)w.up.things + 1, sizeof(*w.found));
	if (!w.found) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	mark_roots(&w);
	t.blobs = w.n_ids;
	t.refs = a->refs;
	if (commits_index(&out->commits, &w.commit, e) || settle_all(&w, e) ||
	    all_places(&w, e) || tips_hold(&t, o, e))
		goto out;
	rc = 0;
out:
	/* the names stay with the paths */
	if (a->paths) {
		a->paths->name = w.links.name;
		a->paths->names = w.links.names;
		w.links.name = NULL;
		w.links.names = 0;
	}
	mem_free(w.found);
	mem_free(w.spot);
	mem_free(w.ids);
	commit_index_release(&w.commit);
	ascent_release(&w.up);
	links_release(&w.links);
	return rc;
}
