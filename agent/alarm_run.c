/*
 * alarm_run: one program, fed and waited for.
 *
 * Promises an end: whoever neither reads nor ends is killed with all that it
 * started.  What it says on standard error is the cause of its failure; what it
 * says on standard output is dropped.
 */
#include "agent/alarm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define SAID_MAX 300u

struct talk {
	struct launch_child c;
	const struct buf *input;
	size_t sent;
	char said[SAID_MAX + 1]; /* the beginning of its standard error */
	size_t n_said;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void feed(struct talk *t)
{
	const ssize_t n = write(t->c.wfd, t->input->p + t->sent,
				t->input->len - t->sent);

	if (n > 0)
		t->sent += (size_t)n;
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || t->sent == t->input->len)
		shut(&t->c.wfd);
}

static void drain(struct talk *t, int *fd, bool keep)
{
	char b[1024];
	const ssize_t n = read(*fd, b, sizeof b);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		shut(fd);
		return;
	}
	for (ssize_t i = 0; keep && i < n && t->n_said < SAID_MAX; i++)
		t->said[t->n_said++] = b[i] == '\n' ? ' ' : b[i];
}

/* True when both of its outputs ended in time. */
static bool converse(struct talk *t, int64_t timeout_ms)
{
	const int64_t end = clock_mono_ms() + timeout_ms;

	if (t->input->len == 0)
		shut(&t->c.wfd);
	while (t->c.rfd >= 0 || t->c.efd >= 0) {
		struct pollfd p[3] = {
			{ .fd = t->c.wfd, .events = POLLOUT },
			{ .fd = t->c.rfd, .events = POLLIN },
			{ .fd = t->c.efd, .events = POLLIN },
		};
		const int64_t left = end - clock_mono_ms();

		if (left <= 0)
			return false;
		if (poll(p, 3, (int)left) < 0 && errno != EINTR)
			return false;
		if (p[0].revents != 0)
			feed(t);
		if (p[1].revents != 0)
			drain(t, &t->c.rfd, false);
		if (p[2].revents != 0)
			drain(t, &t->c.efd, true);
	}
	return true;
}

int alarm_run(struct launcher *l, const char *program, bool hook,
	      const char *const *argv, const struct buf *input,
	      int64_t timeout_ms, struct err *e)
{
	const struct launch_spec spec = { .program = program, .argv = argv,
					  .hook = hook };
	struct talk t = { .input = input, .c = { -1, -1, -1, -1 } };
	char how[80] = "";
	int rc = -1;

	if (launch(l, &spec, &t.c, e) < 0)
		return -1;
	(void)fcntl(t.c.wfd, F_SETFL, O_NONBLOCK);
	(void)fcntl(t.c.rfd, F_SETFL, O_NONBLOCK);
	(void)fcntl(t.c.efd, F_SETFL, O_NONBLOCK);
	if (!converse(&t, timeout_ms)) {
		launch_kill(l, t.c.pid);
		(void)err_fail(e, ERR_TIMEOUT, program, "did not end within "
			       "%lld s", (long long)(timeout_ms / 1000));
		goto out;
	}
	while (t.n_said > 0 && t.said[t.n_said - 1] == ' ')
		t.n_said--;
	t.said[t.n_said] = '\0';
	/* its outputs are closed: it is as good as over */
	for (int i = 0; i < 20 && how[0] == '\0'; i++)
		launch_how_ended(l, t.c.pid, how);
	if (strcmp(how, "exit status 0") == 0)
		rc = 0;
	else
		(void)err_fail(e, ERR_PROTO, program, "%s%s%s",
			       how[0] != '\0' ? how : "it closed its outputs "
						      "and goes on running",
			       t.n_said > 0 ? ": " : "", t.said);
	if (how[0] == '\0')
		launch_kill(l, t.c.pid);
out:
	shut(&t.c.wfd);
	shut(&t.c.rfd);
	shut(&t.c.efd);
	return rc;
}
