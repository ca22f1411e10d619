/* pack: round trips, and every way a record can be cut or bent. */
// link: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pack.h"

static void build(struct buf *b)
{
	char big[300];

	memset(big, 'b', sizeof(big));
	assert_int_equal(pack_str(b, 1, "name", NULL), 0);
	assert_int_equal(pack_int(b, 2, -5, NULL), 0);
	assert_int_equal(pack_int(b, 3, INT64_MIN, NULL), 0);
	assert_int_equal(pack_bytes(b, 255, big, sizeof(big), NULL), 0);
	assert_int_equal(pack_str(b, 1, "again", NULL), 0);
	assert_int_equal(pack_bytes(b, 9, "", 0, NULL), 0);
}

static void test_round_trip(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct unpack u;
	char *s;

	(void)state;
	assert_int_equal(pack_str(&b, 1, "", NULL), 0);
	assert_int_equal(pack_str(&b, 1, NULL, NULL), 0);
	assert_int_equal(pack_int(&b, 1, 0, NULL), 0);
	assert_int_equal(b.len, 0);
	build(&b);
	unpack_init(&u, b.p, b.len);
	assert_true(unpack_next(&u));
	assert_int_equal(u.tag, 1);
	s = unpack_str(&u);
	assert_string_equal(s, "name");
	mem_free(s);
	assert_true(unpack_next(&u));
	assert_int_equal(unpack_int(&u), -5);
	assert_true(unpack_next(&u));
	assert_true(unpack_int(&u) == INT64_MIN);
	assert_true(unpack_next(&u));
	assert_int_equal(u.tag, 255);
	assert_int_equal(u.len, 300);
	assert_true(unpack_next(&u));
	assert_int_equal(u.tag, 1);
	assert_true(unpack_next(&u));
	assert_int_equal(u.len, 0);
	s = unpack_str(&u);
	assert_string_equal(s, "");
	mem_free(s);
	assert_false(unpack_next(&u));
	assert_false(u.bad);
	buf_release(&b);
}

/* Exact bytes: other programs' records must stay readable for ever. */
static void test_bytes(void **state)
{
	struct buf b = BUF_INIT(1000);
	static const char want[] = "\x01\x02hi\x02\x08\x01\x02\0\0\0\0\0\0";

	(void)state;
	assert_int_equal(pack_str(&b, 1, "hi", NULL), 0);
	assert_int_equal(pack_int(&b, 2, 0x201, NULL), 0);
	assert_int_equal(b.len, sizeof(want) - 1);
	assert_memory_equal(b.p, want, b.len);
	buf_release(&b);
}

static size_t walk(const void *p, size_t n, bool *bad)
{
	struct unpack u;
	size_t fields = 0;

	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		const unsigned char *from = p;

		fields++;
		assert_true(u.val >= from && u.val + u.len <= from + n);
		if (u.tag == 2)
			unpack_int(&u);
		mem_free(unpack_str(&u));
	}
	*bad = u.bad;
	return fields;
}

static void test_every_cut(void **state)
{
	struct buf b = BUF_INIT(1000);
	unsigned good = 0;
	bool bad;

	(void)state;
	build(&b);
	for (size_t n = 0; n < b.len; n++) {
		/* a block of its own, so that a sanitizer sees each overrun */
		char *part = malloc(n ? n : 1);

		memcpy(part, b.p, n);
		walk(part, n, &bad);
		good += !bad;
		free(part);
	}
	/* only the cuts between fields are whole records */
	assert_int_equal(good, 6);
	buf_release(&b);
}

static void test_every_bit(void **state)
{
	struct buf b = BUF_INIT(1000);
	bool bad;

	(void)state;
	build(&b);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.p[i / 8] ^= (char)(1 << (i % 8));
		walk(b.p, b.len, &bad);
		b.p[i / 8] ^= (char)(1 << (i % 8));
	}
	assert_int_equal(walk(b.p, b.len, &bad), 6);
	assert_false(bad);
	buf_release(&b);
}

static void assert_bad(const char *p, size_t n)
{
	bool bad;

	walk(p, n, &bad);
	assert_true(bad);
}

static void test_malformed(void **state)
{
	(void)state;
	assert_bad("\x00\x00", 2);		     /* tag 0 */
	assert_bad("\x01", 1);			     /* no length */
	assert_bad("\x01\x80", 2);		     /* half a length */
	assert_bad("\x01\x80\x00", 3);		     /* overlong */
	assert_bad("\x01\xff\xff\xff\xff\xff\x01", 7); /* too many bytes */
	assert_bad("\x01\xff\xff\xff\xff\x0f", 6);     /* 4 GiB */
	assert_bad("\x02\x01x", 3);		     /* an integer of 1 byte */
}

static void test_refused(void **state)
{
	struct buf b = BUF_INIT(20);
	struct err e = ERR_INIT;
	struct unpack u;

	(void)state;
	assert_int_equal(pack_bytes(&b, 0, "x", 1, &e), -1);
	assert_int_equal(e.code, ERR_BUG);
	err_clear(&e);
	assert_int_equal(pack_bytes(&b, 256, "x", 1, &e), -1);
	err_clear(&e);
	assert_int_equal(pack_bytes(&b, 1, "12345678901234567890", 20, &e), -1);
	assert_int_equal(e.code, ERR_TOOBIG);
	assert_int_equal(b.len, 0);
	/* a NUL inside a string is no string */
	assert_int_equal(pack_bytes(&b, 1, "a\0b", 3, NULL), 0);
	unpack_init(&u, b.p, b.len);
	assert_true(unpack_next(&u));
	assert_null(unpack_str(&u));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
