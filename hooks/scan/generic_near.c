/*
 * generic_near: the features of how and where a value stands.
 *
 * Owns what the line, the lines around it and the path say.  Reads nothing
 * outside the window.
 */
#include <ctype.h>
#include <string.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/generic_words.h"

struct line {
	const char *p;
	size_t n, before; /* bytes of it before the value */
};

/* The value's line as far as the window shows it. */
static void find_line(const struct generic_window *w,
		      const struct generic_value *v, struct line *l)
{
	const char *low = w->text + w->from, *high = w->text + w->to;
	const char *at = w->text + v->at, *end = w->text + v->end;
	const char *nl = memrchr(low, '\n', (size_t)(at - low));

	l->p = nl ? nl + 1 : low;
	if (high < end)
		high = end; /* a value that goes on beyond the window */
	nl = memchr(end, '\n', (size_t)(high - end));
	l->n = (size_t)((nl ? nl : high) - l->p);
	l->before = (size_t)(at - l->p);
}

static int comment(const struct line *l)
{
	const char *p = l->p, *end = l->p + l->n;
	size_t i;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (end - p >= 2 && p[0] == '/' && (p[1] == '/' || p[1] == '*'))
		return 1;
	if (end - p >= 2 && p[0] == '-' && p[1] == '-')
		return 2;
	if (p < end && *p == '#')
		return 3;
	if (p < end && (*p == '*' || *p == ';'))
		return 4;
	for (i = 0; i + 2 < l->before; i++)
		if ((l->p[i] == ' ' || l->p[i] == '\t') &&
		    (l->p[i + 1] == '#' ||
		     (l->p[i + 1] == '/' && l->p[i + 2] == '/')))
			return 5;
	return 0;
}

static int sign(int c)
{
	static const char some[] = "\"'`,;:=()[]{}<>&|./\\-_$@#%*+?!~^ \t\n\r";
	const char *at;

	if (c < 0)
		return 50;
	if (isalpha(c))
		return 48;
	if (isdigit(c))
		return 47;
	at = c ? strchr(some, c) : NULL;
	return at ? (int)(at - some) : 49;
}

static int byte_at(const struct generic_window *w, size_t p)
{
	return p >= w->from && p < w->end ? (unsigned char)w->text[p] : -1;
}

/* What lies between the name and the value, as a code. */
static void between(const struct generic_window *w,
		    const struct generic_value *v, int16_t *f)
{
	const char *p = w->text + v->name_end;
	size_t n = v->at > v->name_end ? v->at - v->name_end : 0, i;
	int code = 0;

	f[F_GAP] = (int16_t)(n > 200 ? 200 : n);
	for (i = 0; i < n; i++) {
		if (p[i] == '=' && i + 1 < n && p[i + 1] == '>')
			code = 3;
		else if (!code && p[i] == '=')
			code = i && p[i - 1] == ':' ? 4 : 1;
		else if (!code && p[i] == ':')
			code = 2;
		else if (!code && p[i] == '(')
			code = 5;
		else if (!code && p[i] == ',')
			code = 6;
		else if (!code && p[i] == '>')
			code = 7;
		f[F_BELOW] |= p[i] == '\n';
	}
	f[F_SIGN] = (int16_t)(code * 2 + (n > 1 && p[n - 1] == ' '));
	f[F_NAME_QUOTED] = (int16_t)(n ? sign((unsigned char)p[0]) : 40);
}

static void letters(const struct line *l, int16_t *f)
{
	size_t i, quotes = 0, spaces = 0, code = 0, foreign = 0, indent = 0;

	for (i = 0; i < l->n; i++) {
		unsigned char c = (unsigned char)l->p[i];

		quotes += c == '"' || c == '\'' || c == '`';
		spaces += c == ' ';
		code += c == '(' || c == ')' || c == '{' || c == '}' || c == ';';
		foreign += c >= 128;
	}
	while (indent < l->n && (l->p[indent] == ' ' || l->p[indent] == '\t'))
		indent++;
	f[F_INDENT] = (int16_t)(indent > 40 ? 40 : indent);
	f[F_LINE_LENGTH] = (int16_t)l->n;
	f[F_LINE_QUOTES] = (int16_t)(quotes > 30 ? 30 : quotes);
	f[F_LINE_SPACES] = (int16_t)(spaces > 60 ? 60 : spaces);
	f[F_LINE_CODE] = (int16_t)(code > 30 ? 30 : code);
	f[F_LINE_FOREIGN] = (int16_t)(foreign > 30 ? 30 : foreign);
}

/* "password=Enter your password": how many words follow a value that has no
 * quotes, up to the line's end or a comment. */
