/*
 * cmd_init: a new vault, with its first slot and a starter configuration.
 *
 * Nothing that is there already is changed: not a vault, not a curfew.toml,
 * not a key file.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/new_slot.h"
#include "agent/report/out.h"
#include "agent/unlock.h"
#include "base/io.h"
#include "base/mem.h"
#include "vault/slot_input.h"

static const char starter[] =
	"# curfew: what belongs to whom, and how curfew behaves.\n"
	"# No secret is ever written here; they lie sealed in the vault.\n"
	"\n"
	"# An identity is what you name when you kill: a bot, a pipeline, an\n"
	"# agent.  Its accounts may live at many connections; * and ? match.\n"
	"#\n"
	"# [identity.ci-bot]\n"
	"# owner = \"ann@example.org\"\n"
	"# workflow = \"deploy\"\n"
	"# tags = [\"ci\", \"prod\"]\n"
	"# accounts = [\"pg-main/ci_bot\", \"web/deploy\"]\n"
	"\n"
	"# [workflow.deploy]\n"
	"# owner = \"ann@example.org\"\n"
	"# note = \"stops all deployments\"\n"
	"\n"
	"# [inventory]\n"
	"# stale = \"90d\"          # not used for so long: shown as stale\n"
	"\n"
	"# [kill]\n"
	"# confirm_over = 10      # typed confirmation above so many accounts\n"
	"# require_refusal = false # true: only a refused login counts as proof\n"
	"\n"
	"# [vault]\n"
	"# key_file = \"/etc/curfew/key\"\n"
	"# head_file = \"/var/lib/curfew-head/head\" # on another disk\n"
	"\n"
	"# [connection.pg-main]\n"
	"# in_flight = 8\n"
	"# timeout = \"30s\"\n"
	"\n"
	"# What is rotated, when, and where the new value is needed\n"
	"# (docs/rotation.md).  The first section that fits is the policy.\n"
	"#\n"
	"# [rotation.databases]\n"
	"# credentials = [\"pg-main/ci_bot\"]\n"
	"# every = \"30d\"\n"
	"# max_age = \"45d\"        # dead by then, or somebody is alarmed\n"
	"# overlap = \"1h\"         # the old one lives on beside the new one\n"
	"# deliver = [\"files/ci/db\"] # 'curfew connect file files'\n"
	"# notify = [\"ops\"]\n"
	"\n"
	"# Who hears when a human is needed.\n"
	"#\n"
	"# [alarm.ops]\n"
	"# mail = [\"ops@example.org\"]\n"
	"# webhook = \"https://chat.example.org/hooks/curfew\"\n"
	"# program = [\"/usr/local/bin/page\", \"ops\"]\n";

struct choice {
	bool passphrase, libsecret;
	const char *systemd, *recipient, *generate, *name;
};

/* Exactly one first slot; a passphrase when nothing was said. */
static int choose(struct app *app, const struct choice *c,
		  struct new_slot_words *w, struct err *e)
{
	const struct unlock_options *o = app->unlock;
	const char *key_file = o ? o->key_file : NULL;
	bool from = o && (o->passphrase_file || o->passphrase_fd >= 0);
	int n = 0;

	w->passphrase_fd = o ? o->passphrase_fd : -1;
	w->passphrase_file = o ? o->passphrase_file : NULL;
	w->kind = SLOT_PASSPHRASE;
	w->name = c->name;
	n += c->passphrase || from;
	if (key_file || c->generate) {
		n += 1 + (key_file && c->generate);
		w->kind = SLOT_KEYFILE;
		w->arg = c->generate ? c->generate : key_file;
	}
	if (c->systemd) {
		n++;
		w->kind = SLOT_SYSTEMD;
		w->arg = c->systemd;
	}
	if (c->libsecret) {
		n++;
		w->kind = SLOT_LIBSECRET;
	}
	if (c->recipient) {
		n++;
		w->kind = SLOT_RECIPIENT;
		w->arg = c->recipient;
	}
	if (n > 1) {
		err_fail(e, ERR_USAGE, NULL, "a vault begins with one slot");
		err_hint(e, "choose one of them here, and add the others with "
			    "'curfew vault slot add'");
		return -1;
	}
	return 0;
}

/* 1 written, 0 there was one, -1 */
static int write_starter(const char *dir, struct err *e)
{
	struct err mine = ERR_INIT;
	char *path = io_path(dir, "curfew.toml");
	int rc = -1;

	if (!path)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (io_create(path, starter, sizeof starter - 1, 0600, &mine) == 0)
		rc = 1;
	else if (err_is(&mine, ERR_EXISTS))
		rc = 0;
	else
		*e = mine;
	mem_free(path);
	return rc;
}

