/*
 * confirm: the verdict on one match of one rule.
 *
 * Owns the order of the questions: secret, entropy, checksum, keyword,
 * comment, allowlists.  Promises: the verdict depends only on
 * text[ctx_start, ctx_end) (or the mark says MARK_VOLATILE), so that a delta
 * may inherit it.  What depends on path or commit is asked later.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "hooks/scan/allow.h"
#include "hooks/scan/checks.h"
#include "hooks/scan/generic.h"
#include "hooks/scan/scan.h"
#include "hooks/scan/weigh.h"

#define HOST_MOST 255u

void scan_lines(const char *text, size_t n, size_t start, size_t end,
		size_t *from, size_t *to)
{
	size_t low = start > SCAN_LINE_MAX ? start - SCAN_LINE_MAX : 0;
	size_t high = n - end > SCAN_LINE_MAX ? end + SCAN_LINE_MAX : n;
	const char *nl = memrchr(text + low, '\n', start - low);

	*from = nl ? (size_t)(nl - text) + 1 : low;
	nl = memchr(text + end, '\n', high - end);
	*to = nl ? (size_t)(nl - text) : high;
}

/* Which capture is the secret, as gitleaks chooses. */
static void choose_secret(const struct rule *r, const struct regex_hit *hit,
			  struct mark *m)
{
	size_t i, g = 0;

	if (r->group && r->group <= hit->groups) {
		g = r->group;
	} else {
		for (i = 1; i <= hit->groups && !g; i++)
			if (hit->at[i][0] != (size_t)-1 &&
			    hit->at[i][1] > hit->at[i][0])
				g = i;
	}
	if (hit->at[g][0] == (size_t)-1 || hit->at[g][1] <= hit->at[g][0]) {
		m->at = m->start;
		m->len = 0;
		return;
	}
	m->at = (uint32_t)hit->at[g][0];
	m->len = (uint32_t)(hit->at[g][1] - hit->at[g][0]);
}

/* A keyword must stand in the text: mostly it is part of the match. */
static bool keyword_near(const struct rule *r, const char *text,
			 const struct mark *m)
{
	size_t i;

	for (i = 0; i < r->keywords.n; i++)
		if (check_find(text + m->start, m->end - m->start,
			       r->keywords.v[i]))
			return true;
	return !r->keywords.n;
}

static bool keyword_anywhere(struct scan_thread *t, const struct rule *r,
			     size_t rule, const char *text, size_t n)
{
	uint32_t *gate = &t->gate[rule];
	size_t i;

	if (*gate / 2 == t->text_number)
		return *gate & 1;
	*gate = t->text_number * 2;
	for (i = 0; i < r->keywords.n; i++)
		if (check_find(text, n, r->keywords.v[i]))
			*gate |= 1;
	return *gate & 1;
}

static bool has(const char *p, size_t n, const char *word)
{
	return memmem(p, n, word, strlen(word)) != NULL;
}

bool scan_allowed(const struct scanner *s, const char *text, size_t n,
		  size_t start, size_t end)
{
	size_t from, to;

	if (s->ignore_allow)
		return false;
	scan_lines(text, n, start, end, &from, &to);
	return has(text + from, to - from, "gitleaks:allow") ||
	       has(text + from, to - from, "curfew:allow");
}

/* text[from, to) was looked at. */
static void widen_context(size_t n, size_t from, size_t to, struct mark *m)
{
	if (from < m->ctx_start)
		m->ctx_start = (uint32_t)from;
	if (to > m->ctx_end)
		m->ctx_end = (uint32_t)to;
	if (!m->ctx_start)
		m->flags |= MARK_FIRST;
	if (m->ctx_end == n)
		m->flags |= MARK_LAST;
}

/* A scored rule: the match is only where to begin reading. */
static bool choose_scored(const char *text, size_t n, struct mark *m)
{
	struct generic_verdict v;
	bool stands = generic_judge(text, n, m->start, m->end, &v);

	widen_context(n, v.from, v.to, m);
	m->at = m->start;
	m->len = 0;
	if (!stands)
		return false;
	m->at = v.value.at;
	m->len = v.value.end - v.value.at;
	m->confidence = v.confidence;
	return true;
}

/* The match, and what its regex saw on both sides. */
static void begin_context(size_t n, struct mark *m)
{
	m->flags = 0;
	m->ctx_start = m->start;
	m->ctx_end = m->end;
	widen_context(n, m->start ? m->start - 1 : 0,
		      m->end < n ? m->end + (size_t)1 : n, m);
}

/* The line, and the bytes that end it on both sides. */
static void line_context(const char *text, size_t n, struct mark *m)
{
	size_t from, to;

	scan_lines(text, n, m->start, m->end, &from, &to);
	widen_context(n, from ? from - 1 : 0, to < n ? to + 1 : n, m);
}

