/*
 * link_proc: the process behind a link: start, stderr, death.
 *
 * Promises that after any failure the process is gone, every open call has an
 * end (unknown if it was sent, not-sent if certainly not), and l->why says in
 * one line what happened, with the process's last words on stderr.
 */
#include "agent/engine/link_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 30000
#define PATHS_MAX 64u
#define DRAIN_MAX 16 /* reads of stderr at a death */

/* ---- stderr -------------------------------------------------------------- */

static void log_flush(struct link *l)
{
	size_t n = l->n_log;

	l->n_log = 0;
	if (n == 0)
		return;
	(void)secret_redact(l->log, &n);
	if (n >= sizeof l->log)
		n = sizeof l->log - 1;
	l->log[n] = '\0';
	(void)snprintf(l->last_words, sizeof l->last_words, "%.*s",
		       (int)sizeof l->last_words - 1, l->log);
	log_line(LOG_INFO, "%s: %s", l->name, l->log);
}

static void log_bytes(struct link *l, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			log_flush(l);
			continue;
		}
		l->log[l->n_log++] = p[i];
		if (l->n_log == sizeof l->log - 1)
			log_flush(l);
	}
}

void proc_read_log(struct link *l)
{
	char b[4096];
	const ssize_t n = read(l->child.efd, b, sizeof b);
	const int64_t second = clock_mono_ms() / 1000;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* closed: allowed, stdout tells the death */
		(void)close(l->child.efd);
		l->child.efd = -1;
		return;
	}
	if (second != l->log_second) {
		l->log_second = second;
		l->log_bytes = 0;
	}
	l->log_bytes += (size_t)n;
	log_bytes(l, b, (size_t)n);
	mem_wipe(b, sizeof b);
	if (l->log_bytes > LINK_LOG_PER_S)
		proc_fail(l, ERR_PROTO,
			  "more than 64 KiB of log text in a second");
}

static void drain_log(struct link *l)
{
	char b[4096];

	for (int i = 0; i < DRAIN_MAX && l->child.efd >= 0; i++) {
		const ssize_t n = read(l->child.efd, b, sizeof b);

		if (n <= 0)
			break;
		log_bytes(l, b, (size_t)n);
	}
	mem_wipe(b, sizeof b);
	log_flush(l);
}

/* ---- the end ------------------------------------------------------------- */

static void close_pipes(struct link *l)
{
	lp_close(&l->lp);
	if (l->child.efd >= 0)
		(void)close(l->child.efd);
	l->child.efd = -1;
	l->state = L_DOWN;
}

static void end_calls(struct link *l, const char *text)
{
	struct link_open_call *o = l->open;
	struct link_waiting *w = l->waiting;

	l->open = NULL;
	l->waiting = NULL;
	l->waiting_end = &l->waiting;
	l->n_open = l->n_waiting = 0;
	while (o != NULL) {
		struct link_open_call *next = o->next;

		link_end_call(l, o->tag, LINK_UNKNOWN, 0, text);
		mem_free(o);
		o = next;
	}
	while (w != NULL) {
		struct link_waiting *next = w->next;

		link_end_call(l, w->tag, LINK_NOT_SENT, 0, text);
		json_free(&w->msg);
		secret_free(&w->secret);
		mem_free(w);
		w = next;
	}
}

