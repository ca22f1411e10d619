/*
 * list_other: identities and connections.
 */
#include <stdio.h>
#include <string.h>

#include "agent/claims.h"
#include "agent/cmd_list.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/mem.h"

/* ---- identities ---------------------------------------------------------- */

struct tally {
	unsigned long long accounts, credentials, alive, stale, dead;
};

static int tally_up(const struct app *app, struct tally *t, struct err *e)
{
	const struct view_filter all = { .flags = 0 };
	const enum view_what whats[] = { VIEW_ACCOUNTS, VIEW_CREDENTIALS };

	for (size_t w = 0; w < 2; w++) {
		struct view *v = NULL;
		const struct view_row *r;
		size_t n;

		if (view_load(app, whats[w], &all, &v, e) < 0)
			return -1;
		r = view_rows(v, &n);
		for (size_t i = 0; i < n; i++) {
			struct tally *to;

			if (r[i].identity == NULL)
				continue;
			to = &t[r[i].identity - app->config->identities];
			if (whats[w] == VIEW_ACCOUNTS) {
				to->accounts++;
				continue;
			}
			to->credentials++;
			to->dead += r[i].state == INV_DEAD;
			to->alive += r[i].state == INV_ACTIVE ||
				     r[i].state == INV_UNKNOWN;
			to->stale += (r[i].flags & VF_STALE) != 0;
		}
		view_free(&v);
	}
	return 0;
}

static void join_tags(const struct config_identity *id, struct buf *b)
{
	buf_reset(b);
	for (size_t i = 0; i < id->n_tags; i++)
		(void)!buf_printf(b, NULL, "%s%s", i > 0 ? "," : "",
				  id->tags[i]);
}

static bool wanted(const struct config *c, const struct config_identity *id,
		   const struct view_filter *f)
{
	bool tag = f->tag == NULL;

	for (size_t i = 0; !tag && i < id->n_tags; i++)
		tag = strcmp(id->tags[i], f->tag) == 0;
	return tag &&
	       (f->identity == NULL || strcmp(f->identity, id->name) == 0) &&
	       (f->owner == NULL ||
		strcmp(f->owner, config_owner(c, id)) == 0) &&
	       ((f->flags & VF_OWNERLESS) == 0 ||
		config_owner(c, id)[0] == '\0');
}

static void identity_json(struct jout *j, const struct config *c,
			  const struct config_identity *id,
			  const struct tally *t)
{
	jout_row(j);
	jout_str(j, "identity", id->name);
	jout_str(j, "owner", config_owner(c, id));
	jout_str(j, "workflow", id->workflow);
	jout_list(j, "tags", id->tags, id->n_tags);
	jout_list(j, "accounts", id->accounts, id->n_accounts);
	jout_int(j, "accounts_seen", (int64_t)t->accounts);
	jout_int(j, "credentials", (int64_t)t->credentials);
	jout_int(j, "alive", (int64_t)t->alive);
	jout_int(j, "stale", (int64_t)t->stale);
	jout_int(j, "dead", (int64_t)t->dead);
	jout_row_end(j);
}

static int identity_row(struct table *table, const struct app *app,
			const struct config_identity *id,
			const struct tally *t, struct err *e)
{
	struct buf tags = BUF_INIT(BUF_TEXT_MAX);
	const unsigned long long v[5] = { t->accounts, t->credentials, t->alive,
					  t->stale, t->dead };
	char text[5][24];
	const char *cells[9] = { id->name, config_owner(app->config, id),
				 id->workflow, NULL };
	int rc;

	join_tags(id, &tags);
	cells[3] = tags.p;
	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(text[i], sizeof text[i], "%llu", v[i]);
		cells[4 + i] = text[i];
	}
	if (app->csv) {
		csv_row(cells, 9);
		rc = 0;
	} else {
		rc = table_row(table, cells, e);
	}
	buf_release(&tags);
	return rc;
}

