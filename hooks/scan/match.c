/*
 * match: where a rule may have matched, for all rules in one pass.
 *
 * Owns Vectorscan.  Promises: every match of a RULE_NEAR rule inside the
 * scanned range is reported by its end; more ends may be.  Must never decide
 * that something is a finding.
 *
 * Cache file "rules-KEY.db": magic, key, one struct class_row per rule, and from
 * the next page on the database as it lies in memory, to be mapped.  (It holds
 * offsets, no addresses; hs_deserialize_database_at() asks for memory of 8-byte
 * alignment and lays the engine's code at 64 bytes, which a page keeps.)  KEY
 * covers the rules, the library's version and the processor, so a stale file is
 * simply not found.
 */
#include "hooks/scan/match.h"

#include <fcntl.h>
#include <hs/hs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/io.h"
#include "base/mem.h"

#define CACHE_MAGIC "curfew-rules-2\n"
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
	hs_database_t *db; /* NULL when no rule needs one */
	void *map;	   /* the cache file, when db lies in it */
	size_t map_len;
	hs_scratch_t *scratch; /* the original, cloned per thread */
	size_t reach, words;
	uint64_t *gated; /* bit per rule: RULE_GATED */
	bool cached;
	unsigned char key[16];
};

/* What hs_compile_multi() takes, growing. */
struct patterns {
	char **text;
	unsigned *flags, *id;
	size_t n, cap;
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
	if (key_text(&b, hs_version(), e) ||
	    buf_add(&b, &cpu, sizeof(cpu), e) ||
	    buf_printf(&b, e, "%u %u %zu", MATCH_REACH_MAX, MATCH_NEAR_MAX,
		       sizeof(struct class_row)))
		goto out;
	for (i = 0; i < m->rs->n; i++) {
		const struct rule *r = &m->rs->rule[i];

		if (key_text(&b, r->regex ? regex_pattern(r->regex) : "", e))
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

static char *cache_path(const struct matcher *m, const char *dir)
{
	static const char digits[] = "0123456789abcdef";
	char name[64] = "rules-";
	size_t i, at = 6;

	for (i = 0; i < sizeof(m->key); i++) {
		name[at++] = digits[m->key[i] >> 4];
		name[at++] = digits[m->key[i] & 15];
	}
	memcpy(name + at, ".db", 4);
	return io_path(dir, name);
}

/* Private to us: the database is code for the matching engine. */
static void *map_private(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	void *p = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    (st.st_uid == geteuid() || st.st_uid == 0) &&
	    !(st.st_mode & 077) && st.st_size > 0 && st.st_size <= CACHE_MAX) {
		*n = (size_t)st.st_size;
		p = mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static size_t rows_end(const struct matcher *m)
{
	return sizeof(CACHE_MAGIC) - 1 + sizeof(m->key) +
	       m->rs->n * sizeof(*m->row);
}

static size_t database_at(const struct matcher *m)
{
	return (rows_end(m) + CACHE_PAGE - 1) / CACHE_PAGE * CACHE_PAGE;
}

static bool cache_load(struct matcher *m, const char *path)
{
	size_t n = 0, head = sizeof(CACHE_MAGIC) - 1, at = database_at(m), size;
	char *p = map_private(path, &n);
	hs_database_t *db;

	if (!p)
		return false;
	if (n < at || memcmp(p, CACHE_MAGIC, head) != 0 ||
	    memcmp(p + head, m->key, sizeof(m->key)) != 0)
		goto bad;
	db = n > at ? (hs_database_t *)(void *)(p + at) : NULL;
	/* asks for its magic number and its version too */
	if (db && (hs_database_size(db, &size) != HS_SUCCESS || size != n - at))
		goto bad;
	memcpy(m->row, p + head + sizeof(m->key), m->rs->n * sizeof(*m->row));
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

static void cache_save(const struct matcher *m, const char *dir,
		       const char *path)
{
	size_t head = sizeof(CACHE_MAGIC) - 1, n = 0;
	char *p = lay_out(m, database_at(m), &n);

	if (!p)
		return;
	memcpy(p, CACHE_MAGIC, head);
	memcpy(p + head, m->key, sizeof(m->key));
	memcpy(p + head + sizeof(m->key), m->row, m->rs->n * sizeof(*m->row));
	/* when it fails, next time compiles again, that is all */
	if (n <= CACHE_MAX && !io_mkdirs(dir, 0700, NULL))
		(void)!io_write_atomic(path, p, n, 0600, NULL);
	free(p);
}

/* ---- compiling ----------------------------------------------------------- */

static void patterns_free(struct patterns *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		mem_free(p->text[i]);
	mem_free(p->text);
	mem_free(p->flags);
	mem_free(p->id);
	memset(p, 0, sizeof(*p));
}

static int patterns_add(struct patterns *p, const char *text, unsigned flags,
			size_t id, struct err *e)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		char **t = mem_realloc(p->text, cap * sizeof(*t));
		unsigned *f, *i;

		if (t)
			p->text = t;
		f = t ? mem_realloc(p->flags, cap * sizeof(*f)) : NULL;
		if (f)
			p->flags = f;
		i = f ? mem_realloc(p->id, cap * sizeof(*i)) : NULL;
		if (!i)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		p->id = i;
		p->cap = cap;
	}
	p->text[p->n] = mem_strdup(text);
	if (!p->text[p->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	p->flags[p->n] = flags;
	p->id[p->n++] = (unsigned)id;
	return 0;
}

/* A keyword as a pattern: every byte as \xNN. */
static int add_keyword(struct patterns *p, const char *word, size_t id,
		       struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const unsigned char *c;
	int rc = -1;

	for (c = (const unsigned char *)word; *c; c++)
		if (buf_printf(&b, e, "\\x%02x", *c))
			goto out;
	rc = patterns_add(p, b.p, HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH, id, e);
out:
	buf_release(&b);
	return rc;
}

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

	for (i = 0; i < m->rs->n; i++) {
		const struct rule *r = &m->rs->rule[i];

		if (m->row[i].class == RULE_NEAR &&
		    patterns_add(p, regex_pattern(r->regex),
				 m->row[i].prefilter ? HS_FLAG_PREFILTER : 0,
				 i, e))
			return -1;
		if (!by_keyword(&m->row[i]))
			continue;
		for (k = 0; k < r->keywords.n; k++)
			if (*r->keywords.v[k] &&
			    add_keyword(p, r->keywords.v[k], m->rs->n + i, e))
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
		    p.id[why->expression] >= m->rs->n) {
			err_fail(e, ERR_CONFIG, NULL,
				 "the matcher cannot be built: %s",
				 why ? why->message : "unknown");
			goto out;
		}
		step_down(m, p.id[why->expression]);
		hs_free_compile_error(why);
		why = NULL;
	}
	rc = 0;
out:
	hs_free_compile_error(why);
	patterns_free(&p);
	return rc;
}

struct matcher *matcher_new(const struct ruleset *rs, const char *cache,
			    struct err *e)
{
	struct matcher *m = mem_zalloc(sizeof(*m));
	char *path = NULL;
	size_t i, k;

	if (!m || !(m->row = mem_array(rs->n + 1, sizeof(*m->row)))) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	m->rs = rs;
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
	path = cache ? cache_path(m, cache) : NULL;
	m->cached = path && cache_load(m, path);
	if (!m->cached) {
		if (compile(m, e))
			goto bad;
		if (path)
			cache_save(m, cache, path);
	}
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
	mem_free(path);
	return m;
bad:
	mem_free(path);
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
	size_t rules;
};

static int on_match(unsigned id, unsigned long long from,
		    unsigned long long to, unsigned flags, void *arg)
{
	const struct callback *c = arg;
	struct match_thread *t = c->t;
	struct match_hit *v;

	(void)from;
	(void)flags;
	if (id >= c->rules) {
		id -= (unsigned)c->rules;
		t->wide[id / 64] |= (uint64_t)1 << (id % 64);
		return 0;
	}
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
	t->hit[t->n].rule = id;
	t->hit[t->n++].end = t->shift + (uint32_t)to;
	return 0;
}

int match_scan(const struct matcher *m, struct match_thread *t,
	       const char *text, size_t from, size_t to, struct err *e)
{
	struct callback c = { .t = t, .rules = m->rs->n };
	hs_error_t got;

	if (!m->db || from >= to)
		return 0;
	t->shift = (uint32_t)from;
	t->failed = false;
	got = hs_scan(m->db, text + from, (unsigned)(to - from), 0, t->scratch,
		      on_match, &c);
	if (t->failed)
		return err_fail(e, ERR_TOOBIG, NULL, "too many candidates");
	if (got != HS_SUCCESS)
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
