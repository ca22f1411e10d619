/*
 * cmd_audit: the chain of everything decided, sent and answered.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/text.h"
#include "vault/journal.h"

struct showing {
	const struct app *app;
	int64_t since_ms;
	const char *incident; /* beginning of its id in hex, or NULL */
	struct jout j;
	uint64_t shown;
};

static bool no_incident(const struct store_id *id)
{
	static const struct store_id zero;

	return memcmp(id, &zero, sizeof zero) == 0;
}

static void show_json(struct showing *s, const struct journal_entry *en,
		      const char *incident)
{
	jout_row(&s->j);
	jout_int(&s->j, "seq", (int64_t)en->seq);
	jout_time(&s->j, "at", en->at_ms);
	jout_str(&s->j, "kind", journal_word(en->kind));
	jout_str(&s->j, "who", en->who);
	jout_str(&s->j, "text", en->text);
	if (incident[0])
		jout_str(&s->j, "incident", incident);
	if (en->detail && *en->detail)
		jout_raw(&s->j, "detail", en->detail);
	jout_row_end(&s->j);
}

static void show_text(const struct journal_entry *en, const char *incident)
{
	char at[CLOCK_TEXT];

	printf("%s  %6llu  ", clock_text(en->at_ms, at),
	       (unsigned long long)en->seq);
	out_cell(journal_word(en->kind), 9);
	printf("  ");
	out_cell(en->who, 0);
	printf("  ");
	out_cell(en->text, 0);
	if (incident[0])
		printf("  [%.8s]", incident);
	putchar('\n');
}

static int show(const struct journal_entry *en, void *arg, struct err *e)
{
	struct showing *s = arg;
	char incident[33] = "";

	(void)e;
	if (en->at_ms < s->since_ms)
		return 0;
	if (!no_incident(&en->incident))
		text_hex(en->incident.b, sizeof en->incident.b, incident);
	if (s->incident &&
	    strncmp(incident, s->incident, strlen(s->incident)) != 0)
		return 0;
	s->shown++;
	if (s->app->json)
		show_json(s, en, incident);
	else
		show_text(en, incident);
	return 0;
}

/* A date and time, or how long ago. */
static int parse_since(const char *word, int64_t *ms, struct err *e)
{
	int64_t span;

	if (clock_parse(word, ms))
		return 0;
	if (clock_parse_span(word, &span)) {
		*ms = clock_wall_ms() - span;
		return 0;
	}
	return err_fail(e, ERR_USAGE, word,
			"--since takes a span such as 2d or 12h, or a time such "
			"as 2026-11-22T03:00:00Z");
}

int cmd_audit_log(struct app *app, int argc, char **argv)
{
	const char *since = NULL;
	struct showing s = { .app = app };
	const struct arg args[] = {
		{ "since", ARG_TEXT, &since, 0 },
		{ "incident", ARG_TEXT, &s.incident, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT;
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) != 0)
		return app_fail(app, &e);
	if (n > 0) {
		err_fail(&e, ERR_USAGE, rest[0], "this command takes no argument");
		return app_fail(app, &e);
	}
	if (since && parse_since(since, &s.since_ms, &e) != 0)
		return app_fail(app, &e);
	if (app->json)
		jout_begin(&s.j, "entries");
	if (journal_each(app->vault, 0, 0, NULL, show, &s, &e) != 0) {
		/* the object stays open on purpose: half an answer must not
		 * parse as a whole one */
		return app_fail(app, &e);
	}
	if (app->json)
		jout_end(&s.j);
	return s.shown || !s.incident ? EXIT_OK : EXIT_NO;
}

int cmd_audit_verify(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct err e = ERR_INIT;
	uint64_t n = 0;
	char **rest;
	int words;

	if (args_parse(argc, argv, none, &rest, &words, &e) != 0)
		return app_fail(app, &e);
	if (words > 0) {
		err_fail(&e, ERR_USAGE, rest[0], "this command takes no argument");
		return app_fail(app, &e);
	}
	if (journal_verify(app->vault, &n, &e) != 0) {
		err_ctx(&e, NULL, "verify the journal");
		return app_fail(app, &e);
	}
	if (app->json)
		printf("{\"entries\": %llu, \"intact\": true}\n",
		       (unsigned long long)n);
	else
		printf("%llu %s: the chain is whole and ends where its head "
		       "says\n",
		       (unsigned long long)n, n == 1 ? "entry" : "entries");
	return EXIT_OK;
}
