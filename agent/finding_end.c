/*
 * finding_end: findings whose credential is proved dead lose their value.
 *
 * The proof needed it; from then on it can only leak.  Its fingerprint stays (the
 * finding's id), so the next scan knows it again, and whose it was is kept as
 * text.
 */
#include "agent/finding_end.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "vault/journal.h"
#include "vault/store.h"

int finding_owners(struct finding *f, const struct owners *o, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;

	for (size_t i = 0; i < o->n; i++)
		f->lives |= o->v[i].state != INV_DEAD;
	for (size_t i = 0; !f->lives && rc == 0 && i < o->n; i++)
		if ((i > 0 && buf_puts(&b, ", ", e) < 0) ||
		    owner_address(&o->v[i], &b, e) < 0)
			rc = -1;
	if (rc == 0)
		rc = finding_text(&f->ended, b.len > 0 ? b.p : "", e);
	buf_release(&b);
	return rc;
}

int finding_end(struct app *app, struct finding *f, const char *whose,
		struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION, .at_ms = clock_wall_ms() };
	char text[300];
	int rc = -1;

	if (finding_text(&f->ended, whose, e) < 0)
		return -1;
	(void)snprintf(text, sizeof text, "finding %s: proved dead, its value is "
		       "wiped; it was %.200s", f->id, whose);
	j.text = text;
	if (store_begin(app->vault, e) < 0)
		return -1;
	if (finding_update(app->vault, f, true, e) == 0)
		rc = journal_append(app->vault, &j, NULL, e);
	if (rc < 0)
		store_rollback(app->vault);
	else
		rc = store_commit(app->vault, e);
	return rc;
}

/* Ids first: the walk must be over before rows are written. */
struct kept {
	char (*id)[FINDING_ID + 1];
	size_t n, cap;
};

static int with_value(const struct finding *f, void *arg, struct err *e)
{
	struct kept *k = arg;

	if (!f->has_secret)
		return 0;
	if (k->n == k->cap) {
		const size_t cap = k->cap != 0 ? 2 * k->cap : 64;
		void *v = mem_realloc(k->id, cap * sizeof *k->id);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->id = v;
		k->cap = cap;
	}
	(void)snprintf(k->id[k->n++], sizeof *k->id, "%s", f->id);
	return 0;
}

static int one(struct app *app, struct whose *w, const char *id, struct err *e)
{
	struct finding f = { .seen = 0 };
	struct owners owners = { .n = 0 };
	struct secret *value = NULL;
	char *whose = NULL;
	int rc = finding_get(app->vault, id, &f, &value, e);

	if (rc <= 0)
		goto out;
	rc = value != NULL ? whose_is(w, value, &owners, e) : 0;
	if (rc == 0)
		rc = finding_owners(&f, &owners, e);
	if (rc == 0 && *f.ended != '\0') {
		whose = mem_strdup(f.ended);
		rc = whose != NULL ? finding_end(app, &f, whose, e) :
				     err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
out:
	mem_free(whose);
	owners_free(&owners);
	secret_free(&value);
	finding_release(&f);
	return rc;
}

int findings_end(struct app *app, struct err *e)
{
	struct whose *w = NULL;
	struct kept k = { .n = 0 };
	int rc = findings_each(app->vault, with_value, &k, e);

	if (rc == 0 && k.n > 0)
		rc = whose_load(app, &w, e);
	for (size_t i = 0; rc == 0 && i < k.n; i++)
		rc = one(app, w, k.id[i], e);
	whose_free(&w);
	mem_free(k.id);
	return rc;
}
