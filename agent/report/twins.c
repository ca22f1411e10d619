/*
 * twins: the same credential elsewhere.  Two walks of the inventory, whatever
 * the number of targets.
 */
#include "agent/report/twins.h"

#include <stdlib.h>
#include <string.h>

#include "agent/report/out.h"
#include "base/mem.h"

#define PRINT_MIN 12 /* shorter ones say nothing alone */
#define TWINS_MAX 1000

struct prints {
	const struct work *w;
	char **p;
	size_t n, cap;
	struct twins *out;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_target(const struct work *w, const struct inv_credential *c)
{
	return work_find(w, T_CREDENTIAL, c->connection, c->account, c->kind,
			 c->id) != NONE;
}

static int take_print(const struct inv_credential *c, void *arg, struct err *e)
{
	struct prints *x = arg;

	if (strlen(c->fingerprint) < PRINT_MIN || !is_target(x->w, c))
		return 0;
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 16;
		char **p = mem_realloc(x->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		x->p = p;
		x->cap = cap;
	}
	x->p[x->n] = mem_strdup(c->fingerprint);
	if (!x->p[x->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	x->n++;
	return 0;
}

static int take_twin(const struct inv_credential *c, void *arg, struct err *e)
{
	struct prints *x = arg;
	struct inv_credential *t;

	if (c->state == INV_DEAD || x->out->n >= TWINS_MAX ||
	    !bsearch(&c->fingerprint, x->p, x->n, sizeof(*x->p), by_text) ||
	    is_target(x->w, c))
		return 0;
	t = mem_realloc(x->out->p, (x->out->n + 1) * sizeof(*t));
	if (!t)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	x->out->p = t;
	t += x->out->n++;
	*t = (struct inv_credential){ .connection = mem_strdup(c->connection),
				      .account = mem_strdup(c->account),
				      .id = mem_strdup(c->id),
				      .fingerprint =
					      mem_strdup(c->fingerprint) };
	if (!t->connection || !t->account || !t->id || !t->fingerprint)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

int twins_find(const struct app *app, const struct work *w, struct twins *out,
	       struct err *e)
{
	struct prints x = { .w = w, .out = out };
	int rc = -1;

	*out = (struct twins){ NULL, 0 };
	if (inv_credentials(app->vault, NULL, NULL, take_print, &x, e) < 0)
		goto out;
	if (x.n > 1)
		qsort(x.p, x.n, sizeof(*x.p), by_text);
	if (x.n &&
	    inv_credentials(app->vault, NULL, NULL, take_twin, &x, e) < 0)
		goto out;
	rc = 0;
out:
	for (size_t i = 0; i < x.n; i++)
		mem_free(x.p[i]);
	mem_free(x.p);
	return rc;
}

void twins_free(struct twins *t)
{
	for (size_t i = 0; i < t->n; i++)
		inv_credential_free(&t->p[i]);
	mem_free(t->p);
	*t = (struct twins){ NULL, 0 };
}

void twins_print(const struct twins *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct inv_credential *c = &t->p[i];

		out_text("the same credential (");
		out_cell(c->fingerprint, 0);
		out_text(") also opens ");
		out_cell(c->connection, 0);
		out_text("/");
		out_cell(c->account, 0);
		out_text(": curfew kill ");
		out_cell(c->fingerprint, 0);
		out_text("\n");
	}
}

struct json *twins_json(const struct twins *t)
{
	struct json *list = json_array();

	for (size_t i = 0; list && i < t->n; i++) {
		struct json *o = json_object();
		struct buf b = BUF_INIT(BUF_TEXT_MAX);

		if (inv_address(&b, t->p[i].connection, t->p[i].account,
				t->p[i].id, NULL) < 0 ||
		    !json_set_str(o, "address", b.p) ||
		    !json_set_str(o, "fingerprint", t->p[i].fingerprint))
			json_free(&o);
		buf_release(&b);
		if (!json_push(list, o))
			json_free(&list);
	}
	return list;
}
