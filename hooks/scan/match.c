/*
 * match: where a rule may have matched, for all rules in one pass.
 *
 * Owns Vectorscan.  Promises: every match of a RULE_NEAR rule inside the
 * scanned range is reported by its end; more ends may be.  Must never decide
 * that something is a finding.
 */
#include "hooks/scan/match_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "hooks/scan/decode_escape.h"
#include "hooks/scan/patterns.h"

/* To see enough of every run and every sign. */
#define REACH_LEAST (ESCAPE_NEAR + ESCAPE_BEFORE)
#define DENSE_APART 64u /* what is looked at in between costs less than a scan */
#define DENSE_ALONE 4096u /* from here on it is not worth a copy */
#define HITS_MAX (64u * 1024 * 1024) /* of one text; more: the scan fails */

/* ---- compiling ----------------------------------------------------------- */

/* Width and class of one rule as the library sees it. */
static void classify(const struct rule *r, struct class_row *row)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *why = NULL;

	memset(row, 0, sizeof(*row));
	if (!r->regex) {
		row->class = RULE_PATH;
		return;
	}
	row->class = r->keywords.n ? RULE_WIDE : RULE_ALWAYS;
	if (hs_expression_info(regex_pattern(r->regex), 0, &info, &why) !=
	    HS_SUCCESS) {
		hs_free_compile_error(why);
		return;
	}
	if (info->min_width > 0 && info->max_width <= MATCH_REACH_MAX) {
		row->class = info->max_width <= MATCH_NEAR_MAX ||
				     !r->keywords.n ? RULE_NEAR : RULE_GATED;
		row->width = info->max_width;
		row->dense = token_needed(regex_pattern(r->regex));
	}
	free(info);
}

static bool by_keyword(const struct class_row *row)
{
	return row->class == RULE_WIDE || row->class == RULE_GATED;
}

static int collect(const struct matcher *m, size_t which, struct patterns *p,
		   struct err *e)
{
	size_t i, k;

	for (i = 0; i < m->slots; i++) {
		const struct rule *r = &m->rs->rule[m->of[i]];
		const struct class_row *row = &m->row[m->of[i]];

		if (row->class == RULE_NEAR && row->dense == (which == DB_DENSE) &&
		    patterns_add(p, regex_pattern(r->regex),
				 row->prefilter ? HS_FLAG_PREFILTER : 0, i, e))
			return -1;
		if (!by_keyword(row) || which != DB_ALL)
			continue;
		for (k = 0; k < r->keywords.n; k++)
			if (*r->keywords.v[k] &&
			    patterns_add_word(p, r->keywords.v[k],
					      HS_FLAG_CASELESS |
					      HS_FLAG_SINGLEMATCH,
					      m->slots + i, e))
				return -1;
	}
	return 0;
}

/* A rule that the library cannot take: first as a prefilter, then by its
 * keywords. */
static void step_down(struct matcher *m, size_t rule)
{
	struct class_row *row = &m->row[rule];

	if (!row->prefilter)
		row->prefilter = 1;
	else
		row->class = m->rs->rule[rule].keywords.n ? RULE_WIDE
							  : RULE_ALWAYS;
}

/* One database; a rule that it cannot take is stepped down. */
static int compile_one(struct matcher *m, size_t which, struct err *e)
{
	hs_compile_error_t *why = NULL;
	struct patterns p = { 0 };
	int rc = -1;

	for (;;) {
		hs_error_t got;

		patterns_free(&p);
		if (collect(m, which, &p, e))
			goto out;
		if (!p.n)
			break;
		got = hs_compile_multi((const char *const *)p.text, p.flags,
				       p.id, (unsigned)p.n, HS_MODE_BLOCK, NULL,
				       &m->db[which], &why);
		if (got == HS_SUCCESS)
			break;
		if (!why || why->expression < 0 ||
		    p.id[why->expression] >= m->slots) {
			err_fail(e, ERR_CONFIG, NULL,
				 "the matcher cannot be built: %s",
				 why ? why->message : "unknown");
			goto out;
		}
		step_down(m, m->of[p.id[why->expression]]);
		hs_free_compile_error(why);
		why = NULL;
	}
	rc = 0;
out:
	hs_free_compile_error(why);
	patterns_free(&p);
	return rc;
}

