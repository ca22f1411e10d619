/* prompt: a person on a pseudo-terminal; echo off, echo back, cancelled. */
// link: base
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"

static char screen[4096];
static size_t shown;
static int master;

static int copy_out(const unsigned char *p, size_t n, void *arg)
{
	memcpy(arg, p, n);
	((char *)arg)[n] = '\0';
	return 0;
}

/* In the child: answers with what it got, in brackets, or the error's word. */
static void child(bool confirm)
{
	struct secret *s = NULL;
	struct err e = ERR_INIT;
	struct termios t;
	char text[256];

	if (io_prompt_secret("password: ", confirm, &s, &e) == 0)
		secret_reveal(s, copy_out, text);
	else
		snprintf(text, sizeof(text), "%s", err_word(e.code));
	if (tcgetattr(0, &t) != 0)
		_exit(9);
	printf("got [%s] echo %s\n", text, t.c_lflag & ECHO ? "on" : "off");
	fflush(stdout);
	_exit(0);
}

static pid_t start(bool confirm)
{
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	assert_true(pid >= 0);
	if (pid == 0)
		child(confirm);
	shown = 0;
	screen[0] = '\0';
	return pid;
}

/* Read the screen until `text` is there, or 10 s have gone. */
static bool see(const char *text)
{
	struct pollfd pf = { .fd = master, .events = POLLIN };

	while (!strstr(screen, text)) {
		ssize_t n;

		if (poll(&pf, 1, 10000) <= 0)
			return false;
		n = read(master, screen + shown, sizeof(screen) - 1 - shown);
		if (n <= 0)
			return false;
		shown += (size_t)n;
		screen[shown] = '\0';
	}
	return true;
}

/* The prompt is written before echo goes off: wait for that, then type. */
static void type(const char *keys)
{
	struct termios t;

	do
		assert_int_equal(tcgetattr(master, &t), 0);
	while ((t.c_lflag & ECHO) && usleep(1000) == 0);
	assert_int_equal(write(master, keys, strlen(keys)),
			 (ssize_t)strlen(keys));
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(master);
	return status;
}

static void answers(const char *keys, const char *want)
{
	pid_t pid = start(false);

	assert_true(see("password: "));
	type(keys);
	if (!see(want))
		print_error("screen: %s\n", screen);
	assert_non_null(strstr(screen, want));
	assert_int_equal(finish(pid), 0);
}

static void test_answers(void **state)
{
	(void)state;
	answers("hunter2\r", "got [hunter2] echo on");
	answers("hunted\x7f\x7fter2\n", "got [huntter2] echo on");
	answers("wrong\x15right\r", "got [right] echo on");
	answers("p\xc3\xa9\x7f.\r", "got [p.] echo on");
	answers("\r", "got [] echo on");
	answers("abc\x03", "got [cancelled] echo on");
	answers("\x04", "got [cancelled] echo on");
}

static void test_no_echo(void **state)
{
	pid_t pid = start(false);

	(void)state;
	assert_true(see("password: "));
	type("s3cr3t");
	type("-more\x15x\r");
	assert_true(see("got [x]"));
	assert_null(strstr(screen, "s3cr3t"));
	assert_int_equal(finish(pid), 0);
}

static void test_confirm(void **state)
{
	pid_t pid = start(true);

	(void)state;
	assert_true(see("password: "));
	type("one\r");
	assert_true(see("once more: "));
	type("one\r");
	assert_true(see("got [one] echo on"));
	assert_int_equal(finish(pid), 0);

	pid = start(true);
	assert_true(see("password: "));
	type("one\r");
	assert_true(see("once more: "));
	type("two\r");
	assert_true(see("got [usage] echo on"));
	assert_int_equal(finish(pid), 0);
}

static void test_signal_restores(void **state)
{
	struct termios t;
	int slave_status;
	pid_t pid = start(false);

	(void)state;
	assert_true(see("password: "));
	type("half");
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &slave_status, 0), pid);
	assert_true(WIFSIGNALED(slave_status));
	assert_int_equal(WTERMSIG(slave_status), SIGTERM);
	assert_int_equal(tcgetattr(master, &t), 0);
	assert_true(t.c_lflag & ECHO);
	close(master);
}

static void test_no_terminal(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct err e = ERR_INIT;
		struct secret *s;

		setsid();
		_exit(io_prompt_secret("x", false, &s, &e) == -1 &&
				      e.code == ERR_UNSUPPORTED
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_echo),
		cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_signal_restores),
		cmocka_unit_test(test_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
