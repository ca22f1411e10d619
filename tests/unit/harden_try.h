/*
 * harden_try: run an attempt in a child, confined or not.  For the tests of
 * harden only; included once by each.
 */
#ifndef TESTS_HARDEN_TRY_H
#define TESTS_HARDEN_TRY_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/harden.h"
#include "base/io.h"
#include "base/secret.h"

static char dir[64];	  /* allowed */
static char outside[64]; /* not allowed */
static char file_in[96], file_out[96];

/* Returns 0 when the attempt worked, else errno. */
typedef int (*attempt)(void);

/* How a child is confined. */
enum mode { FREE, CORE, CORE_SECCOMP_ONLY, HELPER };

static int confine(enum mode m)
{
	const struct harden_path paths[] = { { dir, true } };
	struct err e = ERR_INIT;
	int rc = 0;

	if (m == CORE_SECCOMP_ONLY) {
		setenv("CURFEW_NO_LANDLOCK", "1", 1);
		close(2);
		open("/dev/null", O_WRONLY | O_CLOEXEC);
	}
	if (m == HELPER)
		rc = harden_helper(paths, 1, &e);
	else if (m != FREE)
		rc = harden_core(paths, 1, &e);
	if (rc != 0) {
		char text[1024];

		err_format(&e, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	return rc;
}

/* Run it in a child; -1 when the child died or could not be confined. */
static int try(enum mode m, attempt fn)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int no;

		if (confine(m) != 0)
			_exit(255);
		errno = 0;
		no = fn();
		_exit(no < 0 ? 254 : no);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return -1;
	return WEXITSTATUS(status);
}

static int errno_if(bool failed)
{
	return failed ? (errno ? errno : 254) : 0;
}

/* Attempts that several tests make. */
static int a_socket_inet(void)
{
	return errno_if(socket(AF_INET, SOCK_STREAM, 0) < 0);
}

static int a_exec(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	char *const env[] = { NULL };

	execve("/bin/true", argv, env);
	return errno;
}

static int a_kill_parent(void)
{
	return errno_if(kill(getppid(), 0) != 0);
}

static int set_up(void **state)
{
	char prog[96];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/curfew-harden-in-XXXXXX");
	snprintf(outside, sizeof(outside), "/tmp/curfew-harden-out-XXXXXX");
	if (!mkdtemp(dir) || !mkdtemp(outside))
		return -1;
	snprintf(file_in, sizeof(file_in), "%s/file", dir);
	snprintf(file_out, sizeof(file_out), "%s/file", outside);
	snprintf(prog, sizeof(prog), "%s/prog", dir);
	if (io_write_atomic(file_in, "in", 2, 0600, NULL) != 0 ||
	    io_write_atomic(file_out, "outside", 7, 0600, NULL) != 0 ||
	    io_write_atomic(prog, "#!/bin/sh\nexit 0\n", 17, 0700, NULL) != 0)
		return -1;
	return 0;
}

static int remove_all(const char *path)
{
	char cmd[128];
	int status;
	pid_t pid = fork();

	snprintf(cmd, sizeof(cmd), "%s", path);
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", cmd, (char *)NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_all(dir) | remove_all(outside);
}

#endif
