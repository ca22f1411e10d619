/*
 * source_range: some commits, and the index.
 *
 * For few commits: every blob (of a link: where it points) that a commit holds
 * at a path where none of its parents holds it is scanned, as it stands; what a parent's blob at that
 * path already had is left out, and what a file held that the commit took away
 * (moved.h) from one that it brought.  Merges are compared with all parents, so
 * content that only the merge has is seen.
 */
#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/held.h"
#include "hooks/scan/moved.h"
#include "hooks/scan/repo.h"
#include "hooks/scan/revs.h"
#include "hooks/scan/source.h"
#include "hooks/scan/source_names.h"

struct job {
	const struct source *s;
	struct repo r;
	struct scan_thread t;
	struct err *e;
	struct findings found, before; /* of one file; now and in its parents */
	struct tally old; /* of what was there before: no problem of this scan */
	git_commit *commit;	       /* NULL: the index */
	git_diff *diff;		       /* against its first parent */
	git_tree *parent[16];
	size_t parents;
};

static int scan_blob(struct job *j, const git_oid *id, const char *path,
		     struct tally *tally, struct findings *list)
{
	enum object_type type;
	char *text = NULL;
	size_t n = 0;
	int rc = 0;

	if (!repo_fetch(&j->r, id->id, &text, &n, &type))
		tally_problem(tally, path, "%s", repo_why());
	else if (n <= j->s->max_file)
		rc = engine_file(j->s->engine, &j->t, path, text, n, tally,
				 list, j->e);
	else {
		tally_problem(tally, path, "%zu bytes, over the limit of "
			      "%zu", n, j->s->max_file);
		tally_large(tally, n);
	}
	free(text);
	return rc;
}

static int name_commit(struct job *j, struct finding *f)
{
	const git_signature *who;
	char hex[2 * OID_LEN + 1];

	if (!j->commit)
		return 0;
	who = git_commit_author(j->commit);
	walk_name(git_commit_id(j->commit)->id, hex);
	f->date_ms = (int64_t)who->when.time * 1000;
	return finding_set(&f->commit, hex, j->e) ||
	       finding_set(&f->author, who->name, j->e) ||
	       finding_set(&f->email, who->email, j->e) ||
	       finding_set(&f->message, git_commit_message(j->commit), j->e) ||
	       finding_fingerprint(f, j->e);
}

/* Move what is new into the report. */
static int take_new(struct job *j)
{
	size_t i;

	held_sort(&j->before);
	for (i = 0; i < j->found.n; i++) {
		struct finding *f = &j->found.v[i];

		if (held(&j->before, f))
			continue;
		if (name_commit(j, f))
			return -1;
		if (!engine_stands(j->s->engine, j->t.regex, f))
			continue;
		if (findings_move(&j->found, i, j->s->list, j->e))
			return -1;
	}
	return 0;
}

/* What a path's name says, where no parent has that name. */
static int one_name(struct job *j, const char *path)
{
	const struct git_tree_list parents = { j->parent, j->parents };
	size_t i, from = j->s->list->n;

	if (source_path_name(j->s, &j->t, path, &parents, j->e))
		return -1;
	for (i = from; i < j->s->list->n; i++)
		if (name_commit(j, &j->s->list->v[i]))
			return -1;
	return 0;
}

/* What the file held before, or what moved there. */
static int scan_before(struct job *j, const git_diff_delta *d)
{
	const git_diff_delta *from[MOVED_MAX];
	const char *path = d->new_file.path;
	size_t i, n;
	int rc = 0;

	if (d->status != GIT_DELTA_ADDED)
		return scan_blob(j, &d->old_file.id, path, &j->old, &j->before);
	n = moved_from(j->diff, path, from, MOVED_MAX);
	for (i = 0; i < n && !rc && !deadline_over(j->s->deadline); i++)
		rc = scan_blob(j, &from[i]->old_file.id,
			       from[i]->old_file.path, &j->old, &j->before);
	return rc;
}

static int one_file(struct job *j, const git_diff_delta *d)
{
	int rc;

	if (d->status == GIT_DELTA_ADDED && one_name(j, d->new_file.path))
		return -1;
	if (d->status == GIT_DELTA_DELETED ||
	    d->new_file.mode == GIT_FILEMODE_COMMIT)
		return 0;
	rc = scan_blob(j, &d->new_file.id, d->new_file.path, j->s->tally,
		       &j->found);
	if (!rc && j->found.n)
		rc = scan_before(j, d);
	if (!rc)
		rc = take_new(j);
	findings_release(&j->found);
	findings_release(&j->before);
	return rc;
}

