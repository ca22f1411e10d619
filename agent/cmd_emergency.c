/*
 * cmd_emergency: a kill that works when the vault cannot be opened.
 *
 * setup names the offline key, every inventory change writes the envelope
 * anew, open builds an ordinary vault from it (docs/emergency.md).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/new_slot.h"
#include "agent/report/out.h"
#include "agent/unlock.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "vault/envelope.h"
#include "vault/slot_input.h"

int cmd_emergency_setup(struct app *app, int argc, char **argv)
{
	bool off = false;
	const struct arg args[] = {
		{ "remove", ARG_FLAG, &off, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	unsigned char pk[ENVELOPE_PUBLIC];
	struct err e = ERR_INIT;
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) != 0)
		return app_fail(app, &e);
	if (n != (off ? 0 : 1)) {
		err_fail(&e, ERR_USAGE, NULL,
			 "give one public key, or --remove");
		err_hint(&e, "'curfew vault keygen FILE' makes a pair");
		return app_fail(app, &e);
	}
	if (!off && slot_recipient_parse(rest[0], pk, &e) != 0)
		return app_fail(app, &e);
	if (envelope_setup(app->vault, off ? NULL : pk, &e) != 0)
		return app_fail(app, &e);
	if (app->json)
		printf("{\"set\": %s}\n", off ? "false" : "true");
	else if (app->quiet)
		;
	else if (off)
		printf("no emergency key any more; the envelope is removed\n");
	else
		printf("emergency envelope written: %s/%s\n"
		       "It is written anew by connect, disconnect and sync. Copy "
		       "it off this machine,\n"
		       "and try the drill: curfew emergency open FILE --key "
		       "SECRET-HALF --into DIR\n",
		       app->dir, ENVELOPE_NAME);
	return EXIT_OK;
}

static int status_json(const struct app *app, const struct envelope_info *i)
{
	char pub[SLOT_PUBLIC_TEXT] = "", at[CLOCK_TEXT];
	struct json *j = json_object();
	bool good = json_set_bool(j, "set", i->set);
	int code;

	if (i->set)
		slot_recipient_text(i->pk, pub);
	good = json_set_str(j, "public", i->set ? pub : NULL) && good;
	good = json_set_str(j, "made",
			    i->made_ms ? clock_text(i->made_ms, at) : NULL) &&
	       good;
	good = json_set_bool(j, "stale", i->stale) && good;
	good = json_set_int(j, "connections", (int64_t)i->connections) && good;
	good = json_set_int(j, "accounts", (int64_t)i->accounts) && good;
	good = json_set_int(j, "credentials", (int64_t)i->credentials) && good;
	good = json_set_int(j, "grants", (int64_t)i->grants) && good;
	if (!good)
		json_free(&j);
	code = out_json(app, j);
	json_free(&j);
	return code;
}

int cmd_emergency_status(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	char pub[SLOT_PUBLIC_TEXT], at[CLOCK_TEXT];
	struct envelope_info i;
	struct err e = ERR_INIT;
	char **rest;
	int n, code;

	if (args_parse(argc, argv, none, &rest, &n, &e) != 0)
		return app_fail(app, &e);
	if (n > 0) {
		err_fail(&e, ERR_USAGE, rest[0], "this command takes no argument");
		return app_fail(app, &e);
	}
	if (envelope_status(app->vault, &i, &e) != 0)
		return app_fail(app, &e);
	if (app->json) {
		code = status_json(app, &i);
	} else if (!i.set) {
		printf("no emergency key is set: if the vault cannot be opened, "
		       "curfew cannot kill\n"
		       "next: curfew vault keygen FILE, then curfew emergency "
		       "setup PUBKEY\n");
		code = EXIT_OK;
	} else {
		slot_recipient_text(i.pk, pub);
		printf("emergency key: %s\nenvelope: %s%s\n", pub,
		       i.made_ms ? clock_text(i.made_ms, at) : "missing",
		       i.stale ? ", OUT OF DATE: run 'curfew sync'" : "");
		printf("the vault holds %llu connections, %llu accounts, %llu "
		       "credentials, %llu grants\n",
		       (unsigned long long)i.connections,
		       (unsigned long long)i.accounts,
		       (unsigned long long)i.credentials,
		       (unsigned long long)i.grants);
		code = EXIT_OK;
	}
	return code == EXIT_OK && (!i.set || i.stale) ? EXIT_NO : code;
}

/* The slot of the new vault: a key file, or a passphrase. */
static void first_slot(const struct app *app, struct new_slot_words *w)
{
	const struct unlock_options *o = app->unlock;

	w->passphrase_fd = o ? o->passphrase_fd : -1;
	w->passphrase_file = o ? o->passphrase_file : NULL;
	w->kind = SLOT_PASSPHRASE;
	if (o && o->key_file) {
		w->kind = SLOT_KEYFILE;
		w->arg = o->key_file;
	}
}

static int build(struct app *app, const char *file, const char *key,
		 const char *into, struct envelope_info *told, struct err *e)
{
	struct new_slot_words w = { .passphrase_fd = -1 };
	struct new_slot slot = { 0 };
	struct secret *half = NULL;
	int rc = -1;

	if (slot_recipient_read(key, &half, e) != 0)
		goto out;
	first_slot(app, &w);
	if (new_slot_make(app, &w, &slot, e) != 0)
		goto out;
	rc = envelope_open(file, half, into, &slot.in, told, e);
out:
	new_slot_free(&slot);
	secret_free(&half);
	return rc;
}

int cmd_emergency_open(struct app *app, int argc, char **argv)
{
	const char *key = NULL, *into = NULL;
	const struct arg args[] = {
		{ "key", ARG_TEXT, &key, 0 },
		{ "into", ARG_TEXT, &into, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct envelope_info i = { 0 };
	struct err e = ERR_INIT;
	char at[CLOCK_TEXT];
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) != 0)
		return app_fail(app, &e);
	if (n != 1 || !key || !into) {
		err_fail(&e, ERR_USAGE, NULL,
			 "the envelope, --key and --into are needed");
		err_hint(&e, "curfew emergency open FILE --key SECRET-HALF "
			     "--into DIR [--key-file FILE]");
		return app_fail(app, &e);
	}
	if (build(app, rest[0], key, into, &i, &e) != 0)
		return app_fail(app, &e);
	if (app->json)
		return status_json(app, &i);
	printf("vault built from the envelope of %s: %llu connections, %llu "
	       "accounts, %llu credentials, %llu grants\n"
	       "next: curfew --dir ",
	       clock_text(i.made_ms, at), (unsigned long long)i.connections,
	       (unsigned long long)i.accounts,
	       (unsigned long long)i.credentials,
	       (unsigned long long)i.grants);
	out_cell(into, 0);
	printf(" kill TARGET\n"
	       "The envelope's maker is not proved by it: look at 'curfew list "
	       "connections' before you kill.\n");
	return EXIT_OK;
}
