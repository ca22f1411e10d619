/*
 * try_forbidden: does the sandbox hold?  (test builds only)
 *
 * A command like any other, run after confine(): it tries what the core must
 * not be able to do and says what happened.  Exit 0 only when all was refused.
 */
#ifdef CURFEW_TEST

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"

/* Each returns true when it worked; errno says why not. */

static bool closed(int fd)
{
	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

static bool try_socket(const char *arg)
{
	(void)arg;
	return closed(socket(AF_INET, SOCK_STREAM, 0));
}

static bool try_socket6(const char *arg)
{
	(void)arg;
	return closed(socket(AF_INET6, SOCK_DGRAM, 0));
}

static bool try_socket_unix(const char *arg)
{
	(void)arg;
	return closed(socket(AF_UNIX, SOCK_STREAM, 0));
}

static bool try_exec(const char *arg)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	(void)arg;
	(void)execv("/bin/true", argv); /* when it works, status 0 says so */
	return false;
}

static bool try_fork(const char *arg)
{
	const pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return pid > 0;
}

static bool try_read(const char *arg)
{
	return closed(open(arg != NULL ? arg : "/etc/hosts", O_RDONLY));
}

static bool try_write(const char *arg)
{
	return closed(open(arg != NULL ? arg : "/tmp/curfew-try-forbidden",
			   O_WRONLY | O_CREAT, 0600));
}

static bool try_ptrace(const char *arg)
{
	(void)arg;
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool try_execmem(const char *arg)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	return p != MAP_FAILED;
}

static const struct attempt {
	const char *name;
	bool (*run)(const char *arg);
} attempts[] = {
	{ "socket", try_socket },	{ "socket6", try_socket6 },
	{ "socket-unix", try_socket_unix }, { "fork", try_fork },
	{ "read", try_read },		{ "write", try_write },
	{ "ptrace", try_ptrace },	{ "exec-memory", try_execmem },
	{ "exec", try_exec },
};

int cmd_try_forbidden(struct app *app, int argc, char **argv)
{
	int worked = 0, tried = 0;

	(void)app;
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		const struct attempt *a = &attempts[i];
		bool yes;

		if (argc > 1 && strcmp(argv[1], a->name) != 0)
			continue;
		(void)fflush(stdout);
		errno = 0;
		tried++;
		yes = a->run(argc > 2 ? argv[2] : NULL);
		worked += yes;
		(void)printf("%s: %s%s\n", a->name, yes ? "WORKED" : "refused: ",
			     yes ? "" : strerror(errno));
	}
	return worked > 0 || tried == 0 ? EXIT_NO : EXIT_OK;
}

#else
/* An ISO C file is never empty. */
extern int try_forbidden_is_for_tests;
#endif
