/*
 * What a Sieve script can do, as the dovecot provider reads it.
 */
// link: base providers/dovecot/sieve.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "providers/dovecot/dovecot.h"

static void forwards(const char *script, const char *to)
{
	struct err e = ERR_INIT;
	struct sieve s;

	assert_int_equal(sieve_read(script, &s, &e), 0);
	assert_string_equal(s.redirects.len ? s.redirects.p : "", to);
	sieve_free(&s);
}

static void test_redirects(void **state)
{
	(void)state;
	forwards("", "");
	forwards("keep;", "");
	forwards("redirect \"a@b\";", "a@b");
	forwards("require [\"copy\"];\nREDIRECT :copy \"a@b\";\nredirect\n\"c@d\";", "a@b, c@d");
	forwards("if header :contains \"subject\" \"redirect\" { redirect \"a@b\"; }", "a@b");
	forwards("redirect :copy :notify \"NEVER\" :ret \"FULL\" \"a@b\";", "a@b");
	forwards("redirect /* \"x@y\" */ # \"z@z\"\n \"a@b\";", "a@b");
	forwards("redirect \"a\\\"b@c\";", "a\"b@c");
	forwards("redirect text:\r\na@b\r\n.\r\n;", "a@b\r");
}

static void test_not_redirects(void **state)
{
	(void)state;
	forwards("# redirect \"a@b\";", "");
	forwards("/* redirect \"a@b\"; */ keep;", "");
	forwards("fileinto \"redirect\"; reject \"redirect \\\"a@b\\\";\";", "");
	forwards("vacation text:\nredirect \"a@b\";\n.\n;", "");
	forwards("redirect; fileinto \"a@b\";", "");
	forwards("redirected \"a@b\";", "");
	/* cut off in the middle */
	forwards("redirect", "");
	forwards("redirect \"a@b", "a@b");
	forwards("/* redirect", "");
	forwards("text:", "");
	forwards("\"\\", "\0");
}

static void test_flags(void **state)
{
	struct err e = ERR_INIT;
	struct sieve s;

	(void)state;
	assert_int_equal(sieve_read("discard; include :personal \"x\"; pipe \"p\";", &s, &e), 0);
	assert_true(s.discards && s.includes && s.runs);
	assert_false(s.files || s.notifies || s.replies);
	sieve_free(&s);
	assert_int_equal(sieve_read("fileinto \"x\"; vacation \"away\"; notify \"m\";", &s, &e), 0);
	assert_true(s.files && s.notifies && s.replies);
	assert_false(s.discards || s.includes || s.runs);
	sieve_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_not_redirects),
		cmocka_unit_test(test_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
