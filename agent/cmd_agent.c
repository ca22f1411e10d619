/*
 * cmd_agent: one long-running process that does what `sweep` does when
 * something is due.
 *
 * Between rounds the vault is closed and its lock free, so that a kill never
 * waits for the agent; what stays in locked memory are the keys that open it.
 * Promises: SIGTERM ends it in order, with what was sent and answered written
 * down; SIGHUP reads the configuration again and keeps the old one when the new
 * one is wrong; nothing is due and not noticed longer than TICK_MS.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/sdnotify.h"
#include "agent/unlock.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/store.h"

#define TICK_MS 60000	   /* the deadlines are looked at, without a key */
#define ROUND_MS 900000	   /* the longest time without a round */
#define AGAIN_MS 60000	   /* after a round that left something overdue */
#define BUSY_MS 5000	   /* another curfew had the vault */
#define PATIENCE "60s"

struct agent {
	struct app *app;
	struct unlock_keys *keys;
	int timer, wake[2];
	int64_t round_at; /* wall: not before, unless 0 */
	int64_t last_ms;  /* of the last round */
	uint64_t rounds;
	int worst;	  /* exit code of the last round */
};

/* ---- signals --------------------------------------------------------------- */

static volatile sig_atomic_t ending, reloading;
static int wake_fd = -1;

static void on_signal(int sig)
{
	const int saved = errno;

	if (sig == SIGHUP)
		reloading = 1;
	else
		ending = 1;
	(void)!write(wake_fd, "", 1);
	errno = saved;
}

static int watch_signals(struct agent *a, struct err *e)
{
	struct sigaction sa = { .sa_handler = on_signal };
	static const int which[] = { SIGTERM, SIGINT, SIGHUP };

	if (pipe2(a->wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, NULL, "make a pipe");
	wake_fd = a->wake[1];
	(void)sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof which / sizeof *which; i++)
		if (sigaction(which[i], &sa, NULL) < 0)
			return err_sys(e, NULL, "set up signals");
	return 0;
}

/* ---- the configuration ------------------------------------------------------ */

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What the launcher and the sandbox took from the file at the start. */
static bool needs_restart(const struct config *was, const struct config *is)
{
	bool other = !same(was->key_file, is->key_file) ||
		     !same(was->head_file, is->head_file) ||
		     !same(was->provider_path, is->provider_path) ||
		     !same(was->spool, is->spool) ||
		     was->n_alarms != is->n_alarms;

	for (size_t i = 0; !other && i < is->n_alarms; i++) {
		const struct config_alarm *x = &was->alarms[i];
		const struct config_alarm *y = &is->alarms[i];

		other = !same(x->n_program > 0 ? x->program[0] : NULL,
			      y->n_program > 0 ? y->program[0] : NULL) ||
			!same(x->sendmail, y->sendmail);
	}
	return other;
}

static void reload(struct agent *a)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	reloading = 0;
	sdnotify("RELOADING=1\nSTATUS=reading the configuration");
	if (config_read(a->app->config_path, &c, &e) < 0) {
		err_state(&e, "the one in use stays");
		log_err(LOG_ERROR, &e);
	} else {
		if (needs_restart(a->app->config, c))
			log_line(LOG_WARNING, "%s: folders, key files and "
				 "programs of alarms are those of the start; "
				 "restart the agent for the new ones",
				 a->app->config_path);
		config_free(&a->app->config);
		a->app->config = c;
		log_line(LOG_NOTICE, "%s: read again", a->app->config_path);
		a->round_at = 0; /* something new may be due */
		a->last_ms = 0;
	}
	sdnotify("READY=1");
}

/* ---- a round ----------------------------------------------------------------- */

static int sweep(struct app *app)
{
	char word[] = "sweep", option[] = "--wait", span[] = PATIENCE;
	char *argv[] = { word, option, span, NULL };

	return cmd_sweep(app, 3, argv);
}

/* Delays the next round; what is overdue then has been tried just now. */
static void round_over(struct agent *a, int64_t pause_ms)
{
	a->last_ms = clock_wall_ms();
	a->round_at = a->last_ms + pause_ms;
}

static void round_once(struct agent *a)
{
	struct err e = ERR_INIT;

	sdnotify("STATUS=at work, round %llu",
		 (unsigned long long)a->rounds + 1);
	if (unlock_open(a->app, a->keys, true, &e) < 0) {
		const bool busy = err_is(&e, ERR_BUSY);

		log_err(busy ? LOG_INFO : LOG_ERROR, &e);
		a->worst = app_exit_code(&e);
		round_over(a, busy ? BUSY_MS : AGAIN_MS);
		return;
	}
	a->worst = sweep(a->app);
	vault_close(&a->app->vault);
	a->rounds++;
	round_over(a, AGAIN_MS);
	(void)fflush(stdout);
}

