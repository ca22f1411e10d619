/*
 * decoded: marks in the decoded parts of a text.
 *
 * Owns the stage between matching and the verdict: each segment is decoded
 * with some of its line around it and scanned as a text of its own, and again
 * what is encoded in that, to the depth the scanner allows.
 *
 * Promises: what is found depends on the line (or the block of base64 lines)
 * alone, so one that is copied
 * from another text brings its marks along, also those that were dropped.  In
 * other lines segments are looked for only around what changed; those that
 * are copied are known from the base (decode_near.h).
 */
#include "hooks/scan/decoded.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/decode_near.h"
#include "hooks/scan/decode_wrap.h"
#include "hooks/scan/own.h"

#define VIEW_WORK 2048u /* what a view counts as besides its length */

/* What a decoded text is made of. */
struct outer {
	const char *text; /* the original */
	size_t n;
	const struct view *view; /* the one it stands in; NULL: the original */
	uint32_t start, end;	 /* its segment of the original */
	unsigned codings;	 /* bits */
};

void decoder_release(struct decoder *d)
{
	size_t i;

	for (i = 0; i < DECODE_DEPTH_MAX; i++) {
		view_release(&d->view[i]);
		segments_release(&d->segments[i]);
	}
	marks_release(&d->marks);
	mem_free(d->lines.v);
	mem_free(d->runs.v);
	mem_free(d->escapes.v);
	blocks_release(&d->made);
	memset(d, 0, sizeof(*d));
}

static bool any_coded(const struct view *v, size_t from, size_t to)
{
	return to > from && memchr(v->coded + from, 1, to - from);
}

/* A mark of a view as a mark of the original. */
static int translate(struct scan_thread *t, const struct outer *o,
		     const struct view *v, unsigned level,
		     const struct mark *from, struct marks *out, struct err *e)
{
	struct mark *m = marks_push(out, e);
	uint32_t origin;

	if (!m)
		return -1;
	*m = *from;
	m->flags = MARK_DECODED | (from->flags & MARK_ALLOWED);
	m->origin = SECRET_NONE;
	m->at = v->map[from->at];
	m->len = v->map[from->at + from->len] - m->at;
	m->start = v->map[from->start] < o->start ? v->map[from->start]
						   : o->start;
	m->end = v->map[from->end] > o->end ? v->map[from->end] : o->end;
	m->ctx_start = m->start;
	m->ctx_end = m->end;
	if (m->secret == SECRET_NONE)
		return 0;
	/* a live credential of ours is no false positive (own.c) */
	if (!(t->s->own && from->rule == own_rule(t->s->own)) &&
	    scan_allowed(t->s, o->text, o->n, m->start, m->end)) {
		m->flags |= MARK_ALLOWED;
		if (!t->s->keep_allowed) {
			m->secret = SECRET_NONE;
			return 0;
		}
	}
	origin = secrets_intern(t->s->origins, o->codings << 8 | (level + 1),
				v->text + from->start, from->end - from->start,
				0, false, e);
	m->origin = origin;
	return origin == SECRET_NONE ? -1 : 0;
}

static int scan_view(struct scan_thread *t, const struct outer *o,
		     const struct view *v, unsigned level, struct marks *out,
		     struct err *e)
{
	struct marks *found = &t->decoder.marks;
	size_t i;

	if (scan_plain(t, v->text, v->n, NULL, found, e))
		return -1;
	for (i = 0; i < found->n; i++)
		if (found->v[i].start < v->own &&
		    any_coded(v, found->v[i].start, found->v[i].end) &&
		    translate(t, o, v, level, &found->v[i], out, e))
			return -1;
	return 0;
}

static int level(struct scan_thread *t, unsigned depth, const struct outer *up,
		 const char *text, size_t n, struct marks *out, struct err *e);

/* One segment; g->made tells whether it says something. */
static int one(struct scan_thread *t, unsigned depth, const struct outer *up,
	       const char *text, size_t n, struct segment *g,
	       struct marks *out, struct err *e)
{
	struct view *v = &t->decoder.view[depth];
	struct outer o = *up;
	size_t k;

