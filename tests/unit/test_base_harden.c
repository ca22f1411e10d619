/*
 * harden: each forbidden thing is tried in a confined child and must fail.
 * Every attempt is also made unconfined, where it must work: a test that could
 * not succeed anyway would prove nothing.
 */
// link: base
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

/* ---- what may never work --------------------------------------------------- */

static int a_socket_inet(void)
{
	return errno_if(socket(AF_INET, SOCK_STREAM, 0) < 0);
}

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

static int a_exec(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	char *const env[] = { NULL };

	execve("/bin/true", argv, env);
	return errno;
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

static int a_kill_parent(void)
{
	return errno_if(kill(getppid(), 0) != 0);
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

/* ---- files ------------------------------------------------------------------ */

static int try_open(const char *path, int flags)
{
	return errno_if(open(path, flags | O_CLOEXEC, 0600) < 0);
}

static int f_read_outside(void)
{
	return try_open(file_out, O_RDONLY);
}

static int f_read_passwd(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int f_list_outside(void)
{
	return try_open(outside, O_RDONLY | O_DIRECTORY);
}

static int f_create_outside(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/n%d", outside, getpid());
	return try_open(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int f_truncate_outside(void)
{
	return errno_if(truncate(file_out, 4) != 0);
}

static int f_unlink_outside(void)
{
	return errno_if(unlink(file_out) != 0);
}

static int f_read_inside(void)
{
	return try_open(file_in, O_RDWR);
}

static int f_atomic_inside(void)
{
	struct err e = ERR_INIT;
	char path[128];

	snprintf(path, sizeof(path), "%s/atomic", dir);
	return io_write_atomic(path, "x", 1, 0600, &e) == 0 ? 0 : 253;
}

static int f_exec_inside(void)
{
	char *const argv[] = { (char[]){ "in" }, NULL };
	char *const env[] = { NULL };
	char path[128];

	snprintf(path, sizeof(path), "%s/prog", dir);
	execve(path, argv, env);
	return errno;
}

static bool no_landlock(void)
{
	if (harden_have_landlock())
		return false;
	print_message("# no Landlock here\n");
	return true;
}

static void landlock_refuses(enum mode m, attempt fn)
{
	assert_int_equal(try(FREE, fn), 0);
	assert_int_equal(try(m, fn), EACCES);
}

static void test_core_files(void **state)
{
	(void)state;
	if (no_landlock())
		skip();
	landlock_refuses(CORE, f_read_outside);
	landlock_refuses(CORE, f_read_passwd);
	landlock_refuses(CORE, f_list_outside);
	landlock_refuses(CORE, f_create_outside);
	landlock_refuses(CORE, f_truncate_outside);
	assert_int_equal(try(CORE, f_unlink_outside), EACCES);
	assert_int_equal(try(FREE, f_unlink_outside), 0);
	assert_int_equal(io_write_atomic(file_out, "o", 1, 0600, NULL), 0);
	assert_int_equal(try(CORE, f_read_inside), 0);
	assert_int_equal(try(CORE, f_atomic_inside), 0);
}

static int missing_parent(const char *path, bool world)
{
	const struct harden_path paths[] = { { path, true } };
	int status;
	pid_t pid;

	assert_int_equal(chmod(outside, world ? 01777 : 0700), 0);
	pid = fork();
	if (pid == 0) {
		if (harden_helper(paths, 1, NULL) != 0)
			_exit(255);
		_exit(try_open(path, O_WRONLY | O_CREAT));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(outside, 0700), 0);
	unlink(path);
	return WEXITSTATUS(status);
}

static void test_missing_path(void **state)
{
	char path[128];

	(void)state;
	if (no_landlock())
		skip();
	snprintf(path, sizeof(path), "%s/later", outside);
	assert_int_equal(missing_parent(path, false), 0);
	assert_int_equal(missing_parent(path, true), EACCES);
}

static void test_helper_files(void **state)
{
	(void)state;
	if (no_landlock())
		skip();
	landlock_refuses(HELPER, f_read_outside);
	landlock_refuses(HELPER, f_list_outside);
	landlock_refuses(HELPER, f_create_outside);
	assert_int_equal(try(HELPER, f_read_passwd), 0);
	assert_int_equal(try(HELPER, f_read_inside), 0);
	assert_int_equal(try(HELPER, a_socket_inet), 0);
	assert_int_equal(try(HELPER, a_exec), 0);
	assert_int_equal(try(HELPER, f_exec_inside), EACCES);
	/* by Landlock's scope, where the kernel has it */
	assert_int_equal(try(HELPER, a_kill_parent), EPERM);
}

/* ---- what must go on working -------------------------------------------------- */

static int w_secrets(void)
{
	bool locked;

	if (secret_boot(&locked, NULL) != 0)
		return 1;
	/* enough for a second chunk of the arena */
	for (int i = 0; i < 40; i++) {
		struct secret *s = secret_generate(SECRET_MAX, NULL);

		if (!s)
			return 2;
	}
	return 0;
}

static int w_shared_map(void)
{
	char path[128];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "%s/shm", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 65536) != 0)
		return 1;
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 2;
	memset(p, 1, 65536);
	return munmap(p, 65536) == 0 && fsync(fd) == 0 && unlink(path) == 0
		       ? 0
		       : 3;
}

static int w_lock(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd = open(file_in, O_RDWR | O_CLOEXEC);
	char path[128];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/lock", dir);
	return fd >= 0 && fcntl(fd, F_SETLK, &l) == 0 &&
			       fcntl(fd, F_OFD_SETLK, &l) != 1 &&
			       io_lock(path, &e) >= 0
		       ? 0
		       : 1;
}

static int w_time_and_terminal(void)
{
	struct timespec t = { 0, 1000000 };
	struct tm tm;
	time_t now = time(NULL);
	struct winsize w;
	struct termios tio;
	int fds[2];

	if (nanosleep(&t, NULL) != 0 || !localtime_r(&now, &tm))
		return 1;
	if (ioctl(1, TIOCGWINSZ, &w) != 0 && errno == EPERM)
		return 2;
	if (tcgetattr(1, &tio) != 0 && errno == EPERM)
		return 3;
	if (pipe(fds) != 0 || write(fds[1], "x", 1) != 1)
		return 4;
	return 0;
}

static int w_abort(void)
{
	abort();
}

static void test_core_can_work(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(try(CORE, w_secrets), 0);
	assert_int_equal(try(CORE, w_shared_map), 0);
	assert_int_equal(try(CORE, w_lock), 0);
	assert_int_equal(try(CORE, w_time_and_terminal), 0);
	/* abort() still ends the process at once */
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		if (confine(CORE) != 0)
			_exit(255);
		_exit(w_abort());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- harden_start -------------------------------------------------------------- */

static int s_start(void)
{
	struct rlimit core = { 1, 1 };
	struct err e = ERR_INIT;
	int keep = dup(0), gone = dup(0);

	setenv("LD_PRELOAD_X", "1", 1);
	setenv("SECRET_THING", "1", 1);
	setenv("LC_TIME", "C", 1);
	setenv("CURFEW_DIR", "/x", 1);
	setenv("PATH", "/evil", 1);
	signal(SIGPIPE, SIG_DFL);
	umask(0);
	close(1);
	if (harden_start(&keep, 1, &e) != 0)
		return 1;
	if (getenv("LD_PRELOAD_X") || getenv("SECRET_THING"))
		return 2;
	if (!getenv("LC_TIME") || !getenv("CURFEW_DIR"))
		return 3;
	if (strcmp(getenv("PATH"), "/evil") == 0 || getenv("PATH")[0] != '/')
		return 4;
	if (fcntl(gone, F_GETFD) != -1 || fcntl(keep, F_GETFD) == -1)
		return 5;
	if (fcntl(1, F_GETFD) == -1)
		return 6;
	if (umask(0) != 077)
		return 7;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 8;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0)
		return 9;
	if (raise(SIGPIPE) != 0)
		return 10;
	return 0;
}

static void test_start(void **state)
{
	(void)state;
	assert_int_equal(try(FREE, s_start), 0);
}

/* ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_no_sockets),
		cmocka_unit_test(test_core_no_processes),
		cmocka_unit_test(test_core_reaches_no_process),
		cmocka_unit_test(test_core_no_code),
		cmocka_unit_test(test_core_refuses_by_default),
		cmocka_unit_test(test_core_files),
		cmocka_unit_test(test_missing_path),
		cmocka_unit_test(test_helper_files),
		cmocka_unit_test(test_core_can_work),
		cmocka_unit_test(test_start),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
