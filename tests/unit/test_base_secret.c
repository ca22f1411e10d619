/* secret: many values, wiping, guards, locking, redaction. */
// link: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/secret.h"

static const unsigned char *where;

static int note(const unsigned char *p, size_t n, void *arg)
{
	where = p;
	*(size_t *)arg = n;
	return 42;
}

static int compare(const unsigned char *p, size_t n, void *arg)
{
	return memcmp(p, arg, n);
}

static void test_life(void **state)
{
	struct secret *a = secret_new("hunter2!", 8, NULL), *b, *c;
	size_t n = 0;

	(void)state;
	assert_int_equal(secret_len(a), 8);
	assert_int_equal(secret_reveal(a, note, &n), 42);
	assert_int_equal(n, 8);
	b = secret_dup(a, NULL);
	c = secret_new("hunter3!", 8, NULL);
	assert_true(secret_equal(a, b));
	assert_false(secret_equal(a, c));
	assert_false(secret_equal(a, NULL));
	secret_free(&c);
	c = secret_new("", 0, NULL);
	assert_int_equal(secret_len(c), 0);
	assert_int_equal(secret_reveal(c, note, &n), 42);
	assert_int_equal(n, 0);
	assert_false(secret_equal(a, c));
	secret_free(&a);
	assert_null(a);
	secret_free(&a);
	secret_free(NULL);
	secret_free(&b);
	secret_free(&c);
}

static void test_limits(void **state)
{
	struct err e = ERR_INIT;
	static char big[SECRET_MAX + 1];
	struct secret *s;

	(void)state;
	assert_null(secret_new(big, SECRET_MAX + 1, &e));
	assert_int_equal(e.code, ERR_TOOBIG);
	s = secret_new(big, SECRET_MAX, NULL);
	assert_non_null(s);
	secret_free(&s);
}

/* Every size class, thousands of values: none overlaps another. */
static void test_thousands(void **state)
{
	enum { N = 6000 };
	struct secret **s = calloc(N, sizeof(struct secret *));
	unsigned char want[700];

	(void)state;
	for (int i = 0; i < N; i++) {
		size_t n = (size_t)(i % 690) + 4;

		memset(want, i & 0xff, n);
		memcpy(want, &i, sizeof(i));
		s[i] = secret_new(want, n, NULL);
		assert_non_null(s[i]);
		/* holes, so that slots and slabs are used again */
		if (i % 3 == 2)
			secret_free(&s[i - 1]);
	}
	for (int i = 0; i < N; i++) {
		size_t n = (size_t)(i % 690) + 4;

		if (i % 3 == 1)
			continue;
		memset(want, i & 0xff, n);
		memcpy(want, &i, sizeof(i));
		assert_int_equal(secret_reveal(s[i], compare, want), 0);
	}
	for (int i = 0; i < N; i++)
		secret_free(&s[i]);
	free(s);
}

static void test_arena_maximum(void **state)
{
	enum { N = SECRET_ARENA_MAX / SECRET_MAX + 8 };
	static struct secret *s[N];
	struct err e = ERR_INIT;
	int got = 0;

	(void)state;
	while (got < N && (s[got] = secret_blank(SECRET_MAX, &e)))
		got++;
	assert_int_equal(e.code, ERR_NOMEM);
	assert_in_range(got, SECRET_ARENA_MAX / SECRET_MAX - 16, N - 8);
	/* full is not broken */
	secret_free(&s[0]);
	s[0] = secret_new("x", 1, NULL);
	assert_non_null(s[0]);
	for (int i = 0; i < got; i++)
		secret_free(&s[i]);
}

static void test_wiped_on_free(void **state)
{
	struct secret *s = secret_new("0123456789abcdef0123456789abcdef", 32,
				      NULL);
	struct secret *hold = secret_new("other", 5, NULL);
	size_t n;

	(void)state;
	secret_reveal(s, note, &n);
	assert_int_equal(where[31], 'f');
	secret_free(&s);
	/* the arena's pages stay mapped: look at the slot */
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(where[i], 0);
	secret_free(&hold);
}

static int fill_pattern(unsigned char *p, size_t n, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)('a' + i % 26);
	return 0;
}

static void test_blank_and_cut(void **state)
{
	struct secret *s = secret_blank(SECRET_MAX, NULL);
	const unsigned char *big;
	size_t n;

	(void)state;
	assert_int_equal(secret_fill(s, fill_pattern, NULL), 0);
	secret_reveal(s, note, &n);
	big = where;
	secret_cut(s, 10);
	assert_int_equal(secret_len(s), 10);
	assert_int_equal(secret_reveal(s, compare, (char[]){ "abcdefghij" }),
			 0);
	/* moved to a small slot, and the large one is clean */
	for (size_t i = 0; i < SECRET_MAX; i++)
		assert_int_equal(big[i], 0);
	secret_cut(s, 50);
	assert_int_equal(secret_len(s), 10);
	secret_cut(s, 0);
	assert_int_equal(secret_len(s), 0);
	secret_free(&s);
}

