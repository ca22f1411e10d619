/*
 * intake: findings from outside, held against the vault and kept.
 *
 * Promises: a value goes from its line into locked memory and from there into
 * the sealed record; what is neither ours nor sure enough is dropped at once.
 */
#include "agent/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/finding_end.h"
#include "base/clock.h"
#include "base/mem.h"
#include "vault/journal.h"
#include "vault/store.h"

int intake_open(struct intake *in, struct app *app, const char *least,
		struct err *e)
{
	*in = (struct intake){ .app = app, .least = least };
	return whose_load(app, &in->whose, e);
}

static void row_release(struct intake_row *r)
{
	finding_release(&r->f);
	secret_free(&r->value);
	owners_free(&r->owners);
}

void intake_close(struct intake *in)
{
	for (size_t i = 0; i < in->n; i++)
		row_release(&in->v[i]);
	mem_free(in->v);
	whose_free(&in->whose);
	in->v = NULL;
	in->n = 0;
}

int intake_parse(const struct json *line, struct finding *f, struct err *e)
{
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{ "rule", &f->rule }, { "description", &f->description },
		{ "provider", &f->provider }, { "kind", &f->kind },
		{ "confidence", &f->confidence }, { "file", &f->file },
		{ "commit", &f->commit }, { "object", &f->object },
		{ "author", &f->author }, { "email", &f->email },
		{ "date", &f->date },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (finding_text(texts[i].to, json_str(line, texts[i].key),
				 e) < 0)
			return -1;
	if (*f->rule == '\0')
		return err_fail(e, ERR_PROTO, NULL, "a finding without a rule");
	(void)json_int(line, "line", &f->line);
	return 0;
}

static int grow(struct intake *in, struct err *e)
{
	const size_t cap = in->cap != 0 ? 2 * in->cap : 64;
	struct intake_row *v;

	if (in->n < in->cap)
		return 0;
	v = in->n >= INTAKE_MAX ? NULL :
				  mem_realloc(in->v, cap * sizeof *v);
	if (v == NULL) {
		(void)err_fail(e, ERR_TOOBIG, NULL, "over %zu findings", in->n);
		err_hint(e, "take less at a time, or --min-confidence high");
		return -1;
	}
	in->v = v;
	in->cap = cap;
	return 0;
}

int intake_add(struct intake *in, struct finding *f, struct secret *value,
	       struct err *e)
{
	struct intake_row r = { .f = *f, .value = value };

	*f = (struct finding){ .seen = 0 };
	if ((value != NULL && whose_is(in->whose, value, &r.owners, e) < 0) ||
	    grow(in, e) < 0) {
		row_release(&r);
		return -1;
	}
	if (r.owners.n == 0 && finding_rank(r.f.confidence) < finding_rank(in->least)) {
		in->passed++;
		row_release(&r);
		return 0;
	}
	if (value == NULL)
		in->redacted++;
	if (*r.f.provider != '\0')
		r.alike = whose_alike(in->whose, r.f.provider, r.f.kind);
	finding_name(in->app->vault, &r.f, value);
	in->v[in->n++] = r;
	return 0;
}

int intake_store(struct intake *in, size_t from, struct err *e)
{
	const int64_t now = clock_wall_ms();

	for (size_t i = from; i < in->n; i++)
		if (finding_owners(&in->v[i].f, &in->v[i].owners, e) < 0 ||
		    finding_put(in->app->vault, &in->v[i].f, in->v[i].value,
				now, e) < 0)
			return -1;
	return 0;
}

/* ---- telling -------------------------------------------------------------- */

static bool alive(const struct intake_row *r)
{
	for (size_t i = 0; i < r->owners.n; i++)
		if (r->owners.v[i].state != INV_DEAD)
			return true;
	return false;
}

static int by_id(const void *a, const void *b)
{
	const struct intake_row *x = a, *y = b;
	const int c = strcmp(x->f.id, y->f.id);

	return c != 0 ? c : (x->f.seen > y->f.seen) - (x->f.seen < y->f.seen);
}

static int by_weight(const void *a, const void *b)
{
	const struct intake_row *x = a, *y = b;
	const int ours = (y->owners.n > 0) - (x->owners.n > 0);
	int c = ours != 0 ? ours : finding_rank(y->f.confidence) - finding_rank(x->f.confidence);

	if (c == 0)
		c = strcmp(x->f.file, y->f.file);
	return c != 0 ? c : strcmp(x->f.id, y->f.id);
}

void intake_settle(struct intake *in)
{
	if (in->n == 0)
		return;
	qsort(in->v, in->n, sizeof *in->v, by_id);
	for (size_t i = 0; i < in->n; i++)
		in->v[i].last = i + 1 == in->n ||
				strcmp(in->v[i].f.id, in->v[i + 1].f.id) != 0;
	/* new to the vault when the first of the same id was */
	for (size_t i = 1; i < in->n; i++)
		if (!in->v[i - 1].last)
			in->v[i].f.fresh = in->v[i - 1].f.fresh;
	qsort(in->v, in->n, sizeof *in->v, by_weight);
}

size_t intake_count(const struct intake *in, size_t *ours)
{
	size_t n = 0;

	*ours = 0;
	for (size_t i = 0; i < in->n; i++) {
		n += in->v[i].last;
		*ours += in->v[i].last && alive(&in->v[i]);
	}
	return n;
}

int intake_commit(struct intake *in, const char *what, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION };
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	size_t ours, n;
	int rc = -1;

	if (store_begin(in->app->vault, e) < 0)
		return -1;
	if (intake_store(in, 0, e) < 0)
		goto out;
	intake_settle(in);
	n = intake_count(in, &ours);
	if (buf_printf(&text, e, "%s: %zu finding%s, %zu of them a credential "
		       "known here", what, n, n == 1 ? "" : "s", ours) < 0)
		goto out;
	j.text = text.p;
	j.at_ms = clock_wall_ms();
	rc = journal_append(in->app->vault, &j, NULL, e);
out:
	if (rc < 0)
		store_rollback(in->app->vault);
	else
		rc = store_commit(in->app->vault, e);
	buf_release(&text);
	return rc;
}
