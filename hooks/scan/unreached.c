/*
 * unreached: see unreached.h.
 *
 * Owns the question whether there is anything to walk for: mostly what is new
 * stands on what a ref of the push had, or on the tip of another ref, and no more
 * than that is asked.
 */
#include "hooks/scan/unreached.h"

#include <git2.h>
#include <string.h>

#include "hooks/scan/attribute.h"
#include "hooks/scan/idset.h"
#include "hooks/scan/revs.h"

struct job {
	const struct source *s;
	struct repo *r;
	const struct quarantine *q;
	git_odb *old; /* opened when it is asked */
	struct idset in;    /* commits in the quarantine */
	struct idset seen;  /* asked about already */
	struct idset known; /* a ref leads there */
	struct strings ids; /* old ones, maybe unreached */
	bool trees;	    /* ... one is a tree */
	struct err *e;
};

static int add_id(struct job *j, const git_oid *id)
{
	char hex[2 * OID_LEN + 1];
	bool new;

	if (idset_add(&j->seen, oid_short(id->id), &new, j->e))
		return -1;
	if (!new || idset_has(&j->known, oid_short(id->id)))
		return 0;
	walk_name(id->id, hex);
	return strings_add(&j->ids, hex, j->e);
}

/* The old parents of a commit that came. */
static int add_parents(struct job *j, const struct commits *c, size_t i)
{
	git_commit *commit = NULL;
	git_oid id;
	unsigned k;
	int rc = 0;

	for (k = 0; k < c->v[i].parents; k++)
		if (!idset_has(&j->in, c->parent[c->v[i].parent + k]) &&
		    !idset_has(&j->known, c->parent[c->v[i].parent + k]))
			break;
	if (k == c->v[i].parents)
		return 0;
	git_oid_fromraw(&id, c->v[i].oid);
	if (git_commit_lookup(&commit, j->r->git, &id)) {
		tally_object(j->s->tally, id.id, "%s", repo_why());
		return 0;
	}
	for (k = 0; k < git_commit_parentcount(commit) && !rc; k++) {
		const git_oid *parent = git_commit_parent_id(commit, k);

		if (!idset_has(&j->in, oid_short(parent->id)))
			rc = add_id(j, parent);
	}
	git_commit_free(commit);
	return rc;
}

static int is_old(struct job *j, const git_oid *id, bool *yes)
{
	if (!j->old && repo_old(j->r, &j->old, j->e))
		return -1;
	*yes = git_odb_exists(j->old, id);
	return 0;
}

/* What a ref is to lead to: a commit, or through tags; what else it may be is
 * looked at when it was there before. */
static int add_tip(struct job *j, const struct tip *tip)
{
	git_object *o = NULL, *end = NULL;
	bool old = false;
	git_oid id;
	int rc = 0;

	git_oid_fromraw(&id, tip->oid);
	if (idset_has(&j->in, oid_short(tip->oid)))
		return 0;
	if (git_object_lookup(&o, j->r->git, &id, GIT_OBJECT_ANY)) {
		tally_problem(j->s->tally, tip->name, "%s", repo_why());
		return 0;
	}
	if (git_object_type(o) != GIT_OBJECT_COMMIT)
		rc = is_old(j, &id, &old);
	if (!rc && (old || git_object_type(o) == GIT_OBJECT_COMMIT)) {
		rc = add_id(j, &id);
	} else if (!rc && git_object_type(o) == GIT_OBJECT_TAG &&
		   !git_tag_peel(&end, (const git_tag *)o) &&
		   !idset_has(&j->in, oid_short(git_object_id(end)->id))) {
		rc = is_old(j, git_object_id(end), &old);
		if (!rc && old)
			rc = add_id(j, git_object_id(end));
	}
	j->trees |= old && git_object_type(end ? end : o) == GIT_OBJECT_TREE;
	git_object_free(end);
	git_object_free(o);
	return rc;
}

static bool late(const struct job *j)
{
	if (!deadline_over(j->s->deadline))
		return false;
	tally_unseen(j->s->tally, j->q->git_dir, 1);
	return true;
}

static int collect(struct job *j, const struct commits *c)
{
	static const unsigned char none[OID_LEN];
	size_t i;

	for (i = 0; i < c->n; i++)
		if (idset_add(&j->in, oid_short(c->v[i].oid), NULL, j->e))
			return -1;
	for (i = 0; i < j->q->tips; i++)
		if (memcmp(j->q->tip[i].old, none, OID_LEN) != 0 &&
		    idset_add(&j->known, oid_short(j->q->tip[i].old), NULL, j->e))
			return -1;
	for (i = 0; i < c->n && !late(j); i++)
		if (add_parents(j, c, i))
			return -1;
	for (i = 0; i < j->q->tips && !late(j); i++)
		if (add_tip(j, &j->q->tip[i]))
			return -1;
	return 0;
}

/* The tree of what the ref leads to. */
static int add_tree(struct job *j, const git_reference *ref)
{
	git_object *tree = NULL;
	int rc = 0;

	if (!git_reference_peel(&tree, ref, GIT_OBJECT_TREE))
		rc = idset_add(&j->known, oid_short(git_object_id(tree)->id),
			       NULL, j->e);
	git_object_free(tree);
	return rc;
}

/* All that refs lead to directly. */
static int add_refs(struct job *j)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	int rc = 0;

	if (git_reference_iterator_new(&it, j->r->git))
		return err_fail(j->e, ERR_FORMAT, NULL, "%s", repo_why());
	while (!rc && !git_reference_next(&ref, it)) {
		const git_oid *id = git_reference_target(ref);
		const git_oid *end = git_reference_target_peel(ref);

		if (id)
			rc = idset_add(&j->known, oid_short(id->id), NULL, j->e);
		if (!rc && end)
			rc = idset_add(&j->known, oid_short(end->id), NULL, j->e);
		if (!rc && j->trees)
			rc = add_tree(j, ref);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return rc;
}

/* Those that no ref leads to directly. */
static int list_new(struct job *j, struct strings *out)
{
	git_oid id;
	size_t i;

	for (i = 0; i < j->ids.n; i++)
		if (!git_oid_fromstr(&id, j->ids.v[i]) &&
		    !idset_has(&j->known, oid_short(id.id)) &&
		    strings_add(out, j->ids.v[i], j->e))
			return -1;
	return 0;
}

int unreached_find(const struct source *s, struct repo *r,
		   const struct quarantine *q, const struct commits *c,
		   struct err *e)
{
	struct job j = { .s = s, .r = r, .q = q, .e = e };
	struct revs revs = { .in = q };
	int rc = -1;

	if (collect(&j, c))
		goto out;
	if (j.ids.n && (add_refs(&j) || list_new(&j, &revs.new)))
		goto out;
	if (revs.new.n && (revs_tips(q->git_dir, "refs/*", &revs.old, e) ||
			   source_range(s, q->git_dir, &revs, e)))
		goto out;
	rc = 0;
out:
	git_odb_free(j.old);
	idset_release(&j.in);
	idset_release(&j.seen);
	idset_release(&j.known);
	strings_free(&j.ids);
	revs_release(&revs);
	return rc;
}
