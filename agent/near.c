/*
 * near: what the operator may have meant.
 *
 * Nearness is edit distance over the whole address or over the account's name
 * alone, and being a part of it.  The five nearest are told.
 */
#include "agent/near.h"

#include <string.h>

#include "agent/view.h"
#include "base/mem.h"
#include "base/text.h"

#define SHOWN 5u
#define CAP 6u /* edits; more is another word */

struct near {
	const char *word;
	size_t cap;
	char *best[SHOWN];
	size_t dist[SHOWN], n;
};

static void offer(struct near *k, const char *name, size_t d)
{
	size_t at = k->n;

	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->best[i], name) == 0)
			return;
	while (at > 0 && k->dist[at - 1] > d)
		at--;
	if (at == SHOWN)
		return;
	if (k->n == SHOWN)
		mem_free(k->best[--k->n]);
	for (size_t i = k->n; i > at; i--) {
		k->best[i] = k->best[i - 1];
		k->dist[i] = k->dist[i - 1];
	}
	k->best[at] = mem_strdup(name);
	k->dist[at] = d;
	if (k->best[at] != NULL)
		k->n++;
}

static void consider(struct near *k, const char *address, const char *part)
{
	size_t d = text_distance(k->word, address, k->cap);

	if (part != NULL && d >= k->cap)
		d = text_distance(k->word, part, k->cap);
	if (d < k->cap)
		offer(k, address, d);
	else if (strlen(k->word) >= 3 && strstr(address, k->word) != NULL)
		offer(k, address, k->cap);
}

static void walk(struct near *k, const struct app *app, enum view_what what)
{
	const struct view_filter all = { .flags = 0 };
	const struct view_row *r;
	struct view *v = NULL;
	size_t n;

	if (view_load(app, what, &all, &v, NULL) < 0)
		return;
	r = view_rows(v, &n);
	for (size_t i = 0; i < n; i++)
		consider(k, r[i].address,
			 what == VIEW_ACCOUNTS ? r[i].account : r[i].id);
	view_free(&v);
}

void near_hint(const struct app *app, const char *word, struct err *e)
{
	const size_t len = strlen(word);
	struct near k = { .word = word,
			  .cap = len / 2 + 1 < CAP ? len / 2 + 1 : CAP };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < app->config->n_identities; i++)
		consider(&k, app->config->identities[i].name, NULL);
	walk(&k, app, VIEW_ACCOUNTS);
	if (strchr(word, '#') != NULL || k.n == 0)
		walk(&k, app, VIEW_CREDENTIALS);
	for (size_t i = 0; i < k.n; i++) {
		(void)!buf_printf(&b, NULL, "%s'%s'",
				  i == 0 ? "" : i + 1 == k.n ? " or " : ", ",
				  k.best[i]);
		mem_free(k.best[i]);
	}
	if (k.n > 0)
		err_hint(e, "did you mean %s?", b.p);
	buf_release(&b);
}
