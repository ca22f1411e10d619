/*
 * fresh: what a commit has at a path where none of its parents has it.
 *
 * Goes down the commit's trees beside those of its parents, and only where they
 * differ.  Reads a tree of a parent at the first entry that asks for it: what a
 * push brings is mostly new itself, and the parent lies in a large pack.
 *
 * Must never: believe that a tree is in order, or ends (a pushed tree may hold
 * itself many times over, ten levels deep): the deadline is asked at each tree,
 * paths and the texts held have a limit, and whatever does not compare is fresh.
 */
#include "hooks/scan/fresh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

#define PARENTS_MAX 16u
#define PATH_BYTES_MAX 4096u /* PATH_MAX: no longer one can be checked out */
#define HELD_MAX ((size_t)256 * 1024 * 1024) /* texts of trees at a time */

struct entry {
	const char *name;
	size_t n;
	const unsigned char *oid;
	bool tree, link; /* link: a commit of a submodule */
};

struct listing {
	char *text; /* malloc()ed; NULL: not read, or empty */
	size_t n, at;
	struct entry x; /* the one that `at` is behind */
	bool any;
};

/* A tree on the way down, and those that stand there in the parents. */
struct level {
	struct listing own, up[PARENTS_MAX];
	unsigned char up_id[PARENTS_MAX][OID_LEN]; /* of level 0: commits */
	unsigned ups;
	bool read;   /* up is */
	size_t path; /* length of the path of this tree */
};

struct descent {
	const struct fresh *f;
	struct level *v;
	size_t depth, cap, held;
	struct buf path;
};

/* ---- trees --------------------------------------------------------------- */

static bool next(struct listing *l)
{
	const char *p, *end = l->text + l->n, *nul;
	unsigned mode = 0;

	l->any = false;
	if (!l->text)
		return false;
	for (p = l->text + l->at; p < end && *p >= '0' && *p <= '7'; p++)
		mode = mode << 3 | (unsigned)(*p - '0');
	nul = p < end ? memchr(p, '\0', (size_t)(end - p)) : NULL;
	if (!nul || *p != ' ' || end - nul < 1 + OID_LEN)
		return false; /* a cut tree: what came before counts */
	l->x.name = p + 1;
	l->x.n = (size_t)(nul - p - 1);
	l->x.oid = (const unsigned char *)nul + 1;
	/* as git: what is no folder, file or link is of a submodule */
	l->x.tree = S_ISDIR(mode);
	l->x.link = !S_ISDIR(mode) && !S_ISREG(mode) && !S_ISLNK(mode);
	l->at = (size_t)(nul + 1 + OID_LEN - l->text);
	l->any = true;
	return true;
}

/* The order of git's trees: a folder's name ends in '/'. */
static int order(const struct entry *a, const struct entry *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int c = memcmp(a->name, b->name, n);
	unsigned char x, y;

	if (c)
		return c;
	x = a->n > n ? (unsigned char)a->name[n] : a->tree ? '/' : '\0';
	y = b->n > n ? (unsigned char)b->name[n] : b->tree ? '/' : '\0';
	return (x > y) - (x < y);
}

/* The entry of that name and kind, if the listing comes to it next. */
static const struct entry *seek(struct listing *l, const struct entry *x)
{
	while (l->any && order(&l->x, x) < 0)
		next(l);
	return l->any && !order(&l->x, x) ? &l->x : NULL;
}

static bool read_tree(struct descent *d, const unsigned char *oid,
		      struct listing *l)
{
	enum object_type type;

	memset(l, 0, sizeof(*l));
	if (!repo_fetch(d->f->r, oid, &l->text, &l->n, &type))
		return false;
	d->held += l->n;
	if (type == OBJECT_TREE)
		return true;
	d->held -= l->n;
	free(l->text);
	memset(l, 0, sizeof(*l));
	return false;
}

static void drop(struct descent *d, struct listing *l)
{
	d->held -= l->n;
	free(l->text);
	memset(l, 0, sizeof(*l));
}

static void leave(struct descent *d)
{
	struct level *v = &d->v[--d->depth];
	unsigned i;

	drop(d, &v->own);
	for (i = 0; i < v->ups; i++)
		drop(d, &v->up[i]);
	if (d->depth)
		d->path.p[d->path.len = d->v[d->depth - 1].path] = '\0';
}

/* The tree of a commit, and the commits before it; false: it cannot be read. */
static bool read_commit(const struct fresh *f, const unsigned char *oid,
			unsigned char *tree, unsigned char (*parent)[OID_LEN],
			unsigned *parents)
{
	enum object_type type;
	char *text = NULL;
	const char *p;
	size_t n;
	bool ok = false;

	if (!repo_fetch(f->r, oid, &text, &n, &type))
		return false;
	p = text;
	if (type == OBJECT_COMMIT && commit_id(&p, text + n, "tree ", tree)) {
		ok = true;
		while (parent && *parents < PARENTS_MAX &&
		       commit_id(&p, text + n, "parent ", parent[*parents]))
			++*parents;
	}
	free(text);
	return ok;
}

