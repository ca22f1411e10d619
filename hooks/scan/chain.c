/*
 * chain: one rule through one text, whole or as a delta of a marked text.
 *
 * Owns the argument why the delta way finds the same.  For one rule, whose
 * longest match is W, matching goes left to right; at any moment it is "free"
 * at some position f: matches before f are known, the next one is the
 * leftmost that starts at f or later.
 *
 * - A start whose W + 1 bytes to the right, and 1 byte to the left, are copied
 *   behaves as it did in the base.  So does one before a break (breaks.h) that
 *   is copied.  All other starts lie in the zones [gap - W - 1, gap end], or
 *   from a break in there on; only they are tried, and only where the matcher
 *   saw a possible end; all of them for a RULE_GATED, which heeds no breaks.
 * - After a zone the base's marks can be taken over as soon as the base was
 *   free at that place too.  Where a base mark straddles it, the starts inside
 *   that mark were never tried in the base; they are tried here.
 * - Gaps to which no end leads, and runs that hold no mark of the base, say
 *   nothing: they are passed over, as there are thousands of both.
 */
#include "hooks/scan/chain.h"

#include <string.h>

#include "base/mem.h"

#define LIMITS_MOST 64u /* of one text; then its regexes are left alone */
#define MARKS_MOST 1000000u /* of one text; then it is given up */

/* A new match; frees the chain at its end. */
static int accept(struct chain *c, const struct regex_hit *hit, struct err *e)
{
	struct mark *m = marks_push(c->out, e);

	if (!m)
		return -1;
	m->rule = (uint16_t)c->rule;
	m->start = (uint32_t)hit->start;
	m->end = (uint32_t)hit->end;
	c->f = hit->end > hit->start ? hit->end : hit->end + 1;
	return scan_confirm(c->t, c->text, c->n, hit, m, e);
}

/* Starts [from, last] by the regex alone; *found tells. */
int chain_try(struct chain *c, size_t from, size_t last, bool *found,
	      struct err *e)
{
	struct regex_hit hit;

	*found = false;
	if (pace_over(&c->t->pace, PACE_FIND))
		return 0;
	if (!c->t->pace.finds_left || c->out->n >= MARKS_MOST) {
		c->t->pace.stop = PACE_TEXT;
		return 0;
	}
	c->t->pace.finds_left--;
	if (c->t->text_limits >= LIMITS_MOST) {
		c->t->limits++;
		return 0;
	}
	switch (regex_find(c->regex, c->t->regex, c->text, c->n, from, last,
			   &hit)) {
	case REGEX_NONE:
		return 0;
	case REGEX_LIMIT:
		c->t->text_limits++;
		c->t->limits++;
		return 0;
	case REGEX_FOUND:
		break;
	}
	*found = true;
	return accept(c, &hit, e);
}

/* All matches that start in [c->f, last], led by the ends that were seen. */
static int zone(struct chain *c, size_t last, struct err *e)
{
	size_t tried = c->f;
	bool found = c->all;

	while (c->all && found && c->f <= last)
		if (chain_try(c, c->f, last, &found, e))
			return -1;
	while (c->hit < c->hit_end && c->t->pace.stop == PACE_ON) {
		size_t end = c->hit->end;
		size_t low = end > c->width ? end - c->width : 0;
		size_t high = end < last ? end : last;

		if (low < tried)
			low = tried;
		if (low > last)
			return 0; /* this end is for a later zone */
		if (low > high) {
			c->hit++;
			continue;
		}
		if (chain_try(c, low, high, &found, e))
			return -1;
		tried = found ? c->f : high + 1;
		if (!found && high == end)
			c->hit++;
		else if (!found)
			return 0; /* last was tried */
	}
	return 0;
}

/* Is all that the verdict looked at inside the run? */
static bool context_copied(const struct chain *c, const struct run *r,
			   const struct mark *m)
{
	if (m->flags & MARK_VOLATILE)
		return false;
	if (m->ctx_start < r->from || m->ctx_end > r->from + r->len)
		return false;
	if ((m->flags & MARK_FIRST) && r->at != 0)
		return false;
	return !(m->flags & MARK_LAST) || (size_t)r->at + r->len == c->n;
}

static int inherit(struct chain *c, const struct run *r, const struct mark *from,
		   struct err *e)
{
	uint32_t start = from->start - r->from + r->at;
	struct regex_hit hit;
	struct mark *m;

	if (pace_over(&c->t->pace, 64))
		return 0;
	if (!context_copied(c, r, from)) {
		enum regex_answer got = regex_find(c->regex, c->t->regex,
						   c->text, c->n, start, start,
						   &hit);
		if (got == REGEX_FOUND)
			return accept(c, &hit, e);
		c->t->limits++; /* it matched in the base */
		c->f = start + (from->end - from->start);
		return 0;
	}
	m = marks_push(c->out, e);
	if (!m)
		return -1;
	*m = *from;
	m->start = start;
	m->end = from->end - r->from + r->at;
	m->at = from->at - r->from + r->at;
	m->ctx_start = from->ctx_start - r->from + r->at;
	m->ctx_end = from->ctx_end - r->from + r->at;
	c->f = m->end;
	return 0;
}

/* From c->f to `stop` inside run r, taking over the base's marks. */
static int copied(struct chain *c, const struct run *r, size_t stop,
		  struct err *e)
{
	size_t run_end = (size_t)r->at + r->len;
	bool found;

