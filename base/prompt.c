/*
 * prompt: asking a person on the terminal (part of io.h).
 *
 * Promises: the terminal's settings come back whatever happens, also when a
 * signal ends the process; a secret goes byte by byte into locked memory.
 * Must never: ask anywhere but on /dev/tty.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define CTRL_C 3
#define CTRL_D 4
#define BACKSPACE 8
#define CTRL_U 21
#define DELETE 127

struct tty {
	int fd;
	struct termios old;
	sigset_t mask;
	size_t n;
};

static int tty_open(struct tty *t, struct err *e)
{
	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0 || tcgetattr(t->fd, &t->old) != 0) {
		if (t->fd >= 0)
			close(t->fd);
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"there is no terminal to ask on");
	}
	return 0;
}

/* No echo, byte by byte, keys are no signals; what ends us has to wait. */
static int tty_raw(struct tty *t, struct err *e)
{
	struct termios raw = t->old;
	sigset_t hold;

	sigemptyset(&hold);
	sigaddset(&hold, SIGINT);
	sigaddset(&hold, SIGTERM);
	sigaddset(&hold, SIGHUP);
	sigaddset(&hold, SIGQUIT);
	sigaddset(&hold, SIGTSTP);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	pthread_sigmask(SIG_BLOCK, &hold, &t->mask);
	if (tcsetattr(t->fd, TCSAFLUSH, &raw) == 0)
		return 0;
	pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
	return err_sys(e, "/dev/tty", "switch echo off");
}

static void tty_restore(struct tty *t)
{
	tcsetattr(t->fd, TCSAFLUSH, &t->old);
	pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
}

static bool must_end(void)
{
	sigset_t now;

	return sigpending(&now) == 0 &&
	       (sigismember(&now, SIGTERM) == 1 ||
		sigismember(&now, SIGHUP) == 1 ||
		sigismember(&now, SIGINT) == 1);
}

/* 1 and a key, or 0: end of input, cancelled, or a signal waits. */
static int key(struct tty *t, unsigned char *c)
{
	struct pollfd pf = { .fd = t->fd, .events = POLLIN };

	for (;;) {
		/* blocked signals do not wake poll: look now and then */
		int n = poll(&pf, 1, 250);

		if (must_end())
			return 0;
		if (n > 0)
			return read(t->fd, c, 1) == 1 && *c != CTRL_C;
		if (n < 0 && errno != EINTR)
			return 0;
	}
}

static int fill_from_keys(unsigned char *p, size_t n, void *arg)
{
	struct tty *t = arg;
	unsigned char c = 0;
	int rc = -1;

	while (key(t, &c)) {
		if (c == '\n' || c == '\r' || (c == CTRL_D && t->n)) {
			rc = 0;
			break;
		}
		if (c == CTRL_D)
			break;
		if (c == CTRL_U) {
			t->n = 0;
		} else if (c == DELETE || c == BACKSPACE) {
			/* a whole UTF-8 character, not its last byte */
			while (t->n && (p[--t->n] & 0xc0) == 0x80)
				;
		} else if (t->n < n) {
			p[t->n++] = c;
		} else {
			break;
		}
	}
	mem_wipe(&c, 1);
	return rc;
}

static int ask_once(struct tty *t, const char *prompt, struct secret **out,
		    struct err *e)
{
	struct secret *s = secret_blank(SECRET_MAX, e);
	int rc = -1;

	if (!s)
		return -1;
	t->n = 0;
	/* first the mode, which drops what was typed, then the prompt: an
	 * answer may come as soon as it can be read */
	if (tty_raw(t, e) != 0)
		goto out;
	if (io_write_all(t->fd, prompt, strlen(prompt), e) == 0)
		rc = secret_fill(s, fill_from_keys, t);
	tty_restore(t);
	if (io_write_all(t->fd, "\n", 1, e) != 0)
		rc = -1;
	if (rc != 0) {
		err_fail(e, ERR_CANCELLED, NULL, "nothing was entered");
		goto out;
	}
	secret_cut(s, t->n);
	*out = s;
	s = NULL;
out:
	secret_free(&s);
	return rc;
}

int io_prompt_secret(const char *prompt, bool confirm, struct secret **out,
		     struct err *e)
{
	struct secret *first = NULL, *again = NULL;
	struct tty t;
	int rc = -1;

	if (tty_open(&t, e) != 0)
		return -1;
	if (ask_once(&t, prompt, &first, e) != 0)
		goto out;
	if (confirm) {
		if (ask_once(&t, "once more: ", &again, e) != 0)
			goto out;
		if (!secret_equal(first, again)) {
			err_fail(e, ERR_USAGE, NULL,
				 "the two entries are not the same");
			goto out;
		}
	}
	*out = first;
	first = NULL;
	rc = 0;
out:
	secret_free(&first);
	secret_free(&again);
	close(t.fd);
	return rc;
}

int io_prompt_line(const char *prompt, struct buf *out, struct err *e)
{
	struct tty t;
	int rc = -1;
	char c = 0;

	if (tty_open(&t, e) != 0)
		return -1;
	if (io_write_all(t.fd, prompt, strlen(prompt), e) != 0)
		goto out;
	for (;;) {
		ssize_t n = read(t.fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_fail(e, ERR_CANCELLED, NULL,
				 "nothing was entered");
			goto out;
		}
		if (c == '\n')
			break;
		if (buf_add(out, &c, 1, e) != 0)
			goto out;
	}
	rc = 0;
out:
	close(t.fd);
	return rc;
}
