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
	{ "connect", cmd_connect,
	  "add a service account that curfew works with",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE | NEED_HELP,
	  "connect TYPE NAME [--set KEY=VALUE]... [options]",
	  "Asks for the admin credential on the terminal unless told where it "
	  "is, tries it, and\nonly then stores it. 'curfew connect --help TYPE' "
	  "shows the settings of a type,\n'curfew provider list' the types.\n\n"
	  "Options:\n"
	  "  --set KEY=VALUE     a setting of the provider; may be repeated\n"
	  "  --secret-file FILE  read the admin credential from FILE\n"
	  "  --secret-stdin      read it from standard input\n"
	  "  --replace           change an existing connection; its inventory "
	  "is kept\n\n"
	  "Examples:\n"
	  "  curfew connect postgres pg-main --set host=db.example.org --set "
	  "user=curfew\n"
	  "  curfew connect ssh web --set folder=/srv/keys\n"
	  "  curfew connect --help postgres\n",
	  "--secret-file=r" },
	{ "disconnect", cmd_disconnect,
	  "forget a connection and what was seen there",
	  NEED_CONFIG | NEED_WRITE, "disconnect NAME [--yes] [--force]",
	  "Tells what is going to be forgotten and asks for the name. Nothing "
	  "is changed at the\nservice.\n\n"
	  "Options:\n"
	  "  --yes    do not ask\n"
	  "  --force  even when an open incident still works there\n\n"
	  "Examples:\n"
	  "  curfew disconnect pg-old\n", NULL },
	{ "sync", cmd_sync, "read what lives at the connections",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE, "sync [NAME]...",
	  "Lists all connections (or the named ones) at once and stores what "
	  "was seen. What a\nlisting does not show is marked missing, never "
	  "forgotten. Exit 7 when one failed; the\nothers are stored.\n\n"
	  "Examples:\n"
	  "  curfew sync\n"
	  "  curfew sync pg-main aws-prod\n", NULL },
	{ "list", cmd_list, "show the inventory, filtered",
	  NEED_CONFIG | NEED_VAULT,
	  "list [credentials|accounts|identities|connections|grants|"
	  "suggestions] [filters]",
	  "Options:\n"
	  "  --identity NAME    only of this identity\n"
	  "  --connection NAME  only at this connection\n"
	  "  --tag TAG          only of identities with this tag\n"
	  "  --owner NAME       only of this owner\n"
	  "  --kind KIND        only this kind (password, key, ...)\n"
	  "  --state STATE      active, disabled, expired, revoked, dead, "
	  "unknown, missing\n"
	  "  --glob PATTERN     only addresses that match (* and ?)\n"
	  "  --stale            not used, or not changed, for [inventory] "
	  "stale\n"
	  "  --ownerless        nobody answers for it\n"
	  "  --never-expires    alive without an expiry date\n"
	  "  --new              first seen by the last sync\n"
	  "  --sort COLUMN      address, age, used, expires, owner, identity, "
	  "state; '-COLUMN' reverses\n"
	  "  --csv              comma-separated, RFC 4180\n\n"
	  "Examples:\n"
	  "  curfew list --stale --ownerless\n"
	  "  curfew list credentials --kind password --sort -age\n"
	  "  curfew list identities --json\n"
	  "  curfew list suggestions >> curfew.toml\n", NULL },
	{ "show", cmd_show, "everything known about an address or identity",
	  NEED_CONFIG | NEED_VAULT, "show ADDRESS|IDENTITY",
	  "ADDRESS is CONNECTION, CONNECTION/ACCOUNT or CONNECTION/ACCOUNT#ID. "
	  "Tells what is\nknown, where that comes from, and what a kill would "
	  "do.\n\n"
	  "Examples:\n"
	  "  curfew show ci-bot\n"
	  "  curfew show pg-main/ci_bot\n"
	  "  curfew show 'pg-main/ci_bot#password'\n", NULL },
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
#ifdef CURFEW_TEST
	{ "try-forbidden", cmd_try_forbidden,
	  "test builds: try what the sandbox forbids",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_VAULT | NEED_HIDDEN,
	  "try-forbidden WHAT", "", NULL },
#endif
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
