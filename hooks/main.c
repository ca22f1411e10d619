/*
 * curfew-scan: finds secrets in repositories, folders and pushes.
 *
 * Owns the command table.  Reads repositories and rules; never the vault,
 * never the network.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/harden.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/hooks.h"

static int cmd_help(int argc, char **argv, const struct surroundings *s);
static int cmd_version(int argc, char **argv, const struct surroundings *s);

static const struct command commands[] = {
	{ "scan", "[OPTION]... [PATH]",
	  "look for secrets in a folder, a file or standard input", cmd_scan },
	{ "rules", "list | services | test [FILE|ID]... | check FILE | "
	  "compile [FILE]",
	  "show rules, try their examples, check a rule file; compile them", cmd_rules },
	{ "pre-receive", "", "git hook: look at a push before it is taken",
	  cmd_pre_receive },
	{ "update", "REF OLD NEW", "git hook: the same, once per ref",
	  cmd_update },
	{ "pre-push", "[REMOTE [URL]]", "git hook: look at what is to be pushed",
	  cmd_pre_push },
	{ "pre-commit", "", "git hook: look at what is staged", cmd_pre_commit },
	{ "hook", "install|uninstall|status [--layout NAME] "
	  "[--known FILE --known-key HEX] [--spool FOLDER --spool-key HEX] "
	  "[--cache FOLDER] REPO...",
	  "put the hooks into repositories", cmd_hook },
	{ "help", "", "list the commands", cmd_help },
	{ "version", "", "print the version", cmd_version },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int cmd_help(int argc, char **argv, const struct surroundings *s)
{
	size_t i;

	(void)argc;
	(void)argv;
	(void)s;
	puts("usage: curfew-scan COMMAND [ARGUMENT]...\n");
	for (i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\ncurfew-scan COMMAND --help tells more.");
	return EXIT_CLEAN;
}

static int cmd_version(int argc, char **argv, const struct surroundings *s)
{
	(void)argc;
	(void)argv;
	(void)s;
	puts("curfew-scan " CURFEW_VERSION);
	return EXIT_CLEAN;
}

static char *take(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? mem_strdup(v) : NULL;
}

/* The cache is private to the user; without a home there is none. */
static char *cache_folder(void)
{
	const char *v = getenv("CURFEW_SCAN_CACHE");
	char *base = NULL, *out = NULL;

	if (v)
		return *v ? mem_strdup(v) : NULL;
	v = getenv("XDG_CACHE_HOME");
	if (v && *v == '/') {
		base = mem_strdup(v);
	} else {
		v = getenv("HOME");
		base = v && *v == '/' ? io_path(v, ".cache") : NULL;
	}
	if (base)
		out = io_path(base, "curfew");
	mem_free(base);
	return out;
}

/* GitLab, Gitea and Forgejo, git's own http-backend, else the login's. */
static char *pusher(void)
{
	static const char *const names[] = {
		"GL_USERNAME", "GITEA_PUSHER_NAME", "REMOTE_USER", "LOGNAME",
		"USER",
	};
	char *who = NULL;
	size_t i;

	for (i = 0; !who && i < sizeof(names) / sizeof(*names); i++)
		who = take(names[i]);
	return who;
}

static void look_around(struct surroundings *s)
{
	char name[40];
	const char *v = getenv("GIT_PUSH_OPTION_COUNT");
	int64_t n = 0;
	size_t i;

	memset(s, 0, sizeof(*s));
	s->config = take("GITLEAKS_CONFIG");
	s->config_text = take("GITLEAKS_CONFIG_TOML");
	s->cache = cache_folder();
	s->pusher = pusher();
	s->git_dir = take("GIT_DIR");
	s->index = take("GIT_INDEX_FILE");
	s->objects = take("GIT_OBJECT_DIRECTORY");
	s->alternates = take("GIT_ALTERNATE_OBJECT_DIRECTORIES");
	s->quarantine = take("GIT_QUARANTINE_PATH");
	if (!v || !text_int(v, 0, 1000, &n) || !n)
		return;
	s->option = mem_array((size_t)n, sizeof(*s->option));
	for (i = 0; s->option && i < (size_t)n; i++) {
		snprintf(name, sizeof(name), "GIT_PUSH_OPTION_%zu", i);
		s->option[s->options] = take(name);
		s->options += s->option[s->options] != NULL;
	}
}

static void forget(struct surroundings *s)
{
	size_t i;

	mem_free(s->config);
	mem_free(s->config_text);
	mem_free(s->cache);
	mem_free(s->pusher);
	mem_free(s->git_dir);
	mem_free(s->index);
	mem_free(s->objects);
	mem_free(s->alternates);
	mem_free(s->quarantine);
	for (i = 0; i < s->options; i++)
		mem_free(s->option[i]);
	mem_free(s->option);
}

int main(int argc, char **argv)
{
	struct surroundings s;
	struct err e = ERR_INIT;
	int rc = EXIT_USAGE;
	size_t i;

	log_setup("curfew-scan", LOG_NOTICE, false);
	look_around(&s);
	if (harden_start(NULL, 0, &e)) {
		rc = complain(&e);
		goto out;
	}
	if (argc < 2) {
		cmd_help(0, NULL, NULL);
		goto out;
	}
	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			break;
	if (i == COMMANDS && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		rc = cmd_help(0, NULL, NULL);
	else if (i == COMMANDS && !strcmp(argv[1], "--version"))
		rc = cmd_version(0, NULL, NULL);
	else if (i == COMMANDS)
		fprintf(stderr, "curfew-scan: no such command; "
			"'curfew-scan help' lists them\n");
	else if (argc > 2 && !strcmp(argv[2], "--help") && i != 0)
		rc = printf("usage: curfew-scan %s %s\n\n%s\n", commands[i].name,
			    commands[i].arguments, commands[i].summary) < 0;
	else
		rc = commands[i].run(argc - 1, argv + 1, &s);
out:
	forget(&s);
	if (fflush(stdout) && rc == EXIT_CLEAN)
		rc = EXIT_ERROR;
	return rc;
}
