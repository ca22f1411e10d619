/*
 * cmd_vault: keeping the vault: rekey, verify, backup, restore, key pairs.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "agent/unlock.h"
#include "base/mem.h"
#include "vault/slot_input.h"

/* The options and how many words there must be; else the usage is told. */
static int words(int argc, char **argv, const struct arg *args, int want,
		 const char *usage, char ***rest, struct err *e)
{
	int n;

	if (args_parse(argc, argv, args, rest, &n, e) != 0)
		return -1;
	if (n == want)
		return 0;
	err_fail(e, ERR_USAGE, n > want ? (*rest)[want] : NULL, "%s",
		 n > want ? "one argument too many" : "an argument is missing");
	err_hint(e, "%s", usage);
	return -1;
}

static const struct arg no_options[] = { { NULL, ARG_FLAG, NULL, 0 } };

/* ---- rekey ---------------------------------------------------------------- */

static int rekey(struct app *app, bool drop, struct buf *dropped, struct err *e)
{
	struct unlock_keys *keys = NULL;
	const struct slot_input *in;
	size_t n;
	int rc = -1;

	if (unlock_gather(app, &keys, e) != 0)
		goto out;
	in = unlock_inputs(keys, &n);
	if (unlock_open(app, keys, true, e) != 0)
		goto out;
	app_progress(app, "sealing everything again");
	rc = vault_rekey(app->vault, in, n, !drop, dropped, e);
out:
	app_progress_done(app);
	unlock_keys_free(&keys);
	return rc;
}

