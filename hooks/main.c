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
#include "hooks/help.h"

static int cmd_help(int argc, char **argv, const struct surroundings *s);
static int cmd_version(int argc, char **argv, const struct surroundings *s);

static const struct command commands[] = {
	{ "scan", "[OPTION]... [PATH]",
	  "look for secrets in a git repository, a folder, a file, standard input",
	  NULL, cmd_scan, scan_help },
	{ "rules", "list | services | test [FILE|ID]... | check FILE | "
	  "compile [FILE]",
	  "show rules, try their examples, check a rule file; compile them",
	  "  list            id, service, kind and confidence of each built-in rule\n"
	  "  services        the services and kinds they know\n"
	  "  test [FILE|ID]  try the examples: of all rules, of a file, of one rule\n"
	  "  check FILE      read a .gitleaks.toml and name what cannot be as gitleaks\n"
	  "                  has it\n"
	  "  compile [FILE]  make the compiled form now, so that no hook has to\n\n"
	  "Examples:\n"
	  "  curfew-scan rules list | grep aws\n"
	  "  curfew-scan rules test github-fine-grained-pat\n"
	  "  curfew-scan rules check .gitleaks.toml\n", cmd_rules, NULL },
	{ "pre-receive", "", "git hook: look at a push before it is taken",
	  "Started by git, on the server; 'curfew-scan hook install' puts it there.\n"
	  "Settings are git's: git config curfew.NAME VALUE; 'curfew-scan help settings'\n"
	  "lists them.\n",
	  cmd_pre_receive, NULL },
	{ "update", "REF OLD NEW", "git hook: the same, once per ref",
	  "Started by git, where pre-receive cannot be used.\n", cmd_update, NULL },
	{ "pre-push", "[REMOTE [URL]]", "git hook: look at what is to be pushed",
	  "Started by git, in a developer's repository.\n", cmd_pre_push, NULL },
	{ "pre-commit", "", "git hook: look at what is staged",
	  "Started by git, or by pre-commit (.pre-commit-hooks.yaml).\n\n"
	  "Examples:\n"
	  "  curfew-scan pre-commit           what would be committed now\n"
	  "  curfew-scan hook install .       do that at each commit and push\n",
	  cmd_pre_commit, NULL },
	{ "hook", "install|uninstall|status [--layout NAME] "
	  "[--known FILE --known-key HEX] [--spool FOLDER --spool-key HEX] "
	  "[--cache FOLDER] REPO...",
	  "put the hooks into repositories",
	  "A bare repository gets pre-receive, one with files pre-commit, pre-push and\n"
	  "pre-merge-commit.\n"
	  "core.hooksPath, Gitea's, Forgejo's and GitLab's folders are found; a hook that\n"
	  "is not ours is never touched. status says what is there and whether it works.\n\n"
	  "  --layout NAME     plain, gitea or gitlab, when it is not seen\n"
	  "  --known FILE      your own secrets by value ('curfew hook publish')\n"
	  "  --known-key HEX   who must have signed that file\n"
	  "  --spool FOLDER    findings are sealed there for 'curfew respond'\n"
	  "  --spool-key HEX   the public key they are sealed to\n"
	  "  --cache FOLDER    compiled rules, for many repositories at once\n\n"
	  "Examples:\n"
	  "  curfew-scan hook install .\n"
	  "  curfew-scan hook install /srv/git/*.git\n"
	  "  curfew-scan hook status /srv/git/app.git\n"
	  "  git -C /srv/git/app.git config curfew.minConfidence medium\n", cmd_hook, NULL },
	{ "help", "[COMMAND | settings | man]",
	  "list the commands; more about one; the hooks' settings; the manual page",
	  NULL, cmd_help, NULL },
	{ "version", "", "print the version", NULL, cmd_version, NULL },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static int help_of(const struct command *c)
{
	if (c->help) {
		fputs(c->help, stdout);
		return EXIT_CLEAN;
	}
	printf("usage: curfew-scan %s%s%s\n\n%s\n", c->name,
	       *c->arguments ? " " : "", c->arguments, c->summary);
	if (c->more)
		printf("\n%s", c->more);
	return EXIT_CLEAN;
}

/* COMMAND --help, and of a command of several words, WORD --help. */
static bool asks_help(int argc, char **argv)
{
	const bool words = !strcmp(argv[1], "hook") || !strcmp(argv[1], "rules");
	int at = argc > 3 && words ? 3 : 2, i;

	for (i = 2; i <= at && i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int no_such(const char *name)
{
	struct err e = ERR_INIT;

	err_fail(&e, ERR_USAGE, name, "no such command");
	err_hint(&e, "'curfew-scan help' lists them");
	return complain(&e);
}

static int cmd_help(int argc, char **argv, const struct surroundings *s)
{
	const struct command *c = argc > 1 ? find(argv[1]) : NULL;
	size_t i;

	(void)s;
	if (c)
		return help_of(c);
	if (argc > 1 && !strcmp(argv[1], "settings")) {
		fputs(help_settings, stdout);
		return EXIT_CLEAN;
	}
	if (argc > 1 && !strcmp(argv[1], "man")) {
		help_man(commands, COMMANDS);
		return EXIT_CLEAN;
	}
	if (argc > 1)
		return no_such(argv[1]);
	puts("curfew-scan: finds secrets in git repositories, folders and pushes.\n\n"
	     "usage: curfew-scan COMMAND [ARGUMENT]...\n");
	for (i = 0; i < COMMANDS; i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].summary);
	puts("\n'curfew-scan COMMAND --help' tells more and has examples, 'curfew-scan "
	     "help settings'\nlists the settings of the hooks.");
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
	const struct command *c;
	struct err e = ERR_INIT;
	int rc = EXIT_USAGE;

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
	c = find(argv[1]);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		rc = cmd_help(0, NULL, NULL);
	else if (!strcmp(argv[1], "--version"))
		rc = cmd_version(0, NULL, NULL);
	else if (!c)
		rc = no_such(argv[1]);
	else if (asks_help(argc, argv))
		rc = help_of(c);
	else
		rc = c->run(argc - 1, argv + 1, &s);
out:
	forget(&s);
	if (fflush(stdout) && rc == EXIT_CLEAN)
		rc = EXIT_ERROR;
	return rc;
}