static void tell(const struct app *app, const struct new_slot_words *w,
		 const struct choice *c, int wrote)
{
	printf("vault made in ");
	out_cell(app->dir, 0);
	printf("\nslot 1: %s", slot_kind_word(w->kind));
	if (w->arg) {
		putchar(' ');
		out_cell(w->arg, 0);
	}
	putchar('\n');
	if (wrote)
		printf("curfew.toml: a commented starter, to be filled in\n");
	if (c->generate)
		printf("The key file opens everything: keep a copy of it "
		       "where this machine's disk does not reach.\n");
	if (w->kind == SLOT_RECIPIENT)
		printf("Only the offline secret half opens this vault: every "
		       "command needs --break-glass FILE until another slot is "
		       "added.\n");
	printf("\nnext:\n"
	       "  curfew connect TYPE NAME     a service; 'curfew provider "
	       "list' shows the types\n"
	       "  curfew vault slot add KIND   a second way in, before the "
	       "first is lost\n"
	       "  curfew emergency setup KEY   a kill that works without the "
	       "vault\n");
}

static int tell_json(const struct app *app, const struct new_slot_words *w,
		     int wrote)
{
	struct json *j = json_object();
	bool good = json_set_str(j, "dir", app->dir);
	int rc;

	good = json_set_str(j, "slot", slot_kind_word(w->kind)) && good;
	good = json_set_str(j, "detail", w->arg) && good;
	good = json_set_bool(j, "config_written", wrote == 1) && good;
	if (!good)
		json_free(&j);
	rc = out_json(app, j);
	json_free(&j);
	return rc;
}

/* A vault that is there already is told before anything is asked or made. */
static int check_empty(const struct app *app, struct err *e)
{
	char *path = io_path(app->dir, "vault.db");
	int rc = 0;

	if (!path)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (access(path, F_OK) == 0) {
		rc = err_fail(e, ERR_EXISTS, app->dir,
			      "there is a vault already");
		err_ctx(e, NULL, "make a vault");
		err_state(e, "nothing was changed");
		err_hint(e, "choose another folder with --dir");
	}
	mem_free(path);
	return rc;
}

static int make(struct app *app, const struct choice *c,
		struct new_slot_words *w, int *wrote, struct err *e)
{
	struct new_slot slot = { 0 };
	bool generated = false;
	int rc = -1;

	if (choose(app, c, w, e) != 0 || check_empty(app, e) != 0)
		goto out;
	if (c->generate) {
		if (slot_keyfile_make(c->generate, e) != 0)
			goto out;
		generated = true;
	}
	if (new_slot_make(app, w, &slot, e) != 0)
		goto out;
	if (vault_init(app->dir, &slot.in, &app->vault, e) != 0) {
		new_slot_undo(app, &slot);
		goto out;
	}
	generated = false; /* it opens a vault now: it stays */
	*wrote = write_starter(app->dir, e);
	if (*wrote < 0) {
		err_state(e, "the vault itself is made and complete");
		goto out;
	}
	rc = 0;
out:
	if (generated)
		(void)unlink(c->generate);
	new_slot_free(&slot);
	return rc;
}

int cmd_init(struct app *app, int argc, char **argv)
{
	struct choice c = { 0 };
	const struct arg args[] = {
		{ "passphrase", ARG_FLAG, &c.passphrase, 0 },
		{ "libsecret", ARG_FLAG, &c.libsecret, 0 },
		{ "systemd", ARG_TEXT, &c.systemd, 0 },
		{ "recipient", ARG_TEXT, &c.recipient, 0 },
		{ "generate-key-file", ARG_TEXT, &c.generate, 0 },
		{ "name", ARG_TEXT, &c.name, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct new_slot_words w = { 0 };
	struct err e = ERR_INIT;
	char **rest;
	int n, wrote = 0;

	if (args_parse(argc, argv, args, &rest, &n, &e) != 0)
		return app_fail(app, &e);
	if (n > 0) {
		err_fail(&e, ERR_USAGE, rest[0], "init takes no argument");
		err_hint(&e, "the folder is given with --dir");
		return app_fail(app, &e);
	}
	if (make(app, &c, &w, &wrote, &e) != 0)
		return app_fail(app, &e);
	if (app->json)
		return tell_json(app, &w, wrote);
	if (!app->quiet)
		tell(app, &w, &c, wrote);
	return EXIT_OK;
}
