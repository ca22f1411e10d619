/*
 * report_junit: findings as failed tests, as gitleaks v8 writes them.
 */
#include <string.h>

#include "hooks/scan/report.h"

/* UTF-8 that XML 1.0 has no character for: U+FFFE and U+FFFF. */
static bool no_xml(const char *p, size_t n)
{
	return n == 3 && (!memcmp(p, "\xef\xbf\xbe", 3) ||
			  !memcmp(p, "\xef\xbf\xbf", 3));
}

/* XML 1.0 text or attribute; what it cannot hold becomes U+FFFD. */
static int xml(struct buf *out, const char *p, size_t n, struct err *e)
{
	size_t i, len;
	int rc = 0;

	for (i = 0; !rc && i < n; i += len) {
		unsigned char c = (unsigned char)p[i];

		len = report_character(p + i, n - i);
		if (c == '&')
			rc = buf_puts(out, "&amp;", e);
		else if (c == '<')
			rc = buf_puts(out, "&lt;", e);
		else if (c == '>')
			rc = buf_puts(out, "&gt;", e);
		else if (c == '"')
			rc = buf_puts(out, "&#34;", e);
		else if (c == '\n' || c == '\t' || c == '\r')
			rc = buf_printf(out, e, "&#x%X;", c);
		else if (!len || c < ' ' || c == 127 || no_xml(p + i, len))
			rc = buf_puts(out, REPORT_NO_UTF8, e);
		else
			rc = buf_add(out, p + i, len, e);
		len += !len;
	}
	return rc;
}

static int text(struct buf *out, const char *s, struct err *e)
{
	return xml(out, s, strlen(s), e);
}

static int one(const struct report *r, const struct finding *f,
	       struct buf *out, struct err *e)
{
	struct buf msg = BUF_INIT(BUF_TEXT_MAX), body = BUF_INIT(BUF_REPORT_MAX);
	int rc;

	rc = buf_printf(&msg, e, "%s has detected a secret in file %s, line %zu%s%s.",
			f->rule->id, f->file, f->start_line,
			*f->commit ? ", at commit " : "", f->commit) ||
	     buf_puts(&body, "{\n", e) ||
	     report_json_row(r, f, "\t", &body, e) || buf_puts(&body, "\n}", e);
	if (!rc)
		rc = buf_puts(out, "\t\t<testcase classname=\"", e) ||
		     text(out, f->rule->description, e) ||
		     buf_puts(out, "\" file=\"", e) || text(out, f->file, e) ||
		     buf_puts(out, "\" name=\"", e) || text(out, msg.p, e) ||
		     buf_puts(out, "\" time=\"\">\n\t\t\t<failure message=\"", e) ||
		     text(out, msg.p, e) || buf_puts(out, "\" type=\"", e) ||
		     text(out, f->rule->description, e) ||
		     buf_puts(out, "\">", e) ||
		     xml(out, body.p, body.len, e) ||
		     buf_puts(out, "</failure>\n\t\t</testcase>\n", e);
	buf_release(&msg);
	buf_release(&body);
	return rc;
}

int report_junit(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	if (buf_printf(out, e,
		       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		       "<testsuites>\n\t<testsuite failures=\"%zu\" "
		       "name=\"curfew-scan\" tests=\"%zu\" time=\"\">\n",
		       r->list->n, r->list->n))
		return -1;
	for (i = 0; i < r->list->n; i++)
		if (one(r, &r->list->v[i], out, e))
			return -1;
	return buf_puts(out, "\t</testsuite>\n</testsuites>\n", e);
}
