/* keyline, keyedit: authorized_keys read as sshd does, edited without loss. */
// link: base providers/ssh/keyline.c providers/ssh/keyedit.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/base64.h"
#include "providers/ssh/keyline.h"
#include "tests/unit/test_ssh_keys.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) (s), sizeof(s) - 1

static struct keyline first(const char *p, size_t n)
{
	struct keyline l;
	size_t pos = 0;

	assert_true(keyline_next(p, n, &pos, &l));
	return l;
}

static void test_lines(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		enum keyline_what what;
		const char *print, *comment;
		bool ca;
	} t[] = {
		{ TEXT(KEY_A " me@x\n"), KEYLINE_KEY, NAME_A, "me@x", false },
		{ TEXT(KEY_A), KEYLINE_KEY, NAME_A, "", false },
		{ TEXT(KEY_A "\r\n"), KEYLINE_KEY, NAME_A, "", false },
		{ TEXT(KEY_A " two words \r\n"), KEYLINE_KEY, NAME_A, "two words ", false },
		{ TEXT(" \t" KEY_A "\n"), KEYLINE_KEY, NAME_A, "", false },
		{ TEXT(KEY_E " e\n"), KEYLINE_KEY, NAME_E, "e", false },
		{ TEXT("ssh-rsa " RSA_1 "\n"), KEYLINE_KEY, NAME_R, "", false },
		{ TEXT("ssh-rsa " RSA_2 "\n"), KEYLINE_KEY, NAME_R, "", false },
		{ TEXT("rsa-sha2-512 " RSA_1 "\n"), KEYLINE_KEY, NAME_R, "", false },
		{ TEXT("no-pty " KEY_A " c\n"), KEYLINE_KEY, NAME_A, "c", false },
		{ TEXT("command=\"a b \\\" c\",no-pty\t" KEY_A "\n"), KEYLINE_KEY, NAME_A,
		  "", false },
		{ TEXT("cert-authority,from=\"x\" " KEY_A "\n"), KEYLINE_KEY, NAME_A, "",
		  true },
		{ TEXT("from=\"cert-authority\" " KEY_A "\n"), KEYLINE_KEY, NAME_A, "",
		  false },
		{ TEXT("CERT-authority " KEY_A "\n"), KEYLINE_KEY, NAME_A, "", true },
		/* a C string ends at its NUL: the key in front counts */
		{ TEXT(KEY_A "\0 junk\n"), KEYLINE_KEY, NAME_A, "", false },
		/* white space that base64 skips */
		{ TEXT("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\fAAAAIJYuJqjptC2G58PdIXGavdMBfVUIW"
		       "ucZqU560SWJufsO\n"), KEYLINE_KEY, NAME_A, "", false },
		{ TEXT("#curfew-disabled:2026-01-01T00:00:00Z " KEY_A " c\n"),
		  KEYLINE_DISABLED, NAME_A, "c", false },
		{ TEXT("#" KEY_A "\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("# comment\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("   \n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("ssh-ed25519\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("ssh-ed25519 AAAA\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJYuJqjptC2G58PdIXGavdMBfVUIWucZqU5"
		       "60SWJufsO\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("command=\"open " KEY_A "\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("@cert-authority * " KEY_A "\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("#curfew-disabled:now\n"), KEYLINE_OTHER, "", "", false },
		{ TEXT("#curfew-disabled:\n"), KEYLINE_OTHER, "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(t); i++) {
		struct keyline l = first(t[i].p, t[i].n);

		if (l.what != t[i].what)
			fail_msg("line %zu is read as %d: %s", i, (int)l.what, t[i].p);
		if (l.what == KEYLINE_OTHER)
			continue;
		assert_string_equal(l.print, t[i].print);
		assert_int_equal(l.ca, t[i].ca);
		assert_int_equal(l.comment.n, strlen(t[i].comment));
		assert_memory_equal(l.comment.p, t[i].comment, l.comment.n);
	}
}

static void test_unknown_type(void **state)
{
	/* a type of the future: "x-new@example" and four bytes */
	static const unsigned char blob[] = "\0\0\0\rx-new@example\0\0\0\4abcd";
	struct buf b = BUF_INIT(4096);
	struct keyline l;

	(void)state;
	assert_int_equal(buf_puts(&b, "x-new@example ", NULL), 0);
	assert_int_equal(base64_encode(blob, sizeof(blob) - 1, true, &b, NULL), 0);
	l = first(b.p, b.len);
	assert_int_equal(l.what, KEYLINE_KEY);
	buf_release(&b);
}

static void test_expiry(void **state)
{
	struct keyline l;

	(void)state;
	l = first(TEXT("expiry-time=\"20200102Z\" " KEY_A));
	assert_true(l.expires_ms == INT64_C(1577923200000));
	l = first(TEXT("no-pty,Expiry-Time=\"202001020304Z\",expiry-time=\"20300101Z\" " KEY_A));
	assert_true(l.expires_ms == INT64_C(1577934240000));
	l = first(TEXT("expiry-time=\"never\" " KEY_A));
	assert_true(l.expires_ms == 0);
	l = first(TEXT("environment=\"expiry-time=20200101\" " KEY_A));
	assert_true(l.expires_ms == 0);
}

static struct buf edit(const char *p, size_t n, enum keyedit how, const char *kind,
		       const char *print, size_t want)
{
	struct buf out = BUF_INIT(1u << 22);
	struct keysel s = { kind, print };
	size_t changed;

	assert_int_equal(keyedit(p, n, how, &s, "STAMP", &out, &changed, NULL), 0);
	assert_int_equal(changed, want);
	return out;
}

static void is_text(struct buf *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	if (b->len)
		assert_memory_equal(b->p, want, b->len);
	buf_release(b);
}

static void test_edits(void **state)
{
	static const char text[] = "# keys\r\n" KEY_A " one\nno-pty " KEY_A "\n\n"
				   KEY_B "\ncert-authority " KEY_B;
	struct buf off, on;

	(void)state;
	on = edit(TEXT(text), KEYEDIT_REMOVE, "ssh-key", NAME_A, 2);
	is_text(&on, "# keys\r\n\n" KEY_B "\ncert-authority " KEY_B);
	on = edit(TEXT(text), KEYEDIT_REMOVE, "ssh-key", NAME_B, 1);
	is_text(&on, "# keys\r\n" KEY_A " one\nno-pty " KEY_A "\n\ncert-authority " KEY_B);
	on = edit(TEXT(text), KEYEDIT_REMOVE, "ssh-ca", NAME_B, 1);
	is_text(&on, "# keys\r\n" KEY_A " one\nno-pty " KEY_A "\n\n" KEY_B "\n");
	on = edit(TEXT(text), KEYEDIT_REMOVE, "ssh-ca", NAME_A, 0);
	is_text(&on, text);
	off = edit(TEXT(text), KEYEDIT_DISABLE, "ssh-key", NAME_A, 2);
	assert_non_null(strstr(off.p, "\n" KEYLINE_MARK "STAMP no-pty " KEY_A "\n"));
	on = edit(off.p, off.len, KEYEDIT_DISABLE, "ssh-key", NAME_A, 0);
	assert_string_equal(on.p, off.p);
	buf_release(&on);
	on = edit(off.p, off.len, KEYEDIT_ENABLE, "ssh-key", NAME_A, 2);
	is_text(&on, text);
	on = edit(off.p, off.len, KEYEDIT_REMOVE, "", "", 4);
	is_text(&on, "# keys\r\n\n");
	buf_release(&off);
}

static uint32_t seed = 1;

static uint32_t next(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* Lines of every kind, then damaged. */
static void noise(struct buf *b, unsigned lines)
{
	static const char *const pool[] = {
		"# comment", "", "   ", KEY_B " b", "cert-authority " KEY_B,
		"command=\"x, y\" " KEY_E, "ssh-rsa " RSA_2, "\xff\xfe nonsense",
		KEYLINE_MARK "t " KEY_B, "command=\"never closed " KEY_E, "\r",
		"AAAA", "ssh-ed25519 ",
	};
	size_t from = b->len;

	for (unsigned i = 0; i < lines; i++) {
		assert_int_equal(buf_puts(b, pool[next(LEN(pool))], NULL), 0);
		assert_int_equal(buf_puts(b, next(4) ? "\n" : "\r\n", NULL), 0);
	}
	for (unsigned i = next(20); i && b->len > from; i--) {
		size_t at = from + next((uint32_t)(b->len - from));

		/* not the last newline: it keeps the line under test apart */
		if (at + 1 < b->len)
			b->p[at] = (char)next(256);
	}
}

static void add_line(struct buf *b, const char *line)
{
	assert_int_equal(buf_puts(b, line, NULL), 0);
}

/* Whatever stands around a line: removing it gives exactly what stood around,
 * disabling and enabling give the same file, restoring gives it back. */
static void test_nothing_is_lost(void **state)
{
	static const char *const target[] = {
		KEY_A " me\n", "no-pty,command=\"a \\\" b\" " KEY_A "\r\n",
		"  " KEY_A "\n", "from=\"1.2.3.4\"\t" KEY_A " \xff\n",
	};

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct buf around = BUF_INIT(1u << 20), all = BUF_INIT(1u << 20);
		struct buf back = BUF_INIT(1u << 20), got, off;
		const char *line = target[round % LEN(target)];
		unsigned char after[32];
		struct keyline l;
		size_t cut, pos = 0, number = 1, before = 0, start = 0;
		bool changed;

		noise(&around, next(6));
		cut = around.len;
		noise(&around, next(6));
		assert_int_equal(buf_add(&all, around.p ? around.p : "", cut, NULL), 0);
		add_line(&all, line);
		if (around.len > cut)
			assert_int_equal(buf_add(&all, around.p + cut,
						 around.len - cut, NULL), 0);

		got = edit(all.p, all.len, KEYEDIT_REMOVE, "ssh-key", NAME_A, 1);
		assert_int_equal(got.len, around.len);
		if (got.len)
			assert_memory_equal(got.p, around.p, got.len);

		off = edit(all.p, all.len, KEYEDIT_DISABLE, "", NAME_A, 1);
		buf_release(&got);
		got = edit(off.p, off.len, KEYEDIT_ENABLE, "", NAME_A, 1);
		assert_int_equal(got.len, all.len);
		assert_memory_equal(got.p, all.p, all.len);

		while (pos < cut) {
			start = pos;
			assert_true(keyline_next(all.p, all.len, &pos, &l));
			number++;
			before = l.all.n;
		}
		assert_int_equal(pos, cut);
		if (before)
			digest_sha256(all.p + start, before - 1, after);
		assert_int_equal(keyedit_restore(around.p ? around.p : "", around.len,
						 (struct span){ line, strlen(line) },
						 number, before ? after : NULL, &back,
						 &changed, NULL), 0);
		assert_true(changed);
		assert_int_equal(back.len, all.len);
		assert_memory_equal(back.p, all.p, all.len);

		/* once more changes nothing; a disabled line is replaced */
		buf_reset(&back);
		assert_int_equal(keyedit_restore(all.p, all.len,
						 (struct span){ line, strlen(line) },
						 number, NULL, &back, &changed, NULL), 0);
		assert_false(changed);
		assert_int_equal(back.len, all.len);
		buf_reset(&back);
		assert_int_equal(keyedit_restore(off.p, off.len,
						 (struct span){ line, strlen(line) },
						 number, NULL, &back, &changed, NULL), 0);
		assert_true(changed);
		assert_int_equal(back.len, all.len);
		assert_memory_equal(back.p, all.p, all.len);
		buf_release(&got);
		buf_release(&off);
		buf_release(&back);
		buf_release(&all);
		buf_release(&around);
	}
}

static void test_restore_in_a_changed_file(void **state)
{
	static const char line[] = KEY_A " a\n";
	unsigned char after[32];
	struct buf out = BUF_INIT(4096);
	bool changed;

	(void)state;
	digest_sha256("second", 6, after);
	assert_int_equal(keyedit_restore(TEXT("new\nfirst\nsecond\nthird"),
					 (struct span){ TEXT(line) }, 3, after, &out,
					 &changed, NULL), 0);
	assert_string_equal(out.p, "new\nfirst\nsecond\n" KEY_A " a\nthird");
	buf_reset(&out);
	/* the neighbour has gone: its number; the file is shorter: its end */
	assert_int_equal(keyedit_restore(TEXT("first"), (struct span){ TEXT(line) }, 9,
					 after, &out, &changed, NULL), 0);
	assert_string_equal(out.p, "first\n" KEY_A " a\n");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_restore_in_a_changed_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
