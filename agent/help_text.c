/*
 * help_text: overview, help, man page and completion, made from the table.
 *
 * Nothing about a command is written down twice: what is printed here is the
 * row, in another shape.
 */
#include "agent/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/roff.h"

static bool hidden(const struct command *c)
{
	return (c->needs & NEED_HIDDEN) != 0;
}

void command_help(const struct command *c)
{
	(void)printf("Usage: curfew %s\n\n%c%s.\n\n%s\n", c->usage,
		     toupper((unsigned char)c->summary[0]), c->summary + 1,
		     c->help);
	(void)printf("'curfew help' shows the global options, 'curfew help "
		     "exit-codes' the exit codes.\n");
}

void command_overview(void)
{
	(void)printf("curfew: knows an organisation's non-human identities, "
		     "and ends any of them.\n\n"
		     "Usage: curfew [global options] COMMAND ...\n\n"
		     "Commands:\n");
	for (const struct command *c = commands; c->name != NULL; c++)
		if (!hidden(c))
			(void)printf("  %-18s %s\n", c->name, c->summary);
	(void)printf("\n%s\n'curfew COMMAND --help' tells more and has "
		     "examples.\n", command_globals);
}

/* ---- manual page --------------------------------------------------------- */

void command_man(void)
{
	(void)printf(".TH CURFEW 1 \"\" \"curfew %s\" \"User commands\"\n"
		     ".SH NAME\ncurfew \\- end non\\-human identities on one "
		     "command\n.SH SYNOPSIS\n.B curfew\n[global options] "
		     "COMMAND ...\n.SH DESCRIPTION\ncurfew keeps the map of an "
		     "organisation's service accounts, keys, bots and agents,\n"
		     "and ends any of them, with proof that they are dead.\n"
		     ".PP\n", CURFEW_VERSION);
	roff_block(command_globals);
	(void)puts(".SH COMMANDS");
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (hidden(c))
			continue;
		(void)fputs(".SS curfew ", stdout);
		roff_text(c->usage, strlen(c->usage));
		(void)fputs("\n", stdout);
		roff_text(c->summary, strlen(c->summary));
		(void)puts(".\n.PP");
		roff_block(c->help);
	}
	(void)puts(".SH EXIT STATUS");
	for (const struct exit_code *x = app_exit_codes; x->word != NULL; x++) {
		(void)printf(".TP\n.B %d\n", x->code);
		roff_text(x->text, strlen(x->text));
		(void)putchar('\n');
	}
	(void)puts(".SH SEE ALSO\n.BR curfew\\-scan (1),\n.BR curfew.toml (5)");
}

/* ---- completion ---------------------------------------------------------- */

/* The long options named in a help text: fn(name, rest of line). */
typedef void (*option_fn)(const char *name, size_t n, const char *text,
			  size_t text_n, const void *arg);

static void each_option(const char *help, option_fn fn, const void *arg)
{
	while (*help != '\0') {
		const size_t n = strcspn(help, "\n");
		const char *at = help + strspn(help, " ");

		if (at > help && at[0] == '-' && at[1] != '-' && at[2] == ',')
			at += 4; /* "-v, --verbose" */
		if (at > help && strncmp(at, "--", 2) == 0) {
			const size_t name = strcspn(at, " =\n");
			const char *text = at;

			while (text + 1 < help + n &&
			       !(text[0] == ' ' && text[1] == ' '))
				text++;
			while (text < help + n && *text == ' ')
				text++;
			fn(at, name, text, (size_t)(help + n - text), arg);
		}
		help += n + (help[n] == '\n');
	}
}

static void word_only(const char *name, size_t n, const char *text, size_t text_n,
		      const void *arg)
{
	(void)text;
	(void)text_n;
	(void)arg;
	(void)printf(" %.*s", (int)n, name);
}