static void test_random(void **state)
{
	struct secret *a = secret_generate(32, NULL);
	struct secret *b = secret_generate(32, NULL);
	unsigned char x[32] = { 0 }, y[32] = { 0 };

	(void)state;
	assert_false(secret_equal(a, b));
	secret_random(x, 32);
	secret_random(y, 32);
	assert_false(secret_equal_bytes(x, y, 32));
	assert_true(secret_equal_bytes(x, x, 32));
	secret_free(&a);
	secret_free(&b);
}

static size_t redact(const char *in, char *out)
{
	size_t len = strlen(in), n;

	memcpy(out, in, len);
	n = secret_redact(out, &len);
	out[len] = '\0';
	return n;
}

static void test_redact(void **state)
{
	struct secret *a = secret_new("tok_12345678", 12, NULL);
	struct secret *b = secret_new("tok_12345678-longer", 19, NULL);
	struct secret *c = secret_new("short", 5, NULL);
	struct secret *d = secret_new("exactly8", 8, NULL);
	char out[256];

	(void)state;
	assert_int_equal(redact("a tok_12345678 b", out), 1);
	assert_string_equal(out, "a [secret] b");
	/* the longest one wins */
	assert_int_equal(redact("tok_12345678-longer!", out), 1);
	assert_string_equal(out, "[secret]!");
	assert_int_equal(redact("exactly8exactly8", out), 2);
	assert_string_equal(out, "[secret][secret]");
	assert_int_equal(redact("a short text", out), 0);
	assert_string_equal(out, "a short text");
	assert_int_equal(redact("tok_1234567", out), 0);
	assert_int_equal(redact("", out), 0);
	secret_free(&a);
	assert_int_equal(redact("tok_12345678 x", out), 0);
	assert_int_equal(redact("tok_12345678-longer", out), 1);
	secret_free(&b);
	secret_free(&c);
	secret_free(&d);
	assert_int_equal(redact("exactly8", out), 0);
}

static void test_redact_many(void **state)
{
	enum { N = 3000 };
	struct secret **s = calloc(N, sizeof(struct secret *));
	char text[64], out[64];

	(void)state;
	for (int i = 0; i < N; i++) {
		/* one beginning for all: the worst case of the table */
		snprintf(text, sizeof(text), "sk_live_%06d", i);
		s[i] = secret_new(text, strlen(text), NULL);
	}
	for (int i = 0; i < N; i += 97) {
		snprintf(text, sizeof(text), "<sk_live_%06d>", i);
		assert_int_equal(redact(text, out), 1);
		assert_string_equal(out, "<[secret]>");
	}
	for (int i = 0; i < N; i += 2)
		secret_free(&s[i]);
	assert_int_equal(redact("sk_live_000002", out), 0);
	assert_int_equal(redact("sk_live_000003", out), 1);
	for (int i = 0; i < N; i++)
		secret_free(&s[i]);
	free(s);
}

#ifndef SECRET_PLAIN_ARENA

static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Reading on from a value runs into the guard page behind the chunk. */
static int run_over(void)
{
	struct secret *s = secret_new("here", 4, NULL);
	volatile unsigned char sum = 0;
	size_t n;

	secret_reveal(s, note, &n);
	for (size_t i = 0; i < 2u * 1024 * 1024; i++)
		sum = (unsigned char)(sum + where[i]);
	return sum & 1;
}

static int wrong_give(void)
{
	struct secret *s = secret_new("here", 4, NULL);
	size_t n;

	secret_reveal(s, note, &n);
	arena_give((void *)(uintptr_t)where, 4000);
	return 0;
}

static void test_guard(void **state)
{
	int how = in_child(run_over);

	(void)state;
	assert_int_equal(how, 1000 + SIGSEGV);
	assert_int_equal(in_child(wrong_give), 1000 + SIGABRT);
}

static int boot_without_lock(void)
{
	struct rlimit none = { 0, 0 };
	bool locked = true;

	/* root may lock whatever the limit says */
	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0)
		return 1;
	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 2;
	if (secret_boot(&locked, NULL) != 0)
		return 3;
	return locked || secret_locked() ? 4 : 0;
}

static int boot_with_lock(void)
{
	bool locked = false;

	if (secret_boot(&locked, NULL) != 0)
		return 1;
	return locked && secret_locked() ? 0 : 2;
}

/* Says VmLck of our own process, kB. */
static long locked_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmLck:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static int pages_are_locked(void)
{
	long before = locked_kb();

	if (boot_with_lock() != 0)
		return 1;
	return locked_kb() - before >= 1024 ? 0 : 2;
}

static void test_locked(void **state)
{
	struct rlimit r;

	(void)state;
	/* must run before the first secret of this process: children inherit */
	assert_int_equal(in_child(boot_without_lock), 0);
	if (getrlimit(RLIMIT_MEMLOCK, &r) != 0 ||
	    (r.rlim_cur < 2 * 1024 * 1024 && geteuid() != 0))
		skip();
	assert_int_equal(in_child(boot_with_lock), 0);
	assert_int_equal(in_child(pages_are_locked), 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef SECRET_PLAIN_ARENA
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_guard),
#endif
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_thousands),
		cmocka_unit_test(test_wiped_on_free),
		cmocka_unit_test(test_blank_and_cut),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_redact_many),
		cmocka_unit_test(test_arena_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
