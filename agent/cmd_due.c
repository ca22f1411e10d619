/*
 * cmd_due: is anything overdue?  Reads the unsealed deadlines only, so that cron
 * can ask without a key.
 */
#include <stdio.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "vault/store.h"

static int as_json(const struct app *app, uint64_t overdue, int64_t next_ms)
{
	struct json *j = json_object();
	char at[CLOCK_TEXT];
	int rc;

	(void)json_set_int(j, "version", 1);
	(void)json_set_int(j, "overdue", (int64_t)overdue);
	(void)json_set_str(j, "next",
			   next_ms ? clock_text(next_ms, at) : NULL);
	rc = out_json(app, j);
	json_free(&j);
	return rc;
}

int cmd_due(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct err e = ERR_INIT;
	char **rest, at[CLOCK_TEXT];
	uint64_t overdue;
	int64_t next_ms;
	int n;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n) {
		(void)err_fail(&e, ERR_USAGE, rest[0], "due takes no words");
		return app_fail(app, &e);
	}
	if (store_due(app->dir, clock_wall_ms(), &overdue, &next_ms, &e) < 0) {
		(void)err_ctx(&e, NULL, "read the deadlines");
		return app_fail(app, &e);
	}
	if (app->json) {
		int rc = as_json(app, overdue, next_ms);

		return rc != EXIT_OK ? rc : overdue ? EXIT_NO : EXIT_OK;
	}
	if (overdue)
		(void)printf("%llu overdue; 'curfew resume' goes on with them\n",
			     (unsigned long long)overdue);
	else
		(void)printf("nothing is overdue\n");
	if (next_ms)
		(void)printf("the next is due at %s\n",
			     clock_short(next_ms, at));
	return overdue ? EXIT_NO : EXIT_OK;
}
