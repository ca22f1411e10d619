/*
 * copied: old files that a push puts at new paths.
 *
 * A push brings no object for a file that the repository has already: a copy
 * or a move is a line in a tree.  What a file holds may weigh more at its new
 * path, and it may never have been seen in a branch.  So the pushed commits are
 * compared with their parents (fresh.h), and old files at new paths are scanned
 * as they stand there; stood.c decides what is no news of it.  A file that a
 * branch or tag of the repository has at the same path came from there
 * (cherry-picks).
 *
 * What came with the push is not asked for, so where all is new no old object is
 * read.  Many commits at once are mostly a history that comes as a whole: they are
 * compared only when their trees name something that did not come with them.
 */
#include "hooks/scan/copied.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/scan/attribute.h"
#include "hooks/scan/fresh.h"
#include "hooks/scan/links.h"
#include "hooks/scan/tell.h"

#define REFS_MAX 1000u /* asked about one file */
#define MANY 2000u     /* commits of a push */

struct job {
	const struct source *s;
	struct repo *r;
	const struct quarantine *q;
	struct idset here; /* what the push brought, and only it */
	const unsigned char *commit;
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

/* The refs of the push that end with it there. */
static int name_refs(struct job *j, struct finding *f, const char *path,
		     const git_oid *id)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < j->q->tips && !rc; i++) {
		git_object *o = NULL, *tree = NULL;
		git_oid tip;

		git_oid_fromraw(&tip, j->q->tip[i].oid);
		if (!git_object_lookup(&o, j->r->git, &tip, GIT_OBJECT_ANY) &&
		    !git_object_peel(&tree, o, GIT_OBJECT_TREE) &&
		    has_at((git_tree *)tree, path, id))
			rc = strings_add(&f->refs, j->q->tip[i].name, j->e);
		git_object_free(tree);
		git_object_free(o);
	}
	return rc;
}

/* The rows from `from` on get the commit; those that do not stand go. */
static int name_rows(struct job *j, size_t from, const char *path,
		     const git_oid *id)
{
	const bool old = stands_in_refs(j, path, id);
	struct findings *list = j->s->list;
	char hex[2 * OID_LEN + 1];
	size_t i;

	walk_name(id->id, hex);
	for (i = list->n; i-- > from;) {
		struct finding *f = &list->v[i];

		if (tell_commit(f, j->r, j->commit, j->e) ||
		    finding_set(&f->object, hex, j->e) ||
		    name_refs(j, f, path, id) ||
		    finding_fingerprint(f, j->e))
			return -1;
		if (old || !engine_stands(j->s->engine, j->t.regex, f))
			findings_drop(list, i);
	}
	return 0;
}

/* An old file where it stands now. */
static int one_file(void *arg, const char *path, const unsigned char *oid,
		    struct err *e)
{
	struct job *j = arg;
	size_t from = j->s->list->n, n = 0;
	enum object_type type;
	char *text = NULL;
	git_oid id;
	int rc = 0;

	if (!j->ready && scan_thread_init(&j->t, &j->s->engine->scanner, e))
		return -1;
	j->ready = true;
	if (!repo_fetch(j->r, oid, &text, &n, &type)) {
		tally_problem(j->s->tally, path, "%s", repo_why());
		return 0;
	}
	j->s->list->cursor.text = NULL;
	if (n > j->s->max_file) {
		tally_problem(j->s->tally, path, "%zu bytes, over the limit of "
			      "%zu", n, j->s->max_file);
		tally_large(j->s->tally, n);
	} else {
		rc = engine_file(j->s->engine, &j->t, path, text, n,
				 j->s->tally, j->s->list, e);
	}
	j->s->list->cursor.text = NULL;
	free(text);
	git_oid_fromraw(&id, oid);
	if (!rc && j->s->list->n > from)
		rc = name_rows(j, from, path, &id);
	return rc;
}

/* ---- what is worth comparing --------------------------------------------- */

static int add_here(struct job *j, const struct idset *again,
		    const unsigned char *oid)
{
	const uint64_t id = oid_short(oid);

	return idset_has(again, id) ? 0 : idset_add(&j->here, id, NULL, j->e);
}

static int list_here(struct job *j, const struct idset *again)
{
	const struct buf *loose = &j->r->loose;
	size_t p, i;

	for (p = 0; p < j->r->packs; p++)
		for (i = 0; i < j->r->pack[p].p->n; i++)
			if (add_here(j, again, pack_oid(j->r->pack[p].p,
							(uint32_t)i)))
				return -1;
	for (i = 0; i + OID_LEN <= loose->len; i += OID_LEN)
		if (add_here(j, again, (const unsigned char *)loose->p + i))
			return -1;
	return 0;
}

/* Can a commit or tree of the push name what did not come with it? */
static int names_old(struct job *j, const struct commits *c, bool *yes)
{
	struct links l;
	size_t i;

	*yes = c->n <= MANY;
	for (i = 0; i < c->n && !*yes; i++)
		*yes = !idset_has(&j->here, c->v[i].tree);
	if (*yes || !c->n)
		return 0;
	if (links_get(j->r, j->s->threads, j->s->max_file, j->s->tally, &l,
		      j->e))
		return -1;
	for (i = 0; i < l.lists.gains && !*yes; i++)
		*yes = l.lists.gain[i].child && /* else between two threads' */
		       !idset_has(&j->here, l.lists.gain[i].child);
	links_keep(j->r, &l);
	return 0;
}

int copied_find(const struct source *s, struct repo *r,
		const struct quarantine *q, const struct idset *again, const struct commits *c,
		struct err *e)
{
	struct job j = { .s = s, .r = r, .q = q, .e = e };
	struct fresh f = { .r = r, .skip = &j.here, .tally = s->tally,
			   .deadline = s->deadline, .each = one_file, .arg = &j };
	bool yes = false;
	size_t i;
	int rc = list_here(&j, again) || names_old(&j, c, &yes) ? -1 : 0;

	for (i = 0; yes && i < c->n && !rc; i++) {
		j.commit = c->v[i].oid;
		rc = fresh_files(&f, j.commit, e);
		if (deadline_met(s->deadline)) {
			tally_unseen(s->tally, NULL, c->n - i);
			break;
		}
	}
	if (j.ready) {
		tally_thread(s->tally, &j.t);
		scan_thread_release(&j.t);
	}
	idset_release(&j.here);
	return rc;
}
