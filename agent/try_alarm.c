/*
 * try_alarm: test builds only: alarms without whatever would raise them.
 */
#ifdef CURFEW_TEST
#include <string.h>

#include "agent/alarm.h"
#include "agent/args.h"
#include "agent/commands.h"
#include "agent/waits.h"

static enum alarm_event event_of(const char *word)
{
	enum alarm_event v = ALARM_STUCK;

	while (v < ALARM_TEST && strcmp(alarm_word(v), word) != 0)
		v++;
	return v;
}

static int act(struct app *app, char **w, int n, size_t *failed, struct err *e)
{
	const struct alarm a = {
		.event = n > 1 ? event_of(w[1]) : ALARM_TEST,
		.about = n > 2 ? w[2] : "", .text = n > 3 ? w[3] : "",
		.policy = n > 4 ? w[4] : NULL, .todo = "curfew show",
		.once = strcmp(w[0], "once") == 0,
	};

	if (strcmp(w[0], "deliver") == 0)
		return alarm_deliver(app, failed, e);
	if (strcmp(w[0], "clock") == 0)
		return waits_look(app, e);
	if (strcmp(w[0], "clear") == 0)
		return alarm_clear(app, a.event, a.about, e);
	return alarm_raise(app, &a, e);
}

int cmd_try_alarm(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct err e = ERR_INIT;
	size_t failed = 0;
	char **rest;
	int n;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n < 1 || act(app, rest, n, &failed, &e) < 0)
		return app_fail(app, &e);
	return failed == 0 ? EXIT_OK : EXIT_PROVIDER;
}
#else
/* An ISO C file is never empty. */
extern int try_alarm_is_for_tests;
#endif
