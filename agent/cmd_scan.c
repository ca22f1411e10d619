/*
 * cmd_scan: a repository or folder, looked through by curfew-scan, held against
 * the vault.
 *
 * The scanner is started by the launcher, may read the path and nothing of
 * ours, and answers on a pipe, a line a finding (docs/respond.md).  It is given
 * the set of known secrets on its standard input.  Promises: what it finds is
 * kept sealed before it is told; an answer without its end is an error; while it
 * works the vault is closed, so that a kill need not wait for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/intake.h"
#include "agent/publish.h"
#include "agent/report/out.h"
#include "agent/unlock.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/lineproto.h"
#include "base/mem.h"

#define ARGS_MAX 60u
#define TICK_MS 500
#define LOCK_WAIT_MS 10000 /* a sweep that cron started ends soon */

struct scan_args {
	const char *rules, *least, *threads, *baseline, *ignore, *max;
	bool dir, staged;
	struct arg_list also, with;
	char *path;
};

struct found {
	struct finding f;
	struct secret *value;
};

struct scan {
	struct app *app;
	struct scan_args a;
	struct intake in;
	struct found *v; /* until the vault is open again */
	size_t n, cap;
	struct unlock_keys *keys;
	struct launch_child child;
	struct lp *lp;
	bool ended, incomplete;
	size_t told; /* lines of findings */
	char *own[ARGS_MAX]; /* absolute paths made here */
	size_t n_own;
	char how[80];
};

/* ---- starting --------------------------------------------------------------- */

/* The helper works in another folder: names must not depend on ours. */
static const char *absolute(struct scan *s, const char *path, struct err *e)
{
	char *real = realpath(path, NULL);

	if (real == NULL) {
		/* exit 1 would say that something was found */
		(void)err_fail(e, ERR_USAGE, path, "%s", strerror(errno));
		return NULL;
	}
	s->own[s->n_own] = mem_strdup(real);
	free(real); /* realpath's own, from malloc */
	if (s->own[s->n_own] == NULL) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	return s->own[s->n_own++];
}

static int start(struct scan *s, struct err *e)
{
	const char *argv[ARGS_MAX + 16] = { "scan", "--report-format", "lines",
					    "--known", "-" };
	const char *readable[ARGS_MAX] = { NULL };
	const char *writable[2] = { s->app->scan_cache, NULL };
	const struct {
		const char *option, *value;
		bool path;
	} with_value[] = {
		{ "--config", s->a.rules, true },
		{ "--baseline-path", s->a.baseline, true },
		{ "--gitleaks-ignore-path", s->a.ignore, true },
		{ "--threads", s->a.threads, false },
		{ "--max-target-megabytes", s->a.max, false },
		{ "--cache", s->app->scan_cache, false },
	};
	struct launch_spec spec = { .program = "curfew-scan", .argv = argv,
				    .readable = readable,
				    .writable = writable };
	size_t n = 5, r = 0;

	for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++) {
		if (with_value[i].value == NULL)
			continue;
		argv[n++] = with_value[i].option;
		argv[n++] = with_value[i].value;
		if (with_value[i].path) {
			argv[n - 1] = absolute(s, with_value[i].value, e);
			readable[r++] = argv[n - 1];
		}
		if (argv[n - 1] == NULL)
			return -1;
	}
	for (size_t i = 0; i < s->a.also.n && r < 20; i++)
		if ((readable[r++] = absolute(s, s->a.also.v[i], e)) == NULL)
			return -1;
	for (size_t i = 0; i < s->a.with.n && n < 50; i++)
		argv[n++] = s->a.with.v[i];
	if (s->a.dir)
		argv[n++] = "--dir";
	if (s->app->err_tty && !s->app->quiet)
		argv[n++] = "--progress";
	argv[n] = readable[r] = absolute(s, s->a.path, e);
	return argv[n] == NULL ? -1 :
		       launch(s->app->launcher, &spec, &s->child, e);
}

/* The set of known values, made while the vault is open for a moment. */
static int known_set(struct scan *s, struct buf *file, struct err *e)
{
	struct publish p = { .app = s->app };
	int rc = unlock_open(s->app, s->keys, true, e);

	if (rc == 0 && (publish_gather(s->app, &p, e) < 0 ||
			publish_build(&p, file, e) < 0))
		rc = -1;
	publish_release(&p);
	vault_close(&s->app->vault);
	return rc;
}

/* ---- answers ---------------------------------------------------------------- */

