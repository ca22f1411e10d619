/*
 * cmd_show: everything known about an identity, a connection, an account or a
 * credential; where it comes from, and what a kill would do.
 *
 * One address costs a few lookups, never a walk of the whole inventory.
 */
#include "agent/show.h"

#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/claims.h"
#include "agent/commands.h"
#include "agent/near.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/mem.h"
#include "vault/store.h"

/* Incidents are loaded whole: more actions than this are told only when asked
 * for, so that show stays quick. */
#define ACTIONS_ASIDE 5000u
#define PRINT_MIN 12u /* shorter ids ("password") say nothing alone */

/* ---- an account with what hangs on it ------------------------------------ */

struct part_walk {
	struct show *s;
	const char *id; /* only this one, or NULL */
	size_t n;
};

static int take_credential(const struct inv_credential *c, void *arg,
			   struct err *e)
{
	struct part_walk *w = arg;

	if (w->id != NULL && strcmp(w->id, c->id) != 0 &&
	    strcmp(w->id, c->label) != 0)
		return 0;
	w->n++;
	return show_credential(w->s, c, e);
}

static int take_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	struct part_walk *w = arg;

	if (w->id != NULL && strcmp(w->id, g->id) != 0)
		return 0;
	w->n++;
	return show_grant(w->s, g, e);
}

/* 1 shown, 0 not there. */
static int show_one(struct show *s, const char *conn, const char *account,
		    const char *id, struct err *e)
{
	struct part_walk w = { .s = s, .id = id };
	struct inv_account a;
	int r = show_set_connection(s, conn, e);

	if (r <= 0)
		return r;
	r = inv_account_get(s->app->vault, conn, account, &a, e);
	if (r < 0)
		return -1;
	if (r == 1) {
		if (id == NULL)
			r = show_account(s, &a, e) < 0 ? -1 : 1;
		inv_account_free(&a);
		if (r < 0)
			return -1;
	}
	if (inv_credentials(s->app->vault, conn, account, take_credential, &w,
			    e) < 0 ||
	    inv_grants(s->app->vault, conn, account, take_grant, &w, e) < 0)
		return -1;
	if (w.n == 0 && (r == 0 || id != NULL))
		return 0;
	if (s->incidents && show_incidents(s, conn, account, id, e) < 0)
		return -1;
	return 1;
}

/* ---- an identity --------------------------------------------------------- */

struct glob_walk {
	struct show *s;
	const struct config_identity *id;
	char **found;
	size_t n, cap;
};