int cmd_vault_rekey(struct app *app, int argc, char **argv)
{
	bool drop = false;
	const struct arg args[] = {
		{ "drop-slots", ARG_FLAG, &drop, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct buf dropped = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	char **rest;
	int code = EXIT_OK;

	if (words(argc, argv, args, 0, "curfew vault rekey [--drop-slots]",
		  &rest, &e) != 0 ||
	    rekey(app, drop, &dropped, &e) != 0) {
		code = app_fail(app, &e);
	} else if (app->json) {
		struct jout j = { false, false };

		jout_begin(&j, "vaults");
		jout_row(&j);
		jout_bool(&j, "rekeyed", true);
		jout_str(&j, "dropped", dropped.p ? dropped.p : "");
		jout_row_end(&j);
		jout_end(&j);
	} else if (!app->quiet) {
		printf("new root key; every row is sealed again\n");
		if (dropped.len)
			printf("dropped, as their keys were not at hand:\n%s",
			       dropped.p);
		printf("Older copies and backups still open with the old keys: "
		       "make a new backup and destroy them.\n");
	}
	buf_release(&dropped);
	return code;
}

/* ---- verify --------------------------------------------------------------- */

static int open_to_verify(struct app *app, bool accept, struct err *e)
{
	struct unlock_keys *keys = NULL;
	const struct slot_input *in;
	size_t n;
	int rc = -1;

	if (unlock_gather(app, &keys, e) != 0)
		goto out;
	in = unlock_inputs(keys, &n);
	if (accept &&
	    (app_confirm(app, "The head outside the database says the vault "
			      "was put back to an older state, or cut.\n"
			      "Accepting it makes the present state count.",
			 "accept", e) != 0 ||
	     vault_accept_head(app->dir, in, n, e) != 0))
		goto out;
	rc = unlock_open(app, keys, false, e);
	if (rc != 0 && err_is(e, ERR_TAMPER))
		err_hint(e, "restore a backup, or, if you put the old state "
			    "there yourself: curfew vault verify --accept-head");
out:
	unlock_keys_free(&keys);
	return rc;
}

static int tell_report(const struct app *app, const struct vault_report *r)
{
	struct json *j;
	int code;

	if (!app->json) {
		printf("rows: %llu, journal entries: %llu: ",
		       (unsigned long long)r->rows,
		       (unsigned long long)r->entries);
		if (r->bad == 0)
			printf("all is as it was written\n");
		else
			printf("%llu wrong\n%s", (unsigned long long)r->bad,
			       r->text.p ? r->text.p : "");
		return r->bad ? EXIT_STORE : EXIT_OK;
	}
	j = json_object();
	if (!json_set_int(j, "rows", (int64_t)r->rows) ||
	    !json_set_int(j, "entries", (int64_t)r->entries) ||
	    !json_set_int(j, "bad", (int64_t)r->bad) ||
	    !json_set_str(j, "text", r->text.p ? r->text.p : ""))
		json_free(&j);
	code = out_json(app, j);
	json_free(&j);
	return code == EXIT_OK && r->bad ? EXIT_STORE : code;
}

int cmd_vault_verify(struct app *app, int argc, char **argv)
{
	bool accept = false;
	const struct arg args[] = {
		{ "accept-head", ARG_FLAG, &accept, 0 },
		{ "yes", ARG_FLAG, &app->yes, 'y' },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct vault_report r = { .text = BUF_INIT(BUF_REPORT_MAX) };
	struct err e = ERR_INIT;
	char **rest;
	int code;

	if (words(argc, argv, args, 0, "curfew vault verify [--accept-head]",
		  &rest, &e) != 0 ||
	    open_to_verify(app, accept, &e) != 0)
		return app_fail(app, &e);
	app_progress(app, "opening every row");
	if (vault_verify(app->vault, &r, &e) != 0)
		code = app_fail(app, &e);
	else
		code = (app_progress_done(app), tell_report(app, &r));
	buf_release(&r.text);
	return code;
}

/* ---- backup and restore --------------------------------------------------- */

int cmd_vault_backup(struct app *app, int argc, char **argv)
{
	struct err e = ERR_INIT;
	char **rest;

	if (words(argc, argv, no_options, 1, "curfew vault backup FILE", &rest,
		  &e) != 0 ||
	    vault_backup(app->vault, rest[0], &e) != 0)
		return app_fail(app, &e);
	if (app->json)
		printf("{\"backup\": true}\n");
	else if (!app->quiet)
		printf("backup written; it is sealed and opens with today's "
		       "slots\n");
	return EXIT_OK;
}

int cmd_vault_restore(struct app *app, int argc, char **argv)
{
	bool force = false;
	const struct arg args[] = {
		{ "force", ARG_FLAG, &force, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT;
	char **rest;

	if (words(argc, argv, args, 1, "curfew vault restore FILE [--force]",
		  &rest, &e) != 0 ||
	    vault_restore(app->dir, rest[0], force, &e) != 0)
		return app_fail(app, &e);
	if (app->json)
		printf("{\"restored\": true}\n");
	else if (!app->quiet)
		printf("restored; what it replaced is kept beside it as "
		       "*.before\nnext: curfew vault verify, then curfew sync "
		       "(the services may have moved on)\n");
	return EXIT_OK;
}

/* ---- key pairs ------------------------------------------------------------ */

int cmd_vault_keygen(struct app *app, int argc, char **argv)
{
	char pub[SLOT_PUBLIC_TEXT];
	struct err e = ERR_INIT;
	char **rest;

	if (words(argc, argv, no_options, 1, "curfew vault keygen FILE", &rest,
		  &e) != 0 ||
	    slot_recipient_make(rest[0], pub, &e) != 0)
		return app_fail(app, &e);
	if (app->json) {
		printf("{\"public\": \"%s\"}\n", pub);
		return EXIT_OK;
	}
	printf("%s\n", pub);
	if (!app->quiet)
		fprintf(stderr,
			"The secret half is in the file: move it offline. The "
			"line above is public:\n"
			"  curfew vault slot add recipient PUBKEY   "
			"(break-glass)\n"
			"  curfew emergency setup PUBKEY            (kill "
			"without the vault)\n");
	return EXIT_OK;
}
