/*
 * source_names: secrets in names.
 *
 * All names in the trees that came are looked at in a few texts, which costs next
 * to nothing and mostly says that there is nothing.  Only when it does not are
 * the commits compared with their parents, to tell what is new and where.
 */
#include "hooks/scan/source_names.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/links.h"
#include "hooks/scan/tell.h"

#define NAMES_TEXT (1u * 1024 * 1024) /* looked at together, about */
#define PARENTS_MAX 16u

/* Marks of the text that count, into v. */
static int shaped_marks(const struct source *s, struct scan_thread *t,
			const char *text, size_t n, struct marks *m,
			struct verdict *v, struct err *e)
{
	const struct ruleset *rs = s->engine->rules;
	size_t i, kept = 0;

	if (scan_text(t, text, n, NULL, m, e) ||
	    scan_verdict(&s->engine->scanner, text, n, m, v, e))
		return -1;
	for (i = 0; i < v->n; i++)
		if (!rs->rule[v->v[i]->rule].scored)
			v->v[kept++] = v->v[i];
	v->n = kept;
	return 0;
}

/* Does a parent have the path up to and with the part that `at` stands in? */
static bool is_old(const char *path, size_t at, const struct git_tree_list *p)
{
	size_t len = at + strcspn(path + at, "/"), i;
	char *part = mem_strndup(path, len);
	git_tree_entry *x = NULL;
	bool old = false;

	for (i = 0; part && !old && i < p->n; i++) {
		old = !git_tree_entry_bypath(&x, p->v[i], part);
		git_tree_entry_free(x);
		x = NULL;
	}
	mem_free(part);
	return old;
}

int source_path_name(const struct source *s, struct scan_thread *t,
		     const char *path, const struct git_tree_list *parents,
		     struct err *e)
{
	size_t n = strlen(path), i;
	struct marks m = { 0 };
	struct verdict v = { 0 };
	struct finding *f;
	int rc = -1;

	if (shaped_marks(s, t, path, n, &m, &v, e))
		goto out;
	for (i = 0; i < v.n; i++) {
		if (parents ? is_old(path, v.v[i]->at, parents)
			    : strchr(path + v.v[i]->at, '/') != NULL)
			continue;
		s->list->cursor.text = NULL;
		f = findings_add(s->list, &s->engine->scanner, path, n, v.v[i], e);
		if (!f || finding_set(&f->file, path, e) ||
		    finding_fingerprint(f, e))
			goto out;
		if (!engine_stands(s->engine, t->regex, f))
			findings_drop(s->list, s->list->n - 1);
	}
	rc = 0;
out:
	s->list->cursor.text = NULL;
	verdict_release(&v);
	marks_release(&m);
	return rc;
}

/* ---- of trees ------------------------------------------------------------ */

struct job {
	const struct source *s;
	struct repo *r;
	struct scan_thread t;
	struct commit_index commit; /* those that are known */
	struct err *e;
};

/* Is there anything in these names at all? */
static int any_of(struct job *j, const struct buf *b, bool *any)
{
	struct marks m = { 0 };
	struct verdict v = { 0 };
	int rc = 0;

	if (b->len)
		rc = shaped_marks(j->s, &j->t, b->p, b->len, &m, &v, j->e);
	*any = *any || v.n || j->t.pace.stop != PACE_ON;
	verdict_release(&v);
	marks_release(&m);
	return rc;
}

static int any_name(struct job *j, bool *any)
{
	struct buf b = BUF_INIT(NAMES_TEXT + BUF_TEXT_MAX);
	struct links l;
	uint32_t i;
	int rc = links_get(j->r, j->s->threads ? j->s->threads : 1,
			   j->s->max_file, j->s->tally, &l, j->e);

	for (i = 0; !rc && i < l.names && !*any; i++) {
		rc = buf_puts(&b, l.name[i], j->e) || buf_puts(&b, "\n", j->e);
		if (rc || b.len < NAMES_TEXT)
			continue;
		rc = any_of(j, &b, any);
		buf_reset(&b);
	}
	if (!rc && !*any)
		rc = any_of(j, &b, any);
	if (!rc)
		links_keep(j->r, &l);
	links_release(&l);
	buf_release(&b);
	return rc ? -1 : 0;
}

/* Rows that were added for this commit get its name. */
static int name_rows(struct job *j, size_t from, const unsigned char *oid)
{
	size_t i;

	for (i = from; i < j->s->list->n; i++)
		if (tell_commit(&j->s->list->v[i], j->r, oid, j->e) ||
		    finding_fingerprint(&j->s->list->v[i], j->e))
			return -1;
	return 0;
}

