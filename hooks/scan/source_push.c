/*
 * source_push: what a push brought, while it is still in quarantine.
 *
 * Looks at exactly the objects that came in, packed or loose, and not at
 * old..new: so what is in no ref of the push is seen too, and the cost does
 * not depend on the size of the repository.  Old objects only where the push
 * puts them at new paths (copied.h), or leads to commits that no ref leads to
 * (unreached.h).
 */
#include <git2.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/copied.h"
#include "hooks/scan/path_rules.h"
#include "hooks/scan/source.h"
#include "hooks/scan/source_names.h"
#include "hooks/scan/stood.h"
#include "hooks/scan/tell.h"
#include "hooks/scan/unreached.h"

/* What came though it was there is no news by itself: git completes a thin pack
 * with bases the repository already had, and a pusher who does not know what is
 * there sends more than is needed.  `again`: such objects. */
static int drop_known(const struct repo *r, struct sightings *s,
		      struct idset *again, struct err *e)
{
	git_odb *old = NULL;
	size_t i, kept = 0;
	git_oid id;
	int rc = 0;

	if (!s->n || !r->own)
		return 0;
	if (repo_old(r, &old, e))
		return -1;
	for (i = 0; i < s->n && !rc; i++) {
		git_oid_fromraw(&id, s->v[i].oid);
		if (git_odb_exists(old, &id))
			rc = idset_add(again, oid_short(id.id), NULL, e);
		else
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	git_odb_free(old);
	return rc;
}

/* Objects that could not be looked at, by where they stand: a pusher knows no
 * object by its id. */
static int tell_unnamed(const struct source *s, struct repo *r,
			struct walk_out *out, const struct quarantine *q,
			struct err *e)
{
	struct attribute_options o = { .threads = s->threads, .tip = q->tip,
				       .tips = q->tips, .most = s->max_file };
	struct tally *t = s->tally;
	struct walk_out blobs = { .commits = out->commits };
	struct attribution a = { 0 };
	char hex[2 * OID_LEN + 1];
	struct mark m = { .start = 0 };
	unsigned i;
	int rc = -1;

	if (!t->n_unnamed)
		return 0;
	deadline_grace(s->deadline);
	for (i = 0; i < t->n_unnamed; i++) {
		m.secret = i; /* stands for itself */
		if (sightings_add(&blobs.seen, t->unnamed[i].oid, OBJECT_BLOB,
				  &m, e))
			goto out;
	}
	if (attribute(r, &blobs, t->n_unnamed, &o, t, &a, e))
		goto out;
	for (i = 0; i < a.n; i++) {
		const struct place *p = &a.v[i];
		struct buf path = BUF_INIT(BUF_TEXT_MAX);
		struct buf text = BUF_INIT(BUF_TEXT_MAX + 256);

		walk_name(p->rank == RANK_NONE ? p->seen->oid
					: blobs.commits.v[p->rank].oid, hex);
		rc = path_text(a.paths, p->path, &path, e);
		if (!rc)
			rc = buf_printf(&text, e, "'%s' of %s %.12s: %s",
					path.len ? path.p : "(no path)",
					p->rank == RANK_NONE ? "object" : "commit",
					hex, t->unnamed[p->secret].why);
		if (!rc)
			tally_name(t, text.p);
		buf_release(&path);
		buf_release(&text);
		if (rc)
			goto out;
	}
	rc = 0;
out:
	out->commits = blobs.commits; /* ranked meanwhile, maybe */
	memset(&blobs.commits, 0, sizeof(blobs.commits));
	walk_out_release(&blobs);
	attribution_release(&a);
	return rc;
}

int source_push(const struct source *s, const struct quarantine *q,
		struct err *e)
{
	static const struct tip nothing = { .name = "" };
	struct walk_out out = { 0 };
	struct repo r;
	struct walk w = {
		.engine = s->engine, .threads = s->threads,
		.max_object = s->max_file,
		.fetch = repo_fetch, .fetch_arg = &r, .tally = s->tally,
		.out = &out,
	};
	struct idset again = { 0 };
	int rc = -1;

	if (repo_open(&r, q->git_dir, q->objects, q->alternates, e))
		return -1;
	r.deadline = s->deadline;
	s->tally->defer = true;
	if (repo_objects(&r, &w, 0, 1, e) ||
	    tell_unnamed(s, &r, &out, q, e) ||
	    path_rules_find(s, &r, &out, e) ||
	    drop_known(&r, &out.seen, &again, e) ||
	    tell_all(s, &r, &out, q->tip ? q->tip : &nothing, q->tips, e) ||
	    (q->alternates && copied_find(s, &r, q, &again, &out.commits, e)) ||
	    stood_mark(s, &r, e) ||
	    unreached_find(s, &r, q, &out.commits, e) ||
	    source_names(s, &r, &out.commits, q->tip, q->tips, e))
		goto out;
	rc = 0;
out:
	if (rc || s->tally->problems)
		repo_tell_gone(&r);
	idset_release(&again);
	walk_out_release(&out);
	repo_close(&r);
	return rc;
}
