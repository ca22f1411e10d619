/*
 * commands: the table.
 *
 * Owns the names, what each needs and what its help says; help, completion and
 * man page come from here (house style 32).
 */
#include "agent/commands.h"

#include <string.h>

const char command_globals[] =
	"Global options (before or after the command):\n"
	"  --dir DIR               the vault's folder (else $CURFEW_DIR, "
	"/var/lib/curfew for root,\n"
	"                          ~/.local/share/curfew)\n"
	"  --config FILE           the configuration (else DIR/curfew.toml, "
	"/etc/curfew/curfew.toml)\n"
	"  --key-file FILE         open the vault with this key file\n"
	"  --passphrase-file FILE  read the passphrase from FILE ('-': standard "
	"input)\n"
	"  --passphrase-fd N       read the passphrase from descriptor N\n"
	"  --break-glass FILE      open with an offline recipient key\n"
	"  --json                  answer in JSON\n"
	"  --no-input              never ask\n"
	"  --no-color              no colour, no progress line\n"
	"  -v, --verbose           say more; twice: say everything\n"
	"  -q, --quiet             say only errors\n"
	"  -h, --help              help on the command\n";

const struct command commands[] = {
	{ "provider list", cmd_provider_list,
	  "which kinds of service there are", NEED_CONFIG | NEED_LAUNCHER,
	  "provider list",
	  "Names the programs curfew-provider-* that are found, in the order "
	  "[providers] path,\nthe installed folder, the folder of curfew "
	  "itself, DIR/providers.\n\n"
	  "Examples:\n"
	  "  curfew provider list\n", NULL },
	{ "provider check", cmd_provider_check,
	  "start a provider program and describe it",
	  NEED_CONFIG | NEED_LAUNCHER, "provider check TYPE",
	  "Says hello to the program: its protocol, verbs, settings and facts. "
	  "No connection is\nopened.\n\n"
	  "Examples:\n"
	  "  curfew provider check postgres\n", NULL },
	{ "help", cmd_help, "help on a command or a topic", 0,
	  "help [COMMAND | exit-codes | man | completion bash|zsh|fish]",
	  "Examples:\n"
	  "  curfew help connect\n"
	  "  curfew help exit-codes\n"
	  "  curfew help completion bash > "
	  "/etc/bash_completion.d/curfew\n", NULL },
	{ "version", cmd_version, "the version, and what this build can do", 0,
	  "version", "Examples:\n  curfew version\n", NULL },
	{ NULL, NULL, NULL, 0, NULL, NULL, NULL }
};

/* How many of argv's words the name takes; 0: it is not this one. */
static int words_match(const char *name, int argc, char **argv)
{
	int i = 0;

	while (*name != '\0') {
		const size_t n = strcspn(name, " ");

		if (i == argc || strlen(argv[i]) != n ||
		    strncmp(argv[i], name, n) != 0)
			return 0;
		i++;
		name += n + (name[n] == ' ');
	}
	return i;
}

const struct command *command_find(int argc, char **argv, int *used)
{
	const struct command *best = NULL;

	*used = 0;
	for (const struct command *c = commands; c->name != NULL; c++) {
		const int n = words_match(c->name, argc, argv);

		if (n > *used) {
			*used = n;
			best = c;
		}
	}
	return best;
}

const char *const *command_names(void)
{
	static const char *names[sizeof commands / sizeof *commands];
	size_t n = 0;

	for (const struct command *c = commands; c->name != NULL; c++)
		if ((c->needs & NEED_HIDDEN) == 0)
			names[n++] = c->name;
	names[n] = NULL;
	return names;
}
