/*
 * cmd_slot: the ways to open the vault: list, add, remove.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/keyring_client.h"
#include "agent/new_slot.h"
#include "agent/report/out.h"
#include "agent/unlock.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/slot_input.h"

static void slot_json(const struct slot_info *s, size_t n)
{
	struct jout j = { false, false };

	jout_begin(&j, "slots");
	for (size_t i = 0; i < n; i++) {
		jout_row(&j);
		jout_int(&j, "id", s[i].id);
		jout_str(&j, "kind", slot_kind_word(s[i].kind));
		jout_str(&j, "name", s[i].name);
		jout_str(&j, "detail", s[i].detail);
		jout_time(&j, "created", s[i].created_ms);
		jout_row_end(&j);
	}
	jout_end(&j);
}

static int slot_table(const struct app *app, const struct slot_info *s,
		      size_t n, struct err *e)
{
	static const struct column cols[] = {
		{ "SLOT", true, false },    { "KIND", false, false },
		{ "NAME", false, false },   { "CREATED", false, false },
		{ "DETAIL", false, true },
	};
	struct table *t = table_new(cols, 5, e);
	int rc = t ? 0 : -1;

	for (size_t i = 0; i < n && rc == 0; i++) {
		char id[16], at[CLOCK_TEXT];
		const char *cells[] = { id, slot_kind_word(s[i].kind),
					s[i].name,
					clock_text(s[i].created_ms, at),
					s[i].detail };

		snprintf(id, sizeof id, "%u", s[i].id);
		rc = table_row(t, cells, e);
	}
	if (rc == 0)
		table_print(t, app->out_tty);
	table_free(&t);
	return rc;
}

int cmd_vault_slot_list(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct slot_info *slots = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;
	char **rest;
	int words, rc = -1;

	if (args_parse(argc, argv, none, &rest, &words, &e) != 0)
		goto out;
	if (words > 0) {
		err_fail(&e, ERR_USAGE, rest[0], "this command takes no argument");
		goto out;
	}
	if (vault_slots(app->dir, &slots, &n, &e) != 0)
		goto out;
	rc = 0;
	if (app->json)
		slot_json(slots, n);
	else
		rc = slot_table(app, slots, n, &e);
out:
	mem_free(slots);
	return rc == 0 ? EXIT_OK : app_fail(app, &e);
}

static int add_words(int n, char **rest, struct new_slot_words *w,
		     struct err *e)
{
	static const char *const kinds[] = { "passphrase", "key-file",
					     "libsecret", "systemd",
					     "recipient", NULL };
	bool wants_arg;

	if (n < 1 || !slot_kind_parse(rest[0], &w->kind)) {
		err_fail(e, ERR_USAGE, n < 1 ? NULL : rest[0],
			 "which kind of slot: passphrase, key-file FILE, "
			 "libsecret, systemd NAME or recipient PUBKEY");
		if (n >= 1)
			args_hint_near(rest[0], kinds, e);
		return -1;
	}
	wants_arg = w->kind == SLOT_KEYFILE || w->kind == SLOT_SYSTEMD ||
		    w->kind == SLOT_RECIPIENT;
	if (n != 1 + wants_arg)
		return err_fail(e, ERR_USAGE, rest[0],
				wants_arg ? "this kind takes one argument: the "
					    "file, name or public key" :
					    "this kind takes no argument");
	if (wants_arg)
		w->arg = rest[1];
	return 0;
}

int cmd_vault_slot_add(struct app *app, int argc, char **argv)
{
	struct new_slot_words w = { .passphrase_fd = -1 };
	const struct arg args[] = {
		{ "name", ARG_TEXT, &w.name, 0 },
		{ "new-passphrase-file", ARG_TEXT, &w.passphrase_file, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct new_slot slot = { 0 };
	struct err e = ERR_INIT;
	unsigned id = 0;
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) != 0 ||
	    add_words(n, rest, &w, &e) != 0 ||
	    new_slot_make(app, &w, &slot, &e) != 0)
		return app_fail(app, &e);
	if (vault_slot_add(app->vault, &slot.in, &id, &e) != 0) {
		new_slot_undo(app, &slot);
		new_slot_free(&slot);
		return app_fail(app, &e);
	}
	new_slot_free(&slot);
	if (app->json)
		printf("{\"slot\": %u, \"kind\": \"%s\"}\n", id,
		       slot_kind_word(w.kind));
	else if (!app->quiet)
		printf("slot %u added: %s\n", id, slot_kind_word(w.kind));
	return EXIT_OK;
}

/* By number, or by a name that only one slot has. */
static int find_slot(const struct app *app, const char *word,
		     struct slot_info *out, struct err *e)
{
	struct slot_info *slots = NULL;
	size_t n = 0, hits = 0;
	int64_t id = 0;
	int rc = -1;

