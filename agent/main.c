/*
 * main: start-up in its one order, and the end.
 *
 * environment noted → hardened → secret memory → configuration → launcher
 * forked → vault unlocked → confined → command.  The launcher is forked before
 * any key exists; after confine() the core can neither fork, exec nor open a
 * socket.  The end checks that what was printed really left.
 */
#include "agent/main.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/engine/link.h"
#include "agent/incident_files.h"
#include "agent/sdnotify.h"
#include "base/harden.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "vault/reserve.h"

struct start { /* what the end has to undo */
	struct globals g;
	struct app app;
	char *dir, *config_path, *provider_path, *scan_cache;
	bool locked, stdout_closed;
};

/* A closed stdout becomes one that cannot be written to, so that the command
 * still runs and the lost answer is told at the end. */
static bool guard_stdout(void)
{
	int fd;

	if (fcntl(STDOUT_FILENO, F_GETFD) >= 0 || errno != EBADF)
		return false;
	fd = open("/dev/full", O_WRONLY);
	if (fd >= 0 && fd != STDOUT_FILENO) {
		(void)dup2(fd, STDOUT_FILENO);
		(void)close(fd);
	}
	return true;
}

/* 0, or EXIT_STORE when output was lost and nothing worse is to be told. */
static int finish_stdout(const struct start *s, int code)
{
	const bool bad = ferror(stdout) != 0;
	int why = 0;

	if (fflush(stdout) != 0 || bad) {
		why = errno != 0 ? errno : EIO;
	} else if (!s->stdout_closed && close(STDOUT_FILENO) < 0 &&
		   errno != EBADF) {
		why = errno;
	}
	if (why == 0)
		return code;
	(void)fprintf(stderr,
		      "curfew: cannot write the answer: standard output: %s; "
		      "what the command did stands\n",
		      s->stdout_closed ? "is closed" : strerror(why));
	return code == EXIT_OK ? EXIT_STORE : code;
}

static int check_locked(const struct start *s, struct err *e)
{
	if (s->locked)
		return 0;
	if (s->app.config != NULL && s->app.config->require_locked) {
		(void)err_fail(e, ERR_POLICY, NULL,
			       "memory cannot be locked, and [process] "
			       "require_locked_memory asks for it");
		err_state(e, "nothing was opened");
		err_hint(e, "raise the limit: ulimit -l, or LimitMEMLOCK=");
		return -1;
	}
#ifndef SECRET_PLAIN_ARENA /* the sanitizers' build has none that could be */
	log_line(LOG_WARNING, "memory cannot be locked: secrets may reach the "
			      "swap space; raise ulimit -l");
#endif
	return 0;
}

/* The programs that an alarm may start; borrowed. */
static int gather_hooks(const struct config *c, const char ***out, struct err *e)
{
	size_t n = 0;

	*out = mem_array((c != NULL ? 2 * c->n_alarms : 0) + 1, sizeof **out);
	if (*out == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t i = 0; c != NULL && i < c->n_alarms; i++) {
		const struct config_alarm *a = &c->alarms[i];

		if (a->n_program > 0)
			(*out)[n++] = a->program[0];
		if (a->n_mail > 0)
			(*out)[n++] = a->sendmail;
	}
	return 0;
}

static int start_launcher(struct start *s, struct err *e)
{
	struct protect files = { .n = 0 };
	const char **hooks = NULL;
	int rc = -1;

	s->provider_path = globals_provider_path(&s->g, s->dir,
						 s->app.config);
	if (s->provider_path == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (gather_hooks(s->app.config, &hooks, e) == 0 &&
	    protect_gather(&s->app, &files, e) == 0)
		rc = launcher_start_protecting(s->provider_path,
					       (const char *const *)files.v,
					       hooks, &s->app.launcher, e);
	protect_free(&files);
	mem_free(hooks);
	return rc;
}

/* A sweep that cron started ends soon; a kill is not put off for it. */
#define KILL_LOCK_WAIT_MS 10000

/* Does this call of a NEED_ALONE row do without the vault?  A secret on standard
 * input, when there is no vault or it shall stay shut; an incident's file. */
static bool alone(const struct start *s, const struct command *row, int argc,
		  char **argv)
{
	const bool kill = strcmp(row->name, "kill") == 0;
	bool secret = false, shut = false, file = false;
	char *vault = io_path(s->dir, "vault.db"), *path;

	if (vault != NULL && access(vault, F_OK) < 0 && errno == ENOENT)
		shut = true;
	mem_free(vault);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		secret = secret || strcmp(argv[i], "--secret-stdin") == 0;
		shut = shut || (kill && strcmp(argv[i], "--no-vault") == 0);
		path = !kill && argv[i][0] != '-' ?
			       incident_file(s->dir, argv[i]) : NULL;
		file = file || path != NULL;
		mem_free(path);
	}
	return kill ? secret && shut : file || shut;
}