static int take_end(struct scan *s, const struct json *line, struct err *e)
{
	int64_t n = -1;
	bool complete = false;

	if (!json_int(line, "end", &n) || n != (int64_t)s->told)
		return err_fail(e, ERR_PROTO, "curfew-scan",
				"%lld findings announced, %zu came",
				(long long)n, s->told);
	(void)json_bool(line, "complete", &complete);
	s->incomplete = !complete;
	s->ended = true;
	return 0;
}

static int take_finding(struct scan *s, const struct json *line,
			struct secret **value, struct err *e)
{
	struct found *x;

	if (s->n == s->cap) {
		const size_t cap = s->cap != 0 ? 2 * s->cap : 64;

		x = s->n >= INTAKE_MAX ? NULL :
					 mem_realloc(s->v, cap * sizeof *x);
		if (x == NULL) {
			(void)err_fail(e, ERR_TOOBIG, NULL, "over %zu findings",
				       s->n);
			err_hint(e, "--with=--min-confidence=medium");
			return -1;
		}
		s->v = x;
		s->cap = cap;
	}
	x = &s->v[s->n++];
	x->value = *value;
	*value = NULL;
	s->told++;
	return finding_init(&x->f, e) < 0 || intake_parse(line, &x->f, e) < 0 ||
			       finding_text(&x->f.source, "scan", e) < 0 ||
			       finding_text(&x->f.repository, s->own[s->n_own - 1],
					    e) < 0
		       ? -1 : 0;
}

static int take_lines(struct scan *s, struct err *e)
{
	int got;

	do {
		struct json *line = NULL;
		struct secret *value = NULL;

		got = lp_next(s->lp, &line, &value, e);
		if (got > 0 && s->ended)
			got = err_fail(e, ERR_PROTO, "curfew-scan",
				       "something follows its end");
		else if (got > 0 && json_get(line, "end") != NULL)
			got = take_end(s, line, e) < 0 ? -1 : 1;
		else if (got > 0 && json_get(line, "findings") == NULL)
			got = take_finding(s, line, &value, e) < 0 ? -1 : 1;
		secret_free(&value);
		json_free(&line);
	} while (got > 0);
	return got;
}

/* What the scanner says goes to the person, but cannot steer the terminal. */
static void pass_on(struct scan *s)
{
	static char b[4096], line[4200];
	ssize_t n = read(s->child.efd, b, sizeof b - 4);

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			(void)close(s->child.efd);
			s->child.efd = -1;
		}
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		/* its line of progress: return, and clear to the end */
		const bool shown = s->app->err_tty != 0 &&
				  (b[i] == '\r' || memcmp(b + i, "\033[K", 3) == 0);

		if (!shown && ((b[i] >= 0 && b[i] < ' ' && b[i] != '\n') ||
			      b[i] == 127))
			b[i] = '?';
	}
	(void)snprintf(line, sizeof line, "%.*s", (int)n, b);
	if (!s->app->quiet)
		(void)fputs(line, stderr);
}

static int listen_to(struct scan *s, struct err *e)
{
	bool eof = false;

	(void)fcntl(s->child.efd, F_SETFL, O_NONBLOCK);
	while (!eof || s->child.efd >= 0) {
		struct pollfd p[2] = { { .fd = eof ? -1 : lp_rfd(s->lp),
					 .events = POLLIN },
				       { .fd = s->child.efd,
					 .events = POLLIN } };

		if (poll(p, 2, TICK_MS) < 0 && errno != EINTR)
			return err_sys(e, NULL, "poll");
		if (p[0].revents != 0 && (lp_fill(s->lp, &eof, e) < 0 ||
					  take_lines(s, e) < 0))
			return -1;
		if (p[1].revents != 0)
			pass_on(s);
	}
	app_progress_done(s->app);
	return 0;
}

static int run(struct scan *s, struct err *e)
{
	struct buf set = BUF_INIT(WORDSET_FILE_MAX);
	struct err gone = ERR_INIT;
	int rc = known_set(s, &set, e);

	if (rc == 0)
		rc = start(s, e);
	/* the scanner reads it first; one that is gone has said why */
	if (rc == 0 &&
	    io_write_all(s->child.wfd, set.p, set.len, &gone) < 0)
		app_progress(s->app, "curfew-scan does not listen");
	buf_release(&set);
	if (rc < 0)
		return -1;
	(void)close(s->child.wfd);
	s->lp = lp_open(s->child.rfd, -1, e);
	if (s->lp == NULL || listen_to(s, e) < 0)
		return -1;
	if (s->ended)
		return 0;
	launch_how_ended(s->app->launcher, s->child.pid, s->how);
	(void)err_fail(e, ERR_PROTO, "curfew-scan", "it ended without a whole "
		       "answer (%s)", s->how);
	err_state(e, "nothing was kept");
	return -1;
}

