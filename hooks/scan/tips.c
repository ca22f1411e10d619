/*
 * tips: which branches and tags still hold a secret.
 *
 * Owns the way down from each tip's tree, through those only that lead to
 * something found.  There are thousands of refs, mostly with the same things in
 * them: what has been seen in as many as are told is not gone through again.
 */
#include "hooks/scan/tips.h"

#include <git2.h>
#include <string.h>

#include "base/mem.h"

#define REFS_TOLD 20u

/* A tree on the way down; full: so is all that was seen in it. */
struct visit {
	uint32_t thing;
	bool full;
	size_t next;
};

/* Reverse edges: child[first[p] .. first[p + 1]) stand in tree p.  Of what has
 * been seen in as many tips as are told, the others are not asked. */
#define STAMP_FULL UINT32_MAX
struct below {
	size_t *first;
	uint32_t *child, *stamp;
	struct visit *stack;
};

static int make_below(const struct ascent *up, struct below *b, struct err *e)
{
	size_t k;
	uint32_t i;

	b->first = mem_array((size_t)up->things + 2, sizeof(*b->first));
	b->child = mem_array(up->edges + 1, sizeof(uint32_t));
	b->stamp = mem_array((size_t)up->things + 1, sizeof(uint32_t));
	b->stack = mem_array((size_t)up->things + 1, sizeof(*b->stack));
	if (!b->first || !b->child || !b->stamp || !b->stack)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (k = 0; k < up->edges; k++)
		b->first[up->edge[k].parent + 2]++;
	for (k = 2; k < (size_t)up->things + 2; k++)
		b->first[k] += b->first[k - 1];
	for (i = 0; i < up->things; i++)
		for (k = 0; k < up->thing[i].edges; k++)
			b->child[b->first[up->edge[up->thing[i].edge + k].parent +
					  1]++] = i;
	return 0;
}

/* All secrets of one blob get the name of the tip; *full: none takes more. */
static int tip_holds(const struct tips_of *t, uint64_t id, const char *name,
		     bool *full, struct err *e)
{
	const struct sightings *s = t->seen; /* by oid */
	size_t low = 0, high = s->n;

	*full = true;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (oid_short(s->v[mid].oid) < id)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < s->n && oid_short(s->v[low].oid) == id; low++) {
		struct strings *refs = &t->refs[s->v[low].mark.secret];

		if (refs->n >= REFS_TOLD)
			continue;
		if ((!refs->n || strcmp(refs->v[refs->n - 1], name) != 0) &&
		    strings_add(refs, name, e))
			return -1;
		*full &= refs->n >= REFS_TOLD;
	}
	return 0;
}

static int one_tip(const struct tips_of *t, struct below *b, uint32_t number,
		   uint64_t tree, const char *name, struct err *e)
{
	uint32_t x = ascent_find(t->up, tree), y;
	struct visit *top;
	size_t depth = 0;

	if (x == THING_NONE || b->stamp[x] == STAMP_FULL)
		return 0;
	b->stamp[x] = number;
	b->stack[depth++] = (struct visit){ x, true, b->first[x] };
	while (depth) {
		top = &b->stack[depth - 1];
		x = top->thing;
		if (top->next == b->first[x + 1]) {
			bool full = true;

			if (x < t->blobs && tip_holds(t, t->up->thing[x].id,
						      name, &full, e))
				return -1;
			if (full && top->full)
				b->stamp[x] = STAMP_FULL;
			if (--depth)
				b->stack[depth - 1].full &=
					b->stamp[x] == STAMP_FULL;
			continue;
		}
		y = b->child[top->next++];
		if (b->stamp[y] == number)
			top->full = false; /* or it would be STAMP_FULL */
		if (b->stamp[y] == number || b->stamp[y] == STAMP_FULL)
			continue;
		b->stamp[y] = number;
		b->stack[depth++] = (struct visit){ y, true, b->first[y] };
	}
	return 0;
}

/* The tree a ref leads to: of commits it is known, which matters where there
 * are thousands of refs. */
static bool tree_at(const struct tips_of *t, const git_reference *ref,
		    uint64_t *tree)
{
	const git_oid *id = git_reference_target(ref);
	const struct commit *c = id ? commit_find(t->commit, id->id) : NULL;
	git_object *o = NULL;
	bool found;

	if (c) {
		*tree = c->tree;
		return true;
	}
	found = !git_reference_peel(&o, ref, GIT_OBJECT_TREE);
	if (found)
		*tree = oid_short(git_object_id(o)->id);
	git_object_free(o);
	return found;
}

static int all_refs(const struct tips_of *t, struct below *b, struct err *e)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	uint32_t number = 0;
	int rc = 0;

	if (git_reference_iterator_new(&it, t->r->git))
		return err_fail(e, ERR_FORMAT, NULL, "%s", repo_why());
	while (!rc && !git_reference_next(&ref, it)) {
		uint64_t tree;

		if (tree_at(t, ref, &tree))
			rc = one_tip(t, b, ++number, tree,
				     git_reference_name(ref), e);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return rc;
}

static int given_tips(const struct tips_of *t, struct below *b,
		      const struct attribute_options *o, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < o->tips && !rc; i++) {
		git_object *any = NULL, *tree = NULL;
		git_oid id;

		git_oid_fromraw(&id, o->tip[i].oid);
		if (!git_object_lookup(&any, t->r->git, &id, GIT_OBJECT_ANY) &&
		    !git_object_peel(&tree, any, GIT_OBJECT_TREE))
			rc = one_tip(t, b, (uint32_t)i + 1,
				     oid_short(git_object_id(tree)->id),
				     o->tip[i].name, e);
		git_object_free(tree);
		git_object_free(any);
	}
	return rc;
}

int tips_hold(const struct tips_of *t, const struct attribute_options *o,
	      struct err *e)
{
	struct below b = { 0 };
	int rc = -1;

	if (!make_below(t->up, &b, e))
		rc = o->tip ? given_tips(t, &b, o, e) : all_refs(t, &b, e);
	mem_free(b.first);
	mem_free(b.child);
	mem_free(b.stamp);
	mem_free(b.stack);
	return rc;
}