/* A folder for the incident; where none can be made the kill goes on without. */
static unsigned alone_needs(const struct start *s, const struct command *row,
			    unsigned needs)
{
	if (strcmp(row->name, "kill") == 0)
		(void)!io_mkdirs(s->dir, 0700, NULL);
	return needs & (unsigned)~(NEED_VAULT | NEED_WRITE);
}

/* Everything a row needs, in the one order. */
static int prepare(struct start *s, const struct command *row, int argc, char **argv,
		   struct err *e)
{
	struct app *app = &s->app;
	unsigned needs = row->needs;

	if (app->help) /* NEED_HELP: only what tells about programs */
		needs &= (unsigned)~(NEED_VAULT | NEED_WRITE | NEED_DIR);
	s->dir = globals_dir(&s->g);
	s->config_path = s->dir != NULL ? globals_config(&s->g, s->dir) : NULL;
	if (s->config_path == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	app->dir = s->dir;
	app->config_path = s->config_path;
	if (strcmp(row->name, "scan") == 0)
		app->scan_cache = s->scan_cache = globals_scan_cache(&s->g);
	if ((needs & NEED_ALONE) != 0 && alone(s, row, argc, argv))
		needs = alone_needs(s, row, needs);
	if ((needs & (NEED_CONFIG | NEED_VAULT | NEED_WRITE)) != 0 &&
	    config_read(s->config_path, &app->config, e) < 0)
		return -1;
	if (app->config != NULL && app->config->head_file != NULL &&
	    vault_head_at(s->dir, app->config->head_file, e) < 0)
		return -1;
	if (needs != 0 && check_locked(s, e) < 0)
		return -1;
	if ((needs & NEED_DIR) != 0 && io_mkdirs(s->dir, 0700, e) < 0)
		return -1;
	/* the desktop keyring is asked through the launcher, so opening the
	 * vault needs it too */
	if ((needs & (NEED_LAUNCHER | NEED_VAULT | NEED_WRITE)) != 0 &&
	    start_launcher(s, e) < 0)
		return -1;
	if (strcmp(row->name, "kill") == 0) {
		app->lock_wait_ms = KILL_LOCK_WAIT_MS;
		if ((needs & NEED_WRITE) != 0 && reserve_make_way(s->dir))
			log_line(LOG_WARNING, "the vault's disk is full: the "
				 "room that was kept back is used");
		cmd_kill_early(app, argc, argv);
	}
	if ((needs & (NEED_VAULT | NEED_WRITE)) != 0 &&
	    unlock_vault(app, (needs & NEED_WRITE) != 0, e) < 0) {
		if (e->code == ERR_ABSENT)
			err_hint(e, "make one: curfew --dir %s init", s->dir);
		return -1;
	}
	if ((needs & NEED_LAUNCHER) == 0)
		launcher_stop(&app->launcher);
	if (strcmp(row->name, "agent") == 0 && sdnotify_open(e) < 0)
		return -1;
	return confine(app, row, argc, argv, e);
}

static int unknown_command(const struct app *app, int argc, char **argv)
{
	const size_t n = strlen(argv[1]);
	struct err e = ERR_INIT;
	char word[128];
	bool group = false;

	for (const char *const *c = command_names(); *c != NULL; c++)
		group = group || (strncmp(*c, argv[1], n) == 0 && (*c)[n] == ' ');
	(void)snprintf(word, sizeof word, "%s%s%s", argv[1],
		       group && argc > 2 ? " " : "",
		       group && argc > 2 ? argv[2] : "");
	(void)err_fail(&e, ERR_USAGE, word, "no such command");
	args_hint_near(word, command_names(), &e);
	err_hint(&e, "'curfew help' lists them");
	return app_fail(app, &e);
}

/* A sweep that cron starts while another works is no news: nobody is to be
 * mailed for it.  Its exit code tells. */
static bool quiet_busy(const struct start *s, const struct command *row,
		       const struct err *e)
{
	return err_is(e, ERR_BUSY) && strcmp(row->name, "sweep") == 0 &&
	       !s->app.json && !s->app.verbose && !isatty(STDOUT_FILENO) &&
	       !isatty(STDERR_FILENO);
}

static int run(struct start *s, int argc, char **argv)
{
	struct err e = ERR_INIT;
	const struct command *row;
	int used = 0;

	if (s->g.version && argc < 2) {
		(void)printf("curfew %s\n", CURFEW_VERSION);
		return EXIT_OK;
	}
	if (argc < 2) {
		command_overview();
		return s->g.help ? EXIT_OK : EXIT_BAD_USE;
	}
	row = command_find(argc - 1, argv + 1, &used);
	if (row == NULL)
		return unknown_command(&s->app, argc, argv);
	argv += used;
	argc -= used;
	s->app.help = s->g.help && (row->needs & NEED_HELP) != 0 && argc > 1;
	if (s->g.help && !s->app.help) {
		command_help(row);
		return EXIT_OK;
	}
	/* a copy: getopt wants a writable argv[0] with the command's name */
	argv[0] = mem_strdup(row->name);
	if (argv[0] == NULL)
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	if (e.code == ERR_NONE && prepare(s, row, argc, argv, &e) == 0)
		return row->run(&s->app, argc, argv);
	if (quiet_busy(s, row, &e))
		return EXIT_BUSY;
	return app_fail(&s->app, &e);
}

static int boot(struct start *s, int *argc, char **argv, struct err *e)
{
	enum log_level level = LOG_NOTICE;
	int keep[1];

	if (globals_take(&s->g, argc, argv, e) < 0)
		return -1;
	keep[0] = s->g.unlock.passphrase_fd;
	if (harden_start(keep, keep[0] >= 0 ? 1 : 0, e) < 0 ||
	    secret_boot(&s->locked, e) < 0)
		return -1;
	if (s->g.quiet)
		level = LOG_ERROR;
	else if (s->g.verbose > 0)
		level = s->g.verbose > 1 ? LOG_DEBUG : LOG_INFO;
	log_setup("curfew", level, false);
	s->app.landlock = harden_have_landlock();
	s->app.json = s->g.json;
	s->app.no_input = s->g.no_input;
	s->app.verbose = s->g.verbose > 0;
	s->app.quiet = s->g.quiet;
	s->app.unlock = &s->g.unlock;
	s->app.out_tty = !s->g.no_color && log_fancy(STDOUT_FILENO);
	s->app.err_tty = !s->g.no_color && log_fancy(STDERR_FILENO);
	return 0;
}

int main(int argc, char **argv)
{
	static struct start s;
	struct err e = ERR_INIT;
	int code;

	s.stdout_closed = guard_stdout();
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	tzset(); /* reads the zone's file while it still can */
	globals_note_environ(&s.g);
	launch_note_environ();
	unlock_note_environ();
	sdnotify_note_environ();
	if (boot(&s, &argc, argv, &e) < 0)
		code = app_fail(&s.app, &e);
	else
		code = run(&s, argc, argv);
	app_progress_done(&s.app);
	link_close(&s.app.any);
	vault_close(&s.app.vault);
	launcher_stop(&s.app.launcher);
	config_free(&s.app.config);
	mem_free(s.dir);
	mem_free(s.scan_cache);
	mem_free(s.config_path);
	mem_free(s.provider_path);
	return finish_stdout(&s, code);
}
