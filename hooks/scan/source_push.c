/*
 * source_push: what a push brought, while it is still in quarantine.
 *
 * Looks at exactly the objects that came in, packed or loose, and not at
 * old..new: so what is in no ref of the push is seen too, and the cost does
 * not depend on the size of the repository.
 */
#include <git2.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/path_rules.h"
#include "hooks/scan/source.h"
#include "hooks/scan/tell.h"

/* The object store without the quarantine. */
static int open_old(const struct quarantine *q, git_odb **old, struct err *e)
{
	char *copy = mem_strdup(q->alternates), *rest = copy, *p;
	int rc = 0;

	if (!copy)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (git_odb_new(old))
		rc = err_fail(e, ERR_NOMEM, NULL, "%s", repo_why());
	while (!rc && (p = strsep(&rest, ":")))
		if (*p && git_odb_add_disk_alternate(*old, p))
			rc = err_fail(e, ERR_FORMAT, p, "%s", repo_why());
	mem_free(copy);
	return rc;
}

/* git completes a thin pack with bases the repository already had. */
static int drop_known(const struct quarantine *q, struct sightings *s,
		      struct err *e)
{
	git_odb *old = NULL;
	size_t i, kept = 0;
	git_oid id;

	if (!q->alternates || !s->n)
		return 0;
	if (open_old(q, &old, e)) {
		git_odb_free(old);
		return -1;
	}
	for (i = 0; i < s->n; i++) {
		git_oid_fromraw(&id, s->v[i].oid);
		if (!git_odb_exists(old, &id))
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	git_odb_free(old);
	return 0;
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
	int rc = -1;

	if (repo_open(&r, q->git_dir, q->objects, q->alternates, e))
		return -1;
	r.deadline = s->deadline;
	if (repo_objects(&r, &w, 0, 1, e) ||
	    path_rules_find(s, &r, &out, e) || drop_known(q, &out.seen, e) ||
	    tell_all(s, &r, &out, q->tip ? q->tip : &nothing, q->tips, e))
		goto out;
	rc = 0;
out:
	walk_out_release(&out);
	repo_close(&r);
	return rc;
}
