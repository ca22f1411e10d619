/*
 * cmd_incident: list, show and export what was ended, why, and how it went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/engine/record.h"
#include "agent/engine/verdict.h"
#include "agent/incident_files.h"
#include "agent/kill_run.h"
#include "agent/panic.h"
#include "agent/report/incident_report.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"

struct listing {
	struct app *app;
	struct table *table;
	struct jout j;
	struct incident *all; /* rows come in no order; people want time's */
	size_t n;
};

static int gather(const struct incident *inc, void *arg, struct err *e)
{
	struct listing *l = arg;
	struct incident *p = mem_realloc(l->all, (l->n + 1) * sizeof(*p));

	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	l->all = p;
	p = &p[l->n++];
	*p = (struct incident){ .opened_ms = inc->opened_ms,
				.closed_ms = inc->closed_ms };
	p->name = mem_strdup(inc->name);
	p->words = mem_strdup(inc->words);
	p->reason = mem_strdup(inc->reason);
	p->outcome = mem_strdup(inc->outcome);
	if (!p->name || !p->words || !p->reason || !p->outcome)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

static int by_time(const void *pa, const void *pb)
{
	const struct incident *a = pa, *b = pb;

	if (a->opened_ms != b->opened_ms)
		return a->opened_ms < b->opened_ms ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int list_one(struct listing *l, const struct incident *inc,
		    struct err *e)
{
	char opened[CLOCK_TEXT], closed[CLOCK_TEXT];
	const char *cells[] = { inc->name, clock_text(inc->opened_ms, opened),
				incident_state(inc), inc->words, inc->reason };

	if (!l->app->json)
		return table_row(l->table, cells, e);
	jout_row(&l->j);
	jout_str(&l->j, "incident", inc->name);
	jout_str(&l->j, "opened", opened);
	jout_str(&l->j, "closed", clock_text(inc->closed_ms, closed));
	jout_str(&l->j, "state", incident_state(inc));
	jout_str(&l->j, "asked_for", inc->words);
	jout_str(&l->j, "reason", inc->reason);
	jout_str(&l->j, "outcome", inc->outcome);
	jout_row_end(&l->j);
	return 0;
}

int cmd_incident_list(struct app *app, int argc, char **argv)
{
	static const struct column cols[] = {
		{ "INCIDENT", false, false }, { "OPENED", false, false },
		{ "STATE", false, false }, { "ASKED FOR", false, true },
		{ "REASON", false, true },
	};
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct listing l = { .app = app };
	struct err e = ERR_INIT;
	int code = -1, n;
	char **rest;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		goto out;
	l.table = table_new(cols, sizeof(cols) / sizeof(*cols), &e);
	if (!l.table)
		goto out;
	if (app->json)
		jout_begin(&l.j, "incidents");
	if ((app->vault && record_incidents(app->vault, gather, &l, &e) < 0) ||
	    incident_files(app->dir, gather, &l, &e) < 0)
		goto out;
	if (l.n)
		qsort(l.all, l.n, sizeof(*l.all), by_time);
	for (size_t i = 0; i < l.n; i++)
		if (list_one(&l, &l.all[i], &e) < 0)
			goto out;
	if (app->json)
		jout_end(&l.j);
	else if (l.n)
		table_print(l.table, app->out_tty != 0);
	else
		out_text("no incident\n");
	code = EXIT_OK;
out:
	for (size_t i = 0; i < l.n; i++)
		incident_release(&l.all[i]);
	mem_free(l.all);
	table_free(&l.table);
	return code < 0 ? app_fail(app, &e) : code;
}

/* The incident that a command names: 0, or -1 with e. */
static int named(struct app *app, char **rest, int n, struct work *w,
		 struct err *e)
{
	int rc;

	if (n != 1) {
		err_fail(e, ERR_USAGE, NULL, "give one incident");
		err_hint(e, "'curfew incident list' shows them");
		return -1;
	}
	rc = record_load(app->vault, rest[0], w, e);
	if (rc == 0) {
		err_fail(e, ERR_ABSENT, rest[0], "there is no such incident");
		err_hint(e, "'curfew incident list' shows them");
	}
	return rc > 0 ? 0 : -1;
}

/* What was read before it was cut, and can be given back. */
static int tell_snapshots(struct app *app, const struct work *w, struct err *e)
{
	struct snapshot *s = NULL;
	char at[CLOCK_TEXT];
	size_t n = 0;
	int rc;

	rc = record_snapshots(app->vault, &w->inc, &s, &n, e);
	if (rc == 0 && n)
		(void)printf("\nsealed snapshots, from which 'curfew restore %s' "
			     "gives back:\n", w->inc.name);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct buf b = BUF_INIT(BUF_TEXT_MAX);

		rc = inv_address(&b, s[i].conn, *s[i].account ? s[i].account : NULL,
				 *s[i].id ? s[i].id : NULL, e);
		if (rc == 0) {
			out_text("  ");
			out_cell(b.p, 0);
			(void)printf("  %s  %zu bytes\n", clock_text(s[i].at_ms, at),
				     strlen(s[i].json));
		}
		buf_release(&b);
	}
	record_free_snapshots(&s, n);
	return rc;
}

/* Of a kill without a vault: by its name too. */
static int show_file(struct app *app, char **rest, int n)
{
	struct err e = ERR_INIT;
	char *path = n == 1 ? incident_file(app->dir, rest[0]) : NULL;
	int code;

	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL, "give one incident");
	} else if (!path) {
		(void)err_fail(&e, ERR_ABSENT, rest[0], "there is no such "
			       "incident: no vault, and no file of that name in "
			       "%s/incidents", app->dir);
		err_hint(&e, "'curfew incident list' shows them; a path with "
			 "'/' is shown from anywhere");
	}
	code = path ? panic_show(app, path) : app_fail(app, &e);
	mem_free(path);
	return code;
}