/* Whose it all is, and into the vault with it. */
static int keep(struct scan *s, struct err *e)
{
	struct buf what = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (unlock_open(s->app, s->keys, true, e) < 0 ||
	    intake_open(&s->in, s->app, s->a.least, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		struct secret *value = s->v[i].value;

		s->v[i].value = NULL;
		if (intake_add(&s->in, &s->v[i].f, value, e) < 0)
			return -1;
	}
	if (buf_printf(&what, e, "scanned %s", s->own[s->n_own - 1]) == 0)
		rc = s->in.n > 0 ? intake_commit(&s->in, what.p, e) : 0;
	buf_release(&what);
	return rc;
}

/* ---- the command ------------------------------------------------------------ */

static int tell(struct scan *s)
{
	struct json *j;
	int code;

	if (!s->app->json) {
		intake_print(&s->in);
		if (s->incomplete)
			out_text("Not everything could be looked at.\n");
		return EXIT_OK;
	}
	j = json_object();
	(void)json_set_int(j, "version", 1);
	(void)json_set_bool(j, "complete", !s->incomplete);
	(void)json_set_int(j, "below_confidence", (int64_t)s->in.passed);
	(void)json_set(j, "findings", intake_json(&s->in));
	code = out_json(s->app, j);
	json_free(&j);
	return code;
}

static int parse(struct scan *s, int argc, char **argv, struct err *e)
{
	struct scan_args *a = &s->a;
	const struct arg args[] = {
		{ "rules", ARG_TEXT, &a->rules, 0 },
		{ "min-confidence", ARG_TEXT, &a->least, 0 },
		{ "threads", ARG_TEXT, &a->threads, 0 },
		{ "baseline-path", ARG_TEXT, &a->baseline, 0 },
		{ "gitleaks-ignore-path", ARG_TEXT, &a->ignore, 0 },
		{ "max-target-megabytes", ARG_TEXT, &a->max, 0 },
		{ "dir", ARG_FLAG, &a->dir, 0 },
		{ "also", ARG_LIST, &a->also, 0 },
		{ "with", ARG_LIST, &a->with, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	static char here[] = ".";
	char **rest;
	int n;

	a->least = "medium";
	if (args_parse(argc, argv, args, &rest, &n, e) < 0)
		return -1;
	if (n > 1)
		return err_fail(e, ERR_USAGE, rest[1], "one path at a time");
	if (strcmp(a->least, "low") != 0 && strcmp(a->least, "medium") != 0 &&
	    strcmp(a->least, "high") != 0)
		return err_fail(e, ERR_USAGE, a->least, "a confidence is low, "
				"medium or high");
	a->path = n == 1 ? rest[0] : here;
	return 0;
}

static void release(struct scan *s)
{
	if (s->lp == NULL && s->child.rfd >= 0)
		(void)close(s->child.rfd);
	lp_close(&s->lp);
	if (s->child.efd >= 0)
		(void)close(s->child.efd);
	if (s->child.pid > 0)
		launch_end(s->app->launcher, s->child.pid);
	for (size_t i = 0; i < s->n_own; i++)
		mem_free(s->own[i]);
	for (size_t i = 0; i < s->n; i++) {
		finding_release(&s->v[i].f);
		secret_free(&s->v[i].value);
	}
	mem_free(s->v);
	unlock_keys_free(&s->keys);
	intake_close(&s->in);
}

int cmd_scan(struct app *app, int argc, char **argv)
{
	static struct scan s; /* too large for the stack */
	struct err e = ERR_INIT;
	int code = -1;

	s.app = app;
	s.child = (struct launch_child){ .pid = -1, .rfd = -1, .wfd = -1,
					 .efd = -1 };
	app->lock_wait_ms = LOCK_WAIT_MS;
	if (parse(&s, argc, argv, &e) < 0 ||
	    unlock_gather(app, &s.keys, &e) < 0 || run(&s, &e) < 0 ||
	    keep(&s, &e) < 0) {
		(void)err_ctx(&e, s.a.path, "scan");
		goto out;
	}
	code = tell(&s);
	if (code == EXIT_OK)
		code = s.in.n > 0 ? EXIT_NO :
		       s.incomplete ? EXIT_PROVIDER : EXIT_OK;
out:
	release(&s);
	return code < 0 ? app_fail(app, &e) : code;
}
