/*
 * cmd_alarm: what stands and who was told; a try whether anybody would be.
 */
#include <stdio.h>
#include <string.h>

#include "agent/alarm_int.h"
#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "base/clock.h"

static int no_words(int n, char **rest, struct err *e)
{
	return n == 0 ? 0 : err_fail(e, ERR_USAGE, rest[0],
				     "nothing more is taken");
}

/* ---- list ------------------------------------------------------------------ */

static void print_one(const struct alarm_row *r)
{
	char at[CLOCK_TEXT];

	out_text(r->over_ms != 0 ? "over: " : "");
	out_text(alarm_word(r->event));
	out_text(": ");
	out_cell(r->about, 0);
	out_text("\n  ");
	out_cell(r->text, 0);
	out_text("\n");
	if (r->todo[0] != '\0') {
		out_text("  ");
		out_cell(r->todo, 0);
		out_text("\n");
	}
	out_text("  since ");
	out_text(clock_short(r->first_ms, at));
	out_text("\n");
	for (size_t i = 0; i < r->n_places; i++) {
		const struct alarm_place *p = &r->places[i];

		if (strcmp(p->name, "log") == 0)
			continue;
		out_text("  ");
		out_cell(p->name, 0);
		out_text(p->fails > 0 ? " not reached: " : " told ");
		if (p->fails > 0)
			out_cell(p->why != NULL ? p->why : "", 0);
		else
			out_text(clock_short(p->told_ms, at));
		out_text("\n");
	}
}

static void json_one(struct jout *j, const struct alarm_row *r)
{
	size_t waiting = 0;

	for (size_t i = 0; i < r->n_places; i++)
		waiting += r->places[i].fails > 0;
	jout_row(j);
	jout_str(j, "event", alarm_word(r->event));
	jout_str(j, "about", r->about);
	jout_str(j, "policy", r->policy[0] != '\0' ? r->policy : NULL);
	jout_str(j, "text", r->text);
	jout_str(j, "todo", r->todo[0] != '\0' ? r->todo : NULL);
	jout_time(j, "since", r->first_ms);
	jout_time(j, "over", r->over_ms);
	jout_int(j, "times", r->times);
	jout_int(j, "not_reached", (int64_t)waiting);
	jout_row_end(j);
}

int cmd_alarm_list(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct alarm_rows rows = { .n = 0 };
	struct jout j = { .any_row = false };
	struct err e = ERR_INIT;
	size_t standing = 0;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0 ||
	    no_words(n, rest, &e) < 0 ||
	    alarm_rows_load(app->vault, &rows, &e) < 0)
		goto out;
	if (app->json)
		jout_begin(&j, "alarms");
	for (size_t i = 0; i < rows.n; i++) {
		standing += rows.v[i].over_ms == 0;
		if (app->json)
			json_one(&j, &rows.v[i]);
		else
			print_one(&rows.v[i]);
	}
	if (app->json)
		jout_end(&j);
	else if (rows.n == 0)
		out_text("no alarm stands\n");
	code = standing > 0 ? EXIT_NO : EXIT_OK;
out:
	alarm_rows_free(&rows);
	return code < 0 ? app_fail(app, &e) : code;
}

/* ---- test ------------------------------------------------------------------ */

int cmd_alarm_test(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct alarm a = { .event = ALARM_TEST, .once = true,
			   .text = "this is a test; nothing is the matter" };
	struct err e = ERR_INIT;
	size_t failed = 0;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		goto out;
	if (n > 1) {
		(void)err_fail(&e, ERR_USAGE, rest[1], "one name or none");
		goto out;
	}
	a.about = n > 0 ? rest[0] : "*";
	if (app->config == NULL || app->config->n_alarms == 0) {
		(void)err_fail(&e, ERR_CONFIG, NULL, "no [alarm.NAME] is there");
		err_hint(&e, "curfew.toml: [alarm.ops] mail = "
			     "[\"ops@example.org\"]");
		goto out;
	}
	if (n > 0 && config_alarm(app->config, rest[0]) == NULL) {
		(void)err_fail(&e, ERR_ABSENT, rest[0], "there is no such "
			       "[alarm.NAME]");
		goto out;
	}
	if (alarm_raise(app, &a, &e) < 0 ||
	    alarm_deliver(app, &failed, &e) < 0)
		goto out;
	if (failed == 0 && !app->quiet && !app->json)
		out_text("everybody was told\n");
	code = failed == 0 ? EXIT_OK : EXIT_PROVIDER;
out:
	return code < 0 ? app_fail(app, &e) : code;
}
