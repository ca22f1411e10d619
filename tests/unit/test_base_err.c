/* err: the printed form, what is kept and what is escaped. */
// link: base
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static const char *text(const struct err *e)
{
	static char out[2048];

	err_format(e, out, sizeof(out));
	return out;
}

static void test_house_form(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_fail(&e, ERR_PROVIDER, "ci/deploy-key",
				  "github answered %d", 403),
			 -1);
	assert_int_equal(err_ctx(&e, NULL, "rotate"), -1);
	err_state(&e, "old key left active");
	err_hint(&e, "grant the scope");
	assert_string_equal(text(&e),
			    "cannot rotate 'ci/deploy-key': github answered "
			    "403; old key left active; grant the scope");
}

static void test_first_cause_stays(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_fail(&e, ERR_TAMPER, "row", "altered");
	err_fail(&e, ERR_IO, "file", "gone");
	err_state(&e, "one");
	err_state(&e, "two");
	err_hint(&e, "a");
	err_hint(&e, "b");
	assert_true(err_is(&e, ERR_TAMPER));
	assert_string_equal(text(&e), "'row': altered; one; a");
	err_clear(&e);
	assert_true(err_is(&e, ERR_NONE));
	err_fail(&e, ERR_IO, NULL, "again");
	assert_string_equal(text(&e), "again");
}

static void test_context_outward(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = EACCES;
	err_sys(&e, "/v/vault.db", "open");
	err_ctx(&e, "/v/vault.db", "read the vault");
	err_ctx(&e, "ci-bot", "kill");
	assert_string_equal(text(&e),
			    "cannot kill 'ci-bot': read the vault "
			    "'/v/vault.db': open: Permission denied");
	assert_int_equal(e.code, ERR_IO);
	err_clear(&e);
	err_fail(&e, ERR_IO, NULL, "c");
	err_ctx(&e, NULL, "inner");
	err_ctx(&e, NULL, "cannot outer");
	assert_string_equal(text(&e), "cannot outer: inner: c");
}

static void test_errno_codes(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOSPC;
	err_sys(&e, NULL, "write");
	assert_int_equal(e.code, ERR_FULL);
	err_clear(&e);
	errno = EDQUOT;
	err_sys(&e, NULL, "write");
	assert_int_equal(e.code, ERR_FULL);
	err_clear(&e);
	errno = ENOMEM;
	err_sys(&e, NULL, "map");
	assert_int_equal(e.code, ERR_NOMEM);
}

static void test_hostile_text(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_fail(&e, ERR_FORMAT, "a'b\\c\x1b[31m", "bad \x9b byte\n\xe2\x80\xae");
	assert_string_equal(text(&e),
			    "'a\\x27b\\x5cc\\x1b[31m': bad \\x9b byte\\x0a"
			    "\\xe2\\x80\\xae");
	err_clear(&e);
	err_fail(&e, ERR_FORMAT, "grün", "日本");
	assert_string_equal(text(&e), "'grün': 日本");
}

static void test_long_text_is_cut(void **state)
{
	struct err e = ERR_INIT;
	char big[900];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_fail(&e, ERR_FORMAT, big, "%s", big);
	err_ctx(&e, NULL, "%s", big);
	assert_int_equal(strlen(e.cause), sizeof(e.cause) - 1);
	assert_string_equal(e.cause + sizeof(e.cause) - 4, "...");
	assert_int_equal(strlen(e.object), sizeof(e.object) - 1);
	/* a character of several bytes is not cut in two */
	err_clear(&e);
	for (size_t i = 0; i + 2 < sizeof(big); i += 2)
		memcpy(big + i, "\xc3\xa9", 2);
	big[sizeof(big) - 1] = '\0';
	big[898] = '\0';
	err_fail(&e, ERR_FORMAT, NULL, "%s", big);
	assert_null(strstr(e.cause, "\\x"));
	assert_memory_equal(e.cause + strlen(e.cause) - 5, "\xc3\xa9...", 5);
}

static void test_null_err(void **state)
{
	(void)state;
	assert_int_equal(err_fail(NULL, ERR_IO, NULL, "x"), -1);
	assert_int_equal(err_sys(NULL, NULL, "x"), -1);
	assert_int_equal(err_ctx(NULL, NULL, "x"), -1);
	err_state(NULL, "x");
	err_hint(NULL, "x");
	err_clear(NULL);
	assert_false(err_is(NULL, ERR_IO));
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(err_word(ERR_TAMPER), "tamper");
	assert_string_equal(err_word(ERR_BUG), "bug");
	assert_string_equal(err_word((enum err_code)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_house_form),
		cmocka_unit_test(test_first_cause_stays),
		cmocka_unit_test(test_context_outward),
		cmocka_unit_test(test_errno_codes),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_null_err),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
