/* mem and buf: sizes, overflow, wiping, the named maximum. */
// link: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void test_overflow(void **state)
{
	size_t n;

	(void)state;
	assert_null(mem_alloc(SIZE_MAX));
	assert_null(mem_alloc(SIZE_MAX - 8));
	assert_null(mem_array(SIZE_MAX / 2, 3));
	assert_false(mem_add(SIZE_MAX, 1, &n));
	assert_false(mem_mul(SIZE_MAX, 2, &n));
	assert_true(mem_add(3, 4, &n));
	assert_int_equal(n, 7);
	assert_true(mem_mul(3, 4, &n));
	assert_int_equal(n, 12);
}

static void test_sizes(void **state)
{
	unsigned char *p = mem_zalloc(33);

	(void)state;
	assert_int_equal(mem_size(p), 33);
	assert_int_equal((uintptr_t)p % 16, 0);
	for (int i = 0; i < 33; i++)
		assert_int_equal(p[i], 0);
	memset(p, 7, 33);
	p = mem_realloc(p, 100);
	assert_int_equal(mem_size(p), 100);
	assert_int_equal(p[32], 7);
	p = mem_realloc(p, 3);
	assert_int_equal(mem_size(p), 3);
	assert_int_equal(p[2], 7);
	mem_free(p);
	p = mem_alloc(0);
	assert_int_equal(mem_size(p), 1);
	mem_free(p);
	mem_free(NULL);
	assert_int_equal(mem_size(NULL), 0);
	p = mem_realloc(NULL, 5);
	assert_non_null(p);
	mem_free(p);
}

static void test_strings(void **state)
{
	char *s = mem_strdup("hello"), *t = mem_strndup("hello", 2);

	(void)state;
	assert_string_equal(s, "hello");
	assert_int_equal(mem_size(s), 6);
	assert_string_equal(t, "he");
	mem_free(s);
	mem_free(t);
	assert_null(mem_strdup(NULL));
	t = mem_strndup("hi", SIZE_MAX);
	assert_string_equal(t, "hi");
	mem_free(t);
}

#ifndef __SANITIZE_ADDRESS__
/* Looking at freed memory on purpose: only that shows the wiping.  A block
 * this small stays in the allocator's cache, which writes its first 16 bytes. */
static void test_wiped_on_free(void **state)
{
	volatile unsigned char *p = mem_alloc(200);
	unsigned seen = 0;

	(void)state;
	memset((void *)(uintptr_t)p, 0xa5, 200);
	mem_free((void *)(uintptr_t)p);
	for (int i = 0; i < 200; i++)
		seen += p[i] == 0xa5;
	assert_int_equal(seen, 0);
}

static void test_wiped_on_realloc(void **state)
{
	volatile unsigned char *p = mem_alloc(200);
	unsigned seen = 0;
	void *q;

	(void)state;
	memset((void *)(uintptr_t)p, 0xa5, 200);
	q = mem_realloc((void *)(uintptr_t)p, 400);
	assert_ptr_not_equal(q, (void *)(uintptr_t)p);
	for (int i = 0; i < 200; i++)
		seen += p[i] == 0xa5;
	assert_int_equal(seen, 0);
	mem_free(q);
}

static void test_double_free_aborts(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		void *p = mem_alloc(100);

		signal(SIGABRT, SIG_DFL);
		mem_free(p);
		mem_free(p);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}
#endif

static void test_fail_alloc(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	/* in a child of its own program image: the count is per process */
	if (pid == 0) {
		setenv("CURFEW_FAIL_ALLOC", "2", 1);
		execl("/proc/self/exe", "test", "fail-alloc", (char *)NULL);
		_exit(9);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int fail_alloc_child(void)
{
	void *a = mem_alloc(1), *b = mem_alloc(1), *c = mem_alloc(1);
	int bad = !a || b || !c;

	mem_free(a);
	mem_free(b);
	mem_free(c);
	return bad;
}

static void test_buf_max(void **state)
{
	struct buf b = BUF_INIT(10);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_puts(&b, "12345", &e), 0);
	assert_int_equal(buf_puts(&b, "67890", &e), 0);
	assert_string_equal(b.p, "1234567890");
	assert_int_equal(b.len, 10);
	assert_int_equal(buf_puts(&b, "x", &e), -1);
	assert_int_equal(e.code, ERR_TOOBIG);
	assert_string_equal(b.p, "1234567890");
	err_clear(&e);
	assert_int_equal(buf_printf(&b, &e, "%d", 1), -1);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, &e), -1);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	err_clear(&e);
	assert_int_equal(buf_printf(&b, &e, "%s-%d", "abc", 42), 0);
	assert_string_equal(b.p, "abc-42");
	buf_release(&b);
	assert_null(b.p);
	/* usable again */
	assert_int_equal(buf_add(&b, "a\0b", 3, &e), 0);
	assert_int_equal(b.len, 3);
	buf_release(&b);
	buf_release(&b);
}

static void test_buf_growth(void **state)
{
	struct buf b = BUF_INIT(100000);

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add(&b, &(char){ (char)i }, 1, NULL), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], (char)i);
	assert_int_equal(b.p[b.len], 0);
	assert_true(b.cap <= 100001);
	assert_int_equal(buf_add(&b, "x", 1, NULL), -1);
	buf_release(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_strings),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(test_wiped_on_free),
		cmocka_unit_test(test_wiped_on_realloc),
		cmocka_unit_test(test_double_free_aborts),
#endif
		cmocka_unit_test(test_fail_alloc),
		cmocka_unit_test(test_buf_max),
		cmocka_unit_test(test_buf_growth),
	};

	if (argc == 2 && strcmp(argv[1], "fail-alloc") == 0)
		return fail_alloc_child();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