	if (pace_over(&t->pace, VIEW_WORK + g->end - g->start))
		return 0;
	if (view_make(v, text, n, g, &g->made, e))
		return -1;
	t->limits += v->over;
	if (!g->made)
		return 0;
	if (!up->view) {
		o.start = g->start;
		o.end = g->end;
	}
	for (k = 0; up->view && k <= v->n; k++)
		v->map[k] = up->view->map[v->map[k]];
	o.view = v;
	o.codings |= 1u << g->coding |
		     (v->packed ? 1u << CODING_GZIP : 0);
	if (scan_view(t, &o, v, depth, out, e))
		return -1;
	return depth + 1 < t->s->decode_depth
		? level(t, depth + 1, &o, v->text, v->n, out, e) : 0;
}

/* All segments of what was decoded.  one() calls it for what they decode to
 * in turn, at most DECODE_DEPTH_MAX deep. */
static int level(struct scan_thread *t, unsigned depth, const struct outer *up,
		 const char *text, size_t n, struct marks *out, struct err *e)
{
	struct segments *s = &t->decoder.segments[depth];
	size_t i;

	if (segments_find(s, text, 0, n, e))
		return -1;
	for (i = 0; i < s->n; i++)
		if (any_coded(up->view, s->v[i].start, s->v[i].end) &&
		    one(t, depth, up, text, n, &s->v[i], out, e))
			return -1;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	if (x->secret != y->secret)
		return x->secret < y->secret ? -1 : 1;
	if (x->origin != y->origin)
		return x->origin < y->origin ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static void sort_from(struct marks *m, size_t first)
{
	if (m->n - first > 1)
		qsort(m->v + first, m->n - first, sizeof(*m->v), by_place);
}

/* The segments from *i on that begin before `to`, anew. */
static int lines(struct scan_thread *t, const char *text, size_t n, size_t *i,
		 size_t to, struct marks *out, struct err *e)
{
	struct segments *s = &t->decoder.segments[0];
	struct outer o = { .text = text, .n = n };
	size_t first = out->n;

	for (; *i < s->n && s->v[*i].start < to; ++*i)
		if (one(t, 0, &o, text, n, &s->v[*i], out, e))
			return -1;
	sort_from(out, first);
	return 0;
}

/* The text's gaps are kept while views make their own. */
static void swap_gaps(struct scan_thread *t)
{
	struct spans *k = &t->decoder.lines;
	struct gap *v = t->gap;
	size_t cap = t->gaps_cap;

	t->gap = k->v;
	t->gaps_cap = k->cap;
	k->v = v;
	k->cap = cap;
}

/* The base has no marks of this kind, so none are taken over.  What a segment
 * says depends on what its view is made of alone, so one of the base's of which
 * all that is copied says nothing here either. */
static int changed(struct scan_thread *t, const char *text, size_t n,
		   size_t gaps, struct marks *out, struct err *e)
{
	struct segments *s = &t->decoder.segments[0];
	struct outer o = { .text = text, .n = n };
	size_t i, from, to, gap = 0, first = out->n;
	struct spans *k = &t->decoder.lines;
	int rc = 0;

	swap_gaps(t);
	for (i = 0; !rc && i < s->n; i++) {
		view_around(text, n, &s->v[i], &from, &to);
		while (gap < gaps && k->v[gap].end < from)
			gap++;
		/* what is known to say something is the base's */
		if (!s->v[i].made || (gap < gaps && k->v[gap].start <= to))
			rc = one(t, 0, &o, text, n, &s->v[i], out, e);
	}
	swap_gaps(t);
	sort_from(out, first);
	return rc;
}

/* Lines [from, to) are copied: what the base has there.  *run: where to look
 * for the run; calls go forward. */
static int take_over(const struct delta *d, size_t *run, size_t from, size_t to,
		     struct marks *out, struct err *e)
{
	const struct marks *b = d->base;
	size_t low = b->coded, high = b->n, r = *run, shift;
	struct mark *m;

	if (low == high || from >= to)
		return 0;
	while (r < d->n && (size_t)d->run[r].at + d->run[r].len <= from)
		r++;
	*run = r;
	if (r == d->n)
		return 0;
	shift = (size_t)d->run[r].from - d->run[r].at; /* wraps, as it should */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->v[mid].start < from + shift)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < b->n && b->v[low].start < to + shift; low++) {
		m = marks_push(out, e);
		if (!m)
			return -1;
		*m = b->v[low];
		m->start -= (uint32_t)shift;
		m->end -= (uint32_t)shift;
		m->at -= (uint32_t)shift;
		m->ctx_start -= (uint32_t)shift;
		m->ctx_end -= (uint32_t)shift;
	}
	return 0;
}