/* A vendor's sum makes a token certain; that a web token can be read says
 * nothing of it yet. */
static enum confidence sure(const struct rule *r, enum check_answer sum,
			    const char *p, size_t n)
{
	enum confidence c = r->confidence;

	if (sum == CHECK_HOLDS && r->checksum != CHECKSUM_JWT)
		return CONFIDENCE_HIGH;
	if (sum == CHECK_HOLDS && weigh_web_token(p, n))
		c = CONFIDENCE_HIGH;
	return c == CONFIDENCE_HIGH && !weigh_token(p, n) ? CONFIDENCE_MEDIUM
							   : c;
}

/* A password drawn at random that opens somebody's service: neither one of the
 * same machine nor one that only documentation has.  The host of an address
 * stands behind the match, on the same line, so in the mark's context. */
static bool opens(const char *text, size_t n, const struct mark *m)
{
	static const char *const nowhere[] = { "localhost", "127.0.0.1",
					       "0.0.0.0", "[::1]", "example",
					       ".test", ".invalid", NULL };
	size_t end = m->end, i, k, len;

	while (end < n && end - m->end < HOST_MOST &&
	       (isalnum((unsigned char)text[end]) ||
		memchr(".-_:]", text[end], 5)))
		end++;
	for (k = 0; nowhere[k]; k++) {
		len = strlen(nowhere[k]);
		for (i = m->start; i + len <= end; i++)
			if (!strncasecmp(text + i, nowhere[k], len))
				return false;
	}
	return weigh_value(text + m->at, m->len);
}

/* Of an address or a connection string the password tells. */
static bool raised(const struct rule *r, const char *text, size_t n,
		   const struct mark *m)
{
	return r->confidence == CONFIDENCE_MEDIUM && r->kind &&
	       !strcmp(r->kind, "connection-string") && opens(text, n, m);
}

/* Does the secret itself pass?  Most do not, which few bytes told; so that is
 * all that a delta has to copy. */
static bool passes(const struct rule *r, const struct regex_hit *hit,
		   const char *text, size_t n, struct mark *m, double *bits,
		   enum check_answer *sum)
{
	const char *p;

	begin_context(n, m);
	if (!r->scored)
		choose_secret(r, hit, m);
	else if (!choose_scored(text, n, m))
		return false;
	if (!m->len)
		return false;
	widen_context(n, m->at, (size_t)m->at + m->len, m);
	p = text + m->at;
	*bits = check_entropy(p, m->len);
	if (r->entropy > 0 && *bits <= r->entropy)
		return false;
	*sum = check_sum(r->checksum, p, m->len);
	return *sum != CHECK_FAILS && (!r->drawn || weigh_value(p, m->len));
}

int scan_confirm(struct scan_thread *t, const char *text, size_t n,
		 const struct regex_hit *hit, struct mark *m, struct err *e)
{
	const struct ruleset *rs = matcher_rules(t->s->matcher);
	const struct rule *r = &rs->rule[m->rule];
	struct allow_about about = { 0 };
	enum check_answer sum;
	size_t from, to;
	double bits;

	m->secret = SECRET_NONE;
	m->confidence = (uint8_t)r->confidence;
	if (!passes(r, hit, text, n, m, &bits, &sum))
		return 0;
	line_context(text, n, m);
	if (rule_stands(r))
		m->confidence = (uint8_t)r->confidence;
	else if (!r->scored)
		m->confidence = raised(r, text, n, m)
			? CONFIDENCE_HIGH
			: (uint8_t)sure(r, sum, text + m->at, m->len);
	if (!keyword_near(r, text, m)) {
		m->flags |= MARK_VOLATILE;
		if (!keyword_anywhere(t, r, m->rule, text, n))
			return 0;
	}
	scan_lines(text, n, m->start, m->end, &from, &to);
	about.secret = text + m->at;
	about.n_secret = m->len;
	about.match = text + m->start;
	about.n_match = m->end - m->start;
	if (r->scored && m->at + m->len > m->end)
		about.n_match = m->at + m->len - m->start;
	about.line = text + from;
	about.n_line = to - from;
	if (scan_allowed(t->s, text, n, m->start, m->end)) {
		if (!t->s->keep_allowed)
			return 0;
		m->flags |= MARK_ALLOWED;
	}
	if (allow_text(rs, r, t->regex, &about))
		return 0;
	m->secret = secrets_intern(t->s->secrets, m->rule, about.secret,
				   about.n_secret, bits, sum == CHECK_HOLDS, e);
	return m->secret == SECRET_NONE ? -1 : 0;
}