struct empty {
	struct job *j;
	const struct git_tree_list *parents;
};

/* No comparison of trees names a folder with nothing in it. */
static int empty_folder(const char *folder, const git_tree_entry *x, void *arg)
{
	static const unsigned char none[OID_LEN] = {
		0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60,
		0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee, 0x49, 0x04,
	};
	struct empty *k = arg;
	char *path;
	int rc;

	if (deadline_over(k->j->s->deadline))
		return -1;
	if (git_tree_entry_type(x) != GIT_OBJECT_TREE ||
	    memcmp(git_tree_entry_id(x)->id, none, OID_LEN) != 0)
		return 0;
	path = mem_array(strlen(folder) + strlen(git_tree_entry_name(x)) + 1, 1);
	if (!path) {
		err_fail(k->j->e, ERR_NOMEM, NULL, "out of memory");
		return -1;
	}
	memcpy(path, folder, strlen(folder));
	memcpy(path + strlen(folder), git_tree_entry_name(x),
	       strlen(git_tree_entry_name(x)) + 1);
	rc = source_path_name(k->j->s, &k->j->t, path, k->parents, k->j->e);
	mem_free(path);
	return rc;
}

static int empty_folders(struct job *j, git_tree *tree,
			 const struct git_tree_list *parents)
{
	struct empty k = { .j = j, .parents = parents };

	(void)git_tree_walk(tree, GIT_TREEWALK_PRE, empty_folder, &k);
	return j->e->code ? -1 : 0;
}

static int added_paths(struct job *j, git_tree *tree,
		       const struct git_tree_list *parents)
{
	git_diff_options o;
	git_diff *diff = NULL;
	size_t i;
	int rc = 0;

	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_SKIP_BINARY_CHECK;
	if (git_diff_tree_to_tree(&diff, j->r->git, parents->n ? parents->v[0] : NULL,
				  tree, &o))
		return 0; /* a tree that is missing was told before */
	for (i = 0; i < git_diff_num_deltas(diff) && !rc &&
		    !deadline_over(j->s->deadline); i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);

		if (d->status == GIT_DELTA_ADDED)
			rc = source_path_name(j->s, &j->t, d->new_file.path,
					      parents, j->e);
	}
	git_diff_free(diff);
	return rc ? -1 : empty_folders(j, tree, parents);
}

static int one_commit(struct job *j, const unsigned char *oid)
{
	git_tree *tree = NULL, *parent[PARENTS_MAX] = { 0 };
	struct git_tree_list list = { .v = parent };
	size_t from = j->s->list->n, k;
	git_commit *c = NULL, *p;
	git_oid id;
	int rc = 0;

	git_oid_fromraw(&id, oid);
	if (git_commit_lookup(&c, j->r->git, &id) || git_commit_tree(&tree, c))
		goto out;
	for (k = 0; k < git_commit_parentcount(c) && list.n < PARENTS_MAX; k++) {
		if (git_commit_parent(&p, c, (unsigned)k))
			continue;
		list.n += !git_commit_tree(&parent[list.n], p);
		git_commit_free(p);
	}
	rc = added_paths(j, tree, &list) || name_rows(j, from, oid);
out:
	for (k = 0; k < list.n; k++)
		git_tree_free(parent[k]);
	git_tree_free(tree);
	git_commit_free(c);
	return rc ? -1 : 0;
}

/* Most are, and known; what a push brought is quickly read. */
static bool is_commit(const struct job *j, const struct tip *tip)
{
	enum object_type type = OBJECT_BAD;
	char *text = NULL;
	size_t n;

	if (commit_find(&j->commit, tip->oid))
		return true;
	(void)repo_fetch(j->r, tip->oid, &text, &n, &type);
	free(text);
	return type == OBJECT_COMMIT;
}

/* What a tag names that is no commit but a folder: all of it. */
static int tagged_tree(struct job *j, const struct tip *tip)
{
	const struct git_tree_list none = { .n = 0 };
	git_object *o = NULL, *c = NULL, *tree = NULL;
	git_oid id;
	int rc = 0;

	if (is_commit(j, tip))
		return 0;
	git_oid_fromraw(&id, tip->oid);
	if (!git_object_lookup(&o, j->r->git, &id, GIT_OBJECT_ANY) &&
	    git_object_peel(&c, o, GIT_OBJECT_COMMIT) &&
	    !git_object_peel(&tree, o, GIT_OBJECT_TREE))
		rc = added_paths(j, (git_tree *)tree, &none);
	git_object_free(tree);
	git_object_free(c);
	git_object_free(o);
	return rc;
}

