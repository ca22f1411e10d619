/*
 * cmd_sync: read all connections and say what is new, changed and missing.
 */
#include <stdio.h>

#include "agent/args.h"
#include "agent/claims.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "agent/sync.h"
#include "base/log.h"
#include "vault/envelope.h"

#define NEW_SHOWN 20u

static int print_table(const struct app *app, const struct sync_result *r,
		       size_t n, struct err *e)
{
	static const struct column cols[] = {
		{ "CONNECTION", false, false }, { "ACCOUNTS", true, false },
		{ "CREDENTIALS", true, false }, { "GRANTS", true, false },
		{ "NEW", true, false },		{ "CHANGED", true, false },
		{ "MISSING", true, false },	{ "RESULT", false, false },
	};
	struct table *t = table_new(cols, 8, e);
	int rc = t != NULL ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const uint64_t v[6] = { r[i].accounts, r[i].credentials,
					r[i].grants,   r[i].fresh,
					r[i].changed,  r[i].missing };
		const char *cells[8] = { r[i].connection };
		char text[6][24];

		for (size_t k = 0; k < 6; k++) {
			(void)snprintf(text[k], sizeof text[k], "%llu",
				       (unsigned long long)v[k]);
			cells[k + 1] = text[k];
		}
		cells[7] = r[i].failed ? "error" :
			   r[i].incomplete ? "not complete" : "ok";
		rc = table_row(t, cells, e);
	}
	if (rc == 0)
		table_print(t, app->out_tty != 0);
	table_free(&t);
	return rc;
}

static void print_added(const struct sync_result *r, size_t n)
{
	size_t shown = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		all += r[i].first ? 0 : r[i].fresh;
		for (size_t k = 0; k < r[i].n_added && shown < NEW_SHOWN; k++) {
			out_text(shown++ == 0 ?
					 "\nNew since the last sync:\n  " :
					 "  ");
			out_cell(r[i].added[k], 0);
			out_text("\n");
		}
	}
	if (all > shown)
		(void)printf("  ... and %zu more: curfew list --new\n",
			     all - shown);
}

static void print_json(const struct sync_result *r, size_t n)
{
	struct jout j;

	jout_begin(&j, "connections");
	for (size_t i = 0; i < n; i++) {
		char why[1200] = "";

		if (r[i].failed)
			(void)err_format(&r[i].why, why, sizeof why);
		jout_row(&j);
		jout_str(&j, "connection", r[i].connection);
		jout_str(&j, "result", r[i].failed ? "error" :
				       r[i].incomplete ? "incomplete" : "ok");
		jout_str(&j, "error", r[i].failed ? why : NULL);
		jout_int(&j, "accounts", (int64_t)r[i].accounts);
		jout_int(&j, "credentials", (int64_t)r[i].credentials);
		jout_int(&j, "grants", (int64_t)r[i].grants);
		jout_int(&j, "new", (int64_t)r[i].fresh);
		jout_int(&j, "changed", (int64_t)r[i].changed);
		jout_int(&j, "missing", (int64_t)r[i].missing);
		jout_list(&j, "added", r[i].added, r[i].n_added);
		jout_list(&j, "revived", r[i].revived, r[i].n_revived);
		jout_row_end(&j);
	}
	jout_end(&j);
}

/* Failures and the dead that live, on stderr; the exit code. */
static int tell_trouble(const struct app *app, const struct sync_result *r,
			size_t n)
{
	bool failed = false, revived = false;

	for (size_t i = 0; i < n; i++) {
		struct err e = r[i].why;

		if (r[i].failed) {
			failed = true;
			(void)err_ctx(&e, r[i].connection, "sync");
			err_state(&e, "what was known before is kept");
			(void)app_fail(app, &e);
		}
		if (r[i].incomplete)
			log_line(LOG_WARNING, "%s: the listing was not "
				 "complete%s%s; nothing is counted as missing",
				 r[i].connection, *r[i].left_out ? ": " : "",
				 r[i].left_out);
		for (size_t k = 0; k < r[i].n_revived; k++) {
			revived = true;
			log_line(LOG_ERROR, "ALIVE AGAIN: '%s' was proved dead "
				 "and is now listed active; curfew kill '%s'",
				 r[i].revived[k], r[i].revived[k]);
		}
	}
	return revived ? EXIT_NO : failed ? EXIT_PROVIDER : EXIT_OK;
}

int cmd_sync(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct sync_result *r = NULL;
	struct err e = ERR_INIT;
	char **rest;
	size_t n = 0;
	int n_rest, code;

	if (args_parse(argc, argv, none, &rest, &n_rest, &e) < 0 ||
	    sync_run(app, (const char *const *)rest, &r, &n, &e) < 0)
		return app_fail(app, &e);
	if (n == 0 && !app->json)
		out_text("No connections yet: curfew connect TYPE NAME\n");
	else if (app->json)
		print_json(r, n);
	else if (!app->quiet && print_table(app, r, n, &e) == 0)
		print_added(r, n);
	code = tell_trouble(app, r, n);
	sync_results_free(&r, n);
	if (n > 0 && claims_warn(app, &e) < 0)
		log_err(LOG_WARNING, &e);
	if (envelope_refresh(app->vault, &e) < 0)
		log_err(LOG_WARNING, &e);
	return code;
}