/* ---- the way down -------------------------------------------------------- */

static int deeper(struct descent *d, struct err *e)
{
	size_t cap = d->cap ? d->cap * 2 : 8;
	struct level *v;

	if (d->depth == d->cap) {
		v = mem_realloc(d->v, cap * sizeof(*v));
		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->v = v;
		d->cap = cap;
	}
	memset(&d->v[d->depth], 0, sizeof(*d->v));
	d->v[d->depth++].path = d->path.len;
	return 0;
}

/* Down into the tree at d->path; the new level is without parents. */
static int enter(struct descent *d, const unsigned char *oid, struct err *e)
{
	const char *where = d->path.len ? d->path.p : "(root)", *why = NULL;

	if (deeper(d, e))
		return -1;
	if (!read_tree(d, oid, &d->v[d->depth - 1].own))
		why = repo_why();
	else if (d->held > HELD_MAX)
		why = "its folders are too large";
	if (!why)
		return 1;
	tally_problem(d->f->tally, where, "%s", why);
	leave(d);
	return 0;
}

/* A parent that is not here has nothing. */
static void read_parents(struct descent *d, struct level *v)
{
	const bool commits = v == d->v;
	unsigned char tree[OID_LEN];
	unsigned i;

	for (i = 0; i < v->ups; i++) {
		if (commits && !read_commit(d->f, v->up_id[i], tree, NULL, NULL))
			continue;
		if (read_tree(d, commits ? tree : v->up_id[i], &v->up[i]))
			next(&v->up[i]);
	}
	v->read = true;
}

/* An entry that may be fresh.  *down: a tree whose turn it is. */
static int one_entry(struct descent *d, const struct entry *x, bool *down,
		     struct err *e)
{
	struct level *v = &d->v[d->depth - 1], *to;
	unsigned char up_id[PARENTS_MAX][OID_LEN];
	unsigned i, ups = 0;
	int rc;

	if (!v->read)
		read_parents(d, v);
	for (i = 0; i < v->ups; i++) {
		const struct entry *o = seek(&v->up[i], x);

		if (o && !memcmp(o->oid, x->oid, OID_LEN))
			return 0;
		if (o)
			memcpy(up_id[ups++], o->oid, OID_LEN);
	}
	if (d->path.len + x->n + 1 > PATH_BYTES_MAX) {
		tally_problem(d->f->tally, d->path.p, "what is in it has a path "
			      "of over %u bytes", PATH_BYTES_MAX);
		return 0;
	}
	if ((v->path && buf_puts(&d->path, "/", e)) ||
	    buf_add(&d->path, x->name, x->n, e))
		return -1;
	if (!x->tree)
		return d->f->each(d->f->arg, d->path.p, x->oid, e);
	rc = enter(d, x->oid, e); /* moves d->v */
	if (rc <= 0)
		return rc;
	to = &d->v[d->depth - 1];
	to->ups = ups;
	memcpy(to->up_id, up_id, sizeof(up_id));
	*down = true;
	return 0;
}

static int go_down(struct descent *d, struct err *e)
{
	while (d->depth && !deadline_over(d->f->deadline)) {
		struct level *v = &d->v[d->depth - 1];
		bool down = false;

		while (!down && next(&v->own)) {
			const struct entry x = v->own.x;

			if (x.link || (!x.tree && idset_has(d->f->skip,
							    oid_short(x.oid))))
				continue;
			if (one_entry(d, &x, &down, e))
				return -1;
			v = &d->v[d->depth - 1];
			if (!down)
				d->path.p[d->path.len = v->path] = '\0';
		}
		if (!down)
			leave(d);
	}
	return 0;
}

/* ---- the commit ---------------------------------------------------------- */

int fresh_files(const struct fresh *f, const unsigned char *commit,
		struct err *e)
{
	unsigned char tree[OID_LEN], parent[PARENTS_MAX][OID_LEN];
	struct descent d = { .f = f, .path = BUF_INIT(PATH_BYTES_MAX + 1) };
	unsigned parents = 0;
	int rc;

	if (!read_commit(f, commit, tree, parent, &parents))
		return 0; /* it was told before */
	if (buf_puts(&d.path, "", e))
		return -1;
	rc = enter(&d, tree, e);
	if (rc > 0) {
		d.v->ups = parents;
		memcpy(d.v->up_id, parent, parents * sizeof(*parent));
		rc = go_down(&d, e);
	}
	while (d.depth)
		leave(&d);
	mem_free(d.v);
	buf_release(&d.path);
	return rc < 0 ? -1 : 0;
}