static int git_failed(struct err *e, const char *what)
{
	return err_fail(e, ERR_FORMAT, what, "%s", repo_why());
}

/* A merge: only paths that differ from every parent. */
static int differs_from_all(struct job *j, const git_diff_delta *d,
			    git_tree **parent, size_t n)
{
	git_tree_entry *x = NULL;
	size_t i;

	for (i = 1; i < n; i++) {
		bool same = !git_tree_entry_bypath(&x, parent[i],
						   d->new_file.path) &&
			    git_oid_equal(git_tree_entry_id(x), &d->new_file.id);

		git_tree_entry_free(x);
		x = NULL;
		if (same)
			return 0;
	}
	return one_file(j, d);
}

static bool late(const struct source *s, const char *path)
{
	if (!deadline_over(s->deadline))
		return false;
	tally_unseen(s->tally, path, 1);
	return true;
}

/* A message, or who made a commit. */
static int one_text(struct job *j, const char *text)
{
	int rc = engine_file(j->s->engine, &j->t, "", text, strlen(text),
			     j->s->tally, &j->found, j->e);

	if (!rc)
		rc = take_new(j);
	findings_release(&j->found);
	return rc;
}

static int one_commit(struct job *j, const git_oid *id, bool no_merges,
		      uint64_t *left)
{
	git_tree *tree = NULL, **parent = j->parent;
	git_diff_options o;
	char hex[GIT_OID_HEXSZ + 1];
	size_t n = 0, i;
	int rc = -1;

	if (git_commit_lookup(&j->commit, j->r.git, id) ||
	    git_commit_tree(&tree, j->commit)) {
		git_failed(j->e, git_oid_tostr(hex, sizeof(hex), id));
		goto out;
	}
	if (no_merges && git_commit_parentcount(j->commit) > 1) {
		rc = 0;
		goto out;
	}
	(*left)--;
	j->s->tally->commits++;
	for (; n < 16 && n < git_commit_parentcount(j->commit); n++) {
		git_commit *p = NULL;

		if (git_commit_parent(&p, j->commit, (unsigned)n))
			break; /* shallow: all of it is new */
		rc = git_commit_tree(&parent[n], p);
		git_commit_free(p);
		if (rc) {
			git_failed(j->e, "tree");
			goto out;
		}
		j->parents = n + 1;
	}
	rc = -1;
	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_INCLUDE_TYPECHANGE;
	if (git_diff_tree_to_tree(&j->diff, j->r.git, parent[0], tree, &o)) {
		git_failed(j->e, "diff");
		goto out;
	}
	rc = 0;
	for (i = 0; i < git_diff_num_deltas(j->diff) && !rc; i++)
		rc = differs_from_all(j, git_diff_get_delta(j->diff, i), parent, n);
	if (!rc && git_commit_message(j->commit)) {
		const char *text = git_commit_message(j->commit);

		rc = one_text(j, text);
		if (!rc)
			rc = one_text(j, git_commit_raw_header(j->commit));
	}
out:
	git_diff_free(j->diff);
	j->diff = NULL;
	for (i = 0; i < n; i++) {
		git_tree_free(parent[i]);
		parent[i] = NULL; /* a root's diff is against none */
	}
	j->parents = 0;
	git_tree_free(tree);
	git_commit_free(j->commit);
	j->commit = NULL;
	return rc;
}

/* What a pushed tag says itself, through tags of tags; a blob that it names. */
static int one_tag(struct job *j, const char *hex)
{
	git_object *o = NULL, *next = NULL;
	git_oid id;
	int rc = 0;

	if (git_oid_fromstr(&id, hex) ||
	    git_object_lookup(&o, j->r.git, &id, GIT_OBJECT_ANY))
		return err_fail(j->e, ERR_FORMAT, hex, "%s", repo_why());
	while (!rc && o && git_object_type(o) == GIT_OBJECT_TAG) {
		const git_tag *tag = (const git_tag *)o;
		const char *text = git_tag_message(tag);

		if (text)
			rc = one_text(j, text);
		if (!rc && git_tag_tagger(tag))
			rc = one_text(j, git_tag_tagger(tag)->name) ||
			     one_text(j, git_tag_tagger(tag)->email);
		if (git_tag_target(&next, tag))
			next = NULL;
		git_object_free(o);
		o = next;
	}
	if (!rc && o && git_object_type(o) == GIT_OBJECT_BLOB) {
		rc = scan_blob(j, git_object_id(o), "", j->s->tally,
			       &j->found);
		if (!rc)
			rc = take_new(j);
		findings_release(&j->found);
	}
	if (!rc && o && git_object_type(o) == GIT_OBJECT_TREE)
		tally_problem(j->s->tally, hex, "a tree that no commit holds");
	git_object_free(o);
	return rc;
}

