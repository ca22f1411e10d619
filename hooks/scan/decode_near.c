/*
 * decode_near: the segments of a text that is a delta of another.
 *
 * Owns how far a change is felt.  A run of base64 or hex depends on its own
 * characters, those on both sides and the '=' behind it, or on the block of
 * lines it is part of.  A segment of escapes depends on those within 128
 * bytes, and so on: NEAR is that and two escapes more, so what begins a span
 * begins a segment too.
 */
#include "hooks/scan/decode_near.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/decode_escape.h"
#include "hooks/scan/decode_wrap.h"

#define NEAR ESCAPE_NEAR
#define PADDING 2u     /* '=' behind base64 */

int spans_add(struct spans *s, size_t from, size_t to, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct gap *v = mem_realloc(s->v, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n].start = (uint32_t)from;
	s->v[s->n++].end = (uint32_t)to;
	return 0;
}

/* All of the run, of which the matcher may have seen a part. */
static void whole_run(const char *text, size_t n, const struct token_run *r,
		      size_t *from, size_t *to)
{
	for (*from = r->start; *from && token_char(text[*from - 1]);)
		--*from;
	for (*to = r->end; *to < n && token_char(text[*to]);)
		++*to;
}

/* The runs that a change touches, and so may have made; the matcher has seen all
 * runs around changes. */
static int changed_runs(struct spans *s, const char *text, size_t n,
			const struct gap *gap, size_t gaps,
			const struct sights *seen, struct err *e)
{
	size_t i, g = 0, from, to;

	for (s->n = i = 0; i < seen->runs; i++) {
		const struct token_run *r = &seen->run[i];
		struct gap *last = s->n ? &s->v[s->n - 1] : NULL;

		if (last && r->end <= last->end)
			continue;
		while (g < gaps && gap[g].end < r->start)
			g++;
		if (g == gaps)
			break;
		if (gap[g].start > r->end + PADDING)
			continue;
		whole_run(text, n, r, &from, &to);
		if (last && from <= last->end)
			last->end = (uint32_t)to;
		else if (spans_add(s, from, to, e))
			return -1;
	}
	return 0;
}

static bool of_run(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' ||
	       c == '_' || c == '=';
}

static int widen_runs(struct spans *s, const char *text, size_t n,
		      const struct gap *gap, size_t gaps, struct err *e)
{
	size_t i, from, to, floor;

	for (s->n = i = 0; i < gaps; i++) {
		struct gap *last = s->n ? &s->v[s->n - 1] : NULL;

		/* also where it lies in the last one: its line may have been one of
		 * a block that goes on behind that */
		floor = last ? last->end : 0;
		from = gap[i].start;
		while (from > floor && of_run(text[from - 1]))
			from--;
		for (to = gap[i].end; to < n && of_run(text[to]); to++)
			;
		wrap_widen(text, n, &from, &to);
		if (last && from <= floor)
			last->end = to > floor ? (uint32_t)to : last->end;
		else if (spans_add(s, from, to, e))
			return -1;
	}
	return 0;
}

/* Does a sign stand so near text[from, to) that it matters? */
static bool signs_near(const struct sights *seen, size_t *sign, size_t from,
		       size_t to)
{
	size_t low = from > NEAR + ESCAPE_BEFORE ? from - NEAR - ESCAPE_BEFORE
						 : 0;

	while (*sign < seen->signs && seen->sign[*sign] < low)
		++*sign;
	return *sign < seen->signs &&
	       seen->sign[*sign] <= to + NEAR + ESCAPE_BEFORE;
}

/* Where what hangs together with an escape at `at`, one by one, begins. */
static size_t escapes_before(const char *text, size_t n, size_t floor, size_t at)
{
	size_t low, p;

	for (;; at = p) {
		low = at > floor + NEAR ? at - NEAR : floor;
		p = escape_first(text, n, low, at);
		if (p == at)
			return at;
	}
}

/* ... and ends, with the last one's own length. */
static size_t escapes_behind(const char *text, size_t n, size_t at)
{
	size_t high, p;

	for (;; at = p + 1) {
		high = n - at > NEAR ? at + NEAR : n;
		p = escape_first(text, n, at, high);
		if (p == high)
			return n - at > ESCAPE_MOST ? at + ESCAPE_MOST : n;
	}
}

static int widen_escapes(struct spans *s, const char *text, size_t n,
			 const struct gap *gap, size_t gaps,
			 const struct sights *seen, struct err *e)
{
	size_t i, from, to, floor, sign = 0;

	for (s->n = i = 0; seen->signs && i < gaps;) {
		struct gap *last = s->n ? &s->v[s->n - 1] : NULL;

		floor = last ? last->end : 0;
		from = gap[i].start > floor ? gap[i].start : floor;
		to = gap[i].end > floor ? gap[i].end : floor;
		for (i++; i < gaps && gap[i].start <= to + 2 * NEAR; i++)
			to = gap[i].end > to ? gap[i].end : to;
		if (!signs_near(seen, &sign, from, to))
			continue;
		from = escapes_before(text, n, floor, from);
		to = escapes_behind(text, n, to);
		if (last && from <= last->end + NEAR)
			last->end = (uint32_t)to;
		else if (spans_add(s, from, to, e))
			return -1;
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->coding > y->coding) - (x->coding < y->coding);
}

