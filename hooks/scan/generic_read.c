/*
 * generic_read: literals, as many languages write them.
 *
 * Owns quotes, escapes, entities, lists, calls around a literal and values
 * without quotes.  Promises: linear in the window, never reads outside it.
 */
#include <ctype.h>
#include <string.h>

#include "hooks/scan/generic_read.h"

#define WRAP_MAX 48u /* of a call's name before its parenthesis */
/* Anchors can follow one another closely, so what each may read is small.
 * Only what cannot hold an anchor, a quoted text or one long word, is read up
 * to GENERIC_REACH. */
#define SHORT_MAX 256u
#define BARE_MAX 256u

bool read_looks(const struct reader *r, uint32_t p, const char *word)
{
	for (; *word; word++, p++) {
		int c = at(r, p);

		if (c >= 'A' && c <= 'Z')
			c += 32;
		if (c != *word)
			return false;
	}
	return true;
}

void read_blanks(struct reader *r)
{
	while (blank(at(r, r->p)))
		r->p++;
}

/* Blanks, a line's end (also one with a backslash or an operator of strings
 * before it) and the blanks of the next line. */
static bool skip_line_end(struct reader *r)
{
	uint32_t p = r->p;

	if (at(r, p) == '\\' || at(r, p) == '+' || at(r, p) == '|' ||
	    at(r, p) == '>')
		p++;
	while (blank(at(r, p)))
		p++;
	if (at(r, p) == '\r')
		p++;
	if (at(r, p) != '\n')
		return false;
	for (p++; space(at(r, p)); p++)
		;
	r->p = p;
	return true;
}

void read_give(struct reader *r, uint32_t from, uint32_t to)
{
	struct generic_value *v;

	if (r->n == GENERIC_VALUES || to - from < GENERIC_VALUE_MIN ||
	    to - from > GENERIC_VALUE_MAX)
		return;
	v = &r->v[r->n++];
	*v = r->now;
	v->at = from;
	v->end = to;
}

/* ---- literals ------------------------------------------------------------ */

/* A quote in any of its writings: its character and length, 0: none. */
int read_quote(const struct reader *r, uint32_t p, uint32_t *len)
{
	static const struct {
		const char *text;
		char quote;
	} entity[] = {
		{ "&quot;", '"' }, { "&#34;", '"' }, { "&#39;", '\'' },
		{ "&apos;", '\'' }, { "&#x27;", '\'' },
	};
	size_t i;
	int c = at(r, p);

	*len = 1;
	if (quote_char(c))
		return c;
	*len = 2;
	if (c == '\\' && quote_char(at(r, p + 1)))
		return at(r, p + 1);
	for (i = 0; c == '&' && i < sizeof(entity) / sizeof(*entity); i++)
		if (read_looks(r, p, entity[i].text)) {
			*len = (uint32_t)strlen(entity[i].text);
			return entity[i].quote;
		}
	return 0;
}

/* An object written into a string: the values of its strings. */
static void inner(struct reader *r, uint32_t p, uint32_t end)
{
	uint32_t from, len = 0, other;
	int turns = 0;

	for (; p < end && turns < 16; turns++) {
		while (p < end && !read_quote(r, p, &len))
			p++;
		for (from = p += len; p < end && !read_quote(r, p, &other); p++)
			;
		if (p >= end)
			return;
		/* no name, which a colon follows */
		if (at(r, p + other) != ':' && at(r, p + other + 1) != ':')
			read_give(r, from, p);
		p += other;
	}
}

/* At a quote: its content, up to the same quote in the same writing, or the
 * end of the line. */
bool read_quoted(struct reader *r)
{
	uint32_t p = r->p, from, len, other;
	int q = read_quote(r, p, &len), c;

	if (!q)
		return false;
	p += len;
	if (len == 1 && at(r, p) == q && at(r, p + 1) == q)
		p += 2; /* """ of Python */
	from = p;
	for (; (c = at(r, p)) >= 0 && c != '\n'; p++) {
		if ((c == q || c == '\\' || c == '&') &&
		    read_quote(r, p, &other) == q && other == len)
			break;
		if (c == '\\' && len == 1)
			p++;
	}
	if (p > r->w->end)
		p = r->w->end;
	r->now.quote = (char)q;
	r->now.escaped = len > 1;
	if (at(r, from) == '{' && (at(r, from + 1) == '"' ||
				   at(r, from + 1) == '\\'))
		inner(r, from, p);
	else
		read_give(r, from, p);
	r->now.nth++;
	r->p = p + (at(r, p) >= 0 && at(r, p) != '\n' ? len : 0);
	return true;
}

/* The letters that Python, C, C#, Rust set before a quote. */
static void skip_prefix(struct reader *r)
{
	uint32_t p = r->p;

	while (p < r->p + 2 && at(r, p) > 0 && strchr("bBuUrRfFL@$", at(r, p)))
		p++;
	if (p > r->p && quote_char(at(r, p)))
		r->p = p;
}

/* Where an unquoted value ends. */
static bool ends_bare(const struct reader *r, uint32_t p)
{
	int c = at(r, p), next;

	if (c < 0 || space(c) || c == '"' || c == '\'' || c == '`' ||
	    c == '<' || c == '>')
		return true;
	next = at(r, p + 1);
	if (c == '\\')
		return quote_char(next) || next == 'n' || next == 'r' ||
		       next == '\n' || next < 0;
	if (c == '&')
		return next == '#' || isalpha(next < 0 ? 0 : next);
	if (c == ',' || c == ';' || c == ')' || c == '}' || c == ']' || c == '|')
		return next < 0 || space(next) || strchr("\"'`,;)}]|\\<", next);
	return false;
}