/* Tags of anything but a commit have nothing to walk. */
static bool leads_to_commit(struct job *j, const char *hex)
{
	git_object *o = NULL, *c = NULL;
	bool yes = false;
	git_oid id;

	if (!git_oid_fromstr(&id, hex) &&
	    !git_object_lookup(&o, j->r.git, &id, GIT_OBJECT_ANY))
		yes = !git_object_peel(&c, o, GIT_OBJECT_COMMIT);
	git_object_free(c);
	git_object_free(o);
	return yes;
}

static int tags_of(struct job *j, struct strings *commits, const struct revs *revs)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < revs->new.n; i++) {
		rc = one_tag(j, revs->new.v[i]);
		if (!rc && leads_to_commit(j, revs->new.v[i]))
			rc = strings_add(commits, revs->new.v[i], j->e);
	}
	return rc;
}

static int hide_or_push(git_revwalk *walk, const struct strings *list, bool hide,
			struct err *e)
{
	git_oid id;
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (git_oid_fromstr(&id, list->v[i]))
			return err_fail(e, ERR_FORMAT, list->v[i], "no object id");
		if (hide)
			(void)git_revwalk_hide(walk, &id); /* may be unknown here */
		else if (git_revwalk_push(walk, &id))
			return git_failed(e, list->v[i]);
	}
	return 0;
}

int source_range(const struct source *s, const char *path,
		 const struct revs *revs, struct err *e)
{
	struct job j = { .s = s, .e = e, .old.problems = PROBLEMS_TOLD };
	struct strings commits = { 0 };
	git_revwalk *walk = NULL;
	uint64_t left = revs->most ? revs->most : UINT64_MAX;
	git_oid id;
	int rc = -1;

	if (repo_open(&j.r, path, revs->in ? revs->in->objects : NULL,
		      revs->in ? revs->in->alternates : NULL, e))
		return -1;
	if (scan_thread_init(&j.t, &s->engine->scanner, e))
		goto out;
	if (git_revwalk_new(&walk, j.r.git)) {
		git_failed(e, path);
		goto out;
	}
	git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
	if (tags_of(&j, &commits, revs) || hide_or_push(walk, &commits, false, e) ||
	    hide_or_push(walk, &revs->old, true, e))
		goto out;
	rc = 0;
	while (!rc && left && !late(s, path))
		switch (git_revwalk_next(&id, walk)) {
		case 0:
			rc = one_commit(&j, &id, revs->no_merges, &left);
			break;
		case GIT_ITEROVER:
			left = 0;
			break;
		default: /* a commit that is not here */
			tally_problem(s->tally, path, "%s", repo_why());
			left = 0;
		}
out:
	tally_thread(s->tally, &j.t);
	if (rc || s->tally->problems)
		repo_tell_gone(&j.r);
	strings_free(&commits);
	git_revwalk_free(walk);
	scan_thread_release(&j.t);
	repo_close(&j.r);
	return rc;
}

int source_index(const struct source *s, const char *path, const char *index,
		 struct err *e)
{
	struct job j = { .s = s, .e = e, .old.problems = PROBLEMS_TOLD };
	git_object *head = NULL;
	git_index *staged = NULL;
	int rc = -1;
	size_t i;

	if (repo_open(&j.r, path, NULL, NULL, e))
		return -1;
	if (scan_thread_init(&j.t, &s->engine->scanner, e))
		goto out;
	if (index && git_index_open(&staged, index)) {
		git_failed(e, index);
		goto out;
	}
	/* without a HEAD everything staged is new */
	if (!git_revparse_single(&head, j.r.git, "HEAD^{tree}")) {
		j.parent[0] = (git_tree *)head;
		j.parents = 1;
	}
	if (git_diff_tree_to_index(&j.diff, j.r.git, (git_tree *)head, staged,
				   NULL)) {
		git_failed(e, path);
		goto out;
	}
	rc = 0;
	for (i = 0; i < git_diff_num_deltas(j.diff) && !rc; i++)
		rc = one_file(&j, git_diff_get_delta(j.diff, i));
out:
	if (rc || s->tally->problems)
		repo_tell_gone(&j.r);
	git_diff_free(j.diff);
	git_index_free(staged);
	git_object_free(head);
	scan_thread_release(&j.t);
	repo_close(&j.r);
	return rc;
}
