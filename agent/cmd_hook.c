/*
 * cmd_hook: what the git hooks need from the vault: the published set of the
 * organisation's own secrets, and the two public keys.
 *
 * Promises: what is left out of the set is counted and named.  Never prints a
 * value.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/publish.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/journal.h"

static int note(struct publish *p, const char *path, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION };
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_printf(&text, e, "published the fingerprints of %zu secrets to "
		       "%s", p->count[PUBLISH_TAKEN], path) == 0) {
		j.text = text.p;
		j.at_ms = clock_wall_ms();
		rc = journal_append(p->app->vault, &j, NULL, e);
	}
	buf_release(&text);
	return rc;
}

static size_t left_out(const struct publish *p)
{
	return p->count[PUBLISH_SHORT] + p->count[PUBLISH_LONG] + p->count[PUBLISH_NO_WORD] +
	       p->count[PUBLISH_WEAK];
}

static void tell(const struct publish *p, const char *path, const char *spool,
		 const char *sign)
{
	const char *folder = p->app->config != NULL ? p->app->config->spool : NULL;
	char line[600];
	const char *at = p->out.p;

	(void)snprintf(line, sizeof line, "%zu secret%s published to ",
		       p->count[PUBLISH_TAKEN], p->count[PUBLISH_TAKEN] == 1 ? "" : "s");
	out_text(line);
	out_cell(path, 0);
	out_text("\n");
	if (left_out(p) > 0) {
		(void)snprintf(line, sizeof line, "%zu left out:\n", left_out(p));
		out_text(line);
	}
	for (int i = PUBLISH_SHORT; i <= PUBLISH_WEAK; i++)
		if (p->count[i] > 0) {
			(void)snprintf(line, sizeof line, "  %6zu  %s\n",
				       p->count[i], publish_why[i]);
			out_text(line);
		}
	if (p->unknown > 0) {
		(void)snprintf(line, sizeof line, "%zu credential%s no value "
			       "here ('curfew learn' gives one)\n", p->unknown,
			       p->unknown == 1 ? " has" : "s have");
		out_text(line);
	}
	for (; p->app->verbose && at != NULL && *at != '\0';) {
		const size_t n = strcspn(at, "\t");
		const size_t m = strcspn(at + n, "\n");
		char *who = mem_strndup(at, n);

		if (who != NULL) {
			out_text("  left out: ");
			out_cell(who, 0);
			out_text("\n");
		}
		mem_free(who);
		at += n + m + (at[n + m] == '\n');
	}
	out_text("hooks take it with:\n  curfew-scan hook install --known ");
	out_cell(path, 0);
	(void)snprintf(line, sizeof line, " --known-key %s \\\n    --spool ", sign);
	out_text(line);
	if (folder != NULL && *folder != '\0')
		out_cell(folder, 0);
	else
		out_text("FOLDER");
	(void)snprintf(line, sizeof line, " --spool-key %s REPO...\n", spool);
	out_text(line);
}

static int tell_json(const struct publish *p, const char *path,
		     const char *spool, const char *sign)
{
	struct json *j = json_object(), *out = json_object();
	struct err e = ERR_INIT;
	int code;

	for (int i = PUBLISH_SHORT; i < PUBLISH_VERDICTS; i++)
		(void)json_set_int(out, publish_names[i], (int64_t)p->count[i]);
	(void)json_set_int(j, "version", 1);
	(void)json_set_str(j, "file", path);
	(void)json_set_int(j, "published", (int64_t)p->count[PUBLISH_TAKEN]);
	(void)json_set_int(j, "without_value", (int64_t)p->unknown);
	(void)json_set_str(j, "spool_key", spool);
	(void)json_set_str(j, "known_key", sign);
	if (!json_set(j, "left_out", out)) {
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
		code = app_fail(p->app, &e);
	} else {
		code = out_json(p->app, j);
	}
	json_free(&j);
	return code;
}

int cmd_hook_publish(struct app *app, int argc, char **argv)
{
	struct buf file = BUF_INIT(WORDSET_FILE_MAX);
	struct publish p = { .app = app };
	const struct arg args[] = { { NULL, ARG_FLAG, NULL, 0 } };
	char spool[2 * DIGEST_PUBLIC + 1], sign[2 * DIGEST_PUBLIC + 1];
	struct err e = ERR_INIT;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL, "name the file to write: "
			       "curfew hook publish FILE");
		goto out;
	}
	/* git's user reads the file; it is made to be given away */
	if (publish_gather(app, &p, &e) < 0 ||
	    publish_build(&p, &file, &e) < 0 ||
	    io_write_atomic(rest[0], file.p, file.len, 0644, &e) < 0 ||
	    note(&p, rest[0], &e) < 0) {
		(void)err_ctx(&e, rest[0], "publish the known secrets");
		goto out;
	}
	text_hex(p.keys.spool, sizeof p.keys.spool, spool);
	text_hex(p.keys.sign, sizeof p.keys.sign, sign);
	code = EXIT_OK;
	if (app->json)
		code = tell_json(&p, rest[0], spool, sign);
	else if (!app->quiet)
		tell(&p, rest[0], spool, sign);
out:
	buf_release(&file);
	publish_release(&p);
	return code < 0 ? app_fail(app, &e) : code;
}
