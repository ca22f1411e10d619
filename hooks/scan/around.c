/*
 * around: what the matcher is to see of a text that changed in places.
 *
 * Owns the argument why parts of a text may be scanned side by side: each
 * begins and ends at a break, or gets one put in behind it, and no match goes
 * over a break.  A part that begins the text is first in what is put together,
 * one that ends it is last, so that both ends are where a pattern expects them.
 *
 * Must never give a hit that the text has not room for.
 */
#include "hooks/scan/around.h"

#include <string.h>

#include "hooks/scan/decode_escape.h"
#include "hooks/scan/decode_wrap.h"
#include "hooks/scan/scan.h"

#define PIECE (1024u * 1024) /* for the matcher, between two questions */
#define ALONE (16u * 1024) /* from here on it is not worth a copy */
#define APART 24u /* nearer changes are one: cheaper than to look for breaks */

/* So many places to look at that none is: for this text only. */
static int given_up(struct scan_thread *t, struct err *e)
{
	if (e->code != ERR_TOOBIG)
		return -1;
	err_clear(e);
	t->pace.stop = PACE_TEXT;
	return 0;
}

/* ---- back to places in the text ------------------------------------------ */

static void move_hits(struct scan_thread *t, size_t first)
{
	size_t i, k = 0;

	for (i = first; i < t->match.n; i++)
		t->match.hit[i].end = joined_end(&t->joined,
						 t->match.hit[i].end, &k);
}

static void move_sights(struct scan_thread *t, size_t run, size_t sign)
{
	struct sights *s = &t->match.seen;
	const struct piece *p;
	size_t k = 0;

	for (; run < s->runs; run++) {
		p = joined_piece(&t->joined, s->run[run].start, &k);
		s->run[run].start += p->from - p->at; /* wraps, as it should */
		s->run[run].end += p->from - p->at;
	}
	for (k = 0; sign < s->signs; sign++) {
		p = joined_piece(&t->joined, s->sign[sign], &k);
		s->sign[sign] += p->from - p->at;
	}
}

/* Runs seen in two parts become one; signs that begin no escape go. */
static void tidy(struct scan_thread *t, const char *text, size_t n, size_t run,
		 size_t sign)
{
	struct sights *s = &t->match.seen;
	size_t kept = run;

	for (; run < s->runs; run++) {
		const struct token_run *r = &s->run[run];
		struct token_run *last;

		if (!kept || r->start > s->run[kept - 1].end) {
			s->run[kept++] = *r;
			continue;
		}
		last = &s->run[kept - 1];
		if (r->end > last->end) {
			last->end = r->end;
			last->dense |= r->dense;
		}
	}
	s->runs = kept;
	for (kept = sign; sign < s->signs; sign++)
		if ((!kept || s->sign[sign] > s->sign[kept - 1]) &&
		    escape_sign(text, n, s->sign[sign]))
			s->sign[kept++] = s->sign[sign];
	s->signs = kept;
}

/* ---- scanning ------------------------------------------------------------ */

/* Piece by piece; each begins so far in the one before that no match is
 * cut. */
static int scan_alone(struct scan_thread *t, const char *text, size_t n,
		      size_t from, size_t to, struct err *e)
{
	size_t end, reach = matcher_reach(t->s->matcher) + 2, run, sign;

	for (;; from = end - reach) {
		end = to - from > PIECE + reach ? from + PIECE + reach : to;
		if (pace_over(&t->pace, end - from))
			return 0;
		t->bytes_matched += end - from;
		run = t->match.seen.runs;
		sign = t->match.seen.signs;
		if (match_scan(t->s->matcher, &t->match, text, from, end, e))
			return given_up(t, e);
		tidy(t, text, n, run, sign);
		if (end == to)
			return 0;
	}
}

static int scan_joined(struct scan_thread *t, const char *text, size_t n,
		       struct err *e)
{
	struct joined *j = &t->joined;
	size_t hit = t->match.n, run = t->match.seen.runs;
	size_t sign = t->match.seen.signs, len = j->len;
	int rc = 0;

