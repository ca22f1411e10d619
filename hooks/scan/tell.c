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

int tell_commit(struct finding *f, struct repo *r, const unsigned char *oid,
		struct err *e)
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
	    tell_commit(f, r, out->commits.v[p->rank].oid, e))
		goto out;
	for (i = 0; i < a->refs[p->secret].n; i++)
		if (strings_add(&f->refs, a->refs[p->secret].v[i], e))
			goto out;
	rc = finding_fingerprint(f, e);
out:
	buf_release(&path);
	return rc;
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

/* The rows of one object: an archive is unpacked once for all of them. */
struct page {
	const struct source *src;
	struct repo *r;
	const struct walk_out *out;
	const struct attribution *a;
	struct regex_thread *t;
	const struct place *v; /* its rows, by the part they stand in */
	size_t n, told;
	bool *done;
};

static bool is_name_rule(const struct source *src, const struct place *p)
{
	const struct rule *rule = &src->engine->rules->rule[p->seen->mark.rule];

	return rule->path && !rule->regex;
}

/* One row; `inner`: which file in the object, when that is an archive. */
static int one_row(struct page *g, size_t i, const char *text, size_t n,
		   const struct mark *m, const char *inner, struct err *e)
{
	const struct source *src = g->src;
	struct finding *f = findings_add(src->list, &src->engine->scanner, text,
					 n, m, e);

	g->done[i] = true;
	g->told++;
	if (!f || set_place(g->r, g->out, g->a, &g->v[i], inner, f, e))
		return -1;
	if (!engine_stands(src->engine, g->t, f) ||
	    (*f->file && allow_path(src->engine->rules, g->t, f->file)))
		findings_drop(src->list, src->list->n - 1);
	return 0;
}

/* Its text cannot be had again: what is known is told without the line. */
static int bare_row(struct page *g, size_t i, struct err *e)
{
	struct mark m = g->v[i].seen->mark;
	const struct found_secret *s =
		secrets_get(g->src->engine->secrets, m.secret);

	g->src->list->cursor.text = NULL;
	m.start = m.at = 0;
	m.end = m.len = s->len;
	return one_row(g, i, s->text, s->len, &m, NULL, e);
}

/* The first row of a part. */
static size_t first_of(const struct page *g, uint32_t number)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (g->v[mid].seen->mark.inner < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int each_part(void *arg, const struct unpack_part *part, struct err *e)
{
	struct page *g = arg;
	size_t i = first_of(g, part->number);

	g->src->list->cursor.text = NULL;
	for (; i < g->n && g->v[i].seen->mark.inner == part->number; i++)
		if (!g->done[i] && g->v[i].seen->mark.end <= part->n &&
		    one_row(g, i, part->text, part->n, &g->v[i].seen->mark,
			    part->name, e))
			return -1;
	return g->told == g->n; /* that is all of them */
}

static int tell_object(struct page *g, struct err *e)
{
	struct unpack_limits limits = g->src->engine->unpack;
	struct unpack_part whole = { .name = "" };
	struct unpack_note note = { 0 };
	enum object_type type;
	char *text = NULL;
	size_t i;
	int rc = 0;

	g->done = mem_array(g->n, sizeof(*g->done));
	if (!g->done)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	limits.deadline = NULL; /* it was within bounds, this is no more */
	if (!deadline_over(g->src->deadline) &&
	    repo_fetch(g->r, g->v->seen->oid, &text, &whole.n, &type)) {
		whole.text = text;
		rc = type == OBJECT_BLOB
			? unpack(&limits, text, whole.n, each_part, g, &note, e)
			: each_part(g, &whole, e);
		rc = rc < 0 ? -1 : 0;
	}
	free(text);
	for (i = 0; i < g->n && !rc; i++)
		if (!g->done[i])
			rc = bare_row(g, i, e);
	mem_free(g->done);
	return rc;
}

/* Rows on names by themselves, the others by their object. */
static int tell_rows(struct page *g, struct err *e)
{
	const struct attribution *a = g->a;
	size_t i, end;

	for (i = 0; i < a->n; i = end) {
		end = i + 1;
		if (is_name_rule(g->src, &a->v[i])) {
			if (tell_path(g->src, g->r, g->out, a, &a->v[i], g->t, e))
				return -1;
			continue;
		}
		while (end < a->n && !is_name_rule(g->src, &a->v[end]) &&
		       !memcmp(a->v[i].seen->oid, a->v[end].seen->oid, OID_LEN))
			end++;
		g->v = &a->v[i];
		g->n = end - i;
		g->told = 0;
		if (tell_object(g, e))
			return -1;
	}
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
	struct page g = { .src = s, .r = r, .out = out, .a = &a, .t = t };
	uint64_t start = clock_mono_ns();
	int rc = -1;

	if (out->seen.n)
		deadline_grace(s->deadline);
	progress_say(s->progress, "looking for the commits ...");
	if (!t || attribute(r, out, (uint32_t)secrets_count(s->engine->secrets),
			    &o, s->tally, &a, e))
		goto out;
	if (a.n)
		qsort(a.v, a.n, sizeof(*a.v), by_object);
	rc = tell_rows(&g, e);
out:
	s->tally->attribute_ns += clock_mono_ns() - start;
	attribution_release(&a);
	regex_thread_free(&t);
	return rc;
}
