/*
 * cmd_sweep: one pass over everything that has waited: due rotations, those
 * under way or stuck whose time has come, proofs still open, open incidents.
 * For cron: nothing is said when all is well and nobody looks.
 */
#include <stdio.h>
#include <unistd.h>

#include "agent/alarm.h"
#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/engine/record.h"
#include "agent/rotate.h"
#include "agent/rotate_replan.h"
#include "agent/waits.h"
#include "base/clock.h"
#include "base/log.h"

#define WAIT_MS 60000
#define AT_ONCE 10000 /* lines in memory at a time */

static int worse(int a, int b)
{
	static const int order[] = { EXIT_OK, EXIT_DYING, EXIT_POLICY,
				     EXIT_ALIVE, EXIT_STORE };
	int ia = 4, ib = 4;

	for (int i = 0; i < 5; i++) {
		if (order[i] == a)
			ia = i;
		if (order[i] == b)
			ib = i;
	}
	return ia >= ib ? a : b;
}

/* Kills come first: whatever is rotated can wait. */
static int incidents(struct app *app, int64_t wait_ms, struct err *e)
{
	char word[] = "resume", option[] = "--wait", span[32];
	char *argv[] = { word, option, span, NULL };
	char **names = NULL;
	size_t n = 0;

	if (record_open_names(app->vault, &names, &n, e) < 0)
		return -1;
	record_free_names(&names, n);
	if (!n)
		return EXIT_OK;
	(void)snprintf(span, sizeof(span), "%lldms", (long long)wait_ms);
	return cmd_resume(app, 3, argv);
}

static int rotations(struct app *app, int64_t wait_ms, bool silent,
		     struct err *e)
{
	const int64_t until = clock_mono_ms() + wait_ms;
	int code = EXIT_OK;

	for (;;) {
		struct rotate_set s = { .n = 0 };
		size_t n = 0;
		int rc = rotate_due(app, AT_ONCE, false, &s, e);

		if (rc == 0 && s.n)
			rc = rotate_commit(app, &s, "due", e);
		n = s.n;
		if (rc == 0 && (s.n || s.refused))
			code = worse(code, rotate_run(app, &s, wait_ms, false,
						      silent));
		rotate_free(&s);
		if (rc < 0)
			return -1;
		if (n < AT_ONCE || drive_interrupted() ||
		    clock_mono_ms() >= until)
			return code;
	}
}

/* What hooks left, where a folder for it is configured. */
static int spool(struct app *app)
{
	char word[] = "respond";
	char *argv[] = { word, NULL };

	if (app->config == NULL || app->config->spool == NULL ||
	    drive_interrupted())
		return EXIT_OK;
	return cmd_respond(app, 1, argv);
}

static int parse(struct app *app, int argc, char **argv, int64_t *wait_ms,
		 struct err *e)
{
	const struct arg args[] = {
		{ "wait", ARG_SPAN, wait_ms, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	char **rest;
	int n;

	(void)app;
	if (args_parse(argc, argv, args, &rest, &n, e) < 0)
		return -1;
	if (n) {
		err_fail(e, ERR_USAGE, rest[0], "sweep takes no words");
		return err_ctx(e, NULL, "sweep");
	}
	return 0;
}

int cmd_sweep(struct app *app, int argc, char **argv)
{
	const bool silent = !isatty(STDOUT_FILENO) && !app->json;
	int64_t wait_ms = WAIT_MS;
	struct err e = ERR_INIT;
	int code, rotated;

	if (parse(app, argc, argv, &wait_ms, &e) < 0 ||
	    waits_look(app, &e) < 0)
		return app_fail(app, &e);
	code = incidents(app, wait_ms, &e);
	if (code < 0)
		return app_fail(app, &e);
	code = worse(code, spool(app));
	if (rotate_replan(app, &e) < 0) {
		(void)err_ctx(&e, NULL, "plan the rotations");
		return app_fail(app, &e);
	}
	rotated = rotations(app, wait_ms, silent, &e);
	if (rotated < 0) {
		(void)err_ctx(&e, NULL, "rotate what is due");
		return app_fail(app, &e);
	}
	if (alarm_deliver(app, NULL, &e) < 0)
		return app_fail(app, &e);
	return worse(code, rotated);
}