static int16_t goes_on(const struct generic_value *v, const struct line *l)
{
	const char *p = l->p + l->before + (v->end - v->at);
	const char *end = l->p + l->n;
	int16_t words = 0;

	if (v->quote || v->how >= GENERIC_URL || p > end)
		return 0;
	while (p < end && words < 9) {
		if (*p != ' ' && *p != '\t' && !ispunct((unsigned char)*p))
			break;
		while (p < end && (*p == ' ' || *p == '\t' ||
				   (*p < 'A' && *p && strchr(",.?!:'", *p))))
			p++;
		if (p == end || !(isalpha((unsigned char)*p) ||
				  (unsigned char)*p >= 128))
			break;
		words++;
		while (p < end && (isalnum((unsigned char)*p) ||
				   (unsigned char)*p >= 128))
			p++;
	}
	return words;
}

static int16_t few(uint8_t n, int16_t most)
{
	return n > most ? most : n;
}

static void around(const struct generic_window *w,
		   const struct generic_value *v, const struct line *l,
		   int16_t *f)
{
	const char *p = w->text + w->from;
	size_t n = w->to - w->from, end = l->before + (v->end - v->at);
	size_t rest = l->n > end ? l->n - end : 0;
	struct words_span at, value;
	struct words_seen seen;

	f[F_LINE_GOES_ON] = goes_on(v, l);
	f[F_LINE_REST] = (int16_t)(rest > 99 ? 99 : rest);
	at.from = (size_t)(l->p - p);
	at.to = at.from + l->n;
	value.from = v->at - w->from;
	value.to = v->end - w->from;
	words_look(p, n, &at, &value, &seen);
	f[F_EXAMPLE] = few(seen.value[WORDS_EXAMPLE], 5);
	f[F_KEYWORDS] = few(seen.value[WORDS_TELLING], 5);
	f[F_LINE_TEST] = few(seen.line[WORDS_TEST], 20);
	f[F_LINE_ENV] = few(seen.line[WORDS_ENV], 20);
	f[F_LINE_EXAMPLE] = few(seen.line[WORDS_SAMPLE], 20);
	f[F_LINE_MORE] = few(seen.line[WORDS_TELLING], 20);
	f[F_LINE_DEF] = few(seen.line[WORDS_DEFINE], 20);
	f[F_LINE_SHELL] = few(seen.line[WORDS_SHELL], 20);
	f[F_NEAR_USER] = few(seen.near[WORDS_USER], 20);
	f[F_NEAR_MORE] = few(seen.near[WORDS_TELLING], 20);
	f[F_NEAR_CODE] = few(seen.near[WORDS_CODE], 20);
	f[F_NEAR_TEST] = few(seen.near[WORDS_TEST], 20);
	f[F_NEAR_PROSE] = few(seen.near[WORDS_PROSE], 20);
}

/* password = password, "passwordLabel" */
static int same(const struct generic_window *w, const struct generic_value *v)
{
	char name[65];
	size_t n = v->name_end - v->name;

	if (!n || n >= sizeof(name))
		return 0;
	memcpy(name, w->text + v->name, n);
	name[n] = '\0';
	for (size_t i = 0; i < n; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	if (!check_find(w->text + v->at, v->end - v->at, name))
		return 0;
	return v->end - v->at == n ? 2 : 1;
}

void generic_measure_inner(const struct generic_window *w,
			   const struct generic_value *v,
			   int16_t f[GENERIC_FEATURES])
{
	memset(f, 0, GENERIC_FEATURES * sizeof(*f));
	generic_measure_value(w->text + v->at, v->end - v->at, f);
	generic_measure_name(w->text + v->name, v->name_end - v->name, f);
	f[F_SAME] = (int16_t)same(w, v);
	f[F_HOW] = (int16_t)v->how;
	f[F_QUOTE] = (int16_t)(v->quote == '"' ? 1 : v->quote == '\'' ? 2
			       : v->quote ? 3 : 0);
	f[F_NTH] = (int16_t)v->nth;
	f[F_WRAPPED] = v->wrapped;
	f[F_ESCAPED] = v->escaped;
	between(w, v, f);
	f[F_NEXT] = (int16_t)sign(byte_at(w, v->end));
	f[F_BEFORE] = (int16_t)sign(v->name > w->from
				    ? byte_at(w, v->name - 1) : -1);
}

void generic_measure_outer(const struct generic_window *w,
			   const struct generic_value *v,
			   int16_t f[GENERIC_FEATURES])
{
	struct line l;

	find_line(w, v, &l);
	f[F_COMMENT] = (int16_t)comment(&l);
	letters(&l, f);
	around(w, v, &l, f);
}
