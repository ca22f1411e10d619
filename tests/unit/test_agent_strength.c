// link: base agent/strength.c
/*
 * What people choose stays under the bound for publishing, what a generator
 * makes stays over it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/strength.h"

static double bits(const char *s)
{
	return strength_bits((const unsigned char *)s, strlen(s));
}

static void test_guessable(void **state)
{
	static const char *const weak[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
		"12345678901234567890123456789012345678901234567890",
		"passwordpasswordpasswordpassword",
		"correcthorsebatterystaple", "Correct-Horse-Battery-Staple",
		"Summer2024!Winter2025!", "postgres-production-password-2024",
		"changeme-changeme-changeme-1", "4111111111111111",
		"2024-11-22T10:11:12Z-admin", "deploy@production.example.org",
		"qwertyuiopasdfgh123456", "deadbeefdeadbeefdeadbeef",
		"00000000-0000-0000-0000-000000000000",
		"my_super_secret_database_password", "----------------------",
	};

	(void)state;
	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
		if (bits(weak[i]) >= STRENGTH_PUBLISH)
			fail_msg("%s: %.1f bits", weak[i], bits(weak[i]));
}

/* Out of 2,000 of each kind at most a few may be lost to caution. */
static void generated(const char *letters, size_t n, unsigned most)
{
	unsigned lost = 0;
	char text[80];

	for (unsigned k = 0; k < 2000; k++) {
		for (size_t i = 0; i < n; i++)
			text[i] = letters[(size_t)random() % strlen(letters)];
		text[n] = '\0';
		lost += bits(text) < STRENGTH_PUBLISH;
	}
	if (lost > most)
		fail_msg("%u of 2000 of %zu from %.8s... lost", lost, n, letters);
}

static void test_generated(void **state)
{
	static const char hex[] = "0123456789abcdef";
	static const char mixed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				    "pqrstuvwxyz0123456789";

	(void)state;
	srandom(1);
	generated(hex, 32, 0);
	generated(hex, 40, 0);
	generated(mixed, 20, 100);
	generated(mixed, 24, 5);
	generated(mixed, 40, 0);
	assert_true(bits("f47ac10b-58cc-4372-a567-0e02b2c3d479") >=
		    STRENGTH_PUBLISH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guessable),
		cmocka_unit_test(test_generated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
