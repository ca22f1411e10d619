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
	mem_free(v->keep);
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
		mem_free(v->keep);
		v->keep = mem_array(cap, 1);
		v->cap = v->keep ? cap : 0;
		if (!v->keep)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
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

static bool generic(const struct ruleset *rs, const struct mark *m)
{
	return strstr(rs->rule[m->rule].id, "generic") != NULL;
}

/* Secrets of findings that are not generic, as a running maximum of ends by
 * place: a generic one gives way when one that begins no later ends no
 * earlier. */
static size_t give_way(const struct ruleset *rs, struct verdict *v)
{
	uint64_t reach = 0; /* end of the farthest specific secret so far */
	size_t i, kept = 0, k = 0;

	for (i = 0; i < v->n; i++) {
		const struct mark *m = v->v[i];

		for (; k < v->n && v->v[k]->at <= m->at; k++)
			if (!generic(rs, v->v[k]) &&
			    (uint64_t)v->v[k]->at + v->v[k]->len > reach)
				reach = (uint64_t)v->v[k]->at + v->v[k]->len;
		v->keep[i] = !generic(rs, m) ||
			     (uint64_t)m->at + m->len > reach;
	}
	for (i = 0; i < v->n; i++)
		if (v->keep[i])
			v->v[kept++] = v->v[i];
	return kept;
}

static int by_secret(const void *a, const void *b)
{
	const struct mark *const *x = a, *const *y = b;

	return ((*x)->at > (*y)->at) - ((*x)->at < (*y)->at);
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
	size_t i;

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
	if (out->n < 2)
		return 0;
	qsort(out->v, out->n, sizeof(*out->v), by_secret);
	out->n = give_way(rs, out);
	qsort(out->v, out->n, sizeof(*out->v), by_place);
	return 0;
}