/* prefix<name>: a place to fill in belongs to the value; a tag of HTML does
 * not.  Its length, 0: none. */
static uint32_t fill_in(const struct reader *r, uint32_t p)
{
	static const char *const tags[] = {
		"br", "b", "i", "p", "a", "li", "td", "tr", "th", "em", "ul",
		"ol", "hr", "code", "pre", "div", "span", "strong", "h", NULL,
	};
	uint32_t end = p + 1, i;
	size_t k;

	if (at(r, p) != '<' || at(r, end) < 0 || at(r, end) == '/' ||
	    at(r, end) == '!' || blank(at(r, end)))
		return 0;
	while (end - p < 40 && at(r, end) > 0 && !strchr("<>\"'`\n", at(r, end)))
		end++;
	if (at(r, end) != '>')
		return 0;
	for (k = 0; tags[k]; k++) {
		i = p + 1 + (uint32_t)strlen(tags[k]);
		i += at(r, i) >= '1' && at(r, i) <= '6'; /* h1 */
		if (read_looks(r, p + 1, tags[k]) &&
		    (at(r, i) == '>' || space(at(r, i))))
			return 0;
	}
	return end + 1 - p;
}

void read_bare(struct reader *r)
{
	uint32_t more;
	uint32_t p = r->p;
	bool word = true;

	for (; word || p - r->p < BARE_MAX; p++) {
		int c = at(r, p);

		if (p > r->p && (more = fill_in(r, p))) {
			p += more - 1;
			word = false;
			continue;
		}
		if (ends_bare(r, p))
			break;

		word &= name_char(c) ? c != '.' : c == '+' || c == '/';
	}
	r->now.quote = 0;
	read_give(r, r->p, p);
	r->p = p;
}

/* name.of.call( or []byte( or { before a literal: true at the literal. */
static bool wrapper(struct reader *r)
{
	uint32_t p = r->p, end = r->p + WRAP_MAX, len;
	int c;

	for (; p < end && (c = at(r, p)) >= 0; p++) {
		if (c == '(' || (c == '{' && p > r->p) || c == '[') {
			uint32_t q = p + 1;

			while (blank(at(r, q)))
				q++;
			if (read_quote(r, q, &len)) {
				r->p = q;
				return true;
			}
			continue;
		}
		if (!name_char(c) && c != ':' && c != ']' && c != '*' &&
		    c != '&' && c != '$' && c != ' ')
			return false;
	}
	return false;
}

/* Literals of a list, up to its end: ("a", "b") or ["a"]. */
void read_list(struct reader *r)
{
	int turns;

	for (turns = 0; turns < GENERIC_VALUES; turns++) {
		while (space(at(r, r->p)))
			r->p++;
		skip_prefix(r);
		if (!read_quoted(r) && !(wrapper(r) && read_quoted(r))) {
			uint32_t p = r->p;

			/* one argument that is no literal */
			while (p - r->p < SHORT_MAX && at(r, p) > 0 &&
			       !strchr(",)]}\n;\"'`", at(r, p)))
				p++;
			if (at(r, p) != ',')
				return;
			r->p = p;
			r->now.nth++;
		}
		while (blank(at(r, r->p)) || at(r, r->p) == ')')
			r->p++;
		if (at(r, r->p) != ',')
			return;
		r->p++;
	}
}

/* []byte{1, 2, 3 ...: what stands of it on the line. */
static bool numbers(struct reader *r)
{
	uint32_t p = r->p, from = 0, last = 0, commas = 0;
	int c;

	for (; p - r->p < BARE_MAX && (c = at(r, p)) >= 0 && c != '\n'; p++) {
		if (!from && (c == '{' || c == '[' || c == '(')) {
			while (blank(at(r, p + 1)))
				p++;
			from = isdigit(at(r, p + 1)) ? p + 1 : 0;
		} else if (!from) {
			if (p - r->p > WRAP_MAX || quote_char(c) || c == ',')
				return false;
		} else if (!isxdigit(c) && !strchr(", x", c)) {
			break;
		}
		if (from && !blank(c))
			last = p + 1;
		commas += from && c == ',';
	}
	if (commas < 7)
		return false;
	r->now.wrapped = true;
	r->now.quote = 0;
	read_give(r, from, last);
	return true;
}

/* After an expression: || "x", ?? "x", or "x", ?: "x" on the same line. */
static void fallback(struct reader *r)
{
	static const char *const words[] = { "||", "??", "?:", " or ", NULL };
	uint32_t p;
	size_t i;
	int c;

	for (p = r->p; p - r->p < SHORT_MAX && (c = at(r, p)) >= 0 &&
		       c != '\n'; p++)
		for (i = 0; (c == '|' || c == '?' || c == ' ') && words[i]; i++) {
			if (!read_looks(r, p, words[i]))
				continue;
			r->p = p + (uint32_t)strlen(words[i]);
			read_blanks(r);
			r->now.how = GENERIC_ELSE;
			read_quoted(r);
			return;
		}
}

/* A value of whatever form at r->p. */
void read_value(struct reader *r, bool next_line)
{
	uint32_t start;

	read_blanks(r);
	if (next_line && skip_line_end(r)) {
		skip_prefix(r);
		if (read_quoted(r) || !wrapper(r))
			return;
		r->now.wrapped = true;
		read_list(r);
		return;
	}
	skip_prefix(r);
	if (read_quoted(r))
		return;
	start = r->p;
	if (wrapper(r)) {
		r->now.wrapped = true;
		read_list(r);
		r->now.wrapped = false;
		fallback(r);
		return;
	}
	r->p = start;
	if (numbers(r))
		return;
	read_bare(r);
	fallback(r);
}
