/*
 * copied: old files that a push puts at new paths.
 *
 * A push brings no object for a file that the repository has already: a copy
 * or a move is a line in a tree.  What a file holds may weigh more at its new
 * path, and it may never have been seen in a branch.  So the pushed commits are
 * compared with their parents, and old files at new paths are scanned as they
 * stand there; stood.c decides what is no news of it.  A file that a branch or
 * tag of the repository has at the same path came from there (cherry-picks).
 */
#include "hooks/scan/copied.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/scan/tell.h"

#define COMMITS_MAX 2000u /* of a push that are compared with their parents */
#define REFS_MAX 1000u	  /* asked about one file */
#define PARENTS_MAX 16u

struct job {
	const struct source *s;
	struct repo *r;
	git_odb *old;
	struct scan_thread t;
	bool ready; /* t is */
	struct err *e;
};

static bool has_at(git_tree *tree, const char *path, const git_oid *id)
{
	git_tree_entry *x = NULL;
	bool yes = !git_tree_entry_bypath(&x, tree, path) &&
		   git_oid_equal(git_tree_entry_id(x), id);

	git_tree_entry_free(x);
	return yes;
}

static bool ref_has(git_reference *ref, const char *path, const git_oid *id)
{
	git_object *tree = NULL;
	bool yes = !git_reference_peel(&tree, ref, GIT_OBJECT_TREE) &&
		   has_at((git_tree *)tree, path, id);

	git_object_free(tree);
	return yes;
}

/* Does a branch or tag that is there have the file at this path? */
static bool stands_in_refs(struct job *j, const char *path, const git_oid *id)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	bool yes = false;
	unsigned i;

	if (git_reference_iterator_new(&it, j->r->git))
		return false;
	for (i = 0; i < REFS_MAX && !yes && !deadline_over(j->s->deadline) &&
		    !git_reference_next(&ref, it); i++) {
		yes = ref_has(ref, path, id);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return yes;
}

/* The rows from `from` on get the commit; those that do not stand go. */
static int name_rows(struct job *j, size_t from, const unsigned char *commit,
		     const git_diff_delta *d)
{
	const bool old = stands_in_refs(j, d->new_file.path, &d->new_file.id);
	struct findings *list = j->s->list;
	char hex[2 * OID_LEN + 1];
	size_t i;

	walk_name(d->new_file.id.id, hex);
	for (i = list->n; i-- > from;) {
		struct finding *f = &list->v[i];

		if (tell_commit(f, j->r, commit, j->e) ||
		    finding_set(&f->object, hex, j->e) ||
		    finding_fingerprint(f, j->e))
			return -1;
		if (old || !engine_stands(j->s->engine, j->t.regex, f))
			findings_drop(list, i);
	}
	return 0;
}

/* An old file where it stands now. */
static int one_file(struct job *j, const git_diff_delta *d,
		    const unsigned char *commit)
{
	const char *path = d->new_file.path;
	size_t from = j->s->list->n, n = 0;
	enum object_type type;
	char *text = NULL;
	int rc;

	if (!j->ready && scan_thread_init(&j->t, &j->s->engine->scanner, j->e))
		return -1;
	j->ready = true;
	if (!repo_fetch(j->r, d->new_file.id.id, &text, &n, &type)) {
		tally_problem(j->s->tally, path, "%s", repo_why());
		return 0;
	}
	j->s->list->cursor.text = NULL;
	if (n > j->s->max_file) {
		tally_problem(j->s->tally, path, "larger than the limit");
		rc = 0;
	} else {
		rc = engine_file(j->s->engine, &j->t, path, text, n,
				 j->s->tally, j->s->list, j->e);
	}
	j->s->list->cursor.text = NULL;
	free(text);
	if (!rc && j->s->list->n > from)
		rc = name_rows(j, from, commit, d);
	return rc;
}

static int one_delta(struct job *j, const git_diff_delta *d, git_tree **parent,
		     size_t parents, const unsigned char *commit)
{
	size_t i;

	if (d->status == GIT_DELTA_DELETED ||
	    d->new_file.mode == GIT_FILEMODE_COMMIT ||
	    git_oid_equal(&d->new_file.id, &d->old_file.id) || /* its mode */
	    !git_odb_exists_ext(j->old, &d->new_file.id,
				GIT_ODB_LOOKUP_NO_REFRESH))
		return 0;
	for (i = 1; i < parents; i++)
		if (has_at(parent[i], d->new_file.path, &d->new_file.id))
			return 0;
	return one_file(j, d, commit);
}

/* A commit that cannot be read was told before. */
static int one_commit(struct job *j, const unsigned char *oid)
{
	git_tree *tree = NULL, *parent[PARENTS_MAX] = { 0 };
	git_diff_options o;
	git_commit *c = NULL, *p;
	git_diff *diff = NULL;
	size_t n = 0, i;
	git_oid id;
	int rc = 0;

	git_oid_fromraw(&id, oid);
	if (git_commit_lookup(&c, j->r->git, &id) || git_commit_tree(&tree, c))
		goto out;
	for (i = 0; i < git_commit_parentcount(c) && n < PARENTS_MAX; i++) {
		if (git_commit_parent(&p, c, (unsigned)i))
			continue;
		n += !git_commit_tree(&parent[n], p);
		git_commit_free(p);
	}
	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_INCLUDE_TYPECHANGE;
	if (git_diff_tree_to_tree(&diff, j->r->git, parent[0], tree, &o))
		goto out;
	for (i = 0; i < git_diff_num_deltas(diff) && !rc &&
		    !deadline_over(j->s->deadline); i++)
		rc = one_delta(j, git_diff_get_delta(diff, i), parent, n, oid);
out:
	git_diff_free(diff);
	while (n)
		git_tree_free(parent[--n]);
	git_tree_free(tree);
	git_commit_free(c);
	return rc;
}

int copied_find(const struct source *s, struct repo *r, struct git_odb *old,
		const struct commits *c, struct err *e)
{
	struct job j = { .s = s, .r = r, .old = old, .e = e };
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n && i < COMMITS_MAX && !rc; i++) {
		if (deadline_over(s->deadline)) {
			tally_unseen(s->tally, NULL, c->n - i);
			break;
		}
		rc = one_commit(&j, c->v[i].oid);
	}
	if (j.ready) {
		tally_thread(s->tally, &j.t);
		scan_thread_release(&j.t);
	}
	return rc;
}
