/*
 * report_lines: findings for the agent, one JSON object a line.
 *
 * Owns the form that docs/respond.md names: a head, a row per finding, an end.
 * Rows are lines of the line protocol (base/lineproto.h): the secret is the
 * top-level member "secret", so the reader can cut it out before it parses.
 * A secret that is no text, or too long, is left out and its length told.
 * Must never be used with redaction: its reader needs the values.
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/report.h"

#define SECRET_ROW_MAX 60000u /* bytes; escaped it must fit a line of 1 MiB */
#define TEXT_ROW_MAX 4096u    /* of every other text */
#define REFS_ROW_MAX 20u
#define UPDATES_MAX 20u

static int text(struct buf *out, const char *key, const char *v, struct err *e)
{
	size_t n = strlen(v);

	if (!n)
		return 0;
	return buf_printf(out, e, ",\"%s\":", key) ||
	       report_quote(out, v, n < TEXT_ROW_MAX ? n : TEXT_ROW_MAX, e);
}

static bool clean(const char *p, size_t n)
{
	return n && n <= SECRET_ROW_MAX && !memchr(p, '\0', n) &&
	       text_utf8(p, n);
}

static int secret(struct buf *out, const struct finding *f, struct err *e)
{
	if (!clean(f->secret, f->n_secret))
		return buf_printf(out, e, ",\"length\":%zu", f->n_secret);
	return buf_puts(out, ",\"secret\":", e) ||
	       report_quote(out, f->secret, f->n_secret, e);
}

static int refs(struct buf *out, const struct finding *f, struct err *e)
{
	size_t i;

	if (buf_puts(out, ",\"refs\":[", e))
		return -1;
	for (i = 0; i < f->refs.n && i < REFS_ROW_MAX; i++) {
		size_t n = strlen(f->refs.v[i]);

		if ((i && buf_puts(out, ",", e)) ||
		    report_quote(out, f->refs.v[i],
				 n < TEXT_ROW_MAX ? n : TEXT_ROW_MAX, e))
			return -1;
	}
	return buf_puts(out, "]", e);
}

static int row(const struct finding *f, struct buf *out, struct err *e)
{
	char date[CLOCK_TEXT];

	return buf_printf(out, e, "{\"line\":%zu,\"column\":%zu,\"objects\":%zu",
			  f->start_line, f->start_column, f->objects) ||
	       text(out, "rule", f->rule->id, e) ||
	       text(out, "description", f->rule->description, e) ||
	       text(out, "provider", f->rule->provider, e) ||
	       text(out, "kind", f->rule->kind, e) ||
	       text(out, "confidence", confidence_word(f->confidence), e) ||
	       text(out, "file", f->file, e) ||
	       text(out, "commit", f->commit, e) ||
	       text(out, "author", f->author, e) ||
	       text(out, "email", f->email, e) ||
	       text(out, "date", clock_text(f->date_ms, date), e) ||
	       text(out, "object", f->object, e) || refs(out, f, e) ||
	       secret(out, f, e) || buf_puts(out, "}\n", e);
}

/* What the push wanted of which ref: the commits to look at again. */
static int updates(struct buf *out, const struct strings *v, struct err *e)
{
	size_t i;

	if (!v || v->n < 3)
		return 0;
	if (buf_puts(out, ",\"updates\":[", e))
		return -1;
	for (i = 0; i + 2 < v->n && i / 3 < UPDATES_MAX; i += 3) {
		struct buf b = BUF_INIT(BUF_TEXT_MAX);
		int rc = buf_printf(&b, e, "%.200s %.40s..%.40s", v->v[i + 2],
				    v->v[i], v->v[i + 1]) ||
			 (i && buf_puts(out, ",", e)) ||
			 report_quote(out, b.p, b.len, e);

		buf_release(&b);
		if (rc)
			return -1;
	}
	return buf_puts(out, "]", e);
}

/* What was not looked at, in numbers and the first by name. */
static int left(struct buf *out, const struct tally *t, struct err *e)
{
	unsigned i;

	if (!t || !t->problems)
		return 0;
	if (buf_printf(out, e, ",\"unseen\":%llu,\"unread\":%llu,\"left\":[",
		       (unsigned long long)t->unseen,
		       (unsigned long long)(t->problems - t->unseen)))
		return -1;
	for (i = 0; i < t->n_named && i < NAMED_KEPT; i++)
		if ((i && buf_puts(out, ",", e)) ||
		    report_quote(out, t->named[i], strlen(t->named[i]), e))
			return -1;
	return buf_puts(out, "]", e);
}

int report_lines_head(const struct lines_head *h, struct buf *out,
		      struct err *e)
{
	return buf_printf(out, e, "{\"findings\":1,\"at\":%lld",
			  (long long)clock_wall_ms()) ||
	       text(out, "source", h->source, e) ||
	       text(out, "repository", h->repository ? h->repository : "", e) ||
	       text(out, "pusher", h->pusher ? h->pusher : "", e) ||
	       text(out, "override", h->override ? h->override : "", e) ||
	       text(out, "nonce", h->nonce ? h->nonce : "", e) ||
	       updates(out, h->updates, e) ||
	       buf_puts(out, "}\n", e);
}

int report_lines(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	for (i = 0; i < r->list->n; i++)
		if (row(&r->list->v[i], out, e))
			return -1;
	return buf_printf(out, e, "{\"end\":%zu,\"complete\":%s", r->list->n,
			  r->incomplete ? "false" : "true") ||
	       left(out, r->left, e) || buf_puts(out, "}\n", e);
}
