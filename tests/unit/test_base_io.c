/* io and log: checks on the open file, atomic replacement, clean lines. */
// link: base
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

static char dir[64];

static const char *at(const char *name)
{
	static char path[4][128];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void put(const char *name, const char *text, mode_t mode)
{
	struct err e = ERR_INIT;
	char told[1024];

	if (io_write_atomic(at(name), text, strlen(text), mode, &e) != 0) {
		err_format(&e, told, sizeof(told));
		print_error("%s\n", told);
		fail();
	}
}

static void holds(const char *name, const char *want)
{
	struct buf b = BUF_INIT(1000);

	assert_int_equal(io_read_file(at(name), IO_ANY, 1000, &b, NULL), 0);
	assert_string_equal(b.p ? b.p : "", want);
	buf_release(&b);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(at(name), &st), 0);
	return st.st_mode & 07777;
}

static int count_files(void)
{
	char cmd[128], line[32] = "";
	int fds[2], status;
	pid_t pid;

	snprintf(cmd, sizeof(cmd), "ls -A %s | wc -l", dir);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(1);
	}
	close(fds[1]);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (int)strtol(line, NULL, 10);
}

static void test_read_limits(void **state)
{
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;

	(void)state;
	put("ten", "0123456789", 0600);
	assert_int_equal(io_read_file(at("ten"), IO_ANY, 10, &b, &e), 0);
	assert_int_equal(b.len, 10);
	buf_reset(&b);
	assert_int_equal(io_read_file(at("ten"), IO_ANY, 9, &b, &e), -1);
	assert_int_equal(e.code, ERR_TOOBIG);
	err_clear(&e);
	assert_int_equal(io_read_file(at("none"), IO_ANY, 9, &b, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	err_clear(&e);
	assert_int_equal(io_read_file(dir, IO_ANY, 9, &b, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	buf_release(&b);
}

static void test_no_symlink_no_fifo(void **state)
{
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;

	(void)state;
	put("target", "t", 0600);
	assert_int_equal(symlink(at("target"), at("link")), 0);
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	assert_int_equal(io_read_file(at("link"), IO_ANY, 9, &b, &e), -1);
	assert_non_null(strstr(e.cause, "symbolic link"));
	err_clear(&e);
	/* must not hang */
	assert_int_equal(io_read_file(at("fifo"), IO_ANY, 9, &b, &e), -1);
	assert_non_null(strstr(e.cause, "regular"));
	err_clear(&e);
	assert_int_equal(io_write_atomic(at("link"), "x", 1, 0, &e), -1);
	assert_non_null(strstr(e.cause, "symbolic link"));
	holds("target", "t");
	err_clear(&e);
	assert_int_equal(io_write_atomic(at("fifo"), "x", 1, 0, &e), -1);
	err_clear(&e);
	assert_int_equal(io_lock(at("link"), &e), -1);
	err_clear(&e);
	assert_int_equal(io_create(at("link"), "x", 1, 0600, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	buf_release(&b);
}

static void test_permissions(void **state)
{
	static const struct {
		mode_t mode;
		bool private_ok, owned_ok;
	} t[] = {
		{ 0600, true, true },	{ 0400, true, true },
		{ 0640, false, true },	{ 0604, false, true },
		{ 0644, false, true },	{ 0660, false, false },
		{ 0602, false, false },
	};
	struct buf b = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct err e = ERR_INIT;

		put("perm", "x", t[i].mode);
		assert_int_equal(mode_of("perm"), t[i].mode);
		assert_int_equal(io_read_file(at("perm"), IO_PRIVATE, 9, &b,
					      &e) == 0,
				 t[i].private_ok);
		assert_true(t[i].private_ok || e.code == ERR_POLICY);
		assert_int_equal(io_read_file(at("perm"), IO_OWNED, 9, &b,
					      NULL) == 0,
				 t[i].owned_ok);
		assert_int_equal(unlink(at("perm")), 0);
	}
	if (geteuid() == 0) {
		put("perm", "x", 0600);
		assert_int_equal(chown(at("perm"), 12345, 0), 0);
		assert_int_equal(io_read_file(at("perm"), IO_PRIVATE, 9, &b,
					      NULL),
				 -1);
		/* replaced, the file keeps its owner */
		put("perm", "y", 0);
		assert_int_equal(io_read_file(at("perm"), IO_OWNED, 9, &b,
					      NULL),
				 -1);
	}
	buf_release(&b);
}

static void test_write_atomic(void **state)
{
	struct err e = ERR_INIT;
	struct stat before, after;
	int files;

	(void)state;
	umask(0);
	put("a", "one", 0);
	assert_int_equal(mode_of("a"), 0600);
	holds("a", "one");
	put("a", "two", 0640);
	assert_int_equal(mode_of("a"), 0640);
	assert_int_equal(stat(at("a"), &before), 0);
	put("a", "three", 0);
	assert_int_equal(mode_of("a"), 0640);
	holds("a", "three");
	assert_int_equal(stat(at("a"), &after), 0);
	/* another file in the old one's place: nobody saw a half */
	assert_true(before.st_ino != after.st_ino);
	files = count_files();
	assert_int_equal(io_create(at("a"), "x", 1, 0600, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	holds("a", "three");
	assert_int_equal(count_files(), files);
	err_clear(&e);
	assert_int_equal(io_create(at("new"), "n", 1, 0600, &e), 0);
	holds("new", "n");
	assert_int_equal(count_files(), files + 1);
	assert_int_equal(io_write_atomic(at("no/dir"), "x", 1, 0, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	err_clear(&e);
	assert_int_equal(io_write_atomic(at(""), "x", 1, 0, &e), -1);
	assert_int_equal(io_write_atomic(at(".."), "x", 1, 0, &e), -1);
}

static int crash_child(const char *label)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("CURFEW_CRASH_AT", label, 1);
		_exit(io_write_atomic(at("crash"), "NEW", 3, 0, NULL) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_crash_points(void **state)
{
	(void)state;
	put("crash", "OLD", 0600);
	assert_int_equal(crash_child("io:temp"), 137);
	holds("crash", "OLD");
	assert_int_equal(crash_child("io:written:1"), 137);
	holds("crash", "OLD");
	assert_int_equal(crash_child("io:written:2"), 0);
	holds("crash", "NEW");
	put("crash", "OLD", 0600);
	assert_int_equal(crash_child("io:renamed"), 137);
	holds("crash", "NEW");
	assert_int_equal(crash_child("io:rena"), 0);
}

static void test_full_disk(void **state)
{
	struct err e = ERR_INIT;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, "x", 1, &e), -1);
	assert_int_equal(e.code, ERR_FULL);
	close(fd);
}

static int copy_out(const unsigned char *p, size_t n, void *arg)
{
	memcpy(arg, p, n);
	((char *)arg)[n] = '\0';
	return 0;
}

static void test_secret_file(void **state)
{
	static const struct {
		const char *in, *want;
	} t[] = {
		{ "pw\n", "pw" }, { "pw", "pw" },      { "pw\n\n", "pw\n" },
		{ "\n", "" },	  { "", "" },	       { "p\xc3\xa9 w\n", "p\xc3\xa9 w" },
	};
	struct secret *s;
	struct err e = ERR_INIT;
	char text[64], *big = malloc(SECRET_MAX + 2);
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		put("secret", t[i].in, 0600);
		assert_int_equal(io_read_secret(at("secret"), IO_PRIVATE, &s,
						&e),
				 0);
		secret_reveal(s, copy_out, text);
		assert_string_equal(text, t[i].want);
		secret_free(&s);
	}
	put("secret", "x", 0644);
	assert_int_equal(io_read_secret(at("secret"), IO_PRIVATE, &s, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	err_clear(&e);
	memset(big, 'x', SECRET_MAX + 1);
	big[SECRET_MAX] = '\n';
	assert_int_equal(io_write_atomic(at("big"), big, SECRET_MAX + 1, 0600,
					 NULL),
			 0);
	assert_int_equal(io_read_secret(at("big"), IO_PRIVATE, &s, &e), 0);
	assert_int_equal(secret_len(s), SECRET_MAX);
	secret_free(&s);
	big[SECRET_MAX] = 'x';
	assert_int_equal(io_write_atomic(at("big"), big, SECRET_MAX + 1, 0600,
					 NULL),
			 0);
	fd = open(at("big"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read_secret_fd(fd, &s, &e), -1);
	assert_int_equal(e.code, ERR_TOOBIG);
	close(fd);
	free(big);
}

static void test_lock(void **state)
{
	struct err e = ERR_INIT;
	int status, fd = io_lock(at("lock"), &e);
	char pid_text[32];
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	snprintf(pid_text, sizeof(pid_text), "process %d ", (int)getpid());
	pid = fork();
	if (pid == 0) {
		if (io_lock(at("lock"), &e) != -1)
			_exit(1);
		_exit(e.code == ERR_BUSY && strstr(e.cause, pid_text) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
	fd = io_lock(at("lock"), &e);
	assert_true(fd >= 0);
	close(fd);
}

static void test_dirs_and_paths(void **state)
{
	struct err e = ERR_INIT;
	char *p;

	(void)state;
	assert_int_equal(io_mkdirs(at("x/y//z/"), 0700, &e), 0);
	assert_int_equal(io_mkdirs(at("x/y/z"), 0700, &e), 0);
	assert_int_equal(mode_of("x/y"), 0700);
	put("file", "f", 0600);
	assert_int_equal(io_mkdirs(at("file/z"), 0700, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	p = io_path("/a", "b");
	assert_string_equal(p, "/a/b");
	mem_free(p);
	p = io_path("/", "b");
	assert_string_equal(p, "/b");
	mem_free(p);
}

/* ---- log ---- */

static size_t logged(char *out, size_t cap, bool json, const char *text)
{
	int fds[2], saved = dup(2);
	size_t n = 0;
	ssize_t got;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	dup2(fds[1], 2);
	log_setup("curfew", LOG_NOTICE, json);
	errno = 77;
	log_line(LOG_DEBUG, "not shown");
	log_line(LOG_WARNING, "%s", text);
	assert_int_equal(errno, 77);
	dup2(saved, 2);
	close(saved);
	close(fds[1]);
	while (n + 1 < cap && (got = read(fds[0], out + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	close(fds[0]);
	return n;
}

static void test_log(void **state)
{
	struct secret *s = secret_new("S3cr\"t\nvalue", 12, NULL);
	char out[4096], *long_text = malloc(3000);
	struct json *j;

	(void)state;
	logged(out, sizeof(out), false, "bad \x1b[31m name \xff got S3cr\"t\nvalue");
	assert_non_null(strstr(out, "warning: bad \\x1b[31m name \\xff got "
				    "[secret]\n"));
	assert_null(strstr(out, "not shown"));
	assert_int_equal(out[19], 'Z');

	logged(out, sizeof(out), true, "a \"b\" \\ \x1b S3cr\"t\nvalue");
	j = json_parse(out, strlen(out), NULL);
	assert_non_null(j);
	assert_string_equal(json_str(j, "message"),
			    "a \"b\" \\ \\x1b [secret]");
	assert_string_equal(json_str(j, "level"), "warning");
	json_free(&j);

	/* across the place where a fixed buffer would end */
	memset(long_text, 'x', 2999);
	memcpy(long_text + 506, "S3cr\"t\nvalue", 12);
	long_text[2999] = '\0';
	logged(out, sizeof(out), false, long_text);
	assert_null(strstr(out, "S3cr"));
	assert_non_null(strstr(out, "x[secret]x"));
	free(long_text);
	secret_free(&s);
	log_setup("curfew", LOG_NOTICE, false);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/curfew-io-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_limits),
		cmocka_unit_test(test_no_symlink_no_fifo),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_write_atomic),
		cmocka_unit_test(test_crash_points),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_secret_file),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_dirs_and_paths),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
