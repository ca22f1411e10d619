/*
 * app: what every command gets, and the command table's row.
 *
 * main() reads the global options, hardens, forks the launcher, and prepares
 * just what a row says it needs, in this order: config, launcher, vault (open,
 * locked for writing when asked), sandbox.  A command then runs confined.
 */
#ifndef AGENT_APP_H
#define AGENT_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/launch.h"
#include "vault/vault.h"

enum { /* exit codes; one table, docs/exit-codes is made from it */
	EXIT_OK = 0,
	EXIT_NO = 1,	   /* the answer is no: overdue, differences, not found */
	EXIT_BAD_USE = 2,  /* usage or configuration */
	EXIT_DYING = 3,	   /* all revoked, some dying until a told time */
	EXIT_ALIVE = 4,	   /* some alive */
	EXIT_STORE = 5,	   /* the vault: locked, damaged, altered, full */
	EXIT_PROVIDER = 7, /* a provider could not be reached or refused */
	EXIT_POLICY = 9,   /* refused by policy, or not confirmed */
	EXIT_BUG = 70,
	EXIT_BUSY = 75,	   /* another curfew works on this vault */
};

enum {
	NEED_CONFIG = 1,
	NEED_LAUNCHER = 2,
	NEED_VAULT = 4, /* open for reading */
	NEED_WRITE = 8, /* open, locked for writing */
	NEED_DIR = 16,	/* DIR is made when it is not there (init, restore) */
	NEED_HELP = 32, /* "--help WORD" is the command's own affair: it runs
			 * with app->help set and without the vault */
	NEED_ALONE = 256, /* does without the vault where there is none and the
			   * words allow it (main.c, alone()) */
	NEED_KEYS = 128, /* calls unlock_gather() itself: key files stay in reach */
	NEED_HIDDEN = 64, /* in no overview: test builds' helpers */
};

struct unlock_options; /* agent/unlock.h */
struct link;	       /* agent/engine/link.h */

#define APP_WARM 16

struct app {
	const char *dir;	 /* vault directory */
	const char *scan_cache;	 /* a folder for curfew-scan, or NULL */
	const char *config_path; /* the file that was or would be read */
	struct config *config;	 /* NULL unless NEED_CONFIG */
	struct launcher *launcher;
	struct vault *vault;
	const struct unlock_options *unlock; /* how to open it; may be NULL */
	/* csv, dry_run and yes are for the commands to set from their own
	 * options; the others are global options */
	int64_t lock_wait_ms; /* how long another curfew is waited for */
	bool json, csv, dry_run, yes, no_input, verbose, quiet, help;
	/* links that were opened before the driver runs; it takes its own */
	struct link *warm[APP_WARM];
	size_t n_warm;
	struct link *any; /* begun before the vault was opened (cmd_kill_early) */
	bool landlock; /* the kernel has it; cannot be asked after start-up */
	int out_tty, err_tty;	 /* fancy output allowed on stdout / stderr */
};

struct command {
	const char *name;	 /* "kill", "vault slot add" ... */
	/* argv[0] is the whole name; global options are taken out already.
	 * Returns an exit code. */
	int (*run)(struct app *app, int argc, char **argv);
	const char *summary;	 /* one line for the overview */
	unsigned needs;
	const char *usage;	 /* "kill [options] TARGET..." */
	/* "Options:" and "Examples:", each line "  --option ARG  text" */
	const char *help;
	/* Files the command touches outside of DIR, for the sandbox: words
	 * "--option=r", "--option=w", "N=r", "N=w" (N-th argument that is no
	 * option, from 1): the file itself for reading, or its folder for
	 * writing.  NULL: none. */
	const char *files;
};

/* Maps an error to an exit code and prints it; the way every command ends. */
int app_fail(const struct app *app, const struct err *e);
int app_exit_code(const struct err *e);

/* The table of exit codes, ends with a NULL word. */
struct exit_code {
	int code;
	const char *word, *text;
};
extern const struct exit_code app_exit_codes[];

/* Ask the operator to type `word` (NULL: "yes").  Nothing is asked when
 * app->yes; without a terminal or with --no-input it is ERR_POLICY. */
int app_confirm(const struct app *app, const char *question, const char *word,
		struct err *e) __attribute__((warn_unused_result));

/* The reporter of progress on stderr: nothing unless it is a terminal. */
void app_progress(const struct app *app, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void app_progress_done(const struct app *app);

#endif
