/*
 * cmd_list: the inventory, filtered, as a table, JSON or CSV.
 */
#include "agent/cmd_list.h"

#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "agent/view.h"
#include "base/clock.h"
#include "base/json.h"

#define N_COLUMNS 11

/* {"read_by":"eve","forwards_to":"x"} as "read_by eve, forwards_to x". */
static int details(const char *attributes, struct buf *out, struct err *e)
{
	struct json *a = json_parse(attributes, strlen(attributes), NULL);
	int rc = 0;

	buf_reset(out);
	for (const struct json *m = a != NULL ? json_first(a) : NULL;
	     m != NULL && rc == 0; m = json_next(m))
		if (json_text(m) != NULL)
			rc = buf_printf(out, e, "%s%s %s", out->len ? ", " : "",
					json_key(m), json_text(m));
	json_free(&a);
	return rc;
}

static int print_table(const struct app *app, enum view_what what,
		       const struct view_row *r, size_t n, struct err *e)
{
	static const struct column cols[N_COLUMNS] = {
		{ "ADDRESS", false, true },  { "LABEL", false, true },
		{ "KIND", false, true },
		{ "STATE", false, false },   { "AGE", true, false },
		{ "USED", true, false },     { "EXPIRES", true, false },
		{ "IDENTITY", false, true }, { "OWNER", false, true },
		{ "NOTES", false, true },    { "DETAILS", false, true },
	};
	/* of credentials there would be many, and 'show' has them */
	const bool more = what != VIEW_CREDENTIALS;
	const int64_t now = clock_wall_ms();
	struct buf detail = BUF_INIT(BUF_TEXT_MAX);
	struct table *t = table_new(cols, more ? N_COLUMNS : N_COLUMNS - 1, e);
	int rc = t != NULL ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		char age[32], used[32], left[32] = "", notes[128];
		const char *cells[N_COLUMNS] = {
			r[i].address, r[i].label, r[i].kind, view_state_text(&r[i]),
			view_age(r[i].created_ms, now, age),
			view_age(r[i].last_used_ms, now, used), left,
			r[i].identity != NULL ? r[i].identity->name : "",
			r[i].owner, view_flags_text(r[i].flags, notes), "",
		};

		if (more && details(r[i].attributes, &detail, e) < 0)
			rc = -1;
		if (detail.len > 0)
			cells[N_COLUMNS - 1] = detail.p;
		if (r[i].expires_ms > now)
			(void)snprintf(left, sizeof left, "in %s",
				       clock_span(r[i].expires_ms - now,
						  (char[CLOCK_TEXT]){ 0 }));
		else if (r[i].expires_ms != 0)
			(void)snprintf(left, sizeof left, "past");
		if (rc == 0)
			rc = table_row(t, cells, e);
	}
	if (rc == 0)
		table_print(t, app->out_tty != 0);
	table_free(&t);
	buf_release(&detail);
	return rc;
}

static void print_json(enum view_what what, const struct view_row *r,
		       size_t n)
{
	struct jout j;
	char notes[128];

	jout_begin(&j, what == VIEW_ACCOUNTS ? "accounts" :
			what == VIEW_GRANTS ? "grants" : "credentials");
	for (size_t i = 0; i < n; i++) {
		jout_row(&j);
		jout_str(&j, "address", r[i].address);
		jout_str(&j, "connection", r[i].connection);
		jout_str(&j, "account", r[i].account);
		jout_str(&j, "kind", r[i].kind);
		jout_str(&j, "id", r[i].id);
		jout_str(&j, "label", r[i].label[0] ? r[i].label : NULL);
		jout_str(&j, "state", inv_state_word(r[i].state));
		jout_str(&j, "identity",
			 r[i].identity != NULL ? r[i].identity->name : NULL);
		jout_str(&j, "owner", r[i].owner[0] ? r[i].owner : NULL);
		jout_time(&j, "created", r[i].created_ms);
		jout_time(&j, "last_used", r[i].last_used_ms);
		jout_time(&j, "expires", r[i].expires_ms);
		jout_time(&j, "first_seen", r[i].first_seen_ms);
		jout_time(&j, "seen", r[i].seen_ms);
		jout_time(&j, "proved_dead", r[i].dead_ms);
		jout_str(&j, "proof", r[i].dead_ms == 0 ? NULL :
			 r[i].dead_record ? "record" : "refusal");
		jout_int(&j, "missing", r[i].missing);
		jout_str(&j, "fingerprint",
			 r[i].fingerprint[0] ? r[i].fingerprint : NULL);
		jout_str(&j, "notes", view_flags_text(r[i].flags, notes));
		jout_raw(&j, "attributes",
			 r[i].attributes[0] ? r[i].attributes : "{}");
		jout_row_end(&j);
	}
	jout_end(&j);
}

static const char *csv_time(int64_t ms, char out[static CLOCK_TEXT])
{
	return ms != 0 ? clock_text(ms, out) : "";
}