/* Of all that is in the databases. */
static void find_breaks(struct matcher *m)
{
	struct bytes held = { { 0 } };
	size_t i, k;

	for (i = 0; i < m->rs->n; i++) {
		const struct rule *r = &m->rs->rule[i];

		if (m->row[i].class == RULE_NEAR)
			breaks_held(regex_pattern(r->regex), &held);
		for (k = 0; by_keyword(&m->row[i]) && k < r->keywords.n; k++)
			breaks_held_word(r->keywords.v[k], &held);
	}
	m->breaks = breaks_left(&held);
}

/* The keywords of what DB_DENSE cannot take go into DB_ALL. */
static int compile(struct matcher *m, struct err *e)
{
	size_t i;

	for (i = 0; i < m->rs->n; i++)
		classify(&m->rs->rule[i], &m->row[i]);
	if (compile_one(m, DB_DENSE, e) || compile_one(m, DB_ALL, e))
		return -1;
	find_breaks(m);
	return 0;
}

static bool load_any(struct matcher *m, const struct rule_cache *c,
		     const char *name)
{
	int i;

	for (i = 0; i < CACHE_FOLDERS && !m->cached; i++)
		m->cached = match_cache_load(m, c, i, name);
	return m->cached;
}

/* A hook's pusher reads this: why it takes so long, and how to mend it. */
static void announce(const struct rule_cache *c, const char *text)
{
	if (c->announce)
		fputs(text, stderr);
}

/* Nothing compiled that fits: one process does it, others wait for that. */
static int make(struct matcher *m, const struct rule_cache *c,
		const char *name, struct err *e)
{
	bool waited;
	int lock, rc = -1;

	if (c->only)
		return err_fail(e, ERR_ABSENT, NULL, "no compiled rules that "
				"fit these, this version and this processor");
	announce(c, "curfew: compiling the rules, once: this takes seconds\n");
	lock = rule_cache_lock(c, &waited);
	if (waited && load_any(m, c, name)) {
		rc = 0;
		goto out;
	}
	if (compile(m, e))
		goto out;
	if (!match_cache_save(m, c, name))
		announce(c, "curfew: and cannot keep them: 'curfew-scan hook "
			    "install REPOSITORY' does, on the server\n");
	rc = 0;
out:
	rule_cache_unlock(lock);
	return rc;
}

/* Slots for the rules that have a regex; the others' class. */
static int number(struct matcher *m, const struct ruleset *rs, struct err *e)
{
	size_t i;

	m->rs = rs;
	m->row = mem_array(rs->n + 1, sizeof(*m->row));
	m->of = mem_array(rs->n + 1, sizeof(*m->of));
	if (!m->row || !m->of)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (i = 0; i < rs->n; i++) {
		if (rs->rule[i].regex)
			m->of[m->slots++] = (uint32_t)i;
		else
			m->row[i].class = RULE_PATH;
	}
	return 0;
}

struct matcher *matcher_new(const struct ruleset *rs,
			    const struct rule_cache *c, struct err *e)
{
	struct matcher *m = mem_zalloc(sizeof(*m));
	char name[MATCH_CACHE_NAME];
	size_t i, k;

	if (!m) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	if (number(m, rs, e))
		goto bad;
	m->words = (rs->n + 63) / 64;
	m->gated = mem_array(m->words + 1, sizeof(*m->gated));
	m->always = mem_array(m->words + 1, sizeof(*m->always));
	if (!m->gated || !m->always) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	if (hs_valid_platform() != HS_SUCCESS) {
		err_fail(e, ERR_UNSUPPORTED, NULL,
			 "this processor lacks what the matcher needs (SSE4.2)");
		goto bad;
	}
	if (match_cache_key(m, name, e))
		goto bad;
	if (!load_any(m, c, name) && make(m, c, name, e))
		goto bad;
	m->reach = REACH_LEAST;
	for (i = 0; i < rs->n; i++) {
		const struct strings *w = &rs->rule[i].keywords;

		if (m->row[i].class == RULE_ALWAYS)
			m->always[i / 64] |= (uint64_t)1 << (i % 64);
		if (m->row[i].class == RULE_GATED)
			m->gated[i / 64] |= (uint64_t)1 << (i % 64);
		if (m->row[i].class == RULE_NEAR && m->row[i].width > m->reach)
			m->reach = m->row[i].width;
		if (m->row[i].class == RULE_NEAR && m->row[i].dense &&
		    m->row[i].width > m->dense_reach)
			m->dense_reach = m->row[i].width;
		for (k = 0; by_keyword(&m->row[i]) && k < w->n; k++)
			if (strlen(w->v[k]) > m->reach)
				m->reach = strlen(w->v[k]);
	}
	for (i = 0; !m->cached && i < DBS; i++) /* else it is there */
		if (m->db[i] &&
		    hs_alloc_scratch(m->db[i], &m->scratch) != HS_SUCCESS) {
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
			goto bad;
		}
	return m;
bad:
	matcher_free(&m);
	return NULL;
}

