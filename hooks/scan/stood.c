/*
 * stood: what a push only carries along.
 *
 * A file that holds an old secret comes as a new object whenever another of
 * its lines changes.  So for each row the file is looked up at its path in the
 * parents of its commit, and scanned there: what it held is no news.  Where no
 * parent has that path it is what moved there: files that the commit took away
 * (moved.h).  Where time is over the row counts as new.
 */
#include "hooks/scan/stood.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/held.h"
#include "hooks/scan/moved.h"
#include "hooks/scan/tell.h"

#define STEPS_MAX 2000u /* commits gone back for one row */

struct look {
	const struct source *s;
	struct repo *r;
	struct scan_thread t;
	struct tally tally; /* of these scans: their problems are not new */
	git_oid last;	    /* the blob that `before` is of, */
	char *last_path;    /* and where; NULL: none */
	struct findings before; /* by rule and secret */
	git_diff *diff;		/* of these two commits, or NULL */
	git_oid diff_old, diff_new;
	struct err *e;
};

/* The blob at a path; false: there is none. */
static bool blob_at(git_commit *c, const char *path, git_oid *id)
{
	git_tree_entry *x = NULL;
	git_tree *tree = NULL;
	bool yes;

	yes = !git_commit_tree(&tree, c) &&
	      !git_tree_entry_bypath(&x, tree, path) &&
	      git_tree_entry_type(x) == GIT_OBJECT_BLOB;
	if (yes)
		git_oid_cpy(id, git_tree_entry_id(x));
	git_tree_entry_free(x);
	git_tree_free(tree);
	return yes;
}

/* What the blob holds, into k->before. */
static int read_blob(struct look *k, const git_oid *id, const char *path)
{
	enum object_type type;
	char *text = NULL;
	size_t n = 0;
	int rc = 0;

	if (k->last_path && git_oid_equal(id, &k->last) &&
	    !strcmp(path, k->last_path))
		return 0;
	findings_release(&k->before);
	mem_free(k->last_path);
	k->last_path = mem_strdup(path);
	if (!k->last_path)
		return err_fail(k->e, ERR_NOMEM, NULL, "out of memory");
	git_oid_cpy(&k->last, id);
	if (!deadline_over(k->s->deadline) &&
	    repo_fetch(k->r, id->id, &text, &n, &type) && n <= k->s->max_file)
		rc = engine_file(k->s->engine, &k->t, path, text, n, &k->tally,
				 &k->before, k->e);
	free(text);
	held_sort(&k->before);
	return rc;
}

/* Does the blob hold it?  *yes. */
static int blob_holds(struct look *k, const git_oid *id, const char *path,
		      const struct finding *f, bool *yes)
{
	if (read_blob(k, id, path))
		return -1;
	*yes = held(&k->before, f);
	return 0;
}

/* What `c` has more and less than its parent; NULL: it cannot be told. */
static git_diff *diff_of(struct look *k, git_commit *parent, git_commit *c)
{
	const git_oid *from = git_commit_id(parent), *to = git_commit_id(c);
	git_tree *a = NULL, *b = NULL;

	if (k->diff && git_oid_equal(from, &k->diff_old) &&
	    git_oid_equal(to, &k->diff_new))
		return k->diff;
	git_diff_free(k->diff);
	k->diff = NULL;
	if (!git_commit_tree(&a, parent) && !git_commit_tree(&b, c) &&
	    git_diff_tree_to_tree(&k->diff, k->r->git, a, b, NULL))
		k->diff = NULL;
	git_oid_cpy(&k->diff_old, from);
	git_oid_cpy(&k->diff_new, to);
	git_tree_free(a);
	git_tree_free(b);
	return k->diff;
}

/* Did the file hold it in the parent, by its name or, with `moved`, by one
 * that `c` took away?  *was: that path, allocated; NULL: no. */
