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
#include "hooks/scan/own.h"
#include "hooks/scan/scan.h"

#define PARTS_TRIED 4096u  /* candidates for one part of a composite rule */
#define DOUBLES_TRIED 64u

void verdict_release(struct verdict *v)
{
	mem_free(v->v);
	mem_free(v->keep);
	mem_free(v->part);
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

/* ---- composite rules ----------------------------------------------------- */

static bool takes_part(const struct mark *m)
{
	return m->secret != SECRET_NONE;
}

static int by_start(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int by_rule(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return by_start(a, b);
}

/* Every mark with its line and column, by rule and place.  The text is gone
 * through once, however many there are. */
static int list_parts(struct verdict *v, const char *text,
		      const struct marks *all, struct err *e)
{
	size_t i, at = 0, line_start = 0;
	uint32_t line = 0;
	const char *nl;

	if (all->n > v->parts_cap) {
		mem_free(v->part);
		v->part = mem_array(all->n, sizeof(*v->part));
		v->parts_cap = v->part ? all->n : 0;
		if (!v->part)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	for (v->parts = i = 0; i < all->n; i++) {
		if (!takes_part(&all->v[i]))
			continue;
		v->part[v->parts].start = all->v[i].start;
		v->part[v->parts++].rule = all->v[i].rule;
	}
	if (v->parts > 1)
		qsort(v->part, v->parts, sizeof(*v->part), by_start);
	for (i = 0; i < v->parts; i++) {
		size_t to = v->part[i].start;

		while (at < to && (nl = memchr(text + at, '\n', to - at))) {
			at = line_start = (size_t)(nl - text) + 1;
			line++;
		}
		at = to;
		v->part[i].line = line;
		v->part[i].column = (uint32_t)(to - line_start);
	}
	if (v->parts > 1)
		qsort(v->part, v->parts, sizeof(*v->part), by_rule);
	return 0;
}

/* The first part of a rule that stands in that line or later. */
static size_t find_part(const struct verdict *v, uint32_t rule, uint32_t line)
{
	size_t low = 0, high = v->parts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct part *p = &v->part[mid];

		if (p->rule < rule || (p->rule == rule && p->line < line))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Is there a part of that rule near enough to `me`? */
static bool has_part(const struct verdict *v, const struct required *q,
		     uint32_t rule, const struct part *me)
{
	int64_t lines = q->within_lines, columns = q->within_columns, d;
	int64_t last = lines < 0 ? INT64_MAX : me->line + lines;
	size_t i, tried = 0;

	i = find_part(v, rule, lines < 0 || lines > me->line
				       ? 0 : me->line - (uint32_t)lines);
	for (; i < v->parts && v->part[i].rule == rule &&
	       v->part[i].line <= last; i++) {
		d = (int64_t)v->part[i].column - me->column;
		if (columns < 0 || (d < 0 ? -d : d) <= columns)
			return true;
		if (++tried == PARTS_TRIED)
			return true; /* rather one finding too many */
	}
	return false;
}

static bool has_parts(const struct ruleset *rs, const struct verdict *v,
		      const struct mark *m)
{
	const struct rule *r = &rs->rule[m->rule];
	struct part key = { .start = m->start, .rule = m->rule };
	const struct part *me = bsearch(&key, v->part, v->parts,
					sizeof(*v->part), by_rule);
	size_t i;

	for (i = 0; i < r->n_required; i++) {
		const struct rule *other = rules_get(rs, r->required[i].id);

		if (!me || !other ||
		    !has_part(v, &r->required[i], (uint32_t)(other - rs->rule),
			      me))
			return false;
	}
	return true;
}

/* ---- all together -------------------------------------------------------- */

static bool same_place(const struct mark *plain, const struct mark *m)
{
	return !(plain->flags & MARK_DECODED) && plain->rule == m->rule &&
	       plain->at < m->at + m->len && m->at < plain->at + plain->len;
}

/* What a rule found in plain text it need not find again decoded: of
 * "a%2Fb" both are one secret.  v is by `at`. */
static size_t drop_doubles(struct verdict *v)
{
	size_t i, k, kept = 0;

	for (i = 0; i < v->n; i++) {
		const struct mark *m = v->v[i];
		bool twice = false;

		for (k = i; (m->flags & MARK_DECODED) && k-- > 0 &&
			    i - k <= DOUBLES_TRIED && !twice;)
			twice = same_place(v->v[k], m);
		for (k = i + 1; (m->flags & MARK_DECODED) && !twice &&
				k < v->n && k - i <= DOUBLES_TRIED &&
				v->v[k]->at < m->at + m->len; k++)
			twice = same_place(v->v[k], m);
		v->keep[i] = !twice;
	}
	for (i = 0; i < v->n; i++)
		if (v->keep[i])
			v->v[kept++] = v->v[i];
	return kept;
}

static bool generic(const struct ruleset *rs, const struct mark *m)
{
	return strstr(rs->rule[m->rule].id, "generic") != NULL;
}

/* Is this very text one of our own, by value?  Then that is what is told. */
static bool known(const struct scanner *s, const struct marks *all,
		  const struct mark *m)
{
	size_t low = all->own, high = all->coded;

	if (!s->own || m->rule == own_rule(s->own))
		return false;
	while (low < high) { /* they are by place */
		size_t mid = low + (high - low) / 2;

		if (all->v[mid].start < m->at)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < all->coded && all->v[low].start == m->at; low++)
		if (all->v[low].len == m->len)
			return true;
	return false;
}

/* Secrets of findings that are not generic, as a running maximum of ends by
 * place: a generic one gives way when one that begins no later ends no
 * earlier.  Not to a rule that asks for a path: it may not be told here. */
static size_t give_way(const struct ruleset *rs, struct verdict *v)
{
	uint64_t reach = 0; /* end of the farthest specific secret so far */
	size_t i, kept = 0, k = 0;

	for (i = 0; i < v->n; i++) {
		const struct mark *m = v->v[i];

		for (; k < v->n && v->v[k]->at <= m->at; k++)
			if (!generic(rs, v->v[k]) &&
			    !rs->rule[v->v[k]->rule].path && /* unknown here */
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
	bool composite = false;
	size_t i;

	(void)n;
	out->n = 0;
	for (i = 0; i < m->n && !composite; i++)
		composite = takes_part(&m->v[i]) &&
			    rs->rule[m->v[i].rule].n_required;
	if (composite && list_parts(out, text, m, e))
		return -1;
	for (i = 0; i < m->n; i++) {
		const struct mark *k = &m->v[i];

		if (k->secret == SECRET_NONE || rs->rule[k->rule].skip_report)
			continue;
		if (rs->rule[k->rule].n_required && !has_parts(rs, out, k))
			continue;
		if (known(s, m, k))
			continue;
		if (push(out, k, e))
			return -1;
	}
	if (out->n < 2)
		return 0;
	qsort(out->v, out->n, sizeof(*out->v), by_secret);
	if (m->coded < m->n)
		out->n = drop_doubles(out);
	out->n = give_way(rs, out);
	qsort(out->v, out->n, sizeof(*out->v), by_place);
	return 0;
}
