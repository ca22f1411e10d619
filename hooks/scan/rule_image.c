/*
 * rule_image: the built-in rules as they are after reading.
 *
 * File "set-2-KEY.bin" (rule_cache.h): magic, a CRC-32 of all that follows, the
 * digest of the patterns (rules_patterns()), then texts (length, bytes) and
 * numbers in the order of struct rule.  KEY covers the rule files and the
 * program's version.
 * Must never: hold rules that a user wrote; those are read each time, with
 * their errors and warnings.
 */
#include "hooks/scan/rule_image.h"

#include <libdeflate.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/mem.h"

#define MAGIC "curfew-ruleset-2\n"
#define SUM_AT sizeof(MAGIC)
#define HEAD (SUM_AT + sizeof(uint32_t) + RULES_PATTERNS)
#define IMAGE_MAX (32u * 1024 * 1024)

/* A member more: it belongs into both halves of this file, then here. */
_Static_assert(sizeof(struct rule) == 184, "struct rule has changed");
_Static_assert(sizeof(struct allowlist) == 96, "struct allowlist has changed");

/* ---- the patterns -------------------------------------------------------- */

static int put_key(struct buf *b, const char *s, struct err *e)
{
	return buf_add(b, s, strlen(s) + 1, e);
}

int rules_patterns(const struct ruleset *rs,
		   unsigned char out[static RULES_PATTERNS], struct err *e)
{
	struct buf b = BUF_INIT(RULES_FILE_MAX);
	int rc = -1;
	size_t i, k;

	if (rs->summed) {
		memcpy(out, rs->patterns, RULES_PATTERNS);
		return 0;
	}
	for (i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rule[i];

		if (!r->regex)
			continue;
		if (put_key(&b, regex_pattern(r->regex), e))
			goto out;
		for (k = 0; k < r->keywords.n; k++)
			if (put_key(&b, r->keywords.v[k], e))
				goto out;
		if (buf_add(&b, "\n", 1, e))
			goto out;
	}
	digest_hash(b.p, b.len, out, RULES_PATTERNS);
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* ---- writing ------------------------------------------------------------- */

static int put_num(struct buf *b, uint64_t v, struct err *e)
{
	return buf_add(b, &v, sizeof(v), e);
}

static int put_text(struct buf *b, const char *s, struct err *e)
{
	return put_num(b, strlen(s), e) || buf_add(b, s, strlen(s), e) ? -1 : 0;
}

static int put_strings(struct buf *b, const struct strings *s, struct err *e)
{
	size_t i;
	int rc = put_num(b, s->n, e);

	for (i = 0; !rc && i < s->n; i++)
		rc = put_text(b, s->v[i], e);
	return rc;
}

/* No pattern is empty: "" is none. */
static int put_regex(struct buf *b, const struct regex *r, struct err *e)
{
	return put_text(b, r ? regex_pattern(r) : "", e);
}

static int put_regexes(struct buf *b, const struct regexes *r, struct err *e)
{
	size_t i;
	int rc = put_num(b, r->n, e);

	for (i = 0; !rc && i < r->n; i++)
		rc = put_regex(b, r->v[i], e);
	return rc;
}

static int put_allow(struct buf *b, const struct allowlists *a, struct err *e)
{
	size_t i;
	int rc = put_num(b, a->n, e);

	for (i = 0; !rc && i < a->n; i++) {
		const struct allowlist *x = &a->v[i];

		rc = put_text(b, x->description, e) || put_num(b, x->all, e) ||
		     put_num(b, x->target, e) ||
		     put_strings(b, &x->commits, e) ||
		     put_strings(b, &x->stopwords, e) ||
		     put_strings(b, &x->rules, e) ||
		     put_regexes(b, &x->paths, e) ||
		     put_regexes(b, &x->regexes, e) ? -1 : 0;
	}
	return rc;
}

static int put_rule(struct buf *b, const struct rule *r, struct err *e)
{
	uint64_t entropy;
	size_t i;

	memcpy(&entropy, &r->entropy, sizeof(entropy));
	if (put_text(b, r->id, e) || put_text(b, r->description, e) ||
	    put_text(b, r->provider, e) || put_text(b, r->kind, e) ||
	    put_text(b, r->source, e) || put_regex(b, r->regex, e) ||
	    put_regex(b, r->path, e) || put_num(b, r->group, e) ||
	    put_num(b, entropy, e) || put_num(b, r->checksum, e) ||
	    put_num(b, r->confidence, e) || put_num(b, r->skip_report, e) ||
	    put_num(b, r->scored, e) || put_num(b, r->drawn, e) ||
	    put_strings(b, &r->keywords, e) ||
	    put_strings(b, &r->tags, e) || put_allow(b, &r->allow, e) ||
	    put_num(b, r->n_required, e))
		return -1;
	for (i = 0; i < r->n_required; i++)
		if (put_text(b, r->required[i].id, e) ||
		    put_num(b, (uint64_t)r->required[i].within_lines, e) ||
		    put_num(b, (uint64_t)r->required[i].within_columns, e))
			return -1;
	return 0;
}

static uint32_t sum(const char *p, size_t n)
{
	const size_t from = SUM_AT + sizeof(uint32_t);

	return libdeflate_crc32(0, p + from, n - from);
}

int rules_image(const struct ruleset *rs, struct buf *out, struct err *e)
{
	unsigned char patterns[RULES_PATTERNS];
	uint32_t crc = 0;
	size_t i;

	if (rules_patterns(rs, patterns, e) ||
	    buf_add(out, MAGIC, sizeof(MAGIC), e) ||
	    buf_add(out, &crc, sizeof(crc), e) ||
	    buf_add(out, patterns, sizeof(patterns), e) ||
	    put_allow(out, &rs->allow, e) || put_num(out, rs->n, e))
		return -1;
	for (i = 0; i < rs->n; i++)
		if (put_rule(out, &rs->rule[i], e))
			return -1;
	crc = sum(out->p, out->len);
	memcpy(out->p + SUM_AT, &crc, sizeof(crc));
	return 0;
}

/* ---- reading ------------------------------------------------------------- */

struct cursor {
	const char *p, *end;
	bool bad;
};

static uint64_t num(struct cursor *c)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->p) < sizeof(v)) {
		c->bad = true;
		return 0;
	}
	memcpy(&v, c->p, sizeof(v));
	c->p += sizeof(v);
	return v;
}