void matcher_free(struct matcher **mp)
{
	struct matcher *m = *mp;
	size_t i;

	if (!m)
		return;
	hs_free_scratch(m->scratch);
	if (m->map)
		munmap(m->map, m->map_len);
	for (i = 0; !m->map && i < DBS; i++)
		hs_free_database(m->db[i]);
	mem_free(m->row);
	mem_free(m->gated);
	mem_free(m->always);
	mem_free(m->of);
	mem_free(m);
	*mp = NULL;
}

const struct ruleset *matcher_rules(const struct matcher *m)
{
	return m->rs;
}

enum rule_class matcher_class(const struct matcher *m, size_t rule)
{
	return (enum rule_class)m->row[rule].class;
}

size_t matcher_width(const struct matcher *m, size_t rule)
{
	return m->row[rule].width;
}

size_t matcher_reach(const struct matcher *m)
{
	return m->reach;
}

size_t matcher_wide_words(const struct matcher *m)
{
	return m->words;
}

const uint64_t *matcher_gated(const struct matcher *m)
{
	return m->gated;
}

const struct bytes *matcher_breaks(const struct matcher *m)
{
	return &m->breaks;
}

bool matcher_from_cache(const struct matcher *m)
{
	return m->cached;
}

/* ---- scanning ------------------------------------------------------------ */

int match_thread_init(const struct matcher *m, struct match_thread *t,
		      struct err *e)
{
	hs_scratch_t *s = NULL;

	memset(t, 0, sizeof(*t));
	t->wide = mem_array(m->words + 1, sizeof(*t->wide));
	if (!t->wide || (m->scratch &&
			 hs_clone_scratch(m->scratch, &s) != HS_SUCCESS)) {
		match_thread_release(t);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	t->scratch = s;
	match_reset(m, t);
	return 0;
}

void match_thread_release(struct match_thread *t)
{
	hs_free_scratch(t->scratch);
	mem_free(t->hit);
	sights_release(&t->seen);
	joined_release(&t->dense);
	mem_free(t->wide);
	memset(t, 0, sizeof(*t));
}

void match_reset(const struct matcher *m, struct match_thread *t)
{
	t->n = t->seen.runs = t->seen.signs = 0;
	memcpy(t->wide, m->always, m->words * sizeof(*t->wide));
}

struct callback {
	struct match_thread *t;
	const uint32_t *of;
	size_t slots;
};

static int on_match(unsigned id, unsigned long long from,
		    unsigned long long to, unsigned flags, void *arg)
{
	const struct callback *c = arg;
	struct match_thread *t = c->t;
	struct match_hit *v;

	(void)from;
	(void)flags;
	if (id >= c->slots) {
		id = c->of[id - c->slots];
		t->wide[id / 64] |= (uint64_t)1 << (id % 64);
		return 0;
	}
	if (t->pace && (t->n & 0xffff) == 0xffff &&
	    pace_over(t->pace, PACE_STEP))
		return 1;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;

		v = cap > HITS_MAX ? NULL : mem_realloc(t->hit, cap * sizeof(*v));
		if (!v) {
			t->failed = true;
			return 1;
		}
		t->hit = v;
		t->cap = cap;
	}
	t->hit[t->n].rule = c->of[id];
	t->hit[t->n++].end = t->shift + (uint32_t)to;
	return 0;
}

