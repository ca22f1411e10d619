/*
 * own: the organisation's own credentials, found by value.
 *
 * Owns the argument why the delta way finds the same.  Whether text[s, e) is a
 * known word depends on text[s - 1, e + 1) alone.  Where a copied part holds
 * all of that, the base has the mark; everywhere else that stretch touches
 * what is not copied, or a place where copies meet, so it lies within the
 * longest word's length and one byte of a gap, and is looked up.
 *
 * Comments in the text (gitleaks:allow) do not count here: a live credential of
 * ours is no false positive.
 */
#include "hooks/scan/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/checks.h"
#include "hooks/scan/scan.h"

struct own {
	struct buf file;
	struct wordset *words;
	size_t rule, longest;
	uint64_t lengths[WORDSET_MAX / 64];
};

/* ---- opening ------------------------------------------------------------- */

/* A rule without regex and path: nothing but own_marks() makes its marks. */
static int add_rule(struct own *o, struct ruleset *rs, struct err *e)
{
	struct rule *v, *r;
	size_t at = 0;

	if (rules_get(rs, OWN_RULE))
		return err_fail(e, ERR_CONFIG, OWN_RULE,
				"the rules have one of that name already");
	v = rs->n < RULES_MAX ? mem_realloc(rs->rule, (rs->n + 1) * sizeof(*v))
			      : NULL;
	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "no room for a rule");
	rs->rule = v;
	while (at < rs->n && strcmp(v[at].id, OWN_RULE) < 0)
		at++;
	memmove(v + at + 1, v + at, (rs->n - at) * sizeof(*v));
	r = memset(&v[at], 0, sizeof(*r));
	rs->n++;
	r->id = mem_strdup(OWN_RULE);
	r->description = mem_strdup("A credential of your own organisation, "
				    "known by its value.");
	r->provider = mem_strdup("");
	r->kind = mem_strdup("");
	r->source = mem_strdup("");
	r->confidence = CONFIDENCE_HIGH;
	o->rule = at;
	return r->id && r->description && r->provider && r->kind && r->source
		       ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

/* "-": from standard input, where the agent hands it over. */
static int read_set(const char *file, struct buf *out, struct err *e)
{
	ssize_t n = 1;

	if (strcmp(file, "-") != 0)
		return io_read_file(file, IO_ANY, WORDSET_FILE_MAX, out, e);
	while (n) {
		if (buf_reserve(out, 65536, e))
			return -1;
		n = read(0, out->p + out->len, 65536);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "standard input", "read");
		out->len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

struct own *own_open(const char *file, const char *signer, struct ruleset *rs,
		     struct err *e)
{
	struct own *o = mem_zalloc(sizeof(*o));
	unsigned char pk[DIGEST_PUBLIC];

	if (!o) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	o->file.max = WORDSET_FILE_MAX;
	if (signer && !text_unhex(signer, pk, sizeof(pk))) {
		err_fail(e, ERR_CONFIG, signer, "a signer's key is 64 hex digits");
		goto bad;
	}
	if (read_set(file, &o->file, e))
		goto bad;
	o->words = wordset_open(o->file.p ? o->file.p : "", o->file.len,
				signer ? pk : NULL, e);
	if (!o->words || add_rule(o, rs, e))
		goto bad;
	memcpy(o->lengths, wordset_lengths(o->words), sizeof(o->lengths));
	o->longest = wordset_longest(o->words);
	return o;
bad:
	own_free(&o);
	err_hint(e, "'curfew hook publish' writes it anew");
	err_ctx(e, file, "use the known secrets");
	return NULL;
}

void own_free(struct own **op)
{
	struct own *o = *op;

	if (!o)
		return;
	wordset_free(&o->words);
	buf_release(&o->file);
	mem_free(o);
	*op = NULL;
}

const struct wordset *own_words(const struct own *o)
{
	return o->words;
}

size_t own_rule(const struct own *o)
{
	return o->rule;
}

/* ---- words --------------------------------------------------------------- */

enum { BREAK, MARKUP, ALNUM };

static const unsigned char *classes(void)
{
	/* printable ASCII but blank can be part of a word */
	static const unsigned char table[256] = {
		['!' ... '/'] = MARKUP, ['0' ... '9'] = ALNUM,
		[':' ... '@'] = MARKUP, ['A' ... 'Z'] = ALNUM,
		['[' ... '`'] = MARKUP, ['a' ... 'z'] = ALNUM,
		['{' ... '~'] = MARKUP,
	};

	return table;
}

/* One place where a word may end: bit i of `starts` says that one may have
 * begun i + 1 bytes before. */
static int ends_at(const struct own *o, const char *text, size_t at,
		   const uint64_t *starts, size_t words, own_fn fn, void *arg)
{
	size_t w;

	for (w = 0; w < words; w++) {
		uint64_t may = starts[w] & o->lengths[w];

		for (; may; may &= may - 1) {
			size_t len = w * 64 + (size_t)__builtin_ctzll(may) + 1;

			if (wordset_has(o->words, text + at - len, len) &&
			    fn(at - len, at, arg))
				return -1;
		}
	}
	return 0;
}

int own_words_in(const struct own *o, const char *text, size_t n, size_t from,
		 size_t to, own_fn fn, void *arg)
{
	const unsigned char *class = classes();
	const unsigned char *p = (const unsigned char *)text;
	size_t words = (o->longest + 63) / 64, at, run = from, w;
	uint64_t starts[WORDSET_MAX / 64] = { 0 };
	unsigned char last = from ? class[p[from - 1]] : BREAK, now;

	for (at = from; words && at <= to; at++, last = now) {
		bool edge;

		now = at < n ? class[p[at]] : BREAK;
		edge = last != ALNUM || now != ALNUM;
		if (edge && at - run >= WORDSET_MIN &&
		    ends_at(o, text, at, starts, words, fn, arg))
			return -1;
		if (now == BREAK) {
			memset(starts, 0, sizeof(starts));
			run = at + 1;
			continue;
		}
		for (w = words - 1; w; w--)
			starts[w] = starts[w] << 1 | starts[w - 1] >> 63;
		starts[0] = starts[0] << 1 | edge;
	}
	return 0;
}

/* ---- marks --------------------------------------------------------------- */

struct search {
	struct scan_thread *t;
	const struct own *o;
	const char *text;
	size_t n;
	const struct delta *d;
	struct marks *out;
	struct err *e;
};

/* Does the run hold all that [start, end) depends on? */
static bool inside(const struct delta *d, const struct run *r, size_t n,
		   size_t start, size_t end)
{
	size_t stop = (size_t)r->at + r->len;

	if (start == 0 ? r->at || r->from : start - 1 < r->at)
		return false;
	if (end == n)
		return stop == n && (size_t)r->from + r->len == d->base_len;
	return end + 1 <= stop;
}

/* The run that holds the byte, or NULL. */
static const struct run *run_of(const struct delta *d, size_t at)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->run[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || (size_t)d->run[low - 1].at + d->run[low - 1].len <= at)
		return NULL;
	return &d->run[low - 1];
}

