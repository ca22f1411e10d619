/*
 * cmd_resume: go on with what a kill left undone.  Safe at any time: every verb
 * is idempotent, and what is proved dead is not sent again.
 */
#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/engine/record.h"
#include "agent/kill_run.h"
#include "agent/report/out.h"

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

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	for (int i = 0; i < n && !drive_interrupted(); i++)
		code = worse(code, resume_one(app, rest[i], wait_ms));
	if (n)
		return code;
	if (record_open_names(app->vault, &names, &open, &e) < 0)
		return app_fail(app, &e);
	if (!open && !app->json && !app->quiet)
		out_text("no open incident\n");
	for (size_t i = 0; i < open && !drive_interrupted(); i++)
		code = worse(code, resume_one(app, names[i], wait_ms));
	record_free_names(&names, open);
	return code;
}