/* How many entries follow; each takes a number at least. */
static size_t count(struct cursor *c)
{
	uint64_t n = num(c);

	if (n > (size_t)(c->end - c->p) / sizeof(n)) {
		c->bad = true;
		return 0;
	}
	return (size_t)n;
}

static char *text(struct cursor *c)
{
	uint64_t n = num(c);
	char *s;

	if (n > (size_t)(c->end - c->p)) {
		c->bad = true;
		return NULL;
	}
	s = mem_strndup(c->p, (size_t)n);
	c->bad |= !s;
	c->p += n;
	return s;
}

static void get_strings(struct cursor *c, struct strings *s)
{
	size_t n = count(c);

	s->v = n ? mem_array(n, sizeof(*s->v)) : NULL;
	c->bad |= n && !s->v;
	while (!c->bad && s->n < n)
		s->v[s->n++] = text(c);
}

static struct regex *get_regex(struct cursor *c)
{
	char *s = text(c);
	struct regex *r = s && *s ? regex_known(s) : NULL;

	c->bad |= s && *s && !r;
	mem_free(s);
	return r;
}

static void get_regexes(struct cursor *c, struct regexes *r)
{
	size_t n = count(c);

	r->v = n ? mem_array(n, sizeof(*r->v)) : NULL;
	c->bad |= n && !r->v;
	while (!c->bad && r->n < n)
		r->v[r->n++] = get_regex(c);
}

