/*
 * verdict: which marks of one text are findings, seen together.
 *
 * Owns composite rules (gitleaks' `required`) and the rule that a generic
 * finding gives way to a specific one on the same secret.  Decides nothing
 * that depends on where the text stands.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/scan.h"

void verdict_release(struct verdict *v)
{
	mem_free(v->v);
	memset(v, 0, sizeof(*v));
}

static int push(struct verdict *v, const struct mark *m, struct err *e)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 16;
		const struct mark **p = mem_realloc(v->v, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		v->v = p;
		v->cap = cap;
	}
	v->v[v->n++] = m;
	return 0;
}

static long lines_before(const char *text, size_t from, size_t to)
{
	long lines = 0;
	const char *p = text + from, *end = text + to;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

static long column(const char *text, size_t at)
{
	const char *nl = memrchr(text, '\n', at);

	return (long)(nl ? text + at - nl : text + at - text + 1);
}

static bool near_enough(const char *text, const struct required *q,
			const struct mark *a, const struct mark *b)
{
	long d;

	if (q->within_lines >= 0) {
		d = a->start < b->start
			    ? lines_before(text, a->start, b->start)
			    : lines_before(text, b->start, a->start);
		if (d > q->within_lines)
			return false;
	}
	if (q->within_columns < 0)
		return true;
	d = column(text, a->start) - column(text, b->start);
	return (d < 0 ? -d : d) <= q->within_columns;
}

static bool has_parts(const struct ruleset *rs, const char *text,
		      const struct marks *all, const struct mark *m)
{
	const struct rule *r = &rs->rule[m->rule];
	size_t i, k;

	for (i = 0; i < r->n_required; i++) {
		const struct required *q = &r->required[i];

		for (k = 0; k < all->n; k++)
			if (all->v[k].secret != SECRET_NONE &&
			    !strcmp(rs->rule[all->v[k].rule].id, q->id) &&
			    near_enough(text, q, m, &all->v[k]))
				break;
		if (k == all->n)
			return false;
	}
	return true;
}

static bool inside(const struct mark *a, const struct mark *b)
{
	return a->at >= b->at && a->at + a->len <= b->at + b->len;
}

static bool generic(const struct ruleset *rs, const struct mark *m)
{
	return strstr(rs->rule[m->rule].id, "generic") != NULL;
}

/* A generic mark whose secret another finding holds. */
static bool gives_way(const struct ruleset *rs, const struct verdict *v,
		      const struct mark *m)
{
	size_t i;

	if (!generic(rs, m))
		return false;
	for (i = 0; i < v->n; i++)
		if (v->v[i] != m && inside(m, v->v[i]) &&
		    !generic(rs, v->v[i]))
			return true;
	return false;
}

static int by_place(const void *a, const void *b)
{
	const struct mark *const *x = a, *const *y = b;

	if ((*x)->start != (*y)->start)
		return (*x)->start < (*y)->start ? -1 : 1;
	return (*x)->rule < (*y)->rule ? -1 : (*x)->rule > (*y)->rule;
}

int scan_verdict(const struct scanner *s, const char *text, size_t n,
		 const struct marks *m, struct verdict *out, struct err *e)
{
	const struct ruleset *rs = matcher_rules(s->matcher);
	size_t i, kept = 0;

	(void)n;
	out->n = 0;
	for (i = 0; i < m->n; i++) {
		const struct mark *k = &m->v[i];

		if (k->secret == SECRET_NONE || rs->rule[k->rule].skip_report)
			continue;
		if (rs->rule[k->rule].n_required && !has_parts(rs, text, m, k))
			continue;
		if (push(out, k, e))
			return -1;
	}
	for (i = 0; i < out->n; i++)
		if (!gives_way(rs, out, out->v[i]))
			out->v[kept++] = out->v[i];
	out->n = kept;
	if (kept)
		qsort(out->v, kept, sizeof(*out->v), by_place);
	return 0;
}
