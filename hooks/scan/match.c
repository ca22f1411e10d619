/*
 * match: where a rule may have matched, for all rules in one pass.
 *
 * Owns Vectorscan.  Promises: every match of a RULE_NEAR rule inside the
 * scanned range is reported by its end; more ends may be.  Must never decide
 * that something is a finding.
 *
 * Cache file "rules-KEY.db" (rule_cache.h): magic, key, one struct class_row per
 * rule that has a regex (its place among these is its slot), and from
 * the next page on the database as it lies in memory, to be mapped.  (It holds
 * offsets, no addresses; hs_deserialize_database_at() asks for memory of 8-byte
 * alignment and lays the engine's code at 64 bytes, which a page keeps.)  KEY
 * covers these rules, the library's version and the processor, so a stale file
 * is simply not found; a rule without a regex, as that for known secrets, has no
 * part in it, so that one file serves with and without.
 */
#include "hooks/scan/match.h"

#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/patterns.h"

#define CACHE_MAGIC "curfew-rules-3\n"
#define CACHE_MAX (64u * 1024 * 1024)
#define CACHE_PAGE 4096u
#define HITS_MAX (64u * 1024 * 1024) /* of one text; more: the scan fails */

struct class_row {
	uint32_t width;
	uint8_t class, prefilter, spare[2];
};

struct matcher {
	const struct ruleset *rs;
	struct class_row *row;
	uint32_t *of; /* slot: the rule */
	size_t slots;
	hs_database_t *db; /* NULL when no rule needs one */
	void *map;	   /* the cache file, when db lies in it */
	size_t map_len;
	hs_scratch_t *scratch; /* the original, cloned per thread */
	size_t reach, words;
	uint64_t *gated; /* bit per rule: RULE_GATED */
	bool cached;
	unsigned char key[16];
};

/* ---- the cache ----------------------------------------------------------- */

static int key_text(struct buf *b, const char *s, struct err *e)
{
	return buf_add(b, s, strlen(s) + 1, e);
}

static int make_key(struct matcher *m, struct err *e)
{
	static const unsigned char fixed[DIGEST_KEY] = "curfew-scan rules cache";
	struct buf b = BUF_INIT(RULES_FILE_MAX);
	hs_platform_info_t cpu;
	size_t i, k;
	int rc = -1;

	memset(&cpu, 0, sizeof(cpu));
	hs_populate_platform(&cpu);
	if (key_text(&b, CACHE_MAGIC, e) || key_text(&b, hs_version(), e) ||
	    buf_add(&b, &cpu, sizeof(cpu), e) ||
	    buf_printf(&b, e, "%u %u %zu", MATCH_REACH_MAX, MATCH_NEAR_MAX,
		       sizeof(struct class_row)))
		goto out;
	for (i = 0; i < m->rs->n; i++) {
		const struct rule *r = &m->rs->rule[i];

		if (!r->regex)
			continue;
		if (key_text(&b, regex_pattern(r->regex), e))
			goto out;
		for (k = 0; k < r->keywords.n; k++)
			if (key_text(&b, r->keywords.v[k], e))
				goto out;
		if (buf_add(&b, "\n", 1, e))
			goto out;
	}
	digest_keyed(fixed, b.p, b.len, m->key, sizeof(m->key));
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static void cache_name(const struct matcher *m, char name[static 48])
{
	memcpy(name, "rules-", 6);
	text_hex(m->key, sizeof(m->key), name + 6);
	memcpy(name + 6 + 2 * sizeof(m->key), ".db", 4);
}

static size_t rows_end(const struct matcher *m)
{
	return sizeof(CACHE_MAGIC) - 1 + sizeof(m->key) +
	       m->slots * sizeof(*m->row);
}

static size_t database_at(const struct matcher *m)
{
	return (rows_end(m) + CACHE_PAGE - 1) / CACHE_PAGE * CACHE_PAGE;
}

static bool cache_load(struct matcher *m, const struct rule_cache *c,
		       int folder, const char *name)
{
	size_t n = 0, head = sizeof(CACHE_MAGIC) - 1, at = database_at(m), size;
	char *p = rule_cache_map(c, folder, name, CACHE_MAX, &n);
	struct class_row row;
	hs_database_t *db;
	size_t i;

	if (!p)
		return false;
	if (n < at || memcmp(p, CACHE_MAGIC, head) != 0 ||
	    memcmp(p + head, m->key, sizeof(m->key)) != 0)
		goto bad;
	db = n > at ? (hs_database_t *)(void *)(p + at) : NULL;
	/* asks for its magic number and its version too */
	if (db && (hs_database_size(db, &size) != HS_SUCCESS || size != n - at))
		goto bad;
	for (i = 0; i < m->slots; i++) {
		memcpy(&row, p + head + sizeof(m->key) + i * sizeof(row),
		       sizeof(row));
		m->row[m->of[i]] = row;
	}
	if (folder == CACHE_OWN)
		rule_cache_publish(c, name, p, n);
	m->db = db;
	m->map = p;
	m->map_len = n;
	return true;
bad:
	munmap(p, n);
	return false;
}

/* The database laid out at a page, as it will be mapped; NULL: no cache. */
static char *lay_out(const struct matcher *m, size_t at, size_t *n)
{
	char *bytes = NULL, *page = NULL;
	size_t len = 0, size = 0;
	void *p = NULL;

	if (m->db && (hs_serialize_database(m->db, &bytes, &len) != HS_SUCCESS ||
		      hs_serialized_database_size(bytes, len, &size) != HS_SUCCESS))
		goto out;
	if (posix_memalign(&p, CACHE_PAGE, at + size))
		goto out;
	page = p;
	memset(page, 0, at + size);
	if (size && hs_deserialize_database_at(bytes, len,
					       (hs_database_t *)(void *)(page + at)) !=
			    HS_SUCCESS) {
		free(page);
		page = NULL;
	}
	*n = at + size;
out:
	free(bytes); /* libhs allocates it with malloc */
	return page;
}

static bool cache_save(const struct matcher *m, const struct rule_cache *c,
		       const char *name)
{
	size_t head = sizeof(CACHE_MAGIC) - 1, n = 0, i;
	char *p = lay_out(m, database_at(m), &n);
	bool done;

	if (!p)
		return false;
	memcpy(p, CACHE_MAGIC, head);
	memcpy(p + head, m->key, sizeof(m->key));
	for (i = 0; i < m->slots; i++)
		memcpy(p + head + sizeof(m->key) + i * sizeof(*m->row),
		       &m->row[m->of[i]], sizeof(*m->row));
	done = n <= CACHE_MAX && rule_cache_save(c, name, p, n);
	free(p);
	return done;
}

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
	}
	free(info);
}