static void fish_line(const char *name, size_t n, const char *text, size_t text_n,
		      const void *arg)
{
	(void)printf("complete -c curfew%s%s%s -l %.*s -d '",
		     arg != NULL ? " -n '__fish_seen_subcommand_from " : "",
		     arg != NULL ? (const char *)arg : "",
		     arg != NULL ? "'" : "", (int)n - 2, name + 2);
	for (size_t i = 0; i < text_n; i++)
		if (text[i] != '\'')
			(void)putchar(text[i]);
	(void)puts("'");
}

/* Second words of "provider ..." for the first word of a row, once. */
static bool first_of_its_word(const struct command *c, size_t n)
{
	for (const struct command *b = commands; b < c; b++)
		if (!hidden(b) && strcspn(b->name, " ") == n &&
		    strncmp(b->name, c->name, n) == 0)
			return false;
	return true;
}

static void print_first_words(void)
{
	for (const struct command *c = commands; c->name != NULL; c++) {
		const size_t n = strcspn(c->name, " ");

		if (!hidden(c) && first_of_its_word(c, n))
			(void)printf(" %.*s", (int)n, c->name);
	}
}

/* What may follow the first word: second words and all options. */
static void print_followers(const struct command *first, size_t n)
{
	for (const struct command *c = first; c->name != NULL; c++) {
		if (hidden(c) || strcspn(c->name, " ") != n ||
		    strncmp(c->name, first->name, n) != 0)
			continue;
		if (c->name[n] == ' ')
			(void)printf(" %s", c->name + n + 1);
		each_option(c->help, word_only, NULL);
	}
}

static void bash(bool zsh)
{
	if (zsh)
		(void)puts("#compdef curfew\n"
			   "autoload -U +X bashcompinit && bashcompinit");
	(void)fputs("_curfew()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
		    "cmd= w i\n"
		    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		    "\t\tcase ${COMP_WORDS[i]} in -*) ;; *) "
		    "cmd=${COMP_WORDS[i]}; break ;; esac\n\tdone\n"
		    "\tcase $cmd in\n\t'') w='", stdout);
	print_first_words();
	(void)fputs("' ;;\n", stdout);
	for (const struct command *c = commands; c->name != NULL; c++) {
		const size_t n = strcspn(c->name, " ");

		if (hidden(c) || !first_of_its_word(c, n))
			continue;
		(void)printf("\t%.*s) w='", (int)n, c->name);
		print_followers(c, n);
		(void)fputs("' ;;\n", stdout);
	}
	(void)fputs("\tesac\n\tcase $cur in -*) w=\"$w", stdout);
	each_option(command_globals, word_only, NULL);
	(void)puts("\" ;; esac\n"
		   "\tmapfile -t COMPREPLY < <(compgen -W \"$w\" -- \"$cur\")\n"
		   "}\ncomplete -o default -F _curfew curfew");
}

static void fish(void)
{
	(void)puts("complete -c curfew -f");
	each_option(command_globals, fish_line, NULL);
	for (const struct command *c = commands; c->name != NULL; c++) {
		char word[64];
		const size_t n = strcspn(c->name, " ");

		if (hidden(c))
			continue;
		(void)snprintf(word, sizeof word, "%.*s", (int)n, c->name);
		if (first_of_its_word(c, n))
			(void)printf("complete -c curfew -n "
				     "__fish_use_subcommand -a %s -d '%s'\n",
				     word, c->summary);
		if (c->name[n] == ' ')
			(void)printf("complete -c curfew -n "
				     "'__fish_seen_subcommand_from %s' -a '%s' "
				     "-d '%s'\n", word, c->name + n + 1,
				     c->summary);
		each_option(c->help, fish_line, word);
	}
}

int command_completion(const char *shell, struct err *e)
{
	if (strcmp(shell, "bash") == 0)
		bash(false);
	else if (strcmp(shell, "zsh") == 0)
		bash(true);
	else if (strcmp(shell, "fish") == 0)
		fish();
	else
		return err_fail(e, ERR_USAGE, shell,
				"completion is there for bash, zsh and fish");
	return 0;
}
