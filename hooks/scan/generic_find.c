/*
 * generic_find: from an anchor to the value that is given to a name.
 *
 * Owns the shapes of many languages: assignments, maps, calls, markup, command
 * lines, URLs, headers, SQL.  It does not know which language it reads, so it
 * takes what reads like a literal and leaves the judgement to the score.
 */
#include <ctype.h>
#include <string.h>

#include "hooks/scan/generic_read.h"
#include "hooks/scan/generic_words.h"

#define NAME_MAX_LEFT 64u
#define PART_MAX 256u /* of a user name, of a password in a URL */

void generic_window(const char *text, size_t n, size_t start,
		    struct generic_window *w)
{
	w->text = text;
	w->from = (uint32_t)(start > GENERIC_BEFORE ? start - GENERIC_BEFORE : 0);
	w->to = (uint32_t)(n - start > GENERIC_AFTER ? start + GENERIC_AFTER : n);
	w->end = (uint32_t)(n - start > GENERIC_REACH ? start + GENERIC_REACH
							: n);
	w->low = w->seen = 0;
}

/* ---- names and operators ------------------------------------------------- */

static void name_around(struct reader *r, uint32_t start)
{
	uint32_t p = start, low = start > NAME_MAX_LEFT ? start - NAME_MAX_LEFT : 0;
	const char *t = r->w->text;

	if (low < r->w->from)
		low = r->w->from;
	while (p > low && name_char((unsigned char)t[p - 1]))
		p--;
	r->now.name = p;
	p -= p > r->w->from;
	if (p < r->w->low)
		r->w->low = p;
	for (p = start; p - start < PART_MAX && name_char(at(r, p)); p++)
		;
	r->now.name_end = r->p = p;
}

/* What may stand between a name and its operator. */
static void skip_closers(struct reader *r)
{
	uint32_t end = r->p + 10, len;

	for (; r->p < end; r->p++) {
		int c = at(r, r->p);

		if (c == '&' && read_quote(r, r->p, &len)) {
			r->p += len - 1;
			continue;
		}
		if (c < 0 || !strchr("\"'`\\])}*?! \t", c))
			return;
		/* a blank and then a quote: name "value" */
		if (blank(c) && (quote_char(at(r, r->p + 1))))
			return;
	}
}

/* name="password" value="x"; "key": "password", "value": "x" */
static bool named_value(struct reader *r)
{
	uint32_t p = r->p, end = r->p + 60;

	while (p < end && (space(at(r, p)) || at(r, p) == ',' ||
			   quote_char(at(r, p)) || at(r, p) == '\\'))
		p++;
	if (!read_looks(r, p, "value"))
		return false;
	p += 5;
	while (quote_char(at(r, p)) || at(r, p) == '\\' || blank(at(r, p)))
		p++;
	if (at(r, p) != '=' && at(r, p) != ':')
		return false;
	r->p = p + 1;
	return true;
}

/* A run of the characters operators are made of. */
static bool operator(struct reader *r)
{
	uint32_t p = r->p;
	char op[4] = "";
	size_t n = 0;
	int c;

	while (n < sizeof(op) - 1 && (c = at(r, p)) > 0 &&
	       strchr("=:>!~+?|<-", c)) {
		op[n++] = (char)c;
		p++;
	}
	if (!n)
		return false;
	r->now.how = !strncmp(op, "==", 2) || !strncmp(op, "!=", 2)
			     ? GENERIC_COMPARE : GENERIC_SET;
	if (op[0] == '>' && n == 1)
		r->now.how = GENERIC_MARKUP;
	r->p = p;
	return true;
}

/* password: string = "x", String password = "x" are read past their type. */
static void skip_type(struct reader *r)
{
	uint32_t p = r->p, end = r->p + 40;

	while (blank(at(r, p)))
		p++;
	while (p < end && (name_char(at(r, p)) || (at(r, p) > 0 &&
						    strchr("<>[]*?|", at(r, p)))))
		p++;
	while (blank(at(r, p)))
		p++;
	if (at(r, p) == '=' && at(r, p + 1) != '=' && at(r, p + 1) != '>')
		r->p = p + 1;
}

static void assigned(struct reader *r, uint32_t start)
{
	bool colon;
	int c;

	name_around(r, start);
	skip_closers(r);
	if (named_value(r)) {
		read_value(r, false);
		return;
	}
	c = at(r, r->p);
	if (c == ',') {
		r->now.how = GENERIC_PAIR;
		r->p++;
		read_list(r);
		return;
	}
	if (c == '(') {
		r->now.how = GENERIC_CALL;
		r->now.wrapped = true;
		r->p++;
		read_list(r);
		return;
	}
	colon = c == ':';
	if (operator(r)) {
		if (colon)
			skip_type(r);
		read_value(r, true);
		return;
	}
	r->now.how = GENERIC_BESIDE;
	read_blanks(r);
	c = at(r, r->p);
	if (quote_char(c)) {
		read_quoted(r);
		return;
	}
	skip_type(r); /* go: password string = "x" */
	if (r->p && at(r, r->p - 1) == '=')
		read_value(r, true);
}

/* ---- the other families -------------------------------------------------- */

static void url(struct reader *r, uint32_t start)
{
	uint32_t p = start + 3, name = p, colon, last = 0;
	int c = 0;

	while (p - name < PART_MAX && (c = at(r, p)) >= 0 && c != ':' &&
	       !space(c) && c != '/')
		p++;
	if (c != ':')
		return;
	colon = p;
	for (p++; p - name < 2 * PART_MAX && (c = at(r, p)) >= 0 && !space(c) && c != '/' && !quote_char(c) &&
		  c != '<' && c != '>' && c != ','; p++)
		if (c == '@')
			last = p;
	if (!last)
		return;
	r->now.how = GENERIC_URL;
	r->now.name = name;
	r->now.name_end = colon;
	read_give(r, colon + 1, last);
}

