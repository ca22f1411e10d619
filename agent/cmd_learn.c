/*
 * cmd_learn: seal a credential's value, so that it is recognised when it leaks
 * and its death is proved by a refused login instead of by a record.
 */
#include <stdio.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/target.h"
#include "agent/report/out.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

static int read_value(const struct app *app, const char *file, bool from_stdin,
		      struct secret **out, struct err *e)
{
	int rc;

	if (from_stdin)
		return io_read_secret_fd(0, out, e);
	if (file)
		return io_read_secret(file, IO_PRIVATE, out, e);
	rc = app->no_input ? err_fail(e, ERR_USAGE, NULL, "no value given") :
			     io_prompt_secret("Value of the credential: ", false,
					      out, e);
	if (rc < 0)
		err_hint(e, "give --secret-file or --secret-stdin");
	return rc;
}

/* A value that was never seen to work is known when it turns up, but that the
 * service refuses it after a kill says nothing. */
static void tell(const struct tried *t, const char *address)
{
	out_text("sealed the value of ");
	out_cell(address, 0);
	if (t->life == TRIED_ALIVE) {
		out_text(": the service takes it; a kill proves its death by "
			 "login, and 'curfew kill --secret-stdin' knows it\n");
		return;
	}
	out_text(": 'curfew kill --secret-stdin' knows it\n");
	log_line(LOG_WARNING, "%s%s%s%s: it does not count as a proof of death "
		 "until it is seen to work; %s",
		 t->life == TRIED_DEAD ? "the service refuses this value" :
					 "this value could not be tried",
		 *t->why ? " (" : "", t->why, *t->why ? ")" : "",
		 t->life == TRIED_DEAD ? "is it the right one?" :
					 "'curfew learn' it again later");
}

int cmd_learn(struct app *app, int argc, char **argv)
{
	const char *file = NULL;
	bool from_stdin = false;
	const struct arg args[] = {
		{ "secret-file", ARG_TEXT, &file, 0 },
		{ "secret-stdin", ARG_FLAG, &from_stdin, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	struct selection s = { 0 };
	struct tried tried = { .why = "" };
	struct secret *secret = NULL;
	struct err e = ERR_INIT;
	char **rest;
	int n, rc = -1;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n != 1) {
		err_fail(&e, ERR_USAGE, NULL, "give one address: "
			 "curfew learn CONNECTION/ACCOUNT#ID");
		goto out;
	}
	if (target_word(app, rest[0], &s, &e) < 0) {
		/* the words of kill, to which the lookup belongs */
		(void)snprintf(e.what, sizeof e.what, "learn");
		goto out;
	}
	if (read_value(app, file, from_stdin, &secret, &e) < 0)
		goto out;
	if (secret_len(secret) == 0) {
		err_fail(&e, ERR_USAGE, rest[0], "the value is empty");
		goto out;
	}
	rc = target_learn(app, &s, secret, &at, &tried, &e);
	if (rc == 0) {
		err_fail(&e, ERR_USAGE, rest[0], "it means several credentials, "
			 "or one that no sync has shown");
		err_hint(&e, "'curfew list credentials' shows addresses");
		rc = -1;
	}
	if (rc < 0)
		goto out;
	tell(&tried, at.p);
out:
	secret_free(&secret);
	buf_release(&at);
	selection_free(&s);
	return rc < 0 ? app_fail(app, &e) : EXIT_OK;
}
