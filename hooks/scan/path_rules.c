/*
 * path_rules: rules that ask for a path only, in history.
 *
 * Goes down from every commit's root tree, each tree once per path it stands
 * at.  Of a tree stored as a delta only what it holds more than its base is
 * read: nearly always the base is an older tree that stood at the same path, and
 * what both hold is found there.  Where it never did, the tree is put together
 * from its chain, less what was lost on the way.  (To take the base to stand
 * there regardless leads from tree to tree through paths that never were, without
 * an end.)  A blob that was lost is taken along: tell.c sifts what comes out.
 */
#include "hooks/scan/path_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/idset.h"
#include "hooks/scan/links.h"
#include "hooks/scan/paths.h"
#include "hooks/scan/repo.h"

#define VISITS_MAX (16u * 1024 * 1024)
#define NODE_NONE UINT32_MAX

struct step {
	uint32_t node, path;
};

/* A blob that stands at a path some rule matches. */
struct hit {
	uint64_t id;
	uint32_t rule;
};

struct search {
	const struct source *s;
	struct repo *r;
	struct links links;
	struct paths paths;
	struct regex_thread *regex;
	uint32_t *by_id; /* nodes that are trees, by id */
	size_t trees;
	struct idset been; /* node << 32 | path, mixed */
	struct step *stack;
	size_t depth, cap;
	struct step *based; /* those stored as a delta, in turn */
	size_t n_based, based_cap;
	unsigned char *state; /* per path: 0 not asked, 1 no rule, 2 some */
	size_t states;
	struct hit *hit;
	size_t hits, hits_cap;
};

static const struct tree_node *sorting; /* qsort has no argument to give */

static int by_id(const void *a, const void *b)
{
	const struct tree_node *x = &sorting[*(const uint32_t *)a];
	const struct tree_node *y = &sorting[*(const uint32_t *)b];

	return (x->id > y->id) - (x->id < y->id);
}

static int sort_trees(struct search *k, struct err *e)
{
	uint32_t i;

	k->by_id = mem_array((size_t)k->links.nodes + 1, sizeof(*k->by_id));
	if (!k->by_id)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (i = 0; i < k->links.nodes; i++)
		if (k->links.node[i].id)
			k->by_id[k->trees++] = i;
	sorting = k->links.node;
	if (k->trees)
		qsort(k->by_id, k->trees, sizeof(*k->by_id), by_id);
	return 0;
}

static uint32_t node_of(const struct search *k, uint64_t id)
{
	size_t low = 0, high = k->trees;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->links.node[k->by_id[mid]].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < k->trees && k->links.node[k->by_id[low]].id == id
		       ? k->by_id[low] : NODE_NONE;
}

/* The tree that a node is stored as a delta on. */
static uint32_t base_of(const struct search *k, uint32_t node)
{
	size_t p = k->r->packs;
	uint32_t first, base;

	while (p-- > 0) {
		first = k->links.first_node[p];
		if (node < first)
			continue;
		if (node - first >= k->r->pack[p].p->n)
			return NODE_NONE;
		base = k->r->pack[p].f.base[node - first];
		return base == FOREST_NONE ? NODE_NONE : first + base;
	}
	return NODE_NONE;
}

static uint64_t mixed(uint32_t node, uint32_t path)
{
	return ((uint64_t)node << 32 | path) * 0xff51afd7ed558ccdu;
}

/* An object under a name. */
static uint64_t named(uint64_t id, uint32_t name)
{
	return id ^ mixed(name, 1);
}

static int add_step(struct step **v, size_t *n, size_t *cap, uint32_t node,
		    uint32_t path, struct err *e)
{
	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 1024;
		struct step *to = mem_realloc(*v, more * sizeof(*to));

		if (!to)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		*v = to;
		*cap = more;
	}
	(*v)[*n].node = node;
	(*v)[(*n)++].path = path;
	return 0;
}

static int push(struct search *k, uint32_t node, uint32_t path, struct err *e)
{
	bool new;

	if (idset_add(&k->been, mixed(node, path), &new, e))
		return -1;
	if (!new)
		return 0;
	if (k->been.n > VISITS_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "over %u trees and paths",
				VISITS_MAX);
	return add_step(&k->stack, &k->depth, &k->cap, node, path, e);
}