static int found(struct glob_walk *w, const char *address, struct err *e)
{
	if (w->n == w->cap) {
		const size_t cap = w->cap == 0 ? 16 : 2 * w->cap;
		char **v = mem_realloc(w->found, cap * sizeof *v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		w->found = v;
		w->cap = cap;
	}
	w->found[w->n] = mem_strdup(address);
	if (w->found[w->n] == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	w->n++;
	return 0;
}

static int take_account(const struct inv_account *a, void *arg, struct err *e)
{
	struct glob_walk *w = arg;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = inv_address(&b, a->connection, a->name, NULL, e);

	if (rc == 0 &&
	    config_identity_of(w->s->app->config, b.p, NULL) == w->id)
		rc = found(w, b.p, e);
	buf_release(&b);
	return rc;
}

/* Single credentials that a pattern picks out of somebody else's account. */
static int take_picked(const struct inv_credential *c, void *arg,
		       struct err *e)
{
	struct glob_walk *w = arg;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	bool hit = false;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && !hit && i < w->id->n_accounts; i++) {
		const char *a = w->id->accounts[i];

		if (strchr(a, '#') == NULL || strpbrk(a, "*?") == NULL)
			continue;
		rc = claim_glob(a, c, e);
		hit = rc > 0;
	}
	if (rc >= 0 && hit) {
		rc = inv_address(&b, c->connection, c->account, c->id, e);
		if (rc == 0)
			rc = found(w, b.p, e);
	}
	buf_release(&b);
	return rc < 0 ? -1 : 0;
}

static void unseen(const struct config_identity *id, const char *address,
		   void *arg)
{
	struct glob_walk *w = arg;

	if (id == w->id && strpbrk(address, "*?") != NULL)
		show_unseen(w->s, address);
}

static int show_address(struct show *s, const char *address, struct err *e)
{
	char *conn = NULL, *account = NULL, *id = NULL;
	int rc = 0;

	if (!inv_parse(address, &conn, &account, &id))
		return 0;
	if (account == NULL)
		rc = show_connection(s, conn, e);
	else
		rc = show_one(s, conn, account, id, e);
	mem_free(conn);
	mem_free(account);
	mem_free(id);
	return rc;
}

static int show_identity(struct show *s, const struct config_identity *id,
			 struct err *e)
{
	struct glob_walk w = { .s = s, .id = id };
	bool globs = false;
	int rc = 1;

	show_identity_head(s, id);
	for (size_t i = 0; i < id->n_accounts && rc >= 0; i++) {
		if (strpbrk(id->accounts[i], "*?") != NULL) {
			globs = true;
			continue;
		}
		rc = show_address(s, id->accounts[i], e);
		if (rc == 0)
			show_unseen(s, id->accounts[i]);
	}
	if (rc >= 0 && globs) {
		rc = inv_accounts(s->app->vault, NULL, take_account, &w, e);
		if (rc >= 0)
			rc = inv_credentials(s->app->vault, NULL, NULL,
					     take_picked, &w, e);
		if (rc >= 0)
			rc = claims_idle(s->app, unseen, &w, e);
		for (size_t i = 0; i < w.n; i++) {
			bool exact = false;

			for (size_t k = 0; k < id->n_accounts; k++)
				exact = exact || strcmp(id->accounts[k],
							w.found[i]) == 0;
			if (rc >= 0 && !exact)
				rc = show_address(s, w.found[i], e);
			mem_free(w.found[i]);
		}
		mem_free(w.found);
	}
	return rc < 0 ? -1 : 1;
}

struct print_walk {
	const char *print;
	struct buf found; /* addresses, each with its NUL */
};

static int take_print(const struct inv_credential *c, void *arg, struct err *e)
{
	struct print_walk *w = arg;

	if (strcmp(c->id, w->print) != 0 && strcmp(c->fingerprint, w->print) != 0)
		return 0;
	if (inv_address(&w->found, c->connection, c->account, c->id, e) < 0)
		return -1;
	return buf_add(&w->found, "", 1, e);
}

/* A public fingerprint or id, wherever it stands. */
static int show_print(struct show *s, const char *word, struct err *e)
{
	struct print_walk w = { .print = word, .found = BUF_INIT(BUF_TEXT_MAX) };
	int rc = 0;

	if (strlen(word) < PRINT_MIN)
		return 0;
	if (inv_credentials(s->app->vault, NULL, NULL, take_print, &w, e) < 0)
		rc = -1;
	for (size_t at = 0; rc >= 0 && at < w.found.len;
	     at += strlen(w.found.p + at) + 1)
		rc = show_address(s, w.found.p + at, e);
	buf_release(&w.found);
	return rc;
}

static int show_word(struct show *s, const char *word, struct err *e)
{
	const struct config *c = s->app->config;
	int r;

	for (size_t i = 0; i < c->n_identities; i++)
		if (strcmp(c->identities[i].name, word) == 0)
			return show_identity(s, &c->identities[i], e);
	r = show_address(s, word, e);
	if (r == 0)
		r = show_print(s, word, e);
	if (r != 0)
		return r;
	(void)err_fail(e, ERR_ABSENT, word,
		       "no identity, connection, account or credential of that "
		       "name is known");
	near_hint(s->app, word, e);
	err_hint(e, "curfew sync, or look with 'curfew list'");
	return -1;
}

int cmd_show(struct app *app, int argc, char **argv)
{
	struct show s = { .app = app, .now_ms = clock_wall_ms() };
	struct err e = ERR_INIT;
	bool incidents = false;
	const struct arg args[] = {
		{ "incidents", ARG_FLAG, &incidents, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	uint64_t actions = 0;
	char **rest;
	int n, r;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL, "give one address or "
			       "identity: curfew show ci-bot");
		return app_fail(app, &e);
	}
	if (store_count(app->vault, STORE_ACTION, &actions, &e) < 0)
		return app_fail(app, &e);
	s.incidents = incidents || actions <= ACTIONS_ASIDE;
	if (app->json)
		s.json = json_object();
	r = show_word(&s, rest[0], &e);
	if (r > 0 && app->json)
		(void)out_json(app, s.json);
	if (r > 0 && !s.incidents && !app->quiet)
		(void)fputs("many incidents: --incidents shows what they did\n",
			    stderr);
	show_release(&s);
	return r > 0 ? EXIT_OK : app_fail(app, &e);
}