static void get_allow(struct cursor *c, struct allowlists *a)
{
	size_t n = count(c);

	a->v = n ? mem_array(n, sizeof(*a->v)) : NULL;
	c->bad |= n && !a->v;
	while (!c->bad && a->n < n) {
		struct allowlist *x = &a->v[a->n++];

		x->description = text(c);
		x->all = num(c) != 0;
		x->target = (enum allow_target)num(c);
		get_strings(c, &x->commits);
		get_strings(c, &x->stopwords);
		get_strings(c, &x->rules);
		get_regexes(c, &x->paths);
		get_regexes(c, &x->regexes);
	}
}

static void get_rule(struct cursor *c, struct rule *r)
{
	uint64_t entropy;
	size_t n;

	r->id = text(c);
	r->description = text(c);
	r->provider = text(c);
	r->kind = text(c);
	r->source = text(c);
	r->regex = get_regex(c);
	r->path = get_regex(c);
	r->group = (size_t)num(c);
	entropy = num(c);
	memcpy(&r->entropy, &entropy, sizeof(entropy));
	r->checksum = (enum checksum)num(c);
	r->confidence = (enum confidence)num(c);
	r->skip_report = num(c) != 0;
	r->scored = num(c) != 0;
	r->drawn = num(c) != 0;
	get_strings(c, &r->keywords);
	get_strings(c, &r->tags);
	get_allow(c, &r->allow);
	n = count(c);
	r->required = n ? mem_array(n, sizeof(*r->required)) : NULL;
	c->bad |= n && !r->required;
	while (!c->bad && r->n_required < n) {
		struct required *q = &r->required[r->n_required++];

		q->id = text(c);
		q->within_lines = (long)num(c);
		q->within_columns = (long)num(c);
	}
}

struct ruleset *rules_of_image(const void *p, size_t n)
{
	struct cursor c = { .p = p, .end = (const char *)p + n };
	struct ruleset *rs = mem_zalloc(sizeof(*rs));
	uint32_t said;
	size_t rules;

	if (!rs || n < HEAD || memcmp(p, MAGIC, sizeof(MAGIC)) != 0)
		goto bad;
	memcpy(&said, c.p + SUM_AT, sizeof(said));
	if (said != sum(c.p, n))
		goto bad;
	memcpy(rs->patterns, c.p + HEAD - RULES_PATTERNS, RULES_PATTERNS);
	rs->summed = true;
	c.p += HEAD;
	get_allow(&c, &rs->allow);
	rules = count(&c);
	rs->rule = mem_array(rules + 1, sizeof(*rs->rule));
	if (!rs->rule || rules > RULES_MAX)
		goto bad;
	while (!c.bad && rs->n < rules)
		get_rule(&c, &rs->rule[rs->n++]);
	if (!c.bad && c.p == c.end)
		return rs;
bad:
	rules_free(&rs);
	return NULL;
}

/* ---- the file ------------------------------------------------------------ */

static struct ruleset *load_image(const struct rule_cache *c, int folder,
				  const char *name)
{
	struct ruleset *rs = NULL;
	size_t n = 0;
	void *p = rule_cache_map(c, folder, name, IMAGE_MAX, &n);

	if (!p)
		return NULL;
	rs = rules_of_image(p, n);
	if (rs && folder == CACHE_OWN)
		rule_cache_publish(c, name, p, n);
	munmap(p, n);
	return rs;
}

struct ruleset *rules_quick(const struct rule_cache *c, struct err *e)
{
	struct buf b = BUF_INIT(IMAGE_MAX);
	struct ruleset *rs = NULL;
	char name[128];
	int i;

	snprintf(name, sizeof(name), "set-2-%.64s.bin", rule_texts_sum);
	for (i = 0; i < CACHE_FOLDERS && !rs; i++)
		rs = load_image(c, i, name);
	if (!rs) {
		rs = rules_builtin(e);
		/* when it fails, next time reads again, that is all */
		if (rs && !c->only && (c->own || c->beside) &&
		    !rules_image(rs, &b, NULL))
			(void)rule_cache_save(c, name, b.p, b.len);
	}
	buf_release(&b);
	return rs;
}
