/*
 * harden: each forbidden thing is tried in a confined child and must fail.
 * Every attempt is also made unconfined, where it must work: a test that could
 * not succeed anyway would prove nothing.
 */
// link: base
#include "tests/unit/harden_try.h"

/* ---- what may never work --------------------------------------------------- */

static int a_socket_unix(void)
{
	return errno_if(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
}

static int a_socket_netlink(void)
{
	return errno_if(socket(AF_NETLINK, SOCK_RAW, 0) < 0);
}

static int a_socketpair(void)
{
	int fds[2];

	return errno_if(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0);
}

static int left_over = -1; /* a socket made before the sandbox */

static int a_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* unconfined: ENOENT or refused, the call itself is possible */
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/none", dir);
	connect(left_over, (struct sockaddr *)&a, sizeof(a));
	return errno == EPERM ? EPERM : 0;
}

static int a_bind(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s%d", dir, getpid());
	return errno_if(bind(left_over, (struct sockaddr *)&a, sizeof(a)) != 0);
}

static int a_sendto(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/none", dir);
	sendto(left_over, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
	return errno == EPERM ? EPERM : 0;
}

static int a_execveat(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	char *const env[] = { NULL };

	syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, env, 0);
	return errno;
}

static int a_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return errno_if(pid < 0);
}

static int a_vfork_clone(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return errno_if(pid < 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static int a_thread(void)
{
	pthread_t t;
	int no = pthread_create(&t, NULL, nothing, NULL);

	if (no == 0)
		pthread_join(t, NULL);
	return no;
}

static int a_ptrace(void)
{
	return errno_if(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0);
}

static int a_vm_readv(void)
{
	char from[4] = "abc", to[4];
	struct iovec a = { to, 4 }, b = { from, 4 };

	return errno_if(syscall(SYS_process_vm_readv, getpid(), &a, 1, &b, 1,
				0) != 4);
}

static int a_kill_child(void)
{
	return errno_if(kill(getpid(), 0) != 0);
}

static int a_tgkill_parent(void)
{
	return errno_if(syscall(SYS_tgkill, getppid(), getppid(), 0) != 0);
}

static int a_exec_memory(void)
{
	return errno_if(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0) == MAP_FAILED);
}

static int a_make_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 253;
	return errno_if(mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0);
}

static int a_memfd(void)
{
	return errno_if(syscall(SYS_memfd_create, "x", 0) < 0);
}

static int a_prctl(void)
{
	return errno_if(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0);
}

static int a_setown(void)
{
	return errno_if(fcntl(left_over, F_SETOWN, getppid()) != 0);
}

static int a_other_limits(void)
{
	struct rlimit r;

	return errno_if(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL,
				&r) != 0);
}

static void core_refuses(attempt fn)
{
	assert_int_equal(try(FREE, fn), 0);
	assert_int_equal(try(CORE, fn), EPERM);
	assert_int_equal(try(CORE_SECCOMP_ONLY, fn), EPERM);
}

static void test_core_no_sockets(void **state)
{
	(void)state;
	left_over = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(left_over >= 0);
	core_refuses(a_socket_inet);
	core_refuses(a_socket_unix);
	core_refuses(a_socket_netlink);
	core_refuses(a_socketpair);
	core_refuses(a_connect);
	core_refuses(a_bind);
	core_refuses(a_sendto);
	core_refuses(a_setown);
	close(left_over);
}

static void test_core_no_processes(void **state)
{
	(void)state;
	core_refuses(a_exec);
	core_refuses(a_execveat);
	core_refuses(a_fork);
	core_refuses(a_vfork_clone);
	core_refuses(a_thread);
}

static void test_core_reaches_no_process(void **state)
{
	(void)state;
	core_refuses(a_ptrace);
	core_refuses(a_vm_readv);
	core_refuses(a_kill_parent);
	core_refuses(a_kill_child);
	core_refuses(a_tgkill_parent);
	core_refuses(a_other_limits);
}

static void test_core_no_code(void **state)
{
	(void)state;
	core_refuses(a_exec_memory);
	core_refuses(a_make_exec);
	core_refuses(a_memfd);
	core_refuses(a_prctl);
}

/* The dangerous rest: unconfined they answer something else than EPERM only
 * for some users, so only the refusal is asked for. */
static void test_core_refuses_by_default(void **state)
{
	static const long numbers[] = {
		425 /* io_uring_setup */, SYS_bpf,	   SYS_keyctl,
		SYS_add_key,		  SYS_ptrace,	   SYS_mount,
		SYS_open_by_handle_at,	  SYS_unshare,	   SYS_setns,
		SYS_perf_event_open,	  SYS_userfaultfd, SYS_personality,
		SYS_pidfd_open,		  SYS_setuid,	   SYS_chroot,
		SYS_kexec_load,		  435 /* clone3 */, 999 /* none yet */,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			if (confine(CORE) != 0)
				_exit(255);
			errno = 0;
			/* arguments that every one of them rejects */
			_exit(syscall(numbers[i], -1, -1, -1, -1, -1, -1) == -1
				      ? errno
				      : 254);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != EPERM)
			print_error("system call %ld\n", numbers[i]);
		assert_int_equal(WEXITSTATUS(status), EPERM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_no_sockets),
		cmocka_unit_test(test_core_no_processes),
		cmocka_unit_test(test_core_reaches_no_process),
		cmocka_unit_test(test_core_no_code),
		cmocka_unit_test(test_core_refuses_by_default),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