static int had(struct look *k, git_commit *parent, git_commit *c, bool moved,
		const struct finding *f, const char *path, char **was)
{
	const git_diff_delta *from[MOVED_MAX];
	bool yes = false;
	size_t i, n;
	git_oid id;
	int rc = 0;

	*was = NULL;
	if (blob_at(parent, path, &id)) {
		rc = moved ? 0 : blob_holds(k, &id, path, f, &yes);
	} else if (moved && !deadline_over(k->s->deadline)) {
		n = moved_from(diff_of(k, parent, c), path, from, MOVED_MAX);
		for (i = 0; i < n && !yes && !rc; i++) {
			path = from[i]->old_file.path;
			rc = blob_holds(k, &from[i]->old_file.id, path, f, &yes);
		}
	}
	if (rc || !yes)
		return rc;
	*was = mem_strdup(path);
	return *was ? 0 : err_fail(k->e, ERR_NOMEM, NULL, "out of memory");
}

/* The parent in which the file held it, and its path there in place of *path;
 * NULL: none did. */
static int holder(struct look *k, git_commit *c, const struct finding *f,
		  char **path, git_commit **out)
{
	const unsigned n = git_commit_parentcount(c);
	git_commit *p = NULL;
	char *was = NULL;
	unsigned i = 0;
	bool moved = false; /* asked of each parent once more */
	int rc = 0;

	*out = NULL;
	while (i < n && !*out && !rc) {
		if (!git_commit_parent(&p, c, i)) {
			rc = had(k, p, c, moved, f, *path, &was);
			if (!rc && was)
				*out = p;
			else
				git_commit_free(p);
		}
		if (++i == n && !moved) {
			moved = true;
			i = 0;
		}
	}
	if (was) {
		mem_free(*path);
		*path = was;
	}
	return rc;
}

/* A row's commit and the path of its file in it: of what stands in an archive
 * that of the archive. */
static int place(struct look *k, const struct finding *f, git_commit **c,
		 char **path)
{
	git_oid id;

	*path = NULL;
	*c = NULL;
	if (!*f->commit || !*f->file || git_oid_fromstr(&id, f->commit) ||
	    git_commit_lookup(c, k->r->git, &id))
		return 0;
	*path = mem_strdup(f->file);
	if (*path && !blob_at(*c, *path, &id))
		(*path)[strcspn(*path, "!")] = '\0';
	return *path ? 0 : err_fail(k->e, ERR_NOMEM, NULL, "out of memory");
}

static int question(struct look *k, struct finding *f)
{
	git_commit *c, *up = NULL;
	char *path;
	int rc = place(k, f, &c, &path);

	if (!rc && path)
		rc = holder(k, c, f, &path, &up);
	f->stood = up != NULL;
	git_commit_free(up);
	git_commit_free(c);
	mem_free(path);
	return rc;
}

/* Back to the commit that brought it. */
static int go_back(struct look *k, struct finding *f)
{
	git_commit *c, *up = NULL;
	unsigned steps = 0;
	char *path;
	int rc = place(k, f, &c, &path);

	while (!rc && path && steps++ < STEPS_MAX &&
	       !deadline_over(k->s->deadline)) {
		rc = holder(k, c, f, &path, &up);
		if (rc || !up)
			break;
		git_commit_free(c);
		c = up;
		up = NULL;
	}
	if (!rc && path)
		rc = tell_commit(f, k->r, git_commit_id(c)->id, k->e) ||
		     finding_fingerprint(f, k->e);
	git_commit_free(c);
	mem_free(path);
	return rc ? -1 : 0;
}

int stood_mark(const struct source *s, struct repo *r, struct err *e)
{
	struct look k = { .s = s, .r = r, .e = e };
	size_t i;
	int rc = 0;

	if (!s->list->n)
		return 0;
	if (scan_thread_init(&k.t, &s->engine->scanner, e))
		return -1;
	k.tally.problems = PROBLEMS_TOLD; /* none is told again */
	for (i = 0; i < s->list->n && !rc; i++)
		rc = question(&k, &s->list->v[i]);
	for (i = 0; i < s->list->n && !rc; i++)
		if (s->list->v[i].stood)
			rc = go_back(&k, &s->list->v[i]);
	findings_release(&k.before);
	mem_free(k.last_path);
	git_diff_free(k.diff);
	scan_thread_release(&k.t);
	return rc;
}
