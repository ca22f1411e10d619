/*
 * app: how every command ends, asks and shows progress.
 *
 * Owns the table of exit codes and the mapping from errors to it.  Promises
 * that an error is printed once, on stderr, in one line.
 */
#include "agent/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"

const struct exit_code app_exit_codes[] = {
	{ EXIT_OK, "ok", "done; for kill: everything is proved dead" },
	{ EXIT_NO, "no", "the answer is no: not found, overdue, a difference, "
			 "something dead is listed alive" },
	{ EXIT_BAD_USE, "usage", "the command line or the configuration is "
				 "wrong; nothing was done" },
	{ EXIT_DYING, "dying", "everything is revoked, some of it lives until "
			       "a told time" },
	{ EXIT_ALIVE, "alive", "something is still alive, was left out, or "
			       "is NOT FOUND: curfew.toml names it and "
			       "nothing answers to it, or no service knew "
			       "the secret" },
	{ EXIT_STORE, "store", "the vault is locked, damaged, altered or full, "
			       "or the output could not be written" },
	{ EXIT_PROVIDER, "provider", "a provider could not be reached or "
				     "refused" },
	{ EXIT_POLICY, "policy", "refused by policy, or not confirmed" },
	{ EXIT_BUG, "bug", "an invariant of curfew itself is broken" },
	{ EXIT_BUSY, "busy", "another curfew works on this vault; run it "
			     "again later" },
	{ 0, NULL, NULL }
};

int app_exit_code(const struct err *e)
{
	switch (e->code) {
	case ERR_NONE:
		return EXIT_OK;
	case ERR_ABSENT:
	case ERR_EXISTS:
		return EXIT_NO;
	case ERR_USAGE:
	case ERR_CONFIG:
	case ERR_UNSUPPORTED:
		return EXIT_BAD_USE;
	case ERR_NOMEM:
	case ERR_IO:
	case ERR_FULL:
	case ERR_SEALED:
	case ERR_TAMPER:
	case ERR_FORMAT:
	case ERR_TOOBIG:
		return EXIT_STORE;
	case ERR_BUSY:
		return EXIT_BUSY;
	case ERR_TIMEOUT:
	case ERR_PROTO:
	case ERR_PROVIDER:
		return EXIT_PROVIDER;
	case ERR_POLICY:
	case ERR_CANCELLED:
		return EXIT_POLICY;
	case ERR_BUG:
		return EXIT_BUG;
	}
	return EXIT_BUG;
}

/* One line, so that it is told from what the log says (docs/json.md). */
static bool fail_json(const struct err *e, const char *message, int code)
{
	struct json *j = json_object(), *x = json_object();
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const struct exit_code *c = app_exit_codes;
	bool ok;

	while (c->word != NULL && c->code != code)
		c++;
	ok = json_set_str(x, "word", c->word) && json_set_int(x, "exit", code) &&
	     json_set_str(x, "message", message) &&
	     json_set_str(x, "what", e->what) &&
	     json_set_str(x, "object", e->object) &&
	     json_set_str(x, "cause", e->cause) &&
	     json_set_str(x, "state", e->state) &&
	     json_set_str(x, "hint", e->hint) && json_set_int(j, "version", 1);
	ok = json_set(j, "error", x) && ok; /* it is j's now */
	ok = ok && json_print(j, false, &b, NULL) == 0 &&
	     fprintf(stderr, "%s\n", b.p) > 0;
	json_free(&j);
	buf_release(&b);
	return ok;
}

int app_fail(const struct app *app, const struct err *e)
{
	const int code = app_exit_code(e);
	char line[2048];

	app_progress_done(app);
	(void)err_format(e, line, sizeof line);
	(void)fflush(stdout); /* what was said before stands before */
	if (app == NULL || !app->json || !fail_json(e, line, code))
		(void)fprintf(stderr, "curfew: %s\n", line);
	return code;
}

static bool progress_shown;

void app_progress(const struct app *app, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	if (app == NULL || app->quiet || !app->err_tty)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\r\033[K%s", line);
	(void)fflush(stderr);
	progress_shown = true;
}

void app_progress_done(const struct app *app)
{
	(void)app;
	if (!progress_shown)
		return;
	(void)fputs("\r\033[K", stderr);
	progress_shown = false;
}

int app_confirm(const struct app *app, const char *question, const char *word,
		struct err *e)
{
	struct buf line = BUF_INIT(1024);
	struct err asked = ERR_INIT;
	char prompt[600];
	int rc = -1;

	if (app->yes)
		return 0;
	if (word == NULL)
		word = "yes";
	if (app->no_input) {
		(void)err_fail(e, ERR_POLICY, NULL,
			       "not confirmed: --no-input forbids to ask");
		err_state(e, "nothing was done");
		err_hint(e, "add --yes");
		return -1;
	}
	(void)snprintf(prompt, sizeof prompt, "%s\nType '%s' to go on: ",
		       question, word);
	if (io_prompt_line(prompt, &line, &asked) < 0) {
		(void)err_fail(e, ERR_POLICY, NULL, "not confirmed: %s",
			       asked.cause);
		err_state(e, "nothing was done");
		err_hint(e, "add --yes when no one is there to answer");
		goto out;
	}
	while (line.len > 0 && (line.p[line.len - 1] == '\n' ||
				line.p[line.len - 1] == '\r'))
		line.p[--line.len] = '\0';
	if (line.len == 0 || strcmp(line.p, word) != 0) {
		(void)err_fail(e, ERR_POLICY, NULL, "not confirmed");
		err_state(e, "nothing was done");
		goto out;
	}
	rc = 0;
out:
	buf_release(&line);
	return rc;
}