static void print_csv(const struct view_row *r, size_t n)
{
	static const char *const head[] = {
		"address", "connection", "account", "kind", "id", "state",
		"identity", "owner", "created", "last_used", "expires",
		"first_seen", "proved_dead", "missing", "notes",
	};

	csv_row(head, sizeof head / sizeof *head);
	for (size_t i = 0; i < n; i++) {
		char t[5][CLOCK_TEXT], missing[16], notes[128];
		const char *cells[] = {
			r[i].address, r[i].connection, r[i].account, r[i].kind,
			r[i].id, inv_state_word(r[i].state),
			r[i].identity != NULL ? r[i].identity->name : "",
			r[i].owner, csv_time(r[i].created_ms, t[0]),
			csv_time(r[i].last_used_ms, t[1]),
			csv_time(r[i].expires_ms, t[2]),
			csv_time(r[i].first_seen_ms, t[3]),
			csv_time(r[i].dead_ms, t[4]), missing,
			view_flags_text(r[i].flags, notes),
		};

		(void)snprintf(missing, sizeof missing, "%u", r[i].missing);
		csv_row(cells, sizeof cells / sizeof *cells);
	}
}

static int list_rows(struct app *app, enum view_what what,
		     const struct view_filter *f, const char *sort,
		     struct err *e)
{
	const struct view_row *rows;
	struct view *v = NULL;
	size_t n;
	int rc = -1;

	if (view_load(app, what, f, &v, e) < 0 || view_sort(v, sort, e) < 0)
		goto out;
	rows = view_rows(v, &n);
	rc = 0;
	if (app->json)
		print_json(what, rows, n);
	else if (app->csv)
		print_csv(rows, n);
	else if (n > 0)
		rc = print_table(app, what, rows, n, e);
	else if (!app->quiet)
		(void)fputs("nothing matches\n", stderr);
	if (rc == 0 && n > 0 && app->err_tty && app->out_tty && !app->json &&
	    !app->csv)
		rc = suggest_hint(app, e);
out:
	view_free(&v);
	return rc;
}

static const char *const subjects[] = { "credentials", "accounts", "grants",
					"identities", "connections",
					"suggestions", NULL };

static int list_subject(struct app *app, const char *word,
			const struct view_filter *f, const char *sort,
			struct err *e)
{
	if (strcmp(word, "credentials") == 0)
		return list_rows(app, VIEW_CREDENTIALS, f, sort, e);
	if (strcmp(word, "accounts") == 0)
		return list_rows(app, VIEW_ACCOUNTS, f, sort, e);
	if (strcmp(word, "grants") == 0)
		return list_rows(app, VIEW_GRANTS, f, sort, e);
	if (strcmp(word, "identities") == 0)
		return list_identities(app, f, e);
	if (strcmp(word, "connections") == 0)
		return list_connections(app, e);
	if (strcmp(word, "suggestions") == 0)
		return list_suggestions(app, e);
	(void)err_fail(e, ERR_USAGE, word, "there is nothing of that name to "
		       "list");
	args_hint_near(word, subjects, e);
	err_hint(e, "credentials, accounts, grants, identities, connections, "
		    "suggestions");
	return -1;
}

int cmd_list(struct app *app, int argc, char **argv)
{
	struct view_filter f = { .flags = 0 };
	const char *sort = "address";
	bool stale = false, ownerless = false, never = false, fresh = false;
	const struct arg args[] = {
		{ "identity", ARG_TEXT, &f.identity, 'i' },
		{ "connection", ARG_TEXT, &f.connection, 'c' },
		{ "tag", ARG_TEXT, &f.tag, 't' },
		{ "owner", ARG_TEXT, &f.owner, 'o' },
		{ "kind", ARG_TEXT, &f.kind, 'k' },
		{ "state", ARG_TEXT, &f.state, 's' },
		{ "glob", ARG_TEXT, &f.glob, 'g' },
		{ "stale", ARG_FLAG, &stale, 0 },
		{ "ownerless", ARG_FLAG, &ownerless, 0 },
		{ "never-expires", ARG_FLAG, &never, 0 },
		{ "new", ARG_FLAG, &fresh, 0 },
		{ "sort", ARG_TEXT, &sort, 0 },
		{ "csv", ARG_FLAG, &app->csv, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT;
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n > 1)
		(void)err_fail(&e, ERR_USAGE, rest[1], "list takes one subject");
	else if (app->json && app->csv)
		(void)err_fail(&e, ERR_USAGE, NULL,
			       "--json and --csv together make no sense");
	f.flags = (stale ? VF_STALE : 0u) | (ownerless ? VF_OWNERLESS : 0u) |
		  (never ? VF_NEVER : 0u) | (fresh ? VF_NEW : 0u);
	if (e.code != ERR_NONE ||
	    list_subject(app, n == 1 ? rest[0] : "credentials", &f, sort,
			 &e) < 0)
		return app_fail(app, &e);
	return EXIT_OK;
}
