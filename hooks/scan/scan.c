/*
 * scan: from a text to its marks, whole or as a delta of a marked text.
 *
 * Owns which rules are asked, and in which order (chain.h: how one is).
 *
 * Must never look at text outside text[0, n), nor keep pointers into it.
 */
#include "hooks/scan/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/around.h"
#include "hooks/scan/chain.h"
#include "hooks/scan/decoded.h"
#include "hooks/scan/own.h"

/* A rule over all of the text, in places where it may begin: so few as take some
 * milliseconds. */
#define WIDE_STARTS 64u
#define WIDE_STARTS_MAX 16384u
#define WIDE_NS_SLOW 10000000u
#define WIDE_NS_FAST 1000000u

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
		if (chain_try(&c, c.f, last, &found, e))
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

	if (busy_runs(&t->busy, d, e))
		return -1;
	while ((h < h_end || b < b_end || gated != UINT32_MAX) &&
	       t->pace.stop == PACE_ON) {
		uint32_t rule = h < h_end ? h->rule : UINT32_MAX;
		struct chain c = { .t = t, .text = text, .n = n, .d = d,
				   .gap = t->gap, .gaps = gaps,
				   .busy = &t->busy, .out = out };

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
			    : chain_walk(&c, e))
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