void segments_sort(struct segments *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), by_start);
}

static bool meets(const struct spans *s, size_t start, size_t end)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v[mid].end <= start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->v[low].start < end;
}

static int take(struct segments *s, const struct segment *g, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct segment *v = mem_realloc(s->v, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = *g;
	return 0;
}

/* The first that begins at `from` or later; `guess`: mostly that, or the one
 * after. */
static size_t first_from(const struct segments *b, size_t from, size_t guess)
{
	size_t low = 0, high = b->n;

	if (!guess || b->v[guess - 1].start < from) {
		if (guess == b->n || b->v[guess].start >= from)
			return guess;
		low = guess + 1;
	} else {
		high = guess - 1;
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->v[mid].start < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The base's segments that are copied and far enough from every change; *at:
 * where the search begins. */
static int copied(struct segments *s, const struct delta *d,
		  const struct run *r, const struct decoder *k, size_t *at,
		  struct err *e)
{
	const struct segments *b = &d->base->made;
	size_t low = first_from(b, r->from, *at);

	for (; low < b->n && b->v[low].start < r->from + r->len; low++) {
		struct segment g = b->v[low];

		if (g.end > r->from + r->len)
			continue;
		g.start += r->at - r->from; /* wraps, as it should */
		g.end += r->at - r->from;
		g.own += r->at - r->from;
		if (!meets(g.coding < CODING_HEX ? &k->escapes : &k->runs,
			   g.start, g.end) && take(s, &g, e))
			return -1;
	}
	*at = low;
	return 0;
}

/* Where the base's segments begin. */
static int where_made(struct blocks *b, const struct delta *d, struct err *e)
{
	const struct segments *made = &d->base->made;
	size_t i;

	if (blocks_clear(b, d->base_len, e))
		return -1;
	for (i = 0; i < made->n; i++)
		blocks_put(b, made->v[i].start, made->v[i].start);
	blocks_close(b);
	return 0;
}

/* Without a line that begins one, near a change, there is no new block. */
static bool may_have_blocks(const struct sights *seen, const char *text,
			    size_t n)
{
	size_t i, from, to;

	for (i = 0; i < seen->runs; i++) {
		whole_run(text, n, &seen->run[i], &from, &to);
		if (to - from >= WRAP_LINE_LEAST && wrap_line(text, n, from))
			return true;
	}
	return false;
}

/* ---- a whole text -------------------------------------------------------- */

/* Lines that hold a sign. */
static int sign_lines(struct segments *s, const char *text, size_t n,
		      const struct sights *seen, struct err *e)
{
	size_t i, from, to = 0;
	const char *nl;

	for (i = 0; i < seen->signs; i++) {
		size_t at = seen->sign[i];

		if (at < to)
			continue;
		nl = memrchr(text + to, '\n', at - to);
		from = nl ? (size_t)(nl - text) + 1 : to;
		nl = memchr(text + at, '\n', n - at);
		to = nl ? (size_t)(nl - text) + 1 : n;
		if (segments_escapes(s, text, from, to, e))
			return -1;
	}
	return 0;
}

int segments_all(struct segments *s, const char *text, size_t n,
		 const struct sights *seen, struct err *e)
{
	size_t i, at = 0;

	s->n = 0;
	s->blocks = false;
	for (i = 0; i < seen->runs; i++)
		if (seen->run[i].start >= at &&
		    segments_next(s, text, n, seen->run[i].start,
				  seen->run[i].end, &at, e))
			return -1;
	return sign_lines(s, text, n, seen, e);
}

/* ---- a delta ------------------------------------------------------------- */

int segments_near(struct segments *s, const char *text, size_t n,
		  const struct delta *d, const struct gap *gap, size_t gaps,
		  const struct sights *seen, struct decoder *k, struct err *e)
{
	size_t i, at = 0;
	bool blocks;

	s->n = 0;
	s->blocks = false;
	if (changed_runs(&k->runs, text, n, gap, gaps, seen, e))
		return -1;
	blocks = d->base->made.blocks || may_have_blocks(seen, text, n);
	if ((blocks && widen_runs(&k->runs, text, n, gap, gaps, e)) ||
	    widen_escapes(&k->escapes, text, n, gap, gaps, seen, e))
		return -1;
	for (i = 0; i < k->runs.n; i++)
		if (blocks ? segments_runs(s, text, n, k->runs.v[i].start,
					   k->runs.v[i].end, e)
			   : segments_run(s, text, n, k->runs.v[i].start,
					  k->runs.v[i].end, e))
			return -1;
	for (i = 0; i < k->escapes.n; i++)
		if (segments_escapes(s, text, k->escapes.v[i].start,
				     k->escapes.v[i].end, e))
			return -1;
	if (d->base->made.n && where_made(&k->made, d, e))
		return -1;
	for (i = 0; d->base->made.n && i < d->n; i++)
		if (blocks_any(&k->made, d->run[i].from, d->run[i].len) &&
		    copied(s, d, &d->run[i], k, &at, e))
			return -1;
	segments_sort(s);
	return 0;
}
