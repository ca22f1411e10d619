/*
 * report_redact: the texts beside a secret, without the secret.
 *
 * A commit message, a file's name, an author or a branch may hold the value that was found, or
 * another value that was found in the same message.  Owns copies of those texts, made once for
 * every form of report, so that no form can forget one.  Must never touch the findings themselves:
 * ignore files and baselines compare what was really there.
 */
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/report.h"

/* Texts of a row that are told as they are; the secret and its match have writers of their own. */
enum { FILE_NAME, LINK, AUTHOR, EMAIL, MESSAGE, PRINT, N_TEXTS };

static char **text_of(struct finding *f, int i)
{
	char **const all[N_TEXTS] = { &f->file, &f->symlink, &f->author,
				      &f->email, &f->message, &f->fingerprint };

	return all[i];
}

/* *text without f's secret; one that holds it is replaced by a copy of its own. */
static int without(const struct report *r, const struct finding *f, char **text,
		   bool *own, struct err *e)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	int rc = 0;

	if (!f->n_secret || !memmem(*text, strlen(*text), f->secret, f->n_secret))
		return 0;
	rc = report_redacted(r, f, *text, strlen(*text), &b, e);
	if (!rc && *own)
		mem_free(*text);
	if (!rc) {
		*text = mem_strndup(b.p ? b.p : "", b.len);
		*own = true;
		rc = *text ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	buf_release(&b);
	return rc;
}

struct clean {
	struct finding *row;
	bool (*own)[N_TEXTS];
	struct strings *refs;
	const struct finding **message; /* found in a message: few */
	size_t n, n_message;
};

static int clean_row(const struct report *r, struct clean *c, size_t i, struct err *e)
{
	struct finding *f = &c->row[i];
	size_t k;
	int t;

	for (t = 0; t < N_TEXTS; t++)
		if (without(r, f, text_of(f, t), &c->own[i][t], e))
			return -1;
	/* what was found in a message is told with every row of its commit */
	for (k = 0; k < c->n_message && *f->message; k++)
		if (!strcmp(c->message[k]->commit, f->commit) &&
		    without(r, c->message[k], &f->message, &c->own[i][MESSAGE], e))
			return -1;
	for (k = 0; k < f->refs.n; k++) {
		char *name = f->refs.v[k];
		bool own = false;
		int rc = without(r, f, &name, &own, e) ||
			 strings_add(&c->refs[i], name, e);

		if (own)
			mem_free(name);
		if (rc)
			return -1;
	}
	f->refs = c->refs[i];
	return 0;
}

static void clean_release(struct clean *c)
{
	for (size_t i = 0; c->own && c->row && i < c->n; i++)
		for (int t = 0; t < N_TEXTS; t++)
			if (c->own[i][t])
				mem_free(*text_of(&c->row[i], t));
	for (size_t i = 0; c->refs && i < c->n; i++)
		strings_free(&c->refs[i]);
	mem_free(c->message);
	mem_free(c->refs);
	mem_free(c->own);
	mem_free(c->row);
}

int report_clean(const struct report *r, enum report_form form, struct buf *out,
		 struct err *e)
{
	struct clean c = { .n = r->list->n };
	struct findings list = { .n = c.n };
	struct report clean = *r;
	int rc;

	if (!c.n)
		return report_form_write(r, form, out, e);
	c.row = mem_array(c.n, sizeof(*c.row));
	c.own = mem_array(c.n, sizeof(*c.own));
	c.refs = mem_array(c.n, sizeof(*c.refs));
	c.message = mem_array(c.n, sizeof(*c.message));
	rc = c.row && c.own && c.refs && c.message ? 0
		: err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (!rc)
		memcpy(c.row, r->list->v, c.n * sizeof(*c.row));
	for (size_t i = 0; i < c.n && !rc; i++)
		if (!*r->list->v[i].file && *r->list->v[i].message)
			c.message[c.n_message++] = &r->list->v[i];
	for (size_t i = 0; i < c.n && !rc; i++)
		rc = clean_row(r, &c, i, e);
	list.v = c.row;
	clean.list = &list;
	if (!rc)
		rc = report_form_write(&clean, form, out, e);
	clean_release(&c);
	return rc;
}