static bool by_keyword(const struct class_row *row)
{
	return row->class == RULE_WIDE || row->class == RULE_GATED;
}

static int collect(const struct matcher *m, struct patterns *p, struct err *e)
{
	size_t i, k;

	for (i = 0; i < m->slots; i++) {
		const struct rule *r = &m->rs->rule[m->of[i]];
		const struct class_row *row = &m->row[m->of[i]];

		if (row->class == RULE_NEAR &&
		    patterns_add(p, regex_pattern(r->regex),
				 row->prefilter ? HS_FLAG_PREFILTER : 0, i, e))
			return -1;
		if (!by_keyword(row))
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

static int compile(struct matcher *m, struct err *e)
{
	hs_compile_error_t *why = NULL;
	struct patterns p = { 0 };
	size_t i;
	int rc = -1;

	for (i = 0; i < m->rs->n; i++)
		classify(&m->rs->rule[i], &m->row[i]);
	for (;;) {
		hs_error_t got;

		patterns_free(&p);
		if (collect(m, &p, e))
			goto out;
		if (!p.n)
			break;
		got = hs_compile_multi((const char *const *)p.text, p.flags,
				       p.id, (unsigned)p.n, HS_MODE_BLOCK, NULL,
				       &m->db, &why);
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

static bool load_any(struct matcher *m, const struct rule_cache *c,
		     const char *name)
{
	int i;

	for (i = 0; i < CACHE_FOLDERS && !m->cached; i++)
		m->cached = cache_load(m, c, i, name);
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
	if (!cache_save(m, c, name))
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
	char name[48];
	size_t i, k;

	if (!m) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	if (number(m, rs, e))
		goto bad;
	m->words = (rs->n + 63) / 64;
	m->gated = mem_array(m->words + 1, sizeof(*m->gated));
	if (!m->gated) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	if (hs_valid_platform() != HS_SUCCESS) {
		err_fail(e, ERR_UNSUPPORTED, NULL,
			 "this processor lacks what the matcher needs (SSE4.2)");
		goto bad;
	}
	if (make_key(m, e))
		goto bad;
	cache_name(m, name);
	if (!load_any(m, c, name) && make(m, c, name, e))
		goto bad;
	for (i = 0; i < rs->n; i++) {
		const struct strings *w = &rs->rule[i].keywords;

		if (m->row[i].class == RULE_GATED)
			m->gated[i / 64] |= (uint64_t)1 << (i % 64);
		if (m->row[i].class == RULE_NEAR && m->row[i].width > m->reach)
			m->reach = m->row[i].width;
		for (k = 0; by_keyword(&m->row[i]) && k < w->n; k++)
			if (strlen(w->v[k]) > m->reach)
				m->reach = strlen(w->v[k]);
	}
	if (m->db && hs_alloc_scratch(m->db, &m->scratch) != HS_SUCCESS) {
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

	if (!m)
		return;
	hs_free_scratch(m->scratch);
	if (m->map)
		munmap(m->map, m->map_len);
	else
		hs_free_database(m->db);
	mem_free(m->row);
	mem_free(m->gated);
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
	mem_free(t->wide);
	memset(t, 0, sizeof(*t));
}

void match_reset(const struct matcher *m, struct match_thread *t)
{
	size_t i;

	t->n = 0;
	memset(t->wide, 0, m->words * sizeof(*t->wide));
	for (i = 0; i < m->rs->n; i++)
		if (m->row[i].class == RULE_ALWAYS)
			t->wide[i / 64] |= (uint64_t)1 << (i % 64);
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

int match_scan(const struct matcher *m, struct match_thread *t,
	       const char *text, size_t from, size_t to, struct err *e)
{
	struct callback c = { .t = t, .of = m->of, .slots = m->slots };
	hs_error_t got;

	if (!m->db || from >= to)
		return 0;
	t->shift = (uint32_t)from;
	t->failed = false;
	got = hs_scan(m->db, text + from, (unsigned)(to - from), 0, t->scratch,
		      on_match, &c);
	if (t->failed)
		return err_fail(e, ERR_TOOBIG, NULL, "too many candidates");
	if (got != HS_SUCCESS && got != HS_SCAN_TERMINATED)
		return err_fail(e, ERR_BUG, NULL, "the matcher answered %d", got);
	return 0;
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
