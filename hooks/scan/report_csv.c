/*
 * report_csv: the CSV report of gitleaks v8; nothing at all without findings.
 */
#include <string.h>

#include "base/clock.h"
#include "hooks/scan/report.h"

/* A field that a spreadsheet might split is quoted, as RFC 4180 says. */
static int field(struct buf *out, const char *p, size_t n, bool last,
		 struct err *e)
{
	bool quote = false;
	size_t i;

	for (i = 0; i < n; i++)
		quote |= strchr(",\"\r\n", p[i]) && p[i];
	quote |= n && (p[0] == ' ' || p[0] == '\t');
	if (!quote)
		return buf_add(out, p, n, e) ||
		       buf_puts(out, last ? "\n" : ",", e);
	if (buf_puts(out, "\"", e))
		return -1;
	for (i = 0; i < n; i++)
		if ((p[i] == '"' && buf_puts(out, "\"", e)) ||
		    buf_add(out, p + i, 1, e))
			return -1;
	return buf_puts(out, last ? "\"\n" : "\",", e);
}

static int text(struct buf *out, const char *s, struct err *e)
{
	return field(out, s, strlen(s), false, e);
}

static int secrets(const struct report *r, const struct finding *f,
		   struct buf *out, struct err *e)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	int rc = report_secret(r, f, &b, e);

	if (!rc)
		rc = field(out, b.p ? b.p : "", b.len, false, e);
	buf_reset(&b);
	if (!rc)
		rc = report_redacted(r, f, f->match, f->n_match, &b, e);
	if (!rc)
		rc = field(out, b.p ? b.p : "", b.len, false, e);
	buf_release(&b);
	return rc;
}

static int row(const struct report *r, const struct finding *f,
	       struct buf *out, struct err *e)
{
	struct buf tags = BUF_INIT(BUF_TEXT_MAX);
	char date[CLOCK_TEXT];
	size_t i;
	int rc = -1;

	for (i = 0; i < f->tags.n; i++)
		if ((i && buf_puts(&tags, " ", e)) ||
		    buf_puts(&tags, f->tags.v[i], e))
			goto out;
	if (text(out, f->rule->id, e) || text(out, f->commit, e) ||
	    text(out, f->file, e) || text(out, f->symlink, e) ||
	    secrets(r, f, out, e) ||
	    buf_printf(out, e, "%zu,%zu,%zu,%zu,", f->start_line, f->end_line,
		       f->start_column, f->end_column) ||
	    text(out, f->author, e) || text(out, f->message, e) ||
	    text(out, clock_text(f->date_ms, date), e) ||
	    text(out, f->email, e) || text(out, f->fingerprint, e) ||
	    field(out, tags.p ? tags.p : "", tags.len, true, e))
		goto out;
	rc = 0;
out:
	buf_release(&tags);
	return rc;
}

int report_csv(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	if (!r->list->n)
		return 0;
	if (buf_puts(out, "RuleID,Commit,File,SymlinkFile,Secret,Match,"
		     "StartLine,EndLine,StartColumn,EndColumn,Author,Message,"
		     "Date,Email,Fingerprint,Tags\n", e))
		return -1;
	for (i = 0; i < r->list->n; i++)
		if (row(r, &r->list->v[i], out, e))
			return -1;
	return 0;
}
