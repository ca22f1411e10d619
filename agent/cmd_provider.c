/*
 * cmd_provider: which provider programs there are, and what one says of itself.
 *
 * `describe` is used by `connect --help TYPE` too.
 */
#include "agent/cmd_provider.h"

#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "base/mem.h"

int provider_hello(struct launcher *l, const char *type, struct json **hello,
		   struct err *e)
{
	struct link *link = NULL;
	int rc = -1;

	*hello = NULL;
	if (link_open(l, NULL, type, NULL, NULL, &link, e) < 0 ||
	    link_start(link, e) < 0)
		goto out;
	*hello = json_dup(link_hello(link));
	if (*hello == NULL) {
		(void)err_fail(e, ERR_NOMEM, type, "out of memory");
		goto out;
	}
	rc = 0;
out:
	link_close(&link);
	return rc;
}

void provider_print_options(const struct json *hello)
{
	const struct json *all = json_get(hello, "options");
	const char *secret = json_str(hello, "secret");
	const char *help = json_str(hello, "secret_help");

	out_text("Settings (--set KEY=VALUE):\n");
	if (all == NULL || json_count(all) == 0)
		out_text("  none\n");
	for (const struct json *o = all != NULL ? json_first(all) : NULL;
	     o != NULL; o = json_next(o)) {
		const char *name = json_str(o, "name");
		const char *dflt = json_str(o, "default");
		const char *text = json_str(o, "help");

		if (name == NULL || json_get(o, "hidden") != NULL)
			continue;
		out_text("  ");
		out_cell(name, 18);
		out_text("  ");
		out_cell(text != NULL ? text : "", 0);
		if (dflt != NULL && dflt[0] != '\0') {
			out_text(" (default ");
			out_cell(dflt, 0);
			out_text(")");
		}
		out_text("\n");
	}
	out_text("Admin credential: ");
	out_cell(secret != NULL ? secret : "optional", 0);
	if (help != NULL) {
		out_text(", ");
		out_cell(help, 0);
	}
	out_text("\n");
}

static void print_verbs(const struct json *hello)
{
	out_text("Verbs:");
	for (const struct json *v = json_first(json_get(hello, "verbs"));
	     v != NULL; v = json_next(v)) {
		out_text(" ");
		out_cell(json_text(v), 0);
	}
	out_text("\n");
}

static void print_facts(const struct json *hello)
{
	const struct json *facts = json_get(hello, "facts");
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	out_text("Facts:\n");
	for (const struct json *k = facts != NULL ? json_first(facts) : NULL;
	     k != NULL; k = json_next(k)) {
		buf_reset(&b);
		out_text("  ");
		out_cell(json_key(k), 18);
		out_text("  ");
		if (json_print(k, false, &b, NULL) == 0)
			out_cell(b.p, 0);
		out_text("\n");
	}
	buf_release(&b);
}

int cmd_provider_check(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct json *hello = NULL;
	struct err e = ERR_INIT;
	const char *version;
	char **rest;
	int n;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL,
			       "give one type: curfew provider check TYPE");
		return app_fail(app, &e);
	}
	if (provider_is_file(rest[0]))
		return provider_file(app, rest[0], "--check", NULL, 0);
	if (provider_hello(app->launcher, rest[0], &hello, &e) < 0) {
		(void)err_ctx(&e, rest[0], "check the provider");
		return app_fail(app, &e);
	}
	if (app->json) {
		const int code = out_json(app, hello);

		json_free(&hello);
		return code;
	}
	version = json_str(hello, "version");
	out_text("Provider: ");
	out_cell(rest[0], 0);
	out_text(" ");
	out_cell(version != NULL ? version : "", 0);
	out_text("\n");
	print_verbs(hello);
	provider_print_options(hello);
	print_facts(hello);
	json_free(&hello);
	return EXIT_OK;
}

static int list_json(const struct app *app, const char *names)
{
	struct json *arr = json_array();
	int code;

	while (*names != '\0') {
		const size_t n = strcspn(names, "\n");
		char *name = mem_strndup(names, n);

		(void)json_push_str(arr, name);
		mem_free(name);
		names += n + (names[n] == '\n');
	}
	code = out_json(app, arr);
	json_free(&arr);
	return code;
}

int cmd_provider_list(struct app *app, int argc, char **argv)
{
	struct buf names = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	int code = EXIT_OK;

	(void)argv;
	if (argc > 1) {
		(void)err_fail(&e, ERR_USAGE, argv[1],
			       "provider list takes no arguments");
		return app_fail(app, &e);
	}
	if (launch_providers(app->launcher, &names, &e) < 0)
		return app_fail(app, &e);
	if (app->json)
		code = list_json(app, names.p != NULL ? names.p : "");
	else if (names.len > 0)
		out_text(names.p);
	if (names.len == 0 && !app->json) {
		(void)err_fail(&e, ERR_ABSENT, launch_path(app->launcher),
			       "no curfew-provider-* program is there");
		err_hint(&e, "install one, or set [providers] path");
		code = app_fail(app, &e);
	}
	buf_release(&names);
	return code;
}
