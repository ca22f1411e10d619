/*
 * tell: sightings of a walk as rows of the report, with commit and path.
 *
 * Owns the last word on a finding of history: rules and allowlists that ask
 * for a path or commit are asked here.
 */
#include "hooks/scan/tell.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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
static int set_place(struct repo *r, const struct walk_out *out,
		     const struct attribution *a, const struct place *p,
		     const char *inner, struct finding *f, struct err *e)
{
	struct buf path = BUF_INIT(BUF_TEXT_MAX);
	char hex[2 * OID_LEN + 1];
	size_t i;
	int rc = -1;

	f->objects = p->objects;
	walk_name(p->seen->oid, hex);
	if (finding_set(&f->object, hex, e) ||
	    path_text(a->paths, p->path, &path, e) ||
	    (inner && *inner && buf_printf(&path, e, "!%s", inner)) ||
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

/* The text of the object whose rows are being told. */
struct page {
	unsigned char oid[OID_LEN];
	uint32_t inner; /* which of its texts */
	char *text, *name; /* name: in the object, when that is an archive */
	size_t n;
};

static void page_release(struct page *g)
{
	free(g->text);
	free(g->name);
	g->text = g->name = NULL;
}

/* The object's text becomes the one that was scanned. */
static bool turn_inside(const struct unpack_limits *l, struct page *g)
{
	char *whole = g->text;

	g->text = NULL;
	if (unpack_one(l, whole, g->n, g->inner, &g->text, &g->n, &g->name,
		       NULL))
		g->text = NULL;
	free(whole);
	return g->text != NULL;
}

/* Rows come by object: each is fetched once. */
static bool turn_to(const struct source *src, struct page *g, struct repo *r,
		    const struct sighting *s)
{
	enum object_type type;

	if (g->text && g->inner == s->mark.inner &&
	    !memcmp(g->oid, s->oid, OID_LEN))
		return true;
	page_release(g);
	src->list->cursor.text = NULL;
	memcpy(g->oid, s->oid, OID_LEN);
	g->inner = s->mark.inner;
	if (!repo_fetch(r, s->oid, &g->text, &g->n, &type))
		return false;
	return type != OBJECT_BLOB ||
	       content_kind(g->text, g->n) == CONTENT_TEXT ||
	       turn_inside(&src->engine->unpack, g);
}

/* A rule on names: there is no text to look at. */
static int tell_path(const struct source *src, struct repo *r,
		     const struct walk_out *out, const struct attribution *a,
		     const struct place *p, struct regex_thread *t,
		     struct err *e)
{
	struct buf path = BUF_INIT(BUF_TEXT_MAX);
	struct finding *f;
	int rc = -1;

	if (path_text(a->paths, p->path, &path, e) || (!path.len && buf_puts(&path, "", e)))
		goto out;
	f = engine_add_path(src->engine, p->seen->mark.rule, path.p, src->list, e);
	if (!f || set_place(r, out, a, p, NULL, f, e))
		goto out;
	if (!path.len || !engine_stands(src->engine, t, f) ||
	    allow_path(src->engine->rules, t, f->file))
		findings_drop(src->list, src->list->n - 1);
	rc = 0;
out:
	buf_release(&path);
	return rc;
}

static int tell(const struct source *src, struct repo *r,
		const struct walk_out *out, const struct attribution *a,
		const struct place *p, struct regex_thread *t, struct page *g,
		struct err *e)
{
	char hex[2 * OID_LEN + 1];
	struct finding *f;

	if (src->engine->rules->rule[p->seen->mark.rule].path &&
	    !src->engine->rules->rule[p->seen->mark.rule].regex)
		return tell_path(src, r, out, a, p, t, e);
	if (!turn_to(src, g, r, p->seen) || p->seen->mark.end > g->n) {
		walk_name(p->seen->oid, hex);
		tally_problem(src->tally, hex, "%s", repo_why());
		return 0;
	}
	f = findings_add(src->list, &src->engine->scanner, g->text, g->n,
			 &p->seen->mark, e);
	if (!f || set_place(r, out, a, p, g->name, f, e))
		return -1;
	if (!engine_stands(src->engine, t, f) ||
	    (*f->file && allow_path(src->engine->rules, t, f->file)))
		findings_drop(src->list, src->list->n - 1);
	return 0;
}

static int by_object(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = memcmp(x->seen->oid, y->seen->oid, OID_LEN);

	if (!c)
		c = (x->seen->mark.inner > y->seen->mark.inner) -
		    (x->seen->mark.inner < y->seen->mark.inner);
	if (c)
		return c;
	return (x->seen->mark.start > y->seen->mark.start) -
	       (x->seen->mark.start < y->seen->mark.start);
}

int tell_all(const struct source *s, struct repo *r, struct walk_out *out,
	     const struct tip *tip, size_t tips, struct err *e)
{
	struct attribute_options o = { .threads = s->threads, .tip = tip,
				       .tips = tips, .most = s->max_file };
	struct regex_thread *t = regex_thread_new(e);
	struct attribution a = { 0 };
	struct page g = { .text = NULL };
	uint64_t start = clock_mono_ns();
	size_t i;
	int rc = -1;

	progress_say(s->progress, "looking for the commits ...");
	if (!t || attribute(r, out, (uint32_t)secrets_count(s->engine->secrets),
			    &o, s->tally, &a, e))
		goto out;
	if (a.n)
		qsort(a.v, a.n, sizeof(*a.v), by_object);
	for (i = 0; i < a.n; i++)
		if (tell(s, r, out, &a, &a.v[i], t, &g, e))
			goto out;
	rc = 0;
out:
	s->tally->attribute_ns += clock_mono_ns() - start;
	page_release(&g);
	attribution_release(&a);
	regex_thread_free(&t);
	return rc;
}
