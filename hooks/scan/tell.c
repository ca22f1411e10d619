/*
 * tell: sightings of a walk as rows of the report, with commit and path.
 *
 * Owns the last word on a finding of history: rules and allowlists that ask
 * for a path or commit are asked here.
 */
#include "hooks/scan/tell.h"

#include <git2.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hooks/scan/allow.h"

static int set_commit(struct finding *f, struct repo *r,
		      const unsigned char *oid, struct err *e)
{
	char hex[2 * OID_LEN + 1];
	git_commit *c = NULL;
	git_oid id;
	int rc;

	walk_name(oid, hex);
	rc = finding_set(&f->commit, hex, e);
	git_oid_fromraw(&id, oid);
	if (rc || git_commit_lookup(&c, r->git, &id))
		return rc; /* malformed: its id must do */
	f->date_ms = (int64_t)git_commit_author(c)->when.time * 1000;
	rc = finding_set(&f->author, git_commit_author(c)->name, e) ||
	     finding_set(&f->email, git_commit_author(c)->email, e) ||
	     finding_set(&f->message, git_commit_message(c), e);
	git_commit_free(c);
	return rc ? -1 : 0;
}

/* What is known of a place, into the row. */
static int set_place(const struct source *src, struct repo *r,
		     const struct walk_out *out, const struct attribution *a,
		     const struct place *p, struct finding *f, struct err *e)
{
	struct buf path = BUF_INIT(BUF_TEXT_MAX);
	char hex[2 * OID_LEN + 1];
	size_t i;
	int rc = -1;

	(void)src;
	f->objects = p->objects;
	walk_name(p->seen->oid, hex);
	if (finding_set(&f->object, hex, e) ||
	    path_text(a->paths, p->path, &path, e) ||
	    finding_set(&f->file, path.p ? path.p : "", e))
		goto out;
	if (p->rank != RANK_NONE &&
	    set_commit(f, r, out->commits.v[p->rank].oid, e))
		goto out;
	for (i = 0; i < a->refs[p->secret].n; i++)
		if (strings_add(&f->refs, a->refs[p->secret].v[i], e))
			goto out;
	rc = finding_fingerprint(f, e);
out:
	buf_release(&path);
	return rc;
}

static int tell(const struct source *src, struct repo *r,
		const struct walk_out *out, const struct attribution *a,
		const struct place *p, struct regex_thread *t, struct err *e)
{
	char hex[2 * OID_LEN + 1], *text = NULL;
	enum object_type type;
	struct finding *f;
	size_t n = 0;
	int rc = -1;

	if (!repo_fetch(r, p->seen->oid, &text, &n, &type) ||
	    p->seen->mark.end > n) {
		walk_name(p->seen->oid, hex);
		tally_problem(src->tally, hex, "%s", repo_why());
		free(text);
		return 0;
	}
	src->list->cursor.text = NULL;
	f = findings_add(src->list, &src->engine->scanner, text, n,
			 &p->seen->mark, e);
	if (!f || set_place(src, r, out, a, p, f, e))
		goto out;
	if (!engine_stands(src->engine, t, f) ||
	    (*f->file && allow_path(src->engine->rules, t, f->file)))
		findings_drop(src->list, src->list->n - 1);
	rc = 0;
out:
	free(text);
	return rc;
}

int tell_all(const struct source *s, struct repo *r, struct walk_out *out,
	     const struct tip *tip, size_t tips, struct err *e)
{
	struct attribute_options o = { .threads = s->threads, .tip = tip,
				       .tips = tips, .most = s->max_file };
	struct regex_thread *t = regex_thread_new(e);
	struct attribution a = { 0 };
	size_t i;
	int rc = -1;

	if (!t || attribute(r, out, (uint32_t)secrets_count(s->engine->secrets),
			    &o, s->tally, &a, e))
		goto out;
	for (i = 0; i < a.n; i++)
		if (tell(s, r, out, &a, &a.v[i], t, e))
			goto out;
	rc = 0;
out:
	attribution_release(&a);
	regex_thread_free(&t);
	return rc;
}