static void header(struct reader *r, uint32_t start)
{
	uint32_t p = start;
	int c;

	while ((c = at(r, p)) >= 0 && isalpha(c))
		p++;
	r->now.how = GENERIC_HEADER;
	r->now.name = start;
	r->now.name_end = r->p = p;
	while (blank(at(r, r->p)) || quote_char(at(r, r->p)))
		r->p++;
	read_bare(r);
}

/* --password value, -password value */
static void option(struct reader *r, uint32_t start)
{
	uint32_t p = start;

	while (at(r, p) == '-')
		p++;
	r->now.how = GENERIC_BESIDE;
	r->now.name = p;
	while (name_char(at(r, p)))
		p++;
	r->now.name_end = r->p = p;
	read_value(r, false);
}

/* -u user:password, --user user:password */
static void login(struct reader *r, uint32_t start)
{
	uint32_t p = start, end;
	int c = 0;

	while (at(r, p) == '-' || (at(r, p) >= 0 && isalpha(at(r, p))))
		p++;
	r->now.name = start;
	r->now.name_end = p;
	while (blank(at(r, p)) || quote_char(at(r, p)) || at(r, p) == '=')
		p++;
	while (p - start < PART_MAX && (c = at(r, p)) >= 0 && c != ':' &&
	       !space(c))
		p++;
	if (c != ':')
		return;
	r->now.how = GENERIC_LOGIN;
	r->p = end = p + 1;
	while (end - p < PART_MAX && (c = at(r, end)) >= 0 && !space(c) &&
	       !quote_char(c))
		end++;
	read_give(r, p + 1, end);
}

static void identified(struct reader *r, uint32_t start)
{
	r->now.name = start;
	r->p = start + 10;
	read_blanks(r);
	if (read_looks(r, r->p, "by"))
		r->p += 2;
	r->now.name_end = r->p;
	r->now.how = GENERIC_BESIDE;
	if (read_looks(r, r->p, " with ")) /* MySQL: WITH plugin BY 'x' */
		return;
	read_value(r, false);
}

/* Is [p, end) of the anchor "-u user:x"? */
static bool is_login(const struct reader *r, uint32_t p, uint32_t end)
{
	while (at(r, p) == '-')
		p++;
	if (at(r, p) != 'u')
		return false;
	for (; p < end; p++)
		if (at(r, p) == ':')
			return true;
	return false;
}

size_t generic_find(struct generic_window *w, size_t start, size_t end,
		    struct generic_value v[GENERIC_VALUES])
{
	struct reader r = { .w = w, .v = v, .p = (uint32_t)start };
	uint32_t s = (uint32_t)start;

	w->low = s > w->from ? s - 1 : s;
	while (s < end && (space(at(&r, s)) || quote_char(at(&r, s))))
		s++;
	if (at(&r, s) == '+') /* "...+pWmJ=": base64 that happens to say pw */
		return 0;
	if (read_looks(&r, s, "://"))
		url(&r, s);
	else if (at(&r, s) == '-' && is_login(&r, s, (uint32_t)end))
		login(&r, s);
	else if (at(&r, s) == '-')
		option(&r, s);
	else if (read_looks(&r, s, "basic ") || read_looks(&r, s, "bearer ") ||
		 read_looks(&r, s, "basic\t") || read_looks(&r, s, "bearer\t"))
		header(&r, s);
	else if (read_looks(&r, s, "identified"))
		identified(&r, s);
	else
		assigned(&r, s);
	return r.n;
}

/* Not quoted, and goes on as an expression or is one. */
static bool expression(const struct generic_window *w,
		       const struct generic_value *v)
{
	const char *p = w->text + v->at;
	size_t n = v->end - v->at, i;
	int next = v->end < w->end ? (unsigned char)w->text[v->end] : -1;

	if (v->quote || v->how >= GENERIC_URL)
		return false;
	if (next == '(' || next == '[')
		return true;
	for (i = 0; i < n; i++)
		if (p[i] == '(' && (i == 0 || name_char((unsigned char)p[i - 1])))
			return true;
	return false;
}

/* pass(f("x")) and x_pass("y") of test suites: "it passes", no password. */
static bool passes(const struct generic_window *w, const struct generic_value *v)
{
	const char *end = w->text + v->name_end;
	size_t n = v->name_end - v->name;

	return v->how == GENERIC_CALL && n >= 4 && !memcmp(end - 4, "pass", 4) &&
	       (n == 4 || end[-5] == '_');
}

bool generic_hopeless(const struct generic_window *w,
		      const struct generic_value *v)
{
	const char *p = w->text + v->at;
	size_t n = v->end - v->at, i, blanks = 0, odd = 0;

	if (expression(w, v) || passes(w, v))
		return true;
	if (v->how < GENERIC_URL &&
	    generic_innocent(w->text + v->name, v->name_end - v->name))
		return true;
	if (!v->quote && *p == '-') /* an option */
		return true;
	for (i = 0; i < n; i++) {
		blanks += p[i] == ' ';
		odd += !isalnum((unsigned char)p[i]);
	}
	if (odd == n || (blanks > 6 && !isdigit((unsigned char)p[0])))
		return true;
	return n >= 11 && memcmp(p, "-----BEGIN ", 11) == 0;
}
