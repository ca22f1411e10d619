/*
 * cmd_due: is anything overdue?  Reads the unsealed deadlines only, so that cron
 * can ask without a key; therefore it can say how many and since when, and not
 * which.
 */
#include <stdio.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "vault/store.h"

/* What a deadline of a table means, and who goes on with it. */
static const struct kind {
	enum store_table table;
	const char *key, *one, *many, *todo;
} kinds[] = {
	{ STORE_ROTATION, "rotations", "rotation is due", "rotations are due",
	  "curfew sweep" },
	{ STORE_INCIDENT, "incidents", "incident is open", "incidents are open",
	  "curfew resume" },
	{ STORE_ACTION, "actions", "action of an incident is not finished",
	  "actions of incidents are not finished", "curfew resume" },
	{ STORE_CREDENTIAL, "expired", "credential is past its expiry",
	  "credentials are past their expiry", "curfew list" },
	{ STORE_SETTING, "alarms", "alarm is to be told",
	  "alarms are to be told", "curfew sweep" },
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

struct sum {
	uint64_t overdue;
	int64_t oldest_ms, next_ms;
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static struct sum sum_of(const struct store_deadlines *d)
{
	struct sum s = { 0, 0, d->next_ms };

	for (unsigned t = 0; t < STORE_TABLES; t++) {
		s.overdue += d->overdue[t];
		s.oldest_ms = earlier(s.oldest_ms, d->oldest_ms[t]);
	}
	return s;
}

static const char *time_or_null(int64_t ms, char at[static CLOCK_TEXT])
{
	return ms != 0 ? clock_text(ms, at) : NULL;
}

static const char *kind_key(unsigned table)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].table == table)
			return kinds[i].key;
	return "other";
}

static int as_json(const struct app *app, const struct store_deadlines *d,
		   const struct sum *s)
{
	struct json *j = json_object(), *by = json_object();
	char at[CLOCK_TEXT];
	int rc;

	for (size_t i = 0; i < N_KINDS; i++) {
		const enum store_table t = kinds[i].table;
		struct json *k = json_object();

		(void)json_set_int(k, "overdue", (int64_t)d->overdue[t]);
		(void)json_set_str(k, "since", time_or_null(d->oldest_ms[t], at));
		(void)json_set(by, kinds[i].key, k);
	}
	(void)json_set_int(j, "version", 1);
	(void)json_set_int(j, "overdue", (int64_t)s->overdue);
	(void)json_set_str(j, "since", time_or_null(s->oldest_ms, at));
	(void)json_set_str(j, "next", time_or_null(s->next_ms, at));
	(void)json_set_str(j, "next_kind", s->next_ms != 0 ?
			   kind_key(d->next_table) : NULL);
	(void)json_set(j, "by", by);
	rc = out_json(app, j);
	json_free(&j);
	return rc;
}

static void as_text(const struct store_deadlines *d, const struct sum *s)
{
	char at[CLOCK_TEXT];

	for (size_t i = 0; i < N_KINDS; i++) {
		const struct kind *k = &kinds[i];
		const uint64_t n = d->overdue[k->table];

		if (n > 0)
			(void)printf("%llu %s, since %s; '%s'\n",
				     (unsigned long long)n,
				     n == 1 ? k->one : k->many,
				     clock_short(d->oldest_ms[k->table], at),
				     k->todo);
	}
	if (s->overdue == 0)
		(void)printf("nothing is overdue\n");
	if (s->next_ms != 0)
		(void)printf("the next is due at %s\n",
			     clock_short(s->next_ms, at));
}

int cmd_due(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct store_deadlines d;
	struct err e = ERR_INIT;
	struct sum s;
	char **rest;
	int n;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n) {
		(void)err_fail(&e, ERR_USAGE, rest[0], "due takes no words");
		return app_fail(app, &e);
	}
	if (store_deadlines(app->dir, clock_wall_ms(), &d, &e) < 0) {
		(void)err_ctx(&e, NULL, "read the deadlines");
		return app_fail(app, &e);
	}
	s = sum_of(&d);
	if (app->json) {
		const int rc = as_json(app, &d, &s);

		return rc != EXIT_OK ? rc : s.overdue ? EXIT_NO : EXIT_OK;
	}
	as_text(&d, &s);
	return s.overdue ? EXIT_NO : EXIT_OK;
}