/* A branch or tag: told with its name as the place. */
static int one_ref(struct job *j, const struct tip *tip)
{
	const struct git_tree_list none = { .n = 0 };
	size_t from = j->s->list->n, i;

	if (source_path_name(j->s, &j->t, tip->name, &none, j->e) ||
	    tagged_tree(j, tip))
		return -1;
	for (i = from; i < j->s->list->n; i++)
		if (strings_add(&j->s->list->v[i].refs, tip->name, j->e))
			return -1;
	return 0;
}

/* The time ended among the names, and nothing has said so yet. */
static void tell_late(const struct source *s, size_t commits)
{
	if (deadline_met(s->deadline) && !s->tally->unseen)
		tally_unseen(s->tally, NULL, commits ? commits : 1);
}

int source_names(const struct source *s, struct repo *r,
		 const struct commits *c, const struct tip *tip, size_t tips,
		 struct err *e)
{
	struct job j = { .s = s, .r = r, .e = e };
	bool any = false;
	size_t i;
	int rc;

	if (scan_thread_init(&j.t, &s->engine->scanner, e))
		return -1;
	for (rc = 0, i = 0; i < tips && !rc; i++)
		rc = one_ref(&j, &tip[i]);
	if (!rc && c->n)
		rc = any_name(&j, &any);
	for (i = 0; any && i < c->n && !rc && !deadline_over(s->deadline); i++)
		rc = one_commit(&j, c->v[i].oid);
	tell_late(s, c->n);
	tally_thread(s->tally, &j.t);
	scan_thread_release(&j.t);
	return rc;
}

/* ---- the whole history --------------------------------------------------- */

/* The length of the path up to and with the part that holds the secret. */
static size_t part_end(const struct finding *f)
{
	const char *at = memmem(f->file, strlen(f->file), f->secret, f->n_secret);
	size_t n = at ? (size_t)(at - f->file) + f->n_secret : 0;

	return n + strcspn(f->file + n, "/");
}

/* A name that went and came back is told for its first commit, a folder's for
 * its first file. */
static void drop_twice(struct findings *list, size_t first, size_t from)
{
	size_t i, k, n;

	for (i = from; i < list->n;) {
		const struct finding *f = &list->v[i];

		n = part_end(f);
		for (k = first; k < i; k++)
			if (list->v[k].rule == f->rule &&
			    part_end(&list->v[k]) == n &&
			    !strncmp(list->v[k].file, f->file, n))
				break;
		if (k < i)
			findings_drop(list, i);
		else
			i++;
	}
}

static int each_ref(struct job *j)
{
	git_reference_iterator *it = NULL;
	struct tip tip = { .name = NULL };
	git_reference *ref = NULL;
	int rc = 0;

	if (git_reference_iterator_new(&it, j->r->git))
		return 0; /* that refs cannot be read is told elsewhere */
	while (!rc && !git_reference_next(&ref, it)) {
		const git_oid *id = git_reference_target(ref);

		tip.name = git_reference_name(ref);
		memset(tip.oid, 0, OID_LEN);
		if (id)
			memcpy(tip.oid, id->id, OID_LEN);
		rc = one_ref(j, &tip);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return rc;
}

int source_names_all(const struct source *s, struct repo *r, struct commits *c,
		     struct err *e)
{
	struct job j = { .s = s, .r = r, .e = e };
	size_t i, from, first = s->list->n;
	bool any = false;
	int rc;

	if (!c->n)
		return 0;
	if (scan_thread_init(&j.t, &s->engine->scanner, e))
		return -1;
	rc = commits_index(c, &j.commit, e) || each_ref(&j) ||
	     any_name(&j, &any);
	commit_index_release(&j.commit);
	if (any && !rc)
		rc = commits_rank(c, e);
	for (i = 0; any && i < c->n && !rc && !deadline_over(s->deadline); i++) {
		from = s->list->n;
		rc = one_commit(&j, c->v[i].oid);
		if (!rc)
			drop_twice(s->list, first, from);
	}
	tell_late(s, c->n);
	tally_thread(s->tally, &j.t);
	scan_thread_release(&j.t);
	return rc ? -1 : 0;
}
