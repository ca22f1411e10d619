/*
 * man: what 'curfew-scan help' tells beside the commands, and the manual page.
 *
 * Nothing is written down twice: docs/man/curfew-scan.1 is what help_man()
 * prints, made from the command table and the texts here; a test compares, and
 * that every setting the hooks read and every option is in it.
 */
#include <stdio.h>
#include <string.h>

#include "base/roff.h"
#include "hooks/help.h"

const char help_settings[] =
	"Settings of the hooks, in the repository's own configuration: git config\n"
	"NAME VALUE, on the server of the bare repository. A pusher has no say in them.\n"
	"\n"
	"  curfew.minConfidence  refuse from this confidence on: low, medium or high\n"
	"                        (high)\n"
	"  curfew.maxTime        time of the hook, with its unit: 4s, 500ms, 1m (4s; the\n"
	"                        local hooks have a minute at least)\n"
	"  curfew.onTimeout      reject or accept what there was no time for (reject)\n"
	"  curfew.maxUnpacked    MB that all archives of a push together may unpack to\n"
	"                        (512)\n"
	"  curfew.maxFile        MB of the largest file that is looked at (256; up to 1000)\n"
	"  curfew.onUnread       reject or accept what is damaged, too big or nested too\n"
	"                        deep (reject)\n"
	"  curfew.allowOverride  heed 'git push -o curfew.allow=REASON', on record in the\n"
	"                        spool (false; git wants receive.advertisePushOptions too)\n"
	"  curfew.allowComments  heed curfew:allow and gitleaks:allow on the server, on\n"
	"                        record in the spool (false; local hooks always do)\n"
	"  curfew.config         a rule file (built in; the local hooks without it: as\n"
	"                        scan --staged)\n"
	"  curfew.ignoreFile     a file of lines as in .gitleaksignore\n"
	"  curfew.spool          folder where findings are sealed for 'curfew respond'\n"
	"  curfew.spoolKey       the public key they are sealed to, in hex\n"
	"  curfew.known          your own secrets by value, from 'curfew hook publish'\n"
	"  curfew.knownKey       who must have signed that file, in hex\n"
	"  curfew.cache          folder of the compiled rules (curfew in the repository)\n"
	"\n"
	"Examples:\n"
	"  git -C /srv/git/app.git config curfew.minConfidence medium\n"
	"  git -C /srv/git/app.git config curfew.maxTime 10s\n";

static const char files[] =
	"  .gitleaks.toml        rules of a scan of that folder or repository, and of the\n"
	"                        local hooks; not of the server's\n"
	"  .gitleaksignore       file:rule:line, commit:file:rule:line or rule:hash (the\n"
	"                        ContentFingerprint of a finding), one a line\n"
	"  ~/.cache/curfew       the compiled rules; made again when they do not fit\n"
	"  REPOSITORY/curfew     the same for the hook, from 'curfew-scan hook install'\n"
	"  hooks/pre-receive     or pre-commit, pre-push and pre-merge-commit; of Gitea and\n"
	"                        Forgejo hooks/pre-receive.d/curfew, of GitLab\n"
	"                        custom_hooks/pre-receive.d/curfew\n";

static const char environment[] =
	"  CURFEW_SCAN_CACHE     folder of the compiled rules; empty: none is kept (else\n"
	"                        XDG_CACHE_HOME/curfew, HOME/.cache/curfew)\n"
	"  GITLEAKS_CONFIG       a rule file, where no --config names one\n"
	"  GITLEAKS_CONFIG_TOML  the rules themselves\n"
	"\n"
	"The hooks also read what git and the server set for them: GIT_DIR,\n"
	"GIT_INDEX_FILE, GIT_OBJECT_DIRECTORY, GIT_ALTERNATE_OBJECT_DIRECTORIES,\n"
	"GIT_QUARANTINE_PATH, GIT_PUSH_OPTION_COUNT and _N; and for the record who pushes:\n"
	"the first of GL_USERNAME, GITEA_PUSHER_NAME, REMOTE_USER, LOGNAME, USER.\n";

static const struct {
	int code;
	const char *text;
} exits[] = {
	{ EXIT_CLEAN, "everything was looked at, nothing was found; a hook: let through" },
	{ EXIT_FOUND, "something was found (--exit-code changes it); a hook: refused" },
	{ EXIT_ERROR, "an error: nothing can be said; a hook: refused" },
	{ EXIT_INCOMPLETE, "nothing was found, but not everything could be looked at; "
	  "a hook: refused" },
	{ EXIT_USAGE, "wrong usage" },
};

static void section(const char *name, const char *text)
{
	printf(".SH %s\n", name);
	roff_block(text);
}

/* Its words on itself; those of scan begin with the line that stands above. */
static void command(const struct command *c)
{
	const char *more = c->more;

	fputs(".SS curfew\\-scan ", stdout);
	roff_text(c->name, strlen(c->name));
	if (*c->arguments)
		putchar(' ');
	roff_text(c->arguments, strlen(c->arguments));
	putchar('\n');
	roff_text(c->summary, strlen(c->summary));
	puts(".");
	if (c->help) {
		more = strstr(c->help, "\n\n");
		more = more ? more + 2 : NULL;
	}
	if (more) {
		puts(".PP");
		roff_block(more);
	}
}

void help_man(const struct command *v, size_t n)
{
	size_t i;

	puts(".TH CURFEW-SCAN 1 \"\" \"curfew " CURFEW_VERSION "\" \"User commands\"\n"
	     ".SH NAME\n"
	     "curfew\\-scan \\- find secrets in git repositories, folders and pushes\n"
	     ".SH SYNOPSIS\n.B curfew\\-scan\nCOMMAND [ARGUMENT]...\n"
	     ".SH DESCRIPTION\n"
	     "curfew\\-scan reads repositories, folders and pushes, and tells what "
	     "looks like a\nsecret, with the commit and path that brought it. It "
	     "reads the rules and allowlists\nof gitleaks v8, has rules of its own, "
	     "and makes no connection.\n"
	     ".PP\n"
	     "Started by git it refuses pushes and commits that bring secrets.\n"
	     ".SH COMMANDS");
	for (i = 0; i < n; i++)
		command(&v[i]);
	section("SETTINGS", help_settings);
	section("FILES", files);
	section("ENVIRONMENT", environment);
	puts(".SH EXIT STATUS");
	for (i = 0; i < sizeof(exits) / sizeof(*exits); i++) {
		printf(".TP\n.B %d\n", exits[i].code);
		roff_text(exits[i].text, strlen(exits[i].text));
		putchar('\n');
	}
	puts(".SH SEE ALSO\n.BR curfew (1),\n.BR githooks (5),\n.BR git\\-config (1)");
}
