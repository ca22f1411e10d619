/* krl: sshd's revocation list, read and changed; strangers' parts are kept. */
// link: base providers/ssh/keyline.c providers/ssh/krl.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "providers/ssh/keyline.h"
#include "providers/ssh/krl.h"
#include "tests/unit/test_ssh_keys.h"

#define NOW INT64_C(1790000000000)

static struct buf blob_of(const char *line)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct keyline l;
	size_t pos = 0;

	assert_true(keyline_next(line, strlen(line), &pos, &l));
	assert_int_equal(l.what, KEYLINE_KEY);
	assert_int_equal(keyline_blob(&l, &b, NULL), 0);
	return b;
}

static bool has(const struct buf *list, const char *print)
{
	bool is;

	assert_int_equal(krl_has(list->p, list->len, print, &is, NULL), 0);
	return is;
}

static struct buf added(const struct buf *to, const char *line, const char *print)
{
	struct buf out = BUF_INIT(1u << 20), blob = BUF_INIT(1u << 16);
	bool changed;

	if (line)
		blob = blob_of(line);
	assert_int_equal(krl_add(to->p, to->len, print, line ? &blob : NULL, NOW, &out,
				 &changed, NULL), 0);
	assert_true(changed);
	buf_release(&blob);
	return out;
}

static struct buf removed(const struct buf *from, const char *print, bool want)
{
	struct buf out = BUF_INIT(1u << 20);
	bool changed;

	assert_int_equal(krl_remove(from->p, from->len, print, NOW, &out, &changed,
				    NULL), 0);
	assert_int_equal(changed, want);
	return out;
}

static void test_binary(void **state)
{
	struct buf none = BUF_INIT(16), a, b, c, d, key = BUF_INIT(4096), want;

	(void)state;
	a = added(&none, KEY_A, NAME_A);
	assert_true(has(&a, NAME_A));
	assert_false(has(&a, NAME_B));
	b = added(&a, NULL, NAME_B); /* by its fingerprint only */
	assert_true(has(&b, NAME_A) && has(&b, NAME_B));
	assert_int_equal(krl_blob(b.p, b.len, NAME_A, &key, NULL), 0);
	want = blob_of(KEY_A);
	assert_int_equal(key.len, want.len);
	assert_memory_equal(key.p, want.p, key.len);
	c = removed(&b, NAME_A, true);
	assert_false(has(&c, NAME_A));
	assert_true(has(&c, NAME_B));
	d = removed(&c, NAME_A, false);
	assert_int_equal(d.len, c.len);
	buf_release(&a);
	buf_release(&b);
	buf_release(&c);
	buf_release(&d);
	buf_release(&key);
	buf_release(&want);
}

static void test_text(void **state)
{
	struct buf list = BUF_INIT(4096), more, less;

	(void)state;
	assert_int_equal(buf_puts(&list, "# gone\n" KEY_B " old", NULL), 0);
	assert_true(has(&list, NAME_B));
	more = added(&list, KEY_A, NAME_A);
	assert_string_equal(more.p, "# gone\n" KEY_B " old\n" KEY_A " revoked-by-curfew\n");
	less = removed(&more, NAME_A, true);
	assert_string_equal(less.p, "# gone\n" KEY_B " old\n");
	buf_release(&list);
	buf_release(&more);
	buf_release(&less);
}

static void test_strangers_sections(void **state)
{
	/* certificates of some authority (type 1) and an unknown one (200) */
	static const char sections[] = "\x01\0\0\0\x09" "certs\0of!" "\xc8\0\0\0\2\xff\xfe";
	struct buf none = BUF_INIT(16), list, more, less;

	(void)state;
	list = added(&none, KEY_B, NAME_B);
	list.max = 1u << 16;
	assert_int_equal(buf_add(&list, sections, sizeof(sections) - 1, NULL), 0);
	more = added(&list, KEY_A, NAME_A);
	assert_non_null(memmem(more.p, more.len, sections, sizeof(sections) - 1));
	less = removed(&more, NAME_A, true);
	assert_int_equal(less.len, list.len);
	/* the same but for version and date */
	assert_memory_equal(less.p, list.p, 12);
	assert_memory_equal(less.p + 28, list.p + 28, list.len - 28);
	buf_release(&list);
	buf_release(&more);
	buf_release(&less);
}

static void test_signed(void **state)
{
	static const char sig[] = "\x04\0\0\0\3key\0\0\0\3sig";
	struct buf none = BUF_INIT(16), list, out = BUF_INIT(1u << 16);
	struct err e = ERR_INIT;
	bool changed;

	(void)state;
	list = added(&none, KEY_B, NAME_B);
	list.max = 1u << 16;
	assert_int_equal(buf_add(&list, sig, sizeof(sig) - 1, NULL), 0);
	assert_true(has(&list, NAME_B));
	assert_int_equal(krl_add(list.p, list.len, NAME_A, NULL, NOW, &out, &changed, &e),
			 -1);
	assert_true(err_is(&e, ERR_UNSUPPORTED));
	err_clear(&e);
	assert_int_equal(krl_remove(list.p, list.len, NAME_B, NOW, &out, &changed, &e), -1);
	assert_true(err_is(&e, ERR_UNSUPPORTED));
	buf_release(&list);
	buf_release(&out);
}

/* Cut and damaged lists are refused or read; they are never changed into
 * something that was not there, and never end the program. */
static void test_damage(void **state)
{
	struct buf none = BUF_INIT(16), one, list;
	unsigned refused = 0;

	(void)state;
	one = added(&none, KEY_A, NAME_A);
	list = added(&one, NULL, NAME_B);
	for (size_t n = 8; n < list.len; n++) {
		struct err e = ERR_INIT;
		bool is;

		refused += krl_has(list.p, n, NAME_B, &is, &e) != 0;
	}
	assert_true(refused > list.len / 2);
	for (size_t bit = 64; bit < list.len * 8; bit++) {
		struct buf out = BUF_INIT(1u << 20);
		struct err e = ERR_INIT;
		bool is;

		list.p[bit / 8] = (char)(list.p[bit / 8] ^ (1 << bit % 8));
		if (!krl_has(list.p, list.len, NAME_A, &is, &e))
			assert_int_equal(krl_remove(list.p, list.len, NAME_A, NOW, &out,
						    &is, &e) != 0 && !e.code, 0);
		list.p[bit / 8] = (char)(list.p[bit / 8] ^ (1 << bit % 8));
		buf_release(&out);
	}
	buf_release(&one);
	buf_release(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary), cmocka_unit_test(test_text),
		cmocka_unit_test(test_strangers_sections), cmocka_unit_test(test_signed),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