	if (!j->n)
		return 0;
	if (j->n == 1) {
		rc = scan_alone(t, text, n, j->piece[0].from,
				j->piece[0].from + j->piece[0].len, e);
		goto out;
	}
	if (pace_over(&t->pace, len))
		goto out;
	t->bytes_matched += len;
	if (match_scan(t->s->matcher, &t->match, j->text, 0, len, e)) {
		rc = given_up(t, e);
		t->match.n = hit;
		t->match.seen.runs = run;
		t->match.seen.signs = sign;
		goto out;
	}
	move_hits(t, hit);
	move_sights(t, run, sign);
	tidy(t, text, n, run, sign);
out:
	joined_clear(j);
	return rc;
}

/* text[from, to) is to be scanned. */
static int part(struct scan_thread *t, const char *text, size_t n, size_t from,
		size_t to, struct err *e)
{
	const struct bytes *breaks = matcher_breaks(t->s->matcher);
	bool alone = to - from >= ALONE || !joined_can(breaks);

	if ((alone || !joined_fits(&t->joined, to - from)) &&
	    scan_joined(t, text, n, e))
		return -1;
	return alone ? scan_alone(t, text, n, from, to, e)
		     : joined_add(&t->joined, breaks, text, n, from, to, e);
}

/* ---- what is around gaps ------------------------------------------------- */

/* Gaps from *i on that are one; *high: where what is around them ends.  Where
 * lines are long, what was seen to have no break is not searched again. */
static void gather(const struct scan_thread *t, const char *text, size_t n,
		   size_t gaps, size_t reach, size_t *i, size_t *high)
{
	const struct bytes *breaks = matcher_breaks(t->s->matcher);
	const struct gap *g = t->gap;
	size_t to = g[(*i)++].end, seen = 0, limit;

	for (;;) {
		while (*i < gaps && g[*i].start <= to + APART)
			to = g[(*i)++].end;
		limit = n - to > reach ? to + reach : n;
		*high = break_behind(breaks, text, to > seen ? to : seen, limit);
		/* its newline would be at `limit` or later */
		seen = *high == limit && limit ? limit - 1 : 0;
		if (*i == gaps || g[*i].start > *high + APART)
			return;
		to = g[(*i)++].end;
	}
}

/* How far before a change to look.  Where its line is short, the line above is
 * to be seen from its end to its start: they may become a block. */
static size_t lower(const char *text, size_t at, size_t reach)
{
	size_t low = at > reach ? at - reach : 0;
	size_t line = at > WRAP_REACH / 2 ? at - WRAP_REACH / 2 : 0;

	if (reach < WRAP_REACH && memchr(text + line, '\n', at - line))
		low = at > WRAP_REACH ? at - WRAP_REACH : 0;
	return low;
}

int around_match(struct scan_thread *t, const char *text, size_t n, size_t gaps,
		 struct err *e)
{
	const struct bytes *breaks = matcher_breaks(t->s->matcher);
	size_t reach = matcher_reach(t->s->matcher) + 2;
	size_t i = 0, first, from = 0, to = 0, low, high;
	bool found, some = false;

	joined_clear(&t->joined);
	while (i < gaps) {
		low = lower(text, t->gap[i].start, reach);
		low = break_before(breaks, text, low, t->gap[i].start, &found);
		first = i;
		gather(t, text, n, gaps, reach, &i, &high);
		for (; first < i; first++)
			t->gap[first].low = (uint32_t)(low + found);
		if (some && low > to) {
			if (part(t, text, n, from, to, e))
				return -1;
			from = low;
		} else if (!some) {
			from = low;
		}
		to = high;
		some = true;
	}
	if ((some && part(t, text, n, from, to, e)) ||
	    scan_joined(t, text, n, e))
		return -1;
	match_sort(&t->match);
	return 0;
}