static int scan_with(const struct matcher *m, size_t which,
		     struct match_thread *t, const char *text, size_t from,
		     size_t to, struct err *e)
{
	struct callback c = { .t = t, .of = m->of, .slots = m->slots };
	hs_error_t got;

	t->shift = (uint32_t)from;
	t->failed = false;
	got = hs_scan(m->db[which], text + from, (unsigned)(to - from), 0,
		      t->scratch, on_match, &c);
	if (t->failed)
		return err_fail(e, ERR_TOOBIG, NULL, "too many candidates");
	if (got != HS_SUCCESS && got != HS_SCAN_TERMINATED)
		return err_fail(e, ERR_BUG, NULL, "the matcher answered %d", got);
	return 0;
}

/* What was put together. */
static int scan_joined(const struct matcher *m, struct match_thread *t,
		       const char *text, struct err *e)
{
	struct joined *j = &t->dense;
	size_t i = t->n, k = 0;
	int rc;

	if (!j->n)
		return 0;
	if (j->n == 1) {
		rc = scan_with(m, DB_DENSE, t, text, j->piece[0].from,
			       j->piece[0].from + j->piece[0].len, e);
	} else {
		rc = scan_with(m, DB_DENSE, t, j->text, 0, j->len, e);
		for (; i < t->n; i++)
			t->hit[i].end = joined_end(j, t->hit[i].end, &k);
	}
	joined_clear(j);
	return rc;
}

static int dense_part(const struct matcher *m, struct match_thread *t,
		      const char *text, size_t from, size_t to, size_t end,
		      struct err *e)
{
	bool alone = to - from >= DENSE_ALONE || !joined_can(&m->breaks);

	if ((alone || !joined_fits(&t->dense, to - from)) &&
	    scan_joined(m, t, text, e))
		return -1;
	return alone ? scan_with(m, DB_DENSE, t, text, from, to, e)
		     : joined_add(&t->dense, &m->breaks, text, end, from, to,
				  e);
}

/* A match in [from, to) holds a part of a dense run there, and is nowhere
 * farther from it than it is long, or behind a break. */
static int scan_dense(const struct matcher *m, struct match_thread *t,
		      const char *text, size_t from, size_t to, size_t run,
		      struct err *e)
{
	size_t reach = m->dense_reach + 2, low = 0, high = 0, floor;
	bool found;

	joined_clear(&t->dense);
	for (; run < t->seen.runs; run++) {
		const struct token_run *r = &t->seen.run[run];

		if (!r->dense)
			continue;
		if (high && r->start > high + DENSE_APART) {
			if (dense_part(m, t, text, low, high, to, e))
				return -1;
			high = 0;
		}
		floor = r->start - from > reach ? r->start - reach : from;
		if (!high)
			low = break_before(&m->breaks, text, floor, r->start,
					   &found);
		high = to - r->end > reach ? r->end + reach : to;
		high = break_behind(&m->breaks, text, r->end, high);
	}
	if (high && dense_part(m, t, text, low, high, to, e))
		return -1;
	return scan_joined(m, t, text, e);
}

int match_scan(const struct matcher *m, struct match_thread *t,
	       const char *text, size_t from, size_t to, struct err *e)
{
	size_t run = t->seen.runs;

	if (from >= to)
		return 0;
	if (token_look(text, from, to, &t->seen, e))
		return -1;
	if (m->db[DB_ALL] && scan_with(m, DB_ALL, t, text, from, to, e))
		return -1;
	return m->db[DB_DENSE] ? scan_dense(m, t, text, from, to, run, e) : 0;
}

static int by_rule(const void *a, const void *b)
{
	const struct match_hit *x = a, *y = b;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

void match_sort(struct match_thread *t)
{
	size_t i, kept = 0;

	if (t->n < 2)
		return;
	qsort(t->hit, t->n, sizeof(*t->hit), by_rule);
	for (i = 0; i < t->n; i++)
		if (!i || by_rule(&t->hit[i], &t->hit[kept - 1]))
			t->hit[kept++] = t->hit[i];
	t->n = kept;
}
