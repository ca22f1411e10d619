/*
 * cmd_resume: go on with what a kill left undone.  Safe at any time: every verb
 * is idempotent, and what is proved dead is not sent again.
 */
#include <stdio.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/engine/record.h"
#include "agent/kill_run.h"
#include "agent/report/out.h"
#include "agent/waits.h"
#include "base/clock.h"

#define SHARE_MIN_MS 3000 /* one try of everything */

/* The worse of two ends of a kill. */
static int worse(int a, int b)
{
	static const int order[] = { EXIT_OK, EXIT_DYING, EXIT_ALIVE,
				     EXIT_STORE };
	size_t ia = 3, ib = 3;

	for (size_t i = 0; i < 4; i++) {
		if (order[i] == a)
			ia = i;
		if (order[i] == b)
			ib = i;
	}
	return ia >= ib ? a : b;
}

static int resume_one(struct app *app, const char *name, int64_t wait_ms)
{
	struct work w = { 0 };
	struct err e = ERR_INIT;
	int rc, code;

	rc = record_load(app->vault, name, &w, &e);
	if (rc == 0) {
		(void)err_fail(&e, ERR_ABSENT, name, "there is no such incident");
		err_hint(&e, "'curfew incident list' shows them");
	}
	if (rc <= 0) {
		(void)err_ctx(&e, name, "resume");
		code = app_fail(app, &e);
	} else if (w.inc.closed_ms) {
		code = kill_tell(app, &w);
	} else {
		code = kill_run(app, &w, wait_ms);
	}
	work_free(&w);
	return code;
}

/* Every open incident is taken up, the newest first; all share one patience,
 * so that one that cannot move holds up neither the others nor the lock. */
static int resume_all(struct app *app, char **names, size_t n, int64_t wait_ms)
{
	const int64_t all = wait_ms >= 0 ? wait_ms : DRIVE_WAIT_MS;
	const int64_t until = clock_mono_ms() + all;
	int code = EXIT_OK;

	for (size_t i = n; i-- > 0 && !drive_interrupted();) {
		const int64_t left = until - clock_mono_ms();
		int64_t share = left / (int64_t)(i + 1);

		/* the only one keeps its own estimate */
		if (n == 1)
			share = wait_ms;
		else if (share < SHARE_MIN_MS)
			share = all < SHARE_MIN_MS ? all : SHARE_MIN_MS;
		if (n > 1 && !app->quiet)
			(void)fprintf(stderr, "%s: %zu of %zu open incidents\n",
				      names[i], n - i, n);
		code = worse(code, resume_one(app, names[i], share));
	}
	return code;
}

int cmd_resume(struct app *app, int argc, char **argv)
{
	int64_t wait_ms = -1;
	const struct arg args[] = {
		{ "wait", ARG_SPAN, &wait_ms, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	char **rest, **names = NULL;
	struct err e = ERR_INIT;
	int n, code = EXIT_OK;
	size_t open = 0;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0 ||
	    waits_look(app, &e) < 0)
		return app_fail(app, &e);
	for (int i = 0; i < n && !drive_interrupted(); i++)
		code = worse(code, resume_one(app, rest[i], wait_ms));
	if (n)
		return code;
	if (record_open_names(app->vault, &names, &open, &e) < 0)
		return app_fail(app, &e);
	if (!open && app->json)
		out_text("{\n\t\"version\": 1,\n\t\"incident\": null,\n"
			 "\t\"exit\": 0\n}\n");
	else if (!open && !app->quiet)
		out_text("no open incident\n");
	if (open)
		code = resume_all(app, names, open, wait_ms);
	record_free_names(&names, open);
	return code;
}