static void back_off(struct link *l)
{
	int64_t wait = BACKOFF_FIRST_MS;

	l->fails++;
	if (l->fails < 2)
		return; /* the first restart is at once */
	for (unsigned i = 2; i < l->fails && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	l->not_before = clock_mono_ms() + wait;
}

static void fail_with(struct link *l, const struct err *why)
{
	char text[1024];

	l->why = *why;
	(void)err_format(why, text, sizeof text);
	back_off(l);
	end_calls(l, text);
}

/* What it said last is part of the cause: what the end of it leaves behind, its
 * state, is for those to say who asked. */
static void end_with(struct link *l, enum err_code code, const char *cause)
{
	struct err e = ERR_INIT;

	(void)err_fail(&e, code, l->name, "%s%s%s", cause,
		       l->last_words[0] == '\0' ? "" : "; its last words: ",
		       l->last_words);
	(void)err_ctx(&e, l->name, "talk to the provider");
	fail_with(l, &e);
}

void proc_fail(struct link *l, enum err_code code, const char *cause)
{
	if (l->state == L_DOWN)
		return;
	launch_kill(l->launcher, l->child.pid);
	drain_log(l);
	close_pipes(l);
	end_with(l, code, cause);
}

void proc_died(struct link *l)
{
	char how[80], cause[256];

	drain_log(l);
	launch_how_ended(l->launcher, l->child.pid, how);
	if (how[0] == '\0')
		launch_kill(l->launcher, l->child.pid);
	close_pipes(l);
	(void)snprintf(cause, sizeof(cause), "curfew-provider-%s %s%s%s", l->type,
		       how[0] == '\0' ? "closed its output" : "ended",
		       how[0] == '\0' ? "" : ": ", how);
	end_with(l, ERR_PROTO, cause);
}

void proc_stop(struct link *l)
{
	if (l->state == L_DOWN)
		return;
	lp_close(&l->lp); /* closes its stdin: it ends by itself */
	launch_end(l->launcher, l->child.pid);
	close_pipes(l);
}

/* ---- the start ----------------------------------------------------------- */

static int nonblock(int fd)
{
	const int fl = fcntl(fd, F_GETFL);

	return fl < 0 ? -1 : fcntl(fd, F_SETFL, fl | O_NONBLOCK);
}

/* The option values that are paths; borrowed strings.  `only_read`: those of
 * the options called use_..., else the others. */
static void paths_of(const struct link *l, bool only_read,
		     const char *paths[static PATHS_MAX + 1])
{
	size_t n = 0;

	for (struct json *o = json_first(l->options);
	     o != NULL && n < PATHS_MAX; o = json_next(o)) {
		const char *v = json_text(o);

		if (v != NULL && v[0] == '/' &&
		    only_read == (strncmp(json_key(o), "use_", 4) == 0))
			paths[n++] = v;
	}
	paths[n] = NULL;
}

static int send_hello(struct link *l, struct err *e)
{
	struct json *m = json_object();
	bool ok = json_set_int(m, "id", 1) &&
		  json_set_str(m, "verb", "hello") &&
		  json_set_int(m, "protocol", LP_VERSION);
	int rc = -1;

	if (ok && l->connection != NULL) {
		struct json *o = l->options != NULL ? json_dup(l->options) :
						      json_object();

		ok = json_set_str(m, "connection", l->connection) &&
		     json_set(m, "options", o);
	}
	if (!ok)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = lp_send(l->lp, m, l->connection != NULL ? l->admin : NULL,
			     e);
	json_free(&m);
	return rc;
}

int proc_hello(struct link *l, struct err *e)
{
	l->state = L_HELLO;
	l->hello_deadline = clock_mono_ms() + l->hello_ms;
	return send_hello(l, e) < 0 || lp_flush(l->lp, e) < 0 ? -1 : 0;
}

int proc_start(struct link *l)
{
	struct err e = ERR_INIT;
	const char *paths[PATHS_MAX + 1], *only_read[PATHS_MAX + 1];
	char program[128];
	const struct launch_spec spec = { .program = program,
					  .writable = paths,
					  .readable = only_read,
					  .definitions = l->any };

	(void)snprintf(program, sizeof program, "curfew-provider-%s", l->type);
	paths_of(l, false, paths);
	paths_of(l, true, only_read);
	l->last_words[0] = '\0';
	l->n_log = 0;
	if (launch(l->launcher, &spec, &l->child, &e) < 0)
		goto fail;
	if (nonblock(l->child.rfd) < 0 || nonblock(l->child.wfd) < 0 ||
	    nonblock(l->child.efd) < 0)
		(void)err_sys(&e, l->name, "fcntl");
	else
		l->lp = lp_open(l->child.rfd, l->child.wfd, &e);
	if (l->lp == NULL) {
		(void)close(l->child.rfd);
		(void)close(l->child.wfd);
		launch_kill(l->launcher, l->child.pid);
		close_pipes(l);
		goto fail;
	}
	l->next_id = 2;
	if (proc_hello(l, &e) < 0) {
		/* it may have died already: its own words say more */
		proc_died(l);
		return -1;
	}
	return 0;
fail:
	fail_with(l, &e);
	return -1;
}
