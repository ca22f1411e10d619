/*
 * report: which form, redaction, JSON strings.
 *
 * Owns what leaves the process about a secret: with --redact nothing else
 * than what report_secret() and report_redacted() let through.
 */
#include "hooks/scan/report.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char *const words[] = {
	[REPORT_TEXT] = "text",	 [REPORT_JSON] = "json",
	[REPORT_CSV] = "csv",	 [REPORT_SARIF] = "sarif",
	[REPORT_JUNIT] = "junit",
	[REPORT_LINES] = "lines",
};

bool report_form_parse(const char *word, enum report_form *form)
{
	int i;

	for (i = 0; i < (int)(sizeof(words) / sizeof(*words)); i++)
		if (!strcmp(word, words[i])) {
			*form = (enum report_form)i;
			return true;
		}
	return false;
}

enum report_form report_form_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot && !strcmp(dot, ".json"))
		return REPORT_JSON;
	if (dot && !strcmp(dot, ".csv"))
		return REPORT_CSV;
	if (dot && !strcmp(dot, ".sarif"))
		return REPORT_SARIF;
	return dot && !strcmp(dot, ".xml") ? REPORT_JUNIT : REPORT_TEXT;
}

int report_write(const struct report *r, enum report_form form, struct buf *out,
		 struct err *e)
{
	return r->redact && form != REPORT_LINES ? report_clean(r, form, out, e)
						 : report_form_write(r, form, out, e);
}

int report_form_write(const struct report *r, enum report_form form,
		      struct buf *out, struct err *e)
{
	switch (form) {
	case REPORT_TEXT:
		return report_text(r, out, e);
	case REPORT_LINES:
		return report_lines_head(&(struct lines_head){ .source = "scan" },
					 out, e) ||
				       report_lines(r, out, e)
			       ? -1 : 0;
	case REPORT_JSON:
		return report_json(r, out, e);
	case REPORT_CSV:
		return report_csv(r, out, e);
	case REPORT_SARIF:
		return report_sarif(r, out, e);
	case REPORT_JUNIT:
		return report_junit(r, out, e);
	}
	return err_fail(e, ERR_BUG, NULL, "no such form");
}

/* gitleaks: all of it is REDACTED, less keeps the first part. */
int report_secret(const struct report *r, const struct finding *f,
		  struct buf *out, struct err *e)
{
	size_t keep;

	if (!r->redact)
		return buf_add(out, f->secret, f->n_secret, e);
	if (r->redact >= 100)
		return buf_puts(out, "REDACTED", e);
	keep = f->n_secret * (100 - r->redact) / 100;
	if (buf_add(out, f->secret, keep, e))
		return -1;
	return buf_puts(out, "...", e);
}

int report_redacted(const struct report *r, const struct finding *f,
		    const char *text, size_t n, struct buf *out, struct err *e)
{
	const char *end = text + n, *hit;

	while (r->redact && f->n_secret && text < end) {
		hit = memmem(text, (size_t)(end - text), f->secret, f->n_secret);
		if (!hit)
			break;
		if (buf_add(out, text, (size_t)(hit - text), e) ||
		    report_secret(r, f, out, e))
			return -1;
		text = hit + f->n_secret;
	}
	return buf_add(out, text, (size_t)(end - text), e);
}

size_t report_character(const char *p, size_t n)
{
	size_t len;

	for (len = 1; len <= 4 && len <= n; len++)
		if (text_utf8(p, len))
			return len;
	return 0;
}

int report_utf8(struct buf *out, const char *p, size_t n, struct err *e)
{
	size_t i, len;
	int rc = 0;

	for (i = 0; !rc && i < n; i += len) {
		len = report_character(p + i, n - i);
		rc = len ? buf_add(out, p + i, len, e)
			 : buf_puts(out, REPORT_NO_UTF8, e);
		len += !len;
	}
	return rc;
}

int report_quote(struct buf *out, const char *p, size_t n, struct err *e)
{
	size_t i = 0, plain, len;
	int rc = buf_add(out, "\"", 1, e);

	while (!rc && i < n) {
		for (plain = i; plain < n && p[plain] >= ' ' && p[plain] < 127 &&
				p[plain] != '"' && p[plain] != '\\';)
			plain++;
		if (plain > i) {
			rc = buf_add(out, p + i, plain - i, e);
			i = plain;
			continue;
		}
		len = 1;
		if (p[i] == '"' || p[i] == '\\')
			rc = buf_printf(out, e, "\\%c", p[i]);
		else if (p[i] == '\n')
			rc = buf_puts(out, "\\n", e);
		else if (p[i] == '\t')
			rc = buf_puts(out, "\\t", e);
		else if (p[i] == '\r')
			rc = buf_puts(out, "\\r", e);
		else if ((unsigned char)p[i] < ' ' || p[i] == 127)
			rc = buf_printf(out, e, "\\u%04x", (unsigned)p[i]);
		else if ((len = report_character(p + i, n - i)) != 0)
			rc = buf_add(out, p + i, len, e);
		else if ((len = 1))
			rc = buf_puts(out, "\\ufffd", e);
		i += len;
	}
	return rc ? rc : buf_add(out, "\"", 1, e);
}