static int add(const struct search *s, size_t start, size_t end,
	       uint32_t secret)
{
	struct mark *m = marks_push(s->out, s->e);

	if (!m)
		return -1;
	m->start = m->at = (uint32_t)start;
	m->end = (uint32_t)end;
	m->len = (uint32_t)(end - start);
	m->ctx_start = m->start;
	m->ctx_end = m->end;
	m->rule = (uint16_t)s->o->rule;
	m->confidence = CONFIDENCE_HIGH;
	m->secret = secret;
	return 0;
}

static int found(size_t start, size_t end, void *arg)
{
	const struct search *s = arg;
	const struct run *r = s->d ? run_of(s->d, start) : NULL;
	uint32_t secret;

	if (r && inside(s->d, r, s->n, start, end))
		return 0; /* the base has it */
	secret = secrets_intern(s->t->s->secrets, (uint32_t)s->o->rule,
				s->text + start, end - start,
				check_entropy(s->text + start, end - start),
				false, s->e);
	return secret == SECRET_NONE ? -1 : add(s, start, end, secret);
}

/* What the base has inside of one copied part. */
static int inherit(const struct search *s, const struct run *r)
{
	const struct marks *b = s->d->base;
	size_t low = b->own, high = b->coded;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->v[mid].start < r->from)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < b->coded && b->v[low].start < r->from + r->len; low++) {
		const struct mark *m = &b->v[low];
		size_t start = (size_t)m->start - r->from + r->at;
		size_t end = start + m->len;

		if (m->end <= r->from + r->len &&
		    inside(s->d, r, s->n, start, end) &&
		    add(s, start, end, m->secret))
			return -1;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

int own_marks(struct scan_thread *t, const struct own *o, const char *text,
	      size_t n, const struct delta *d, const struct gap *gap,
	      size_t gaps, struct marks *out, struct err *e)
{
	struct search s = { t, o, text, n, d, out, e };
	size_t reach = o->longest + 1, i, from, to;

	out->own = out->n;
	for (i = 0; i < gaps;) {
		from = gap[i].start > reach ? gap[i].start - reach : 0;
		to = gap[i].end;
		for (i++; i < gaps && gap[i].start <= to + 2 * reach; i++)
			to = gap[i].end;
		to = n - to > reach ? to + reach : n;
		if (own_words_in(o, text, n, from, to, found, &s))
			return -1;
	}
	for (i = 0; d && i < d->n; i++)
		if (inherit(&s, &d->run[i]))
			return -1;
	if (out->n - out->own > 1)
		qsort(out->v + out->own, out->n - out->own, sizeof(*out->v),
		      by_place);
	return 0;
}
