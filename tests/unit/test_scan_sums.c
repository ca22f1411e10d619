// link: scan
/*
 * Checksums of keys in other number systems: the published vectors, every
 * single wrong character, and what is made holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hooks/scan/sums.h"

typedef bool check(const char *p, size_t n);

/* Each character changed to another of the alphabet: none may hold. */
static void all_wrong(check *holds, const char *good, const char *digits)
{
	char text[128];
	size_t n = strlen(good), i;

	assert_true(n < sizeof(text));
	assert_true(holds(good, n));
	for (i = 0; i < n; i++) {
		memcpy(text, good, n + 1);
		text[i] = good[i] == digits[0] ? digits[1] : digits[0];
		assert_false(holds(text, n));
	}
	assert_false(holds(good, n - 1));
	assert_false(holds(good + 1, n - 1));
	assert_false(holds(good, 0));
}

static void test_base58check(void **state)
{
	char long_text[SUM_BASE58_MAX + 8];

	(void)state;
	/* Bitcoin wiki, "Wallet import format" */
	all_wrong(sum_base58check, "5HueCGU8rMjxEXxi" "PuD5BDku4MkFqeZyd4d"
		  "Z1jvhTVqvbTLvyTJ", "23");
	/* BIP 32, test vector 1, chain m */
	all_wrong(sum_base58check, "xprv9s21ZrQH143K3" "QTDL4LXw2F7HEK3wJUD2"
		  "nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJg"
		  "k33yuGBxrMPHi", "23");
	assert_false(sum_base58check("0OIl", 4));
	memset(long_text, 'z', sizeof(long_text));
	assert_false(sum_base58check(long_text, sizeof(long_text)));
	assert_false(sum_base58check(long_text, SUM_BASE58_MAX));
	memset(long_text, '1', sizeof(long_text));
	assert_false(sum_base58check(long_text, SUM_BASE58_MAX));
}

static void test_base58check_made(void **state)
{
	unsigned char b[80];
	char text[SUM_BASE58_MAX];
	size_t n, i, len;

	(void)state;
	for (n = 1; n <= sizeof(b); n++) {
		for (i = 0; i < n; i++)
			b[i] = (unsigned char)(i < n / 8 ? 0 : i * 37 + n);
		len = sum_make_base58check(b, n, text);
		assert_true(len > 5 && len < sizeof(text));
		assert_true(sum_base58check(text, len));
	}
}

static void test_bech32(void **state)
{
	static const char data[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	char text[128] = "nsec1";
	size_t n;

	(void)state;
	/* BIP 173, valid strings */
	all_wrong(sum_bech32, "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
		  "qp");
	assert_true(sum_bech32("A12UEL5L", 8));
	assert_false(sum_bech32("A12UEL5M", 8));
	assert_false(sum_bech32("1nwldj5", 7));
	assert_false(sum_bech32("li1dgmt3", 8));
	/* NIP 19 */
	all_wrong(sum_bech32, "nsec1vl029mgpsped" "va04g90vltkh6fvh240zqtv9k0t"
		  "9af8935ke9laqsnlfe5", "qp");
	for (n = 5; n < 90; n++) {
		text[n] = data[n * 7 % 32];
		sum_make_bech32(text, n + 1, text + n + 1);
		assert_true(sum_bech32(text, n + 7));
	}
}

static void test_strkey(void **state)
{
	unsigned char key[32];
	char text[SUM_STRKEY + 1] = { 0 };
	size_t i;

	(void)state;
	/* SEP 23, a valid account id */
	all_wrong(sum_strkey, "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74"
		  "P7UJVSGZ", "AB");
	for (i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 29 + 5);
	sum_make_strkey(18 << 3, key, text);
	assert_int_equal(text[0], 'S');
	all_wrong(sum_strkey, text, "AB");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base58check),
		cmocka_unit_test(test_base58check_made),
		cmocka_unit_test(test_bech32),
		cmocka_unit_test(test_strkey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
