/* harden: which files stay reachable, what goes on working, how we start. */
// link: base
#include "tests/unit/harden_try.h"

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
#ifndef __SANITIZE_ADDRESS__
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 8;
#endif
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 11;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_files),
		cmocka_unit_test(test_missing_path),
		cmocka_unit_test(test_helper_files),
		cmocka_unit_test(test_core_can_work),
		cmocka_unit_test(test_start),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