	if (c->f < r->at)
		c->f = r->at;
	while (c->f < stop && c->f < run_end && c->t->pace.stop == PACE_ON) {
		size_t base_f = c->f - r->at + r->from, start, end;

		/* the base's first mark that ends after here */
		while (c->mark < c->mark_end && c->mark->end <= base_f)
			c->mark++;
		if (c->mark == c->mark_end || c->mark->start >= r->from + r->len)
			break;
		start = (size_t)c->mark->start + r->at;
		end = (size_t)c->mark->end + r->at - r->from;
		if (start < c->f + r->from) { /* straddles */
			size_t last = (end < stop ? end : stop) - 1;

			if (chain_try(c, c->f, last, &found, e))
				return -1;
			if (!found)
				c->f = last + 1;
			continue;
		}
		if (start - r->from >= stop)
			break;
		if (inherit(c, r, c->mark, e))
			return -1;
	}
	if (c->f < stop && stop <= run_end)
		c->f = stop;
	return 0;
}

/* Runs may go back in the base: find the first mark that can matter. */
static void seek(struct chain *c, const struct mark *first, size_t base_at)
{
	const struct mark *low = first, *high = c->mark_end;
	size_t step = 1;

	/* mostly it is the next one, or the one after */
	if (c->mark > first && c->mark[-1].end <= base_at)
		low = c->mark;
	for (; (size_t)(high - low) > step && low[step].end <= base_at;
	     step *= 2)
		low += step;
	if ((size_t)(high - low) > step)
		high = low + step;
	while (low < high) {
		const struct mark *mid = low + (high - low) / 2;

		if (mid->end <= base_at)
			low = mid + 1;
		else
			high = mid;
	}
	c->mark = low;
}

/* Starts before it behave as they did in the base. */
static size_t zone_start(const struct chain *c, const struct gap *g)
{
	size_t from = g->start > c->width + 1 ? g->start - c->width - 1 : 0;

	return !c->all && from < g->low ? g->low : from;
}

static int over_gap(struct chain *c, const struct gap *g, struct err *e)
{
	const size_t from = zone_start(c, g), last = g->end;

	if (c->f < from)
		c->f = from;
	if (zone(c, last, e))
		return -1;
	if (c->f < last + 1)
		c->f = last + 1;
	return 0;
}

/* ---- the runs and gaps that matter ---------------------------------------- */

int busy_runs(struct busy *b, const struct delta *d, struct err *e)
{
	size_t i;

	b->n = 0;
	if (!d || !d->base->near)
		return 0;
	if (d->n > b->cap) {
		mem_free(b->run);
		b->cap = 0;
		b->run = mem_array(d->n + d->n / 2, sizeof(*b->run));
		if (!b->run)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		b->cap = d->n + d->n / 2;
	}
	if (blocks_clear(&b->marked, d->base_len, e))
		return -1;
	for (i = 0; i < d->base->near; i++)
		blocks_put(&b->marked, d->base->v[i].start, d->base->v[i].end);
	blocks_close(&b->marked);
	for (i = 0; i < d->n; i++) {
		b->run[b->n] = (uint32_t)i;
		b->n += blocks_any(&b->marked, d->run[i].from, d->run[i].len);
	}
	return 0;
}

void busy_release(struct busy *b)
{
	blocks_release(&b->marked);
	mem_free(b->run);
	memset(b, 0, sizeof(*b));
}

/* What of run r the base's marks say, as far as the gap behind it. */
static int over_run(struct chain *c, size_t r, size_t lead,
		    const struct mark *first, struct err *e)
{
	const struct run *run = &c->d->run[r];
	size_t behind = r + lead;
	/* the gap in front has its own end for a start */
	size_t from = run->at + (size_t)(behind > 0);

	if (c->f < from)
		c->f = from;
	seek(c, first, c->f - run->at + run->from);
	return copied(c, run, behind < c->gaps
				      ? zone_start(c, &c->gap[behind])
				      : c->n + 1, e);
}

/* The first gap from g on that the next end may lead to. */
static size_t next_gap(const struct chain *c, size_t g)
{
	size_t low, step = 1, high = c->gaps;

	if (c->all)
		return g;
	if (c->hit == c->hit_end)
		return c->gaps;
	low = c->hit->end > c->width ? c->hit->end - c->width : 0;
	while (g < high && c->gap[g].end < low) {
		if (high - g > step && c->gap[g + step].end < low) {
			g += step;
			step *= 2;
		} else if (step > 1) {
			step /= 2;
		} else {
			g++;
		}
	}
	return g;
}

/* Gaps and runs come in turn; a text that begins with the base's beginning
 * has no gap in front. */
int chain_walk(struct chain *c, struct err *e)
{
	const struct mark *first = c->mark;
	const struct run *run = c->d ? c->d->run : NULL;
	size_t lead = c->d && c->d->n && (run->at || run->from);
	const size_t runs = c->d && c->mark != c->mark_end ? c->busy->n : 0;
	size_t g = next_gap(c, 0), r = 0;
	int rc = 0;

	while (!rc && (g < c->gaps || r < runs) &&
	       !pace_over(&c->t->pace, 16)) {
		if (r < runs && c->busy->run[r] + lead <= g) {
			rc = over_run(c, c->busy->run[r++], lead, first, e);
		} else {
			rc = over_gap(c, &c->gap[g], e);
			g = next_gap(c, g + 1);
		}
	}
	return rc ? -1 : 0;
}
