/*
 * publish: which of the vault's values go into a published set.
 *
 * Promises: a value goes in only when it cannot be guessed from the set
 * (agent/strength.h).  Never keeps or prints a value.
 */
#include "agent/publish.h"

#include <stdio.h>
#include <string.h>

#include "agent/strength.h"
#include "base/clock.h"
#include "base/mem.h"
#include "vault/inventory.h"

const char *const publish_why[PUBLISH_VERDICTS] = {
	[PUBLISH_TAKEN] = "published",
	[PUBLISH_SHORT] = "shorter than 16 bytes",
	[PUBLISH_LONG] = "longer than 256 bytes",
	[PUBLISH_NO_WORD] = "not one word of printable characters (a key block, a file)",
	[PUBLISH_WEAK] = "could be guessed from its fingerprint (under 80 bits)",
	[PUBLISH_DEAD] = "proved dead or revoked already",
};
const char *const publish_names[PUBLISH_VERDICTS] = { "published", "short", "long",
					     "no_word", "weak", "dead" };

struct weighing {
	struct publish *p;
	enum publish_verdict verdict;
	struct wordset_entry entry;
};

static int weigh(const unsigned char *p, size_t n, void *arg)
{
	struct weighing *w = arg;

	w->verdict = n < WORDSET_MIN ? PUBLISH_SHORT :
		     n > WORDSET_MAX ? PUBLISH_LONG :
		     !wordset_fits(p, n) ? PUBLISH_NO_WORD :
		     strength_bits(p, n) <
				STRENGTH_PUBLISH ? PUBLISH_WEAK : PUBLISH_TAKEN;
	if (w->verdict == PUBLISH_TAKEN)
		wordset_entry(w->p->key, p, n, &w->entry);
	return 0;
}

static int keep(struct publish *p, const struct wordset_entry *w, struct err *e)
{
	if (p->n == p->cap) {
		const size_t cap = p->cap ? 2 * p->cap : 256;
		struct wordset_entry *v =
			cap > WORDSET_WORDS_MAX ? NULL :
			mem_realloc(p->v, cap * sizeof *v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL,
					"no room for %zu values", cap);
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = *w;
	return 0;
}

/* One value, by whose name it goes. */
static int take(struct publish *p, const char *address,
		const struct secret *value, struct err *e)
{
	struct weighing w = { .p = p };

	(void)secret_reveal(value, weigh, &w);
	p->count[w.verdict]++;
	if (w.verdict == PUBLISH_TAKEN)
		return keep(p, &w.entry, e);
	return buf_printf(&p->out, e, "%s\t%s\n", address, publish_why[w.verdict]);
}

static int credential(const struct inv_credential *c, void *arg, struct err *e)
{
	struct publish *p = arg;
	struct inv_credential full = { 0 };
	struct secret *value = NULL;
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (c->state == INV_DEAD || c->state == INV_REVOKED) {
		p->count[PUBLISH_DEAD] += c->has_secret;
		return 0;
	}
	if (!c->has_secret) {
		p->unknown++;
		return 0;
	}
	if (inv_address(&at, c->connection, c->account, c->id, e) < 0 ||
	    inv_credential_get(p->app->vault, c->connection, c->account,
			       c->kind, c->id, &full, &value, e) < 0)
		goto out;
	rc = value != NULL ? take(p, at.p, value, e) : 0;
out:
	secret_free(&value);
	inv_credential_free(&full);
	buf_release(&at);
	return rc;
}

/* curfew's own access leaks like any other. */
static int connection(const struct inv_connection *c, void *arg, struct err *e)
{
	struct publish *p = arg;
	struct inv_connection full = { 0 };
	struct secret *value = NULL;
	char text[200];
	int rc = -1;

	if (!c->has_secret)
		return 0;
	(void)snprintf(text, sizeof text, "%s (curfew's own access)", c->name);
	if (inv_connection_get(p->app->vault, c->name, &full, &value, e) >= 0)
		rc = value != NULL ? take(p, text, value, e) : 0;
	secret_free(&value);
	inv_connection_free(&full);
	return rc;
}

int publish_gather(struct app *app, struct publish *p, struct err *e)
{
	*p = (struct publish){ .app = app, .out = BUF_INIT(BUF_REPORT_MAX) };
	secret_random(p->key, sizeof p->key);
	if (outward_keys(app->vault, &p->keys, e) < 0 ||
	    inv_credentials(app->vault, NULL, NULL, credential, p, e) < 0 ||
	    inv_connections(app->vault, connection, p, e) < 0)
		return -1;
	return 0;
}

int publish_build(struct publish *p, struct buf *file, struct err *e)
{
	unsigned char sum[32], sig[DIGEST_SIGNATURE];

	if (wordset_build(p->key, clock_wall_ms(), p->v, p->n, p->keys.sign,
			  file, e) < 0)
		return -1;
	digest_hash(file->p, file->len, sum, sizeof sum);
	if (outward_sign(p->app->vault, sum, sizeof sum, sig, e) < 0)
		return -1;
	return buf_add(file, sig, sizeof sig, e);
}

void publish_release(struct publish *p)
{
	buf_release(&p->out);
	mem_free(p->v);
	mem_wipe(p->key, sizeof p->key);
	p->v = NULL;
}
