/*
 * report_text: findings for people, never with the whole secret.
 *
 * At most the first eight characters and a quarter of a secret are shown.
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "hooks/scan/report.h"

#define REFS_SHOWN 5u

static int row(struct buf *out, const char *key, const char *v, struct err *e)
{
	if (!*v)
		return 0;
	return buf_printf(out, e, "  %-9s ", key) ||
	       text_escape(out, v, strlen(v), e) || buf_puts(out, "\n", e);
}

static int hint(const struct report *r, const struct finding *f,
		struct buf *out, struct err *e)
{
	size_t keep = f->n_secret / 4;

	if (keep > 8)
		keep = 8;
	if (r->redact)
		keep = 0;
	return buf_puts(out, "  secret    ", e) ||
	       text_escape(out, f->secret, keep, e) ||
	       buf_printf(out, e, "... (%zu characters, entropy %.1f)\n",
			  f->n_secret, f->entropy);
}

/* "branch main", "tag v1": the files at their tip hold the value, at this path
 * or another. */
static int holders(const struct finding *f, struct buf *out, struct err *e)
{
	static const struct {
		const char *begin, *word;
	} kinds[] = {
		{ "refs/heads/", "branch " }, { "refs/tags/", "tag " },
		{ "refs/remotes/", "remote branch " }, { "", "" },
	};
	size_t i, k;

	for (i = 0; i < f->refs.n && i < REFS_SHOWN; i++) {
		const char *name = f->refs.v[i];

		for (k = 0; strncmp(name, kinds[k].begin,
				    strlen(kinds[k].begin)) != 0;)
			k++;
		name += strlen(kinds[k].begin);
		if (buf_printf(out, e, "  %-9s %s", i ? "" : "still in",
			       kinds[k].word) ||
		    text_escape(out, name, strlen(name), e) ||
		    buf_puts(out, "\n", e))
			return -1;
	}
	return f->refs.n > i ? row(out, "", "and more", e) : 0;
}

static int one(const struct report *r, const struct finding *f,
	       struct buf *out, struct err *e)
{
	char date[CLOCK_TEXT];
	size_t i;

	if (text_escape(out, *f->file ? f->file : "(no path)",
			strlen(*f->file ? f->file : "(no path)"), e) ||
	    buf_printf(out, e, ":%zu:%zu  ", f->start_line,
		       f->start_column) ||
	    text_escape(out, f->rule->id, strlen(f->rule->id), e) ||
	    buf_printf(out, e, "  (%s)\n", confidence_word(f->confidence)) ||
	    row(out, "what", f->rule->description, e) || hint(r, f, out, e) ||
	    row(out, "commit", f->commit, e) ||
	    row(out, "author", f->author, e) ||
	    row(out, "date", clock_text(f->date_ms, date), e))
		return -1;
	if (!*f->commit && row(out, "object", f->object, e))
		return -1;
	if (holders(f, out, e))
		return -1;
	for (i = 0; i < f->reasons.n; i++)
		if (row(out, i ? "" : "because", f->reasons.v[i], e))
			return -1;
	return row(out, "ignore as", f->fingerprint, e) ||
	       row(out, "  or", f->content, e) ||
	       buf_puts(out, "\n", e);
}

int report_text(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	for (i = 0; i < r->list->n; i++)
		if (one(r, &r->list->v[i], out, e))
			return -1;
	return 0;
}
