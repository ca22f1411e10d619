/*
 * cmd_help: help and version.
 */
#include "agent/commands.h"

#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "base/json.h"

/* Markdown, because docs/exit-codes.md is this output. */
static void exit_codes(void)
{
	(void)puts("# Exit codes\n\n| code | word | meaning |\n|---|---|---|");
	for (const struct exit_code *x = app_exit_codes; x->word != NULL; x++)
		(void)printf("| %d | %s | %s |\n", x->code, x->word, x->text);
}

/* All rows of a first word: "curfew help vault". */
static bool group_help(const char *word)
{
	const size_t n = strlen(word);
	bool any = false;

	for (const struct command *c = commands; c->name != NULL; c++) {
		if (strncmp(c->name, word, n) != 0 || c->name[n] != ' ' ||
		    (c->needs & NEED_HIDDEN) != 0)
			continue;
		(void)printf("  %-18s %s\n", c->name, c->summary);
		any = true;
	}
	return any;
}

int cmd_help(struct app *app, int argc, char **argv)
{
	const struct command *c;
	struct err e = ERR_INIT;
	int used;

	if (argc < 2) {
		command_overview();
		return EXIT_OK;
	}
	c = command_find(argc - 1, argv + 1, &used);
	if (c != NULL) {
		command_help(c);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "exit-codes") == 0) {
		exit_codes();
		return EXIT_OK;
	}
	if (strcmp(argv[1], "man") == 0) {
		command_man();
		return EXIT_OK;
	}
	if (strcmp(argv[1], "completion") == 0 && argc == 3) {
		if (command_completion(argv[2], &e) < 0)
			return app_fail(app, &e);
		return EXIT_OK;
	}
	if (group_help(argv[1]))
		return EXIT_OK;
	(void)err_fail(&e, ERR_USAGE, argv[1], "no such command or topic");
	args_hint_near(argv[1], command_names(), &e);
	err_hint(&e, "topics: exit-codes, completion bash|zsh|fish, man");
	return app_fail(app, &e);
}

int cmd_version(struct app *app, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (app->json)
		(void)printf("{\"version\":\"%s\",\"landlock\":%s}\n",
			     CURFEW_VERSION,
			     app->landlock ? "true" : "false");
	else
		(void)printf("curfew %s\nLandlock in this kernel: %s\n",
			     CURFEW_VERSION, app->landlock ? "yes" : "no");
	return EXIT_OK;
}