int cmd_incident_show(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct work w = { 0 };
	struct err e = ERR_INIT;
	char at[CLOCK_TEXT], **rest, *who = NULL;
	int n, code;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0 ||
	    (app->vault && named(app, rest, n, &w, &e) < 0)) {
		code = app_fail(app, &e);
		goto out;
	}
	if (!app->vault) {
		code = show_file(app, rest, n);
		goto out;
	}
	if (!app->json) {
		who = incident_who(app, &w);
		(void)printf("%s, %s, opened %s by ", w.inc.name,
			     incident_state(&w.inc),
			     clock_text(w.inc.opened_ms, at));
		out_cell(who, 0);
		out_text("\nasked for: ");
		out_cell(w.inc.words, 0);
		if (*w.inc.reason) {
			out_text("\nreason: ");
			out_cell(w.inc.reason, 0);
		}
		out_text("\n\n");
	}
	code = kill_tell(app, &w);
	if (code == EXIT_DYING || code == EXIT_ALIVE)
		code = EXIT_OK; /* it was shown; how it stands is in the text */
	if (!app->json && tell_snapshots(app, &w, &e) < 0)
		code = app_fail(app, &e);
out:
	mem_free(who);
	work_free(&w);
	return code;
}

int cmd_incident_export(struct app *app, int argc, char **argv)
{
	const char *format = app->json ? "json" : "md", *path = "-";
	const struct arg args[] = {
		{ "format", ARG_TEXT, &format, 0 },
		{ "output", ARG_TEXT, &path, 'o' },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	struct work w = { 0 };
	struct err e = ERR_INIT;
	int n, rc = -1;
	char **rest;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (strcmp(format, "md") != 0 && strcmp(format, "json") != 0) {
		(void)err_fail(&e, ERR_USAGE, format, "--format is md or json");
		goto out;
	}
	if (named(app, rest, n, &w, &e) < 0 ||
	    (strcmp(format, "md") == 0 ? incident_markdown(app, &w, &b, &e) :
					 incident_json(app, &w, &b, &e)) < 0)
		goto out;
	if (strcmp(path, "-") == 0)
		rc = io_write_all(STDOUT_FILENO, b.p, b.len, &e);
	else
		rc = io_create(path, b.p, b.len, 0600, &e);
out:
	buf_release(&b);
	work_free(&w);
	return rc < 0 ? app_fail(app, &e) : EXIT_OK;
}

static int close_incident(struct app *app, struct work *w, const char *reason,
			  struct err *e)
{
	struct journal_entry j = { .kind = J_OVERRIDE,
				   .at_ms = clock_wall_ms(),
				   .incident = w->inc.id };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_printf(&b, e, "closed by hand: %s", reason) < 0)
		goto out;
	j.text = b.p;
	mem_free(w->inc.outcome);
	w->inc.outcome = mem_strdup(b.p);
	w->inc.closed_ms = j.at_ms;
	if (!w->inc.outcome) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (store_begin(app->vault, e) < 0)
		goto out;
	for (uint32_t i = 0; i < w->n_actions; i++) {
		struct action *a = &w->actions[i];

		if (!action_open(a))
			continue;
		a->state = A_MOOT;
		if (record_put_action(app->vault, w, a, e) < 0)
			goto fail;
	}
	if (record_put_incident(app->vault, &w->inc, e) < 0 ||
	    journal_append(app->vault, &j, NULL, e) < 0)
		goto fail;
	rc = store_commit(app->vault, e);
	goto out;
fail:
	store_rollback(app->vault);
out:
	buf_release(&b);
	return rc;
}

int cmd_incident_close(struct app *app, int argc, char **argv)
{
	const char *reason = NULL;
	const struct arg args[] = {
		{ "reason", ARG_TEXT, &reason, 0 },
		{ "yes", ARG_FLAG, &app->yes, 'y' },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct work w = { 0 };
	struct err e = ERR_INIT;
	int n, rc = -1;
	char **rest;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0 ||
	    named(app, rest, n, &w, &e) < 0)
		goto out;
	if (!reason || !*reason) {
		(void)err_fail(&e, ERR_USAGE, NULL, "--reason is needed: it is "
			       "kept in the journal");
		goto out;
	}
	if (w.inc.closed_ms) {
		(void)err_fail(&e, ERR_EXISTS, w.inc.name, "it is closed already");
		goto out;
	}
	if (app_confirm(app, "Whatever is still alive in it stays alive, and no "
			"longer alarms.", w.inc.name, &e) == 0)
		rc = close_incident(app, &w, reason, &e);
out:
	if (rc < 0)
		(void)err_ctx(&e, NULL, "close the incident");
	work_free(&w);
	return rc < 0 ? app_fail(app, &e) : EXIT_OK;
}
