/*
 * out: safe text, CSV and streamed JSON on stdout.
 */
#include "agent/report/out.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* Control characters, and the ones that turn the direction of text around. */
static bool harmless(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p != 0; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return false;
		if (p[0] == 0xc2 && p[1] < 0xa0)
			return false; /* U+0080..U+009F */
		if (p[0] == 0xe2 && p[1] == 0x80 &&
		    ((p[2] >= 0x8b && p[2] <= 0x8f) ||
		     (p[2] >= 0xa8 && p[2] <= 0xae)))
			return false; /* U+200B..F, U+2028..E */
		if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf)
			return false; /* U+2060..F */
	}
	return true;
}

int out_safe(struct buf *b, const char *s, struct err *e)
{
	const size_t n = strlen(s);

	if (harmless(s) && text_utf8(s, n))
		return buf_add(b, s, n, e);
	return text_escape(b, s, n, e);
}

void out_text(const char *s)
{
	(void)fputs(s, stdout);
}

void out_cell(const char *s, size_t width)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	const char *shown = s;
	size_t w;

	if (s == NULL)
		s = shown = "";
	if (out_safe(&b, s, NULL) == 0 && b.p != NULL)
		shown = b.p;
	else if (s[0] != '\0')
		shown = "?";
	(void)fputs(shown, stdout);
	for (w = text_width(shown); w < width; w++)
		(void)putchar(' ');
	buf_release(&b);
}

int out_json(const struct app *app, const struct json *j)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	struct err e = ERR_INIT;
	int code = EXIT_OK;

	if (j == NULL)
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	if (e.code != ERR_NONE || json_print(j, true, &b, &e) < 0)
		code = app_fail(app, &e);
	else
		(void)printf("%s\n", b.p);
	buf_release(&b);
	return code;
}

/* ---- CSV ----------------------------------------------------------------- */

/* A spreadsheet takes a cell that begins with one of "=+-@" for a formula. */
static void csv_cell(const char *s)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	const char *p = "";

	if (s == NULL || s[0] == '\0')
		return;
	if (out_safe(&b, s, NULL) == 0 && b.p != NULL)
		p = b.p;
	else
		p = "?";
	if (strpbrk(p, ",\"\r\n") == NULL) {
		(void)printf("%s%s", strchr("=+-@", p[0]) ? "'" : "", p);
	} else {
		(void)printf("\"%s", strchr("=+-@", p[0]) ? "'" : "");
		for (; *p != '\0'; p++) {
			if (*p == '"')
				(void)putchar('"');
			(void)putchar(*p);
		}
		(void)putchar('"');
	}
	buf_release(&b);
}

void csv_row(const char *const *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			(void)putchar(',');
		csv_cell(cells[i]);
	}
	(void)fputs("\r\n", stdout);
}

/* ---- JSON ---------------------------------------------------------------- */

static void quoted(const char *s)
{
	const char *from = s;

	(void)putchar('"');
	for (; *s != '\0'; s++) {
		const unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		(void)fwrite(from, 1, (size_t)(s - from), stdout);
		from = s + 1;
		if (c == '"' || c == '\\')
			(void)printf("\\%c", c);
		else
			(void)printf("\\u%04x", c);
	}
	(void)fwrite(from, 1, (size_t)(s - from), stdout);
	(void)putchar('"');
}

void jout_begin(struct jout *j, const char *list)
{
	*j = (struct jout){ false, false };
	(void)printf("{\"version\":1,\"%s\":[", list);
}

void jout_row(struct jout *j)
{
	(void)fputs(j->any_row ? ",\n{" : "\n{", stdout);
	j->any_row = true;
	j->any_member = false;
}

static void key_of(struct jout *j, const char *key)
{
	if (j->any_member)
		(void)putchar(',');
	j->any_member = true;
	(void)printf("\"%s\":", key);
}

void jout_str(struct jout *j, const char *key, const char *v)
{
	key_of(j, key);
	if (v == NULL || !text_utf8(v, strlen(v)))
		(void)fputs("null", stdout);
	else
		quoted(v);
}

void jout_int(struct jout *j, const char *key, int64_t v)
{
	key_of(j, key);
	(void)printf("%lld", (long long)v);
}

void jout_bool(struct jout *j, const char *key, bool v)
{
	key_of(j, key);
	(void)fputs(v ? "true" : "false", stdout);
}

void jout_time(struct jout *j, const char *key, int64_t wall_ms)
{
	char text[CLOCK_TEXT];

	if (wall_ms == 0)
		jout_str(j, key, NULL);
	else
		jout_str(j, key, clock_text(wall_ms, text));
}

void jout_raw(struct jout *j, const char *key, const char *json)
{
	key_of(j, key);
	(void)fputs(json != NULL && json[0] != '\0' ? json : "{}", stdout);
}

void jout_list(struct jout *j, const char *key, char *const *v, size_t n)
{
	key_of(j, key);
	(void)putchar('[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			(void)putchar(',');
		quoted(v[i]);
	}
	(void)putchar(']');
}

void jout_row_end(struct jout *j)
{
	(void)j;
	(void)putchar('}');
}

void jout_end(struct jout *j)
{
	(void)fputs(j->any_row ? "\n]}\n" : "]}\n", stdout);
}
