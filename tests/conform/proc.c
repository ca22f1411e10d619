/*
 * proc: a provider program on three pipes, none of which can block us.
 */
#include "tests/conform/conform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES 1048576u /* docs/protocol.md, with the newline */
#define KEEP_MAX (64u * 1024 * 1024)

static struct buf everything = BUF_INIT(KEEP_MAX); /* stdout and stderr */

static void trouble(struct prov *p, const char *what)
{
	if (!*p->trouble)
		snprintf(p->trouble, sizeof(p->trouble), "%s", what);
}

void prov_start(struct prov *p)
{
	int in[2], out[2], err[2];

	memset(p, 0, sizeof(*p));
	p->text.max = KEEP_MAX;
	p->status = -1;
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		perror("conformance: pipe");
		_exit(2);
	}
	p->pid = fork();
	if (p->pid < 0) {
		perror("conformance: fork");
		_exit(2);
	}
	if (p->pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(127);
		execv(setup.program[0], setup.program);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	p->in = in[1];
	p->out = out[0];
	p->err = err[0];
	if (fcntl(p->in, F_SETFL, O_NONBLOCK) < 0)
		perror("conformance: fcntl");
}

/* One read of what is there; false at the end of the file. */
static bool take(struct prov *p, int *fd, bool keep)
{
	char block[4096];
	ssize_t n = read(*fd, block, sizeof(block));

	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return false;
	}
	if (buf_add(&everything, block, (size_t)n, NULL) ||
	    (keep && buf_add(&p->text, block, (size_t)n, NULL)))
		trouble(p, "it printed more than 64 MiB");
	return true;
}

/* Wait for anything to read (and, if asked, for room to write).  True: there
 * was something.  */
static bool turn(struct prov *p, bool writing, bool *room, int64_t ms)
{
	struct pollfd f[3] = { { .fd = p->out, .events = POLLIN },
			       { .fd = p->err, .events = POLLIN },
			       { .fd = writing ? p->in : -1, .events = POLLOUT } };
	int n;

	if (room)
		*room = false;
	if (p->out < 0 && p->err < 0 && !writing)
		return false;
	n = poll(f, 3, ms < 0 ? 0 : (int)ms);
	if (n <= 0)
		return false;
	if (f[0].revents)
		take(p, &p->out, true);
	if (f[1].revents)
		take(p, &p->err, false);
	if (room && f[2].revents)
		*room = true;
	return true;
}

void prov_send(struct prov *p, const char *line)
{
	size_t n = strlen(line), at = 0;
	int64_t until = clock_mono_ms() + setup.timeout_ms;

	while (at <= n && p->in >= 0 && clock_mono_ms() < until) {
		const char *from = at < n ? line + at : "\n";
		bool room;
		ssize_t w;

		turn(p, true, &room, until - clock_mono_ms());
		if (!room)
			continue;
		w = write(p->in, from, at < n ? n - at : 1);
		if (w > 0)
			at += (size_t)w;
		else if (w < 0 && errno != EAGAIN) {
			close(p->in);
			p->in = -1;
		}
	}
}

void prov_send_json(struct prov *p, struct json **msg)
{
	struct buf b = BUF_INIT(BUF_LINE_MAX);

	if (*msg && !json_print(*msg, false, &b, NULL))
		prov_send(p, b.p);
	buf_release(&b);
	json_free(msg);
}

static bool word_in(const char *word, const char *list)
{
	size_t n = word ? strlen(word) : 0;

	for (const char *s = n ? strstr(list, word) : NULL; s; s = strstr(s + 1, word))
		if ((s == list || s[-1] == ' ') && (!s[n] || s[n] == ' '))
			return true;
	return false;
}

/* The form that every line has. */
static void check_form(struct prov *p, const struct json *m)
{
	const char *status = json_str(m, "status"), *error = json_str(m, "error");
	const char *life = json_str(m, "life");
	int64_t id;

	if (!json_int(m, "id", &id) || id < 1)
		trouble(p, "an answer without an id");
	if (json_get(m, "item")) {
		if (json_type(json_get(m, "item")) != JSON_OBJECT)
			trouble(p, "an item that is no object");
		return;
	}
	if (!word_in(status, "ok absent refused retry unknown unsupported"))
		trouble(p, "an answer with no status, or one that does not exist");
	else if (!word_in(status, "ok absent") && (!error || !*error))
		trouble(p, "an answer that is not ok or absent, without 'error'");
	if (error && strpbrk(error, "\n\r"))
		trouble(p, "'error' is more than one line");
	if (json_get(m, "life") && !word_in(life, "alive dead unknown"))
		trouble(p, "'life' is none of alive, dead, unknown");
	if (life && !strcmp(life, "dead") &&
	    !word_in(json_str(m, "proof"), "refusal record"))
		trouble(p, "dead without 'proof': refusal or record");
	if (life && !strcmp(life, "dead") && !word_in(status, "ok absent"))
		trouble(p, "dead in an answer that is neither ok nor absent");
}

static struct json *parse(struct prov *p, const char *line, size_t n)
{
	struct err e = ERR_INIT;
	struct json *m;

	if (n + 1 > LINE_MAX_BYTES) {
		trouble(p, "a line longer than 1 MiB");
		return NULL;
	}
	if (!text_utf8(line, n)) {
		trouble(p, "a line that is not UTF-8");
		return NULL;
	}
	m = json_parse(line, n, &e);
	if (!m || json_type(m) != JSON_OBJECT) {
		char what[120];

		snprintf(what, sizeof(what), "a line that is no JSON object: %.60s", line);
		for (char *c = what; *c; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
		trouble(p, what);
		json_free(&m);
		return NULL;
	}
	check_form(p, m);
	return m;
}

struct json *prov_next(struct prov *p, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	for (;;) {
		char *from = p->text.p ? p->text.p + p->at : NULL;
		size_t have = p->text.len - p->at;
		char *nl = have ? memchr(from, '\n', have) : NULL;

		if (nl) {
			p->at += (size_t)(nl - from) + 1;
			*nl = 0;
			return parse(p, from, (size_t)(nl - from));
		}
		if (p->out < 0) {
			if (have)
				trouble(p, "its output ends in the middle of a line");
			return NULL;
		}
		if (clock_mono_ms() >= until) {
			trouble(p, "no answer in time");
			return NULL;
		}
		turn(p, false, NULL, until - clock_mono_ms());
	}
}

bool prov_ended(struct prov *p, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;
	int status;

	while (p->status < 0) {
		pid_t got = waitpid(p->pid, &status, WNOHANG);

		if (got == p->pid) {
			p->status = WIFEXITED(status) ? WEXITSTATUS(status) :
							128 + WTERMSIG(status);
			break;
		}
		if (clock_mono_ms() >= until)
			return false;
		if (!turn(p, false, NULL, 10))
			clock_sleep_ms(5);
	}
	return true;
}

int prov_finish(struct prov *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
	if (!prov_ended(p, setup.timeout_ms))
		return -1;
	while (turn(p, false, NULL, 0))
		;
	return p->status;
}

void prov_close(struct prov *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
	if (!prov_ended(p, 100)) {
		kill(p->pid, SIGKILL);
		prov_ended(p, 5000);
	}
	while (turn(p, false, NULL, 0))
		;
	if (p->out >= 0)
		close(p->out);
	if (p->err >= 0)
		close(p->err);
	p->out = p->err = -1;
	buf_release(&p->text);
	p->at = 0;
}

bool prov_leaked(const char *secret)
{
	return everything.len && memmem(everything.p, everything.len, secret,
					strlen(secret)) != NULL;
}