	if (vault_slots(app->dir, &slots, &n, e) != 0)
		goto out;
	if (!text_int(word, 1, 1000000, &id))
		id = 0;
	for (size_t i = 0; i < n; i++) {
		if (id ? slots[i].id == id : strcmp(slots[i].name, word) == 0) {
			*out = slots[i];
			hits++;
		}
	}
	if (hits == 1)
		rc = 0;
	else if (hits == 0)
		err_fail(e, ERR_ABSENT, word, "the vault has no such slot");
	else
		err_fail(e, ERR_USAGE, word, "%zu slots have that name", hits);
	if (rc != 0)
		err_hint(e, "'curfew vault slot list' shows their numbers");
out:
	mem_free(slots);
	return rc;
}

/* Is this the one slot among all that the keys at hand open? */
static bool only_way_in(const struct app *app, const struct unlock_keys *keys,
			unsigned id)
{
	struct slot_info *slots = NULL;
	struct err e = ERR_INIT;
	const struct slot_input *in;
	size_t n = 0, n_in;
	bool mine = false, other = false;

	in = unlock_inputs(keys, &n_in);
	if (vault_slots(app->dir, &slots, &n, &e) != 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!vault_slot_fits(app->dir, slots[i].id, in, n_in))
			continue;
		if (slots[i].id == id)
			mine = true;
		else
			other = true;
	}
	mem_free(slots);
	return mine && !other;
}

static int remove_slot(struct app *app, const struct slot_info *slot,
		       struct err *e)
{
	struct unlock_keys *keys = NULL;
	int rc = -1;

	if (unlock_gather(app, &keys, e) != 0 ||
	    unlock_open(app, keys, true, e) != 0)
		goto out;
	if (only_way_in(app, keys, slot->id))
		log_line(LOG_WARNING, "slot %u is the one the vault was just "
				      "opened with: be sure of another key",
			 slot->id);
	rc = vault_slot_remove(app->vault, slot->id, e);
out:
	unlock_keys_free(&keys);
	return rc;
}

int cmd_vault_slot_remove(struct app *app, int argc, char **argv)
{
	const struct arg args[] = {
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct slot_info slot = { 0 };
	struct err e = ERR_INIT;
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) != 0)
		return app_fail(app, &e);
	if (n != 1) {
		err_fail(&e, ERR_USAGE, NULL,
			 "give one slot: curfew vault slot remove NUMBER");
		return app_fail(app, &e);
	}
	if (find_slot(app, rest[0], &slot, &e) != 0)
		return app_fail(app, &e);
	if (remove_slot(app, &slot, &e) != 0)
		return app_fail(app, &e);
	/* The random key in the keyring opens nothing any more. */
	if (slot.kind == SLOT_LIBSECRET && app->launcher &&
	    keyring_clear(app->launcher, slot.detail, &e) != 0)
		log_err(LOG_WARNING, &e);
	if (app->json)
		printf("{\"removed\": %u}\n", slot.id);
	else if (!app->quiet)
		printf("slot %u removed; its key still opens older copies of "
		       "the vault: after a leak, 'curfew vault rekey'\n",
		       slot.id);
	return EXIT_OK;
}
