/*
 * target_near: "did you mean": names and addresses close to an unknown word.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/target.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"

#define NEAR_MAX 4
#define NEAR_CAP 4 /* edits */

struct near {
	const char *word;
	char *best[NEAR_MAX];
	size_t cost[NEAR_MAX], n;
};

/* The whole word as a part is nearer than any misspelling. */
static size_t cost_of(const char *word, const char *candidate)
{
	size_t d = text_distance(word, candidate, NEAR_CAP);

	if (strlen(word) >= 3 && strstr(candidate, word))
		return 1;
	return d >= NEAR_CAP || d * 2 > strlen(word) ? SIZE_MAX : d;
}

static void offer(struct near *n, const char *shown, size_t cost)
{
	size_t i;

	if (cost == SIZE_MAX ||
	    (n->n == NEAR_MAX && cost >= n->cost[NEAR_MAX - 1]))
		return;
	for (i = 0; i < n->n; i++)
		if (strcmp(n->best[i], shown) == 0)
			return;
	if (n->n == NEAR_MAX)
		mem_free(n->best[--n->n]);
	for (i = n->n; i > 0 && n->cost[i - 1] > cost; i--) {
		n->best[i] = n->best[i - 1];
		n->cost[i] = n->cost[i - 1];
	}
	n->best[i] = mem_strdup(shown);
	n->cost[i] = cost;
	n->n++;
}

static int offer_account(const struct inv_account *a, void *arg, struct err *e)
{
	struct near *n = arg;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	size_t cost, whole;

	if (inv_address(&b, a->connection, a->name, NULL, e) < 0) {
		buf_release(&b);
		return -1;
	}
	cost = cost_of(n->word, a->name);
	whole = cost_of(n->word, b.p);
	offer(n, b.p, cost < whole ? cost : whole);
	buf_release(&b);
	return 0;
}

static int offer_connection(const struct inv_connection *c, void *arg,
			    struct err *e)
{
	struct near *n = arg;

	(void)e;
	offer(n, c->name, cost_of(n->word, c->name));
	return 0;
}

void target_near(struct app *app, const char *word, struct err *e)
{
	const struct config *c = app->config;
	struct near n = { .word = word };
	char text[260];
	size_t at = 0;

	for (size_t i = 0; c && i < c->n_identities; i++)
		offer(&n, c->identities[i].name,
		      cost_of(word, c->identities[i].name));
	for (size_t i = 0; c && i < c->n_workflows; i++)
		offer(&n, c->workflows[i].name,
		      cost_of(word, c->workflows[i].name));
	/* A failed walk is a hint less; the error stands. */
	if (inv_connections(app->vault, offer_connection, &n, NULL) < 0 ||
	    inv_accounts(app->vault, NULL, offer_account, &n, NULL) < 0)
		log_line(LOG_DEBUG, "near matches are incomplete");
	for (size_t i = 0; i < n.n; i++) {
		int k = n.best[i] ? snprintf(text + at, sizeof(text) - at, "%s%s",
					     i ? ", " : "", n.best[i]) : 0;

		if (k > 0 && (size_t)k < sizeof(text) - at)
			at += (size_t)k;
		else
			text[at] = '\0';
		mem_free(n.best[i]);
	}
	if (at)
		err_hint(e, "did you mean %s?", text);
	else
		err_hint(e, "'curfew list' shows what there is; 'curfew sync' "
			    "looks again");
}
