/* matrix_kill: the scripts of a kill, and what must hold after each. */
#include <stdbool.h>
#include <stdio.h>

#include "matrix.h"
#include "rig.h"

struct script {
	const char *name, *settings;
	int code; /* how it must end at last */
	const char *wait;
	int or_code; /* after a crash this is right too */
};

#define LAGS "revoke_lag=60 list_lag=50 latency=1 "

static const struct script scripts[] = {
	{ "plain", "latency=1", 0, "5s", 0 },
	{ "lag", LAGS, 0, "5s", 0 },
	{ "noreply", LAGS "noreply=2", 0, "5s", 0 },
	{ "retry", LAGS "retry=4 retry_after=30", 0, "5s", 0 },
	{ "burst", LAGS "burst=4", 0, "5s", 0 },
	{ "burst-applied", LAGS "burst_applied=3", 0, "5s", 0 },
	{ "remint", LAGS "remint=2 without=disable", 0, "5s", 0 },
	/* a crash may lose what the first listing showed: then a person is asked
	 * about the account that nobody knew */
	{ "new-account", LAGS "newaccount=1", 0, "5s", 4 },
	{ "re-enable", LAGS "reenable=1", 0, "5s", 0 },
	{ "regrant", LAGS "regrant=1", 0, "5s", 0 },
	{ "ignored", LAGS "ignore=1", 4, "400ms", 4 },
	{ "not-revoked", LAGS "notrevoked=1", 4, "400ms", 4 },
	{ "ignored-once", LAGS "lie_first=3", 0, "5s", 0 },
	{ "crash", LAGS "crash_at=5", 0, "5s", 0 },
	{ "hang", LAGS "hang_at=6", 0, "5s", 0 },
	{ "garbage", LAGS "garbage_at=4", 0, "5s", 0 },
	{ "down", LAGS "down_ms=150", 0, "8s", 0 },
	{ "incomplete", LAGS "incomplete=2", 0, "5s", 0 },
	{ "no-snapshot", LAGS "without=snapshot", 0, "5s", 0 },
};
#define N_SCRIPTS (sizeof(scripts) / sizeof(*scripts))
/* Kill, crash, resume until it does not get better.  The last exit code. */
static int end(const char *dir, const struct script *s, const char *label,
		struct buf *findings)
{
	const char *const kill[] = { "kill", "ci-bot", "--wait", s->wait, NULL };
	const char *const resume[] = { "resume", "--wait", s->wait, NULL };
	int code = matrix_run(dir, label, NULL, kill);
	bool crashed = code == 137;

	if (label && !crashed)
		return -1; /* that label was not passed so often here */
	if (crashed && !rig_has_incident(dir)) {
		if (rig_has_changes(dir) &&
		    buf_puts(findings, "I1: something was sent, and nothing is "
				       "written down\n", NULL) < 0)
			return 255;
		if (!rig_has_changes(dir))
			code = matrix_run(dir, NULL, NULL, kill);
	}
	for (int i = 0; i < 4 && code != 0 && code != s->code; i++)
		code = matrix_run(dir, NULL, NULL, resume);
	return code;
}

static const char *title(size_t i)
{
	return scripts[i].name;
}

static int make(const char *dir, size_t i)
{
	return rig_make(dir, scripts[i].settings, NULL);
}

static void rehearse(const char *dir, size_t i, const char *list)
{
	const char *const kill[] = { "kill", "ci-bot", "--wait",
				     scripts[i].wait, NULL };

	(void)matrix_run(dir, NULL, list, kill);
}

static int play(const char *dir, size_t i, const char *label,
		struct buf *findings)
{
	const struct script *s = &scripts[i];
	const int code = end(dir, s, label, findings);

	if (code == -1)
		return MATRIX_NOT_REACHED;
	rig_check(dir, code, findings);
	if (code != s->code && !(label && s->or_code == code) &&
	    buf_printf(findings, NULL, "end: exit %d instead of %d\n", code,
		       s->code) < 0)
		findings->len = findings->len;
	return 0;
}

const struct suite suite_kill = {
	.name = "kill", .n = N_SCRIPTS, .title = title, .make = make,
	.rehearse = rehearse, .play = play,
};