/* When the next round is; *overdue as the unsealed deadlines tell. */
static int64_t next_round(struct agent *a, uint64_t *overdue)
{
	const int64_t now = clock_wall_ms();
	int64_t at = a->last_ms + ROUND_MS;
	struct store_deadlines d;
	struct err e = ERR_INIT;

	*overdue = 0;
	if (store_deadlines(a->app->dir, now, &d, &e) < 0) {
		log_err(LOG_ERROR, &e);
		return now + AGAIN_MS;
	}
	/* an expired credential is no work of ours */
	for (unsigned t = 0; t < STORE_TABLES; t++)
		if (t != STORE_CREDENTIAL)
			*overdue += d.overdue[t];
	if (*overdue > 0)
		at = now;
	else if (d.next_ms != 0 && d.next_ms < at)
		at = d.next_ms;
	/* a clock set back must not put a round off for ever */
	if (a->last_ms > now)
		a->last_ms = a->round_at = now;
	return at < a->round_at ? a->round_at : at;
}

/* ---- waiting ----------------------------------------------------------------- */

static void wait_until(struct agent *a, int64_t at, uint64_t overdue)
{
	const int64_t now = clock_wall_ms(), dog = sdnotify_watchdog_ms() / 2;
	int64_t ms = at - now < TICK_MS ? at - now : TICK_MS;
	struct pollfd p[2] = {
		{ .fd = a->timer, .events = POLLIN },
		{ .fd = a->wake[0], .events = POLLIN },
	};
	char drop[64], text[CLOCK_TEXT];

	if (dog > 0 && ms > dog)
		ms = dog;
	sdnotify("WATCHDOG=1\nSTATUS=%llu overdue, next round at %s, %llu done",
		 (unsigned long long)overdue, clock_text(at, text),
		 (unsigned long long)a->rounds);
	if (ms <= 0)
		return;
	clock_timer_set(a->timer, ms);
	(void)poll(p, 2, -1);
	(void)!read(a->timer, drop, sizeof(uint64_t));
	while (read(a->wake[0], drop, sizeof drop) > 0)
		;
}

static void run(struct agent *a)
{
	sdnotify("READY=1\nSTATUS=started");
	log_line(LOG_NOTICE, "agent started");
	while (!ending && !drive_interrupted()) {
		uint64_t overdue;
		int64_t at;

		if (reloading)
			reload(a);
		at = next_round(a, &overdue);
		if (at <= clock_wall_ms())
			round_once(a);
		else
			wait_until(a, at, overdue);
	}
	sdnotify("STOPPING=1\nSTATUS=ending");
	log_line(LOG_NOTICE, "agent ended");
}

/* ---- the command ------------------------------------------------------------- */

/* The key must open the vault now, not at night. */
static int try_key(struct agent *a, struct err *e)
{
	struct err busy = ERR_INIT;

	if (unlock_open(a->app, a->keys, false, &busy) < 0) {
		*e = busy;
		return -1;
	}
	vault_close(&a->app->vault);
	return 0;
}

int cmd_agent(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct agent a = { .app = app, .timer = -1, .wake = { -1, -1 } };
	struct err e = ERR_INIT;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		goto out;
	if (n > 0) {
		(void)err_fail(&e, ERR_USAGE, rest[0], "nothing more is taken");
		goto out;
	}
	if (unlock_gather_given(app, &a.keys, &e) < 0 || try_key(&a, &e) < 0)
		goto out;
	a.timer = clock_timer_open();
	if (a.timer < 0) {
		(void)err_sys(&e, NULL, "make a timer");
		goto out;
	}
	if (watch_signals(&a, &e) < 0)
		goto out;
	/* a kill has the vault when it wants it; the agent tries again */
	app->lock_wait_ms = 0;
	run(&a);
	code = EXIT_OK;
out:
	if (code < 0)
		(void)err_ctx(&e, NULL, "run the agent");
	wake_fd = -1;
	for (int i = 0; i < 2; i++)
		if (a.wake[i] >= 0)
			(void)close(a.wake[i]);
	if (a.timer >= 0)
		(void)close(a.timer);
	unlock_keys_free(&a.keys);
	return code < 0 ? app_fail(app, &e) : code;
}