static int add_hit(struct search *k, uint64_t id, size_t rule, struct err *e)
{
	if (k->hits == k->hits_cap) {
		size_t cap = k->hits_cap ? k->hits_cap * 2 : 64;
		struct hit *v = mem_realloc(k->hit, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->hit = v;
		k->hits_cap = cap;
	}
	k->hit[k->hits].id = id;
	k->hit[k->hits++].rule = (uint32_t)rule;
	return 0;
}

static int grow_states(struct search *k, uint32_t path, struct err *e)
{
	size_t n = k->states ? k->states : 1024;
	unsigned char *v;

	if (path < k->states)
		return 0;
	while (n <= path)
		n *= 2;
	v = mem_realloc(k->state, n);
	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	memset(v + k->states, 0, n - k->states);
	k->state = v;
	k->states = n;
	return 0;
}

/* Which rules want the path?  Most are wanted by none: asked once. */
static int blob_at(struct search *k, uint64_t id, uint32_t path, struct err *e)
{
	const struct ruleset *rs = k->s->engine->rules;
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;
	size_t i;

	if (grow_states(k, path, e))
		return -1;
	if (k->state[path] == 1)
		return 0;
	if (path_text(&k->paths, path, &text, e))
		goto out;
	k->state[path] = 1;
	for (i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rule[i];

		if (r->regex || !r->path || r->skip_report ||
		    !regex_test(r->path, k->regex, text.p, text.len))
			continue;
		k->state[path] = 2;
		if (add_hit(k, id, i, e))
			goto out;
	}
	rc = 0;
out:
	buf_release(&text);
	return rc;
}

/* What `of` holds more than its base, below `path`; trees in `lost` left out. */
static int gains_at(struct search *k, uint32_t of, uint32_t path,
		    const struct idset *lost, struct err *e)
{
	const struct tree_node *t = &k->links.node[of];
	uint32_t i, child, node;

	for (i = 0; i < t->gains; i++) {
		const struct gain *g = &k->links.lists.gain[t->gain + i];

		child = path_in(&k->paths, path, g->name, e);
		if (child == PATH_ROOT)
			return -1;
		node = node_of(k, g->child);
		if (node == NODE_NONE) {
			if (blob_at(k, g->child, child, e))
				return -1;
		} else if (!lost || !idset_has(lost, named(g->child, g->name))) {
			if (push(k, node, child, e))
				return -1;
		}
	}
	return 0;
}

static int one_tree(struct search *k, struct step at, struct err *e)
{
	if (gains_at(k, at.node, at.path, NULL, e))
		return -1;
	if (base_of(k, at.node) == NODE_NONE)
		return 0;
	return add_step(&k->based, &k->n_based, &k->based_cap, at.node, at.path,
			e);
}

/* What the tree has from its base, unless the base stands there itself. */
static int inherited(struct search *k, struct step at, struct err *e)
{
	struct idset lost = { 0 };
	uint32_t node = at.node, base, i;
	int rc = -1;

	while ((base = base_of(k, node)) != NODE_NONE &&
	       !idset_has(&k->been, mixed(base, at.path))) {
		const struct tree_node *t = &k->links.node[node];

		for (i = 0; i < t->losses; i++) {
			const struct loss *v = &k->links.lists.loss[t->loss + i];

			if (idset_add(&lost, named(v->child, v->name), NULL, e))
				goto out;
		}
		if (gains_at(k, base, at.path, &lost, e))
			goto out;
		node = base;
	}
	rc = 0;
out:
	idset_release(&lost);
	return rc;
}

static int drain(struct search *k, struct err *e)
{
	while (k->depth && !deadline_over(k->r->deadline))
		if (one_tree(k, k->stack[--k->depth], e))
			return -1;
	return 0;
}

static int go_down(struct search *k, const struct commits *c, struct err *e)
{
	uint32_t node;
	size_t i;

	for (i = 0; i < c->n; i++) {
		node = node_of(k, c->v[i].tree);
		if ((node != NODE_NONE && push(k, node, PATH_ROOT, e)) ||
		    drain(k, e))
			return -1;
	}
	for (i = 0; i < k->n_based && !deadline_over(k->r->deadline); i++)
		if (inherited(k, k->based[i], e) || drain(k, e))
			return -1;
	return 0;
}

/* ---- from short ids to sightings ----------------------------------------- */

static int hit_order(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static int sight(struct search *k, const unsigned char *oid,
		 struct walk_out *out, struct err *e)
{
	const struct engine *g = k->s->engine;
	uint64_t id = oid_short(oid);
	size_t low = 0, high = k->hits;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->hit[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < k->hits && k->hit[low].id == id; low++) {
		struct mark m = { .rule = (uint16_t)k->hit[low].rule,
				  .origin = SECRET_NONE };

		if (low && !hit_order(&k->hit[low - 1], &k->hit[low]))
			continue;
		m.confidence = (uint8_t)g->rules->rule[m.rule].confidence;
		m.secret = secrets_intern(g->secrets, m.rule, "", 0, 0, false, e);
		if (m.secret == SECRET_NONE ||
		    sightings_add(&out->seen, oid, OBJECT_BLOB, &m, e))
			return -1;
	}
	return 0;
}

static int sight_all(struct search *k, struct walk_out *out, struct err *e)
{
	const struct buf *loose = &k->r->loose;
	size_t p, i;

	if (!k->hits)
		return 0;
	qsort(k->hit, k->hits, sizeof(*k->hit), hit_order);
	for (p = 0; p < k->r->packs; p++)
		for (i = 0; i < k->r->pack[p].p->n; i++)
			if (sight(k, pack_oid(k->r->pack[p].p, (uint32_t)i), out,
				  e))
				return -1;
	for (i = 0; i + OID_LEN <= loose->len; i += OID_LEN)
		if (sight(k, (const unsigned char *)loose->p + i, out, e))
			return -1;
	return 0;
}

int path_rules_find(const struct source *s, struct repo *r,
		    struct walk_out *out, struct err *e)
{
	struct search k = { .s = s, .r = r };
	int rc = -1;

	if (!engine_has_path_rules(s->engine))
		return 0;
	k.regex = regex_thread_new(e);
	if (!k.regex || links_get(r, s->threads, s->max_file, s->tally,
				    &k.links, e))
		goto out;
	k.paths.name = k.links.name;
	if (sort_trees(&k, e) || go_down(&k, &out->commits, e) ||
	    sight_all(&k, out, e))
		goto out;
	links_keep(r, &k.links);
	rc = 0;
out:
	mem_free(k.paths.v);
	mem_free(k.paths.slot);
	links_release(&k.links);
	regex_thread_free(&k.regex);
	idset_release(&k.been);
	mem_free(k.by_id);
	mem_free(k.stack);
	mem_free(k.based);
	mem_free(k.state);
	mem_free(k.hit);
	return rc;
}
