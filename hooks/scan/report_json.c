/*
 * report_json: the JSON report of gitleaks v8, indent one space.
 *
 * Owns the order of fields.  After gitleaks' fields come ours: ContentFingerprint, Provider, Kind,
 * Confidence, Reasons, Object, Objects, Refs.
 */
#include <string.h>

#include "base/clock.h"
#include "hooks/scan/report.h"

struct row {
	const struct report *r;
	const struct finding *f;
	const char *indent;
	struct buf *out;
	bool more;
};

static int name(struct row *w, const char *key, struct err *e)
{
	int rc = buf_printf(w->out, e, "%s%s\"%s\": ", w->more ? ",\n" : "",
			    w->indent, key);

	w->more = true;
	return rc;
}

static int text(struct row *w, const char *key, const char *v, struct err *e)
{
	return name(w, key, e) || report_quote(w->out, v, strlen(v), e);
}

static int number(struct row *w, const char *key, size_t v, struct err *e)
{
	return name(w, key, e) || buf_printf(w->out, e, "%zu", v);
}

/* gitleaks holds it as a 32-bit float. */
static int entropy(struct row *w, struct err *e)
{
	return name(w, "Entropy", e) ||
	       buf_printf(w->out, e, "%.8g", w->f->entropy);
}

static int secret(struct row *w, const char *key, const char *p, size_t n,
		  struct err *e)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	int rc = name(w, key, e);

	if (!rc)
		rc = p ? report_redacted(w->r, w->f, p, n, &b, e)
		       : report_secret(w->r, w->f, &b, e);
	if (!rc)
		rc = report_quote(w->out, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return rc;
}

static int list(struct row *w, const char *key, const struct strings *s,
		struct err *e)
{
	size_t i;

	if (name(w, key, e) || buf_puts(w->out, "[", e))
		return -1;
	for (i = 0; i < s->n; i++)
		if ((i && buf_puts(w->out, ", ", e)) ||
		    report_quote(w->out, s->v[i], strlen(s->v[i]), e))
			return -1;
	return buf_puts(w->out, "]", e);
}

int report_json_row(const struct report *r, const struct finding *f,
		    const char *indent, struct buf *out, struct err *e)
{
	struct row w = { .r = r, .f = f, .indent = indent, .out = out };
	char date[CLOCK_TEXT];

	return text(&w, "RuleID", f->rule->id, e) ||
	       text(&w, "Description", f->rule->description, e) ||
	       number(&w, "StartLine", f->start_line, e) ||
	       number(&w, "EndLine", f->end_line, e) ||
	       number(&w, "StartColumn", f->start_column, e) ||
	       number(&w, "EndColumn", f->end_column, e) ||
	       secret(&w, "Match", f->match, f->n_match, e) ||
	       secret(&w, "Secret", NULL, 0, e) ||
	       text(&w, "File", f->file, e) ||
	       text(&w, "SymlinkFile", f->symlink, e) ||
	       text(&w, "Commit", f->commit, e) || entropy(&w, e) ||
	       text(&w, "Author", f->author, e) ||
	       text(&w, "Email", f->email, e) ||
	       text(&w, "Date", clock_text(f->date_ms, date), e) ||
	       secret(&w, "Message", f->message, strlen(f->message), e) ||
	       list(&w, "Tags", &f->tags, e) ||
	       text(&w, "Fingerprint", f->fingerprint, e) ||
	       text(&w, "ContentFingerprint", f->content, e) ||
	       text(&w, "Provider", f->rule->provider, e) ||
	       text(&w, "Kind", f->rule->kind, e) ||
	       text(&w, "Confidence", confidence_word(f->confidence), e) ||
	       text(&w, "Object", f->object, e) ||
	       list(&w, "Reasons", &f->reasons, e) ||
	       number(&w, "Objects", f->objects, e) ||
	       list(&w, "Refs", &f->refs, e);
}

int report_json(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	if (!r->list->n)
		return buf_puts(out, "[]\n", e);
	if (buf_puts(out, "[\n", e))
		return -1;
	for (i = 0; i < r->list->n; i++)
		if (buf_puts(out, i ? ",\n {\n" : " {\n", e) ||
		    report_json_row(r, &r->list->v[i], "  ", out, e) ||
		    buf_puts(out, "\n }", e))
			return -1;
	return buf_puts(out, "\n]\n", e);
}