static int print_identities(const struct app *app, const struct view_filter *f,
			    const struct tally *t, struct err *e)
{
	static const struct column cols[] = {
		{ "IDENTITY", false, true },  { "OWNER", false, true },
		{ "WORKFLOW", false, true },  { "TAGS", false, true },
		{ "ACCOUNTS", true, false },  { "CREDENTIALS", true, false },
		{ "ALIVE", true, false },     { "STALE", true, false },
		{ "DEAD", true, false },
	};
	static const char *const head[] = { "identity", "owner", "workflow",
					    "tags", "accounts", "credentials",
					    "alive", "stale", "dead" };
	const struct config *c = app->config;
	struct table *table = table_new(cols, 9, e);
	struct jout j;
	int rc = table != NULL ? 0 : -1;

	if (app->json)
		jout_begin(&j, "identities");
	else if (app->csv)
		csv_row(head, 9);
	for (size_t i = 0; rc == 0 && i < c->n_identities; i++) {
		const struct config_identity *id = &c->identities[i];

		if (!wanted(c, id, f))
			continue;
		if (app->json)
			identity_json(&j, c, id, &t[i]);
		else
			rc = identity_row(table, app, id, &t[i], e);
	}
	if (rc == 0 && app->json)
		jout_end(&j);
	else if (rc == 0 && !app->csv)
		table_print(table, app->out_tty != 0);
	table_free(&table);
	return rc;
}

int list_identities(const struct app *app, const struct view_filter *f,
		    struct err *e)
{
	struct tally *t;
	int rc = -1;

	if (app->config->n_identities == 0 && !app->json && !app->csv) {
		(void)fprintf(stderr, "no identities in %s; 'curfew list "
			      "suggestions' proposes some\n", app->config_path);
		return 0;
	}
	t = mem_array(app->config->n_identities + 1, sizeof *t);
	if (t == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (tally_up(app, t, e) == 0)
		rc = print_identities(app, f, t, e);
	if (rc == 0)
		rc = claims_warn(app, e);
	mem_free(t);
	return rc;
}

/* ---- connections --------------------------------------------------------- */

struct printing {
	const struct app *app;
	struct table *table;
	struct jout j;
	int64_t now_ms;
};

static const char *last_result(const struct inv_connection *c)
{
	if (c->synced_ms == 0 && c->failed_ms == 0)
		return "never synced";
	return c->failure[0] != '\0' ? c->failure : "ok";
}

static int print_connection(const struct inv_connection *c, void *arg,
			    struct err *e)
{
	struct printing *p = arg;
	char ago[32], text[40] = "", at[CLOCK_TEXT];
	const char *cells[6] = { c->name, c->type,
				 text,
				 c->has_secret ? "yes" : "no", c->options,
				 last_result(c) };

	if (p->app->json) {
		jout_row(&p->j);
		jout_str(&p->j, "connection", c->name);
		jout_str(&p->j, "type", c->type);
		jout_raw(&p->j, "settings", c->options);
		jout_raw(&p->j, "facts", c->facts);
		jout_bool(&p->j, "admin_credential", c->has_secret);
		jout_time(&p->j, "connected", c->created_ms);
		jout_time(&p->j, "synced", c->synced_ms);
		jout_time(&p->j, "failed", c->failed_ms);
		jout_str(&p->j, "failure", c->failure[0] ? c->failure : NULL);
		jout_row_end(&p->j);
		return 0;
	}
	if (p->app->csv) {
		cells[2] = c->synced_ms != 0 ? clock_text(c->synced_ms, at) : "";
		csv_row(cells, 6);
		return 0;
	}
	if (c->synced_ms != 0)
		(void)snprintf(text, sizeof text, "%s ago",
			       view_age(c->synced_ms, p->now_ms, ago));
	return table_row(p->table, cells, e);
}

int list_connections(const struct app *app, struct err *e)
{
	static const struct column cols[] = {
		{ "CONNECTION", false, false }, { "TYPE", false, false },
		{ "SYNCED", true, false },	{ "SECRET", false, false },
		{ "SETTINGS", false, true },	{ "RESULT", false, true },
	};
	static const char *const head[] = { "connection", "type", "synced",
					    "secret", "settings", "result" };
	struct printing p = { .app = app, .now_ms = clock_wall_ms() };
	int rc = -1;

	p.table = table_new(cols, 6, e);
	if (p.table == NULL)
		return -1;
	if (app->json)
		jout_begin(&p.j, "connections");
	else if (app->csv)
		csv_row(head, 6);
	if (inv_connections(app->vault, print_connection, &p, e) < 0)
		goto out;
	if (app->json)
		jout_end(&p.j);
	else if (!app->csv)
		table_print(p.table, app->out_tty != 0);
	rc = 0;
out:
	table_free(&p.table);
	return rc;
}
