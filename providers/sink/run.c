/*
 * run: starts a program with three pipes and waits for its end (run.h).
 *
 * Must never put a secret into an argument, the environment or a message:
 * what the program writes to its standard error is looked through before a
 * line of it is told.
 */
#include "providers/sink/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define STEP_MS 50 /* between two looks whether it has ended */

struct job {
	pid_t pid;
	int in, out, err; /* our ends; -1: shut */
	const struct run *what;
	size_t sent, size;
	struct buf said;
	bool too_much;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int spawn(struct job *j, const int in[2], const int out[2], const int err[2],
		 struct err *e)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", home[] = "HOME=/",
		    lang[] = "LANG=C.UTF-8";
	char *const envp[] = { path, home, lang, NULL };
	char *argv[16] = { (char *)(uintptr_t)j->what->program };
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;
	sigset_t pipe_signal;
	int rc = ENOMEM;

	for (size_t i = 0; j->what->argv && j->what->argv[i] && i < 14; i++)
		argv[i + 1] = (char *)(uintptr_t)j->what->argv[i];
	if (posix_spawn_file_actions_init(&act))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (posix_spawnattr_init(&attr))
		goto no_attr;
	(void)sigemptyset(&pipe_signal);
	(void)sigaddset(&pipe_signal, SIGPIPE);
	if (!posix_spawn_file_actions_adddup2(&act, in[0], 0) &&
	    !posix_spawn_file_actions_adddup2(&act, out[1], 1) &&
	    !posix_spawn_file_actions_adddup2(&act, err[1], 2) &&
	    !posix_spawnattr_setsigdefault(&attr, &pipe_signal) &&
	    !posix_spawnattr_setpgroup(&attr, 0) &&
	    !posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
					     POSIX_SPAWN_SETPGROUP))
		rc = posix_spawn(&j->pid, j->what->program, &act, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
no_attr:
	posix_spawn_file_actions_destroy(&act);
	if (rc)
		return err_fail(e, ERR_POLICY, j->what->program,
				"it cannot be started: %s", strerror(rc));
	return 0;
}

static int start(struct job *j, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, rc = -1;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		err_sys(e, j->what->program, "pipe");
	else if (fcntl(in[1], F_SETFL, O_NONBLOCK) || fcntl(out[0], F_SETFL, O_NONBLOCK) ||
		 fcntl(err[0], F_SETFL, O_NONBLOCK))
		err_sys(e, j->what->program, "fcntl");
	else
		rc = spawn(j, in, out, err, e);
	shut(&in[0]);
	shut(&out[1]);
	shut(&err[1]);
	j->in = in[1];
	j->out = out[0];
	j->err = err[0];
	return rc;
}

static int feed_some(const unsigned char *p, size_t n, void *arg)
{
	struct job *j = arg;
	ssize_t did = write(j->in, p + j->sent, n - j->sent);

	if (did > 0)
		j->sent += (size_t)did;
	return did < 0 && errno != EAGAIN && errno != EINTR;
}

/* Write what the pipe takes; shut it when all is in or nobody reads. */
static void feed(struct job *j)
{
	const struct buf *b = j->what->in;
	bool over = j->sent == j->size;

	if (!over && j->what->secret)
		over = secret_reveal(j->what->secret, feed_some, j);
	else if (!over && b)
		over = feed_some((const unsigned char *)b->p, b->len, j);
	if (over || j->sent == j->size)
		shut(&j->in);
}

static void drain(struct job *j, int *fd, struct buf *to)
{
	char block[4096];
	ssize_t n = read(*fd, block, sizeof(block));

	if (n > 0 && buf_add(to, block, (size_t)n, NULL))
		j->too_much = true; /* what it says further is read and dropped */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		shut(fd);
	explicit_bzero(block, sizeof(block));
}

/* One turn of looking at the pipes. */
static void turn(struct job *j, struct buf *out)
{
	struct pollfd p[3] = { { j->in, POLLOUT, 0 }, { j->out, POLLIN, 0 },
			       { j->err, POLLIN, 0 } };

	if (poll(p, 3, STEP_MS) < 1)
		return;
	if (p[0].revents)
		feed(j);
	if (p[1].revents)
		drain(j, &j->out, out);
	if (p[2].revents)
		drain(j, &j->err, &j->said);
}

static void first_line(struct job *j, char said[200])
{
	struct buf shown = BUF_INIT(BUF_TEXT_MAX);
	size_t n = j->said.len;

	said[0] = 0;
	if (!n)
		return;
	(void)secret_redact(j->said.p, &n);
	for (size_t i = 0; i < n; i++)
		if (j->said.p[i] == '\n')
			n = i;
	if (!text_escape(&shown, j->said.p, n < 150 ? n : 150, NULL) && shown.len)
		snprintf(said, 200, "%.199s", shown.p);
	buf_release(&shown);
}

static int wait_end(struct job *j, struct ran *how, struct err *e)
{
	const int64_t limit = j->what->timeout_ms ? j->what->timeout_ms : RUN_MS;
	const int64_t until = clock_mono_ms() + limit;
	int status = 0;
	pid_t got = 0;

	while (!got && clock_mono_ms() < until) {
		if (j->in < 0 && j->out < 0 && j->err < 0)
			clock_sleep_ms(2); /* its pipes are shut: it ends */
		turn(j, &how->out);
		got = waitpid(j->pid, &status, WNOHANG);
	}
	if (!got) {
		kill(-j->pid, SIGKILL);
		(void)waitpid(j->pid, &status, 0);
		return err_fail(e, ERR_TIMEOUT, j->what->program,
				"it did not end within %lld s and was ended",
				(long long)(limit / 1000));
	}
	/* what it said just before its end */
	for (int i = 0; i < 64 && (j->out >= 0 || j->err >= 0); i++) {
		struct pollfd p[2] = { { j->out, POLLIN, 0 }, { j->err, POLLIN, 0 } };

		if (poll(p, 2, 0) < 1)
			break;
		if (p[0].revents)
			drain(j, &j->out, &how->out);
		if (p[1].revents)
			drain(j, &j->err, &j->said);
	}
	how->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return 0;
}

int run(const struct run *what, struct ran *how, struct err *e)
{
	struct job j = { .pid = -1, .in = -1, .out = -1, .err = -1, .what = what,
			 .size = what->secret ? secret_len(what->secret) :
				 what->in ? what->in->len : 0,
			 .said = BUF_INIT(BUF_TEXT_MAX) };
	int rc = -1;

	if (start(&j, e))
		goto out;
	rc = wait_end(&j, how, e);
	how->fed = j.sent == j.size;
	first_line(&j, how->said);
out:
	shut(&j.in);
	shut(&j.out);
	shut(&j.err);
	buf_release(&j.said);
	return rc;
}