/* The lines that gaps touch, as spans that do not meet. */
static int find_lines(struct scan_thread *t, const char *text, size_t n,
		      bool blocks, size_t gaps, struct err *e)
{
	struct spans *k = &t->decoder.lines;
	const char *nl;
	size_t i, from, to;

	k->n = 0;
	for (i = 0; i < gaps; i++) {
		struct gap *last = k->n ? &k->v[k->n - 1] : NULL;

		if (last && t->gap[i].end <= last->end) {
			/* its block may go on behind that */
			from = t->gap[i].start;
			to = t->gap[i].end;
			if (blocks)
				wrap_widen(text, n, &from, &to);
			if (to > last->end)
				last->end = (uint32_t)to;
			continue;
		}
		nl = memrchr(text, '\n', t->gap[i].start);
		from = nl ? (size_t)(nl - text) + 1 : 0;
		nl = memchr(text + t->gap[i].end, '\n', n - t->gap[i].end);
		to = nl ? (size_t)(nl - text) : n;
		if (blocks)
			wrap_widen(text, n, &from, &to);
		if (last && from < last->end)
			from = last->end;
		if (last && from <= last->end + (size_t)1)
			last->end = (uint32_t)to;
		else if (spans_add(k, from, to, e))
			return -1;
	}
	return 0;
}

/* Segments of lines that are copied: no marks to make, but what is decoded is
 * to be known below. */
static int pass_by(struct scan_thread *t, const char *text, size_t n, size_t *i,
		   size_t to, struct err *e)
{
	struct segments *s = &t->decoder.segments[0];

	for (; *i < s->n && s->v[*i].start < to; ++*i)
		if (!s->v[*i].made &&
		    !pace_over(&t->pace, VIEW_WORK + s->v[*i].end -
						 s->v[*i].start) &&
		    view_make(&t->decoder.view[0], text, n, &s->v[*i],
			      &s->v[*i].made, e))
			return -1;
	return 0;
}

static int keep_made(const struct segments *s, struct segments *out,
		     struct err *e)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->v[i].made;
	if (n > out->cap) {
		mem_free(out->v); /* that there are blocks stays known */
		out->cap = 0;
		out->v = mem_array(n, sizeof(*out->v));
		if (!out->v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		out->cap = n;
	}
	for (out->n = i = 0; i < s->n; i++)
		if (s->v[i].made)
			out->v[out->n++] = s->v[i];
	return 0;
}

int decoded_marks(struct scan_thread *t, const char *text, size_t n,
		  const struct delta *d, size_t gaps, struct marks *out,
		  struct err *e)
{
	struct decoder *k = &t->decoder;
	struct segments *s = &k->segments[0];
	size_t i, seg = 0, at = 0, run = 0;

	out->made.n = 0;
	out->made.blocks = d && d->base->made.blocks;
	if (!t->s->decode_depth || t->pace.stop != PACE_ON)
		return 0;
	if (!d) {
		if (segments_all(s, text, n, &t->match.seen, e) ||
		    lines(t, text, n, &seg, n, out, e))
			return -1;
		segments_sort(s);
		out->made.blocks = s->blocks;
		return keep_made(s, &out->made, e);
	}
	if (segments_near(s, text, n, d, t->gap, gaps, &t->match.seen, k,
			  e))
		return -1;
	out->made.blocks |= s->blocks;
	if (d->base->coded == d->base->n)
		return changed(t, text, n, gaps, out, e) ||
		       keep_made(s, &out->made, e) ? -1 : 0;
	if (find_lines(t, text, n, out->made.blocks, gaps, e))
		return -1;
	for (i = 0; i < k->lines.n; i++) {
		struct gap g = k->lines.v[i];

		if (pass_by(t, text, n, &seg, g.start, e) ||
		    take_over(d, &run, at, g.start, out, e) ||
		    lines(t, text, n, &seg, g.end, out, e))
			return -1;
		at = g.end;
	}
	if (pass_by(t, text, n, &seg, n, e) || take_over(d, &run, at, n, out, e))
		return -1;
	return keep_made(s, &out->made, e);
}
