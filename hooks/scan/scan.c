/*
 * scan: from a text to its marks, whole or as a delta of a marked text.
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
 *
 * Must never look at text outside text[0, n), nor keep pointers into it.
 */
#include "hooks/scan/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/around.h"
#include "hooks/scan/decoded.h"
#include "hooks/scan/own.h"

#define LIMITS_MOST 64u /* of one text; then its regexes are left alone */
#define MARKS_MOST 1000000u /* of one text; then it is given up */
/* The same of a rule over all of the text, in places where it may begin: so
 * few as take some milliseconds. */
#define WIDE_STARTS 64u
#define WIDE_STARTS_MAX 16384u
#define WIDE_NS_SLOW 10000000u
#define WIDE_NS_FAST 1000000u

/* The walk of one rule through one text. */
struct chain {
	struct scan_thread *t;
	const char *text;
	size_t n;
	const struct delta *d;
	const struct gap *gap;
	size_t gaps;
	struct regex *regex;
	uint32_t rule;
	size_t width;
	bool all; /* no ends were seen: every start is tried */
	const struct match_hit *hit, *hit_end; /* of this rule */
	const struct mark *mark, *mark_end;	/* of this rule, in the base */
	size_t f;				/* free here */
	struct marks *out;
};

/* ---- one rule ------------------------------------------------------------ */

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
static int try_starts(struct chain *c, size_t from, size_t last, bool *found,
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
		if (try_starts(c, c->f, last, &found, e))
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
		if (try_starts(c, low, high, &found, e))
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

			if (try_starts(c, c->f, last, &found, e))
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

/* As far as the gap behind it, if there is one. */
static int over_run(struct chain *c, const struct run *run,
		    const struct gap *behind, const struct mark *first,
		    struct err *e)
{
	if (c->f < run->at)
		c->f = run->at;
	seek(c, first, c->f - run->at + run->from);
	return copied(c, run, behind ? zone_start(c, behind) : c->n + 1, e);
}

/* Gaps and runs come in turn; a text that begins with the base's beginning
 * has no gap in front. */
static int walk(struct chain *c, struct err *e)
{
	const struct mark *first = c->mark;
	size_t g = 0, r = 0, runs = c->d ? c->d->n : 0;
	int rc = 0;

	while (!rc && (g < c->gaps || r < runs) &&
	       !pace_over(&c->t->pace, 16)) {
		const struct run *run = r < runs ? &c->d->run[r] : NULL;
		const struct gap *gap = g < c->gaps ? &c->gap[g] : NULL;

		if (gap && (!run || gap->end <= run->at)) {
			rc = over_gap(c, gap, e);
			g++;
		} else if (run) {
			rc = over_run(c, run, gap, first, e);
			r++;
		}
	}
	return rc ? -1 : 0;
}

/* ---- the text ------------------------------------------------------------ */

static int add_gap(struct scan_thread *t, size_t *n, size_t start, size_t end,
		   struct err *e)
{
	if (*n == t->gaps_cap) {
		size_t cap = t->gaps_cap ? t->gaps_cap * 2 : 64;
		struct gap *v = mem_realloc(t->gap, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		t->gap = v;
		t->gaps_cap = cap;
	}
	t->gap[*n].start = (uint32_t)start;
	t->gap[(*n)++].end = (uint32_t)end;
	return 0;
}

/* What is not copied, the places where copies meet, and both ends of the
 * text unless they are the base's. */
static int find_gaps(struct scan_thread *t, size_t n, const struct delta *d,
		     size_t *gaps, struct err *e)
{
	size_t i, at = 0;

	*gaps = 0;
	for (i = 0; d && i < d->n; i++) {
		const struct run *r = &d->run[i];

		if ((i || r->at || r->from) && add_gap(t, gaps, at, r->at, e))
			return -1;
		at = (size_t)r->at + r->len;
	}
	if (d && d->n && at == n &&
	    (size_t)d->run[d->n - 1].from + d->run[d->n - 1].len == d->base_len)
		return 0;
	return add_gap(t, gaps, at, n, e);
}

/* How many starts to try at a time; what is found does not depend on it. */
static size_t next_step(struct scan_thread *t, size_t step, uint64_t since_ns)
{
	uint64_t took = clock_mono_ns() - since_ns;

	if (took > WIDE_NS_SLOW) {
		t->pace.left = 0; /* ask now */
		return step > 4 ? step / 4 : 1;
	}
	return took < WIDE_NS_FAST && step < WIDE_STARTS_MAX ? step * 4 : step;
}

/* A rule over all of the text. */
static int wide_rule(struct scan_thread *t, const char *text, size_t n,
		     uint32_t rule, struct marks *out, struct err *e)
{
	const struct ruleset *rs = matcher_rules(t->s->matcher);
	struct chain c = { .t = t, .text = text, .n = n, .out = out,
			   .rule = rule, .regex = rs->rule[rule].regex };
	size_t last, step = WIDE_STARTS;
	uint64_t start;
	bool found;

	while (c.f <= n && t->pace.stop == PACE_ON) {
		last = n - c.f > step ? c.f + step : n;
		start = clock_mono_ns();
		if (pace_over(&t->pace, last - c.f))
			return 0;
		if (try_starts(&c, c.f, last, &found, e))
			return -1;
		if (!found)
			c.f = last + 1;
		step = next_step(t, step, start);
	}
	return 0;
}

static bool has_bit(const uint64_t *set, uint32_t rule)
{
	return set && set[rule / 64] >> (rule % 64) & 1;
}

/* The next RULE_GATED from `rule` on whose keyword was seen. */
static uint32_t next_gated(const struct scan_thread *t, uint32_t rule)
{
	const uint64_t *gated = matcher_gated(t->s->matcher);
	size_t words = matcher_wide_words(t->s->matcher), w = rule / 64;
	uint64_t any;

	for (; w < words; w++, rule = (uint32_t)(w * 64)) {
		any = t->match.wide[w] & gated[w] & ~(uint64_t)0 << (rule % 64);
		if (any)
			return (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(any);
	}
	return UINT32_MAX;
}

/* Every bounded rule that has hits here, marks in the base or a keyword. */
static int near_rules(struct scan_thread *t, const char *text, size_t n,
		      const struct delta *d, size_t gaps, struct marks *out,
		      struct err *e)
{
	const struct ruleset *rs = matcher_rules(t->s->matcher);
	const struct match_hit *h = t->match.hit;
	const struct match_hit *h_end = h ? h + t->match.n : NULL;
	const struct mark *b = d ? d->base->v : NULL;
	const struct mark *b_end = b ? b + d->base->near : NULL;
	uint32_t gated = next_gated(t, 0);

	while ((h < h_end || b < b_end || gated != UINT32_MAX) &&
	       t->pace.stop == PACE_ON) {
		uint32_t rule = h < h_end ? h->rule : UINT32_MAX;
		struct chain c = { .t = t, .text = text, .n = n, .d = d,
				   .gap = t->gap, .gaps = gaps, .out = out };

		if (b < b_end && b->rule < rule)
			rule = b->rule;
		if (gated <= rule) {
			c.all = true;
			rule = gated;
			gated = next_gated(t, rule + 1);
		}
		c.rule = rule;
		c.regex = rs->rule[rule].regex;
		c.width = matcher_width(t->s->matcher, rule);
		for (c.hit = h; h < h_end && h->rule == rule;)
			h++;
		c.hit_end = h;
		for (c.mark = b; b < b_end && b->rule == rule;)
			b++;
		c.mark_end = b;
		/* without its keyword it was not run over the base */
		if (c.all && !(d && has_bit(d->base->wide, rule))
			    ? wide_rule(t, text, n, rule, out, e)
			    : walk(&c, e))
			return -1;
	}
	return 0;
}

/* Which rules had a keyword, here or where the text was copied from. */
static int see_words(struct scan_thread *t, const struct delta *d,
		     struct marks *out, struct err *e)
{
	size_t words = matcher_wide_words(t->s->matcher), w;
	uint64_t *seen = t->match.wide, any = 0;

	for (w = 0; w < words; w++) {
		if (d && d->base->wide)
			seen[w] |= d->base->wide[w];
		any |= seen[w];
	}
	if (!out->wide && any &&
	    !(out->wide = mem_array(words, sizeof(*seen))))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (out->wide)
		memcpy(out->wide, seen, words * sizeof(*seen));
	return 0;
}

static int wide_rules(struct scan_thread *t, const char *text, size_t n,
		      struct marks *out, struct err *e)
{
	const uint64_t *gated = matcher_gated(t->s->matcher);
	size_t words = matcher_wide_words(t->s->matcher), w;
	uint64_t any;

	for (w = 0; w < words; w++)
		for (any = t->match.wide[w] & ~gated[w]; any; any &= any - 1)
			if (wide_rule(t, text, n,
				      (uint32_t)(w * 64) +
					      (uint32_t)__builtin_ctzll(any),
				      out, e))
				return -1;
	return 0;
}

static int plain(struct scan_thread *t, const char *text, size_t n,
		 const struct delta *d, size_t *gaps, struct marks *out,
		 struct err *e)
{
	uint64_t start = phase_start(t);

	out->n = out->near = out->own = 0;
	t->text_number++;
	t->text_limits = 0;
	match_reset(t->s->matcher, &t->match);
	if (find_gaps(t, n, d, gaps, e) || around_match(t, text, n, *gaps, e))
		return -1;
	phase_end(t, PHASE_MATCH, start);
	start = phase_start(t);
	if (see_words(t, d, out, e) ||
	    near_rules(t, text, n, d, *gaps, out, e))
		return -1;
	out->near = out->n;
	if (wide_rules(t, text, n, out, e))
		return -1;
	out->own = out->n;
	if (t->s->own && own_marks(t, t->s->own, text, n, d, t->gap, *gaps, out,
				   e))
		return -1;
	out->coded = out->n;
	phase_end(t, PHASE_CONFIRM, start);
	return 0;
}

int scan_plain(struct scan_thread *t, const char *text, size_t n,
	       const struct delta *d, struct marks *out, struct err *e)
{
	size_t gaps;

	return plain(t, text, n, d, &gaps, out, e);
}

int scan_text(struct scan_thread *t, const char *text, size_t n,
	      const struct delta *d, struct marks *out, struct err *e)
{
	uint64_t start, before;
	size_t gaps;

	if (n > SCAN_TEXT_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "over %u bytes",
				SCAN_TEXT_MAX);
	pace_text(&t->pace, n);
	if (plain(t, text, n, d, &gaps, out, e))
		return -1;
	start = phase_start(t);
	before = phases_sum(t);
	if (decoded_marks(t, text, n, d, gaps, out, e))
		return -1;
	phase_end_outer(t, PHASE_DECODE, start, before);
	t->limits += t->pace.stop == PACE_TEXT;
	return 0;
}
