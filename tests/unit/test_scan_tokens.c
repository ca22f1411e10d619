// link: scan
/*
 * Dense runs of token characters: found as by going through byte by byte, and
 * asked of a pattern only when each of its matches holds one.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/tokens.h"

static uint64_t seed = 88172645463325252u;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % sides;
}

/* ---- finding ------------------------------------------------------------- */

static bool is_token(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("+/-_", c)) &&
	       !((unsigned char)c & 0x80);
}

/* What token_next() promises, a byte at a time. */
static bool naive(const char *p, size_t from, size_t to, struct token_run *r)
{
	size_t alnum, most, start = from, end;

	for (; start < to; start = end + 1) {
		for (end = start, alnum = most = 0; end < to && is_token(p[end]);
		     end++) {
			alnum = isalnum((unsigned char)p[end]) ? alnum + 1 : 0;
			most = alnum > most ? alnum : most;
		}
		r->start = (uint32_t)start;
		r->end = (uint32_t)end;
		r->dense = most >= TOKEN_ALNUM || end - start >= TOKEN_LONG;
		if (end - start >= TOKEN_RUN)
			return true;
	}
	return false;
}

/* Is there a dense one? */
static bool dense(const char *p, size_t from, size_t to)
{
	struct token_run r;

	for (; token_next(p, from, to, &r); from = r.end)
		if (r.dense)
			return true;
	return false;
}

static size_t naive_run(const char *p, size_t from, size_t to)
{
	size_t i, n = 0;

	for (i = from; i < to; i++) {
		n = is_token(p[i]) ? n + 1 : 0;
		if (n == TOKEN_RUN)
			return i + 1 - n;
	}
	return to;
}

static void scatter(char *p, size_t n, unsigned kind)
{
	static const char alnum[] = "abyzABYZ0189";
	static const char others[] = "+/-_";
	size_t i;

	for (i = 0; i < n; i++) {
		if (kind == 0)
			p[i] = (char)dice(256);
		else if (dice(kind) == 0)
			p[i] = (char)dice(128);
		else if (dice(kind / 2 + 1) == 0)
			p[i] = others[dice(4)];
		else
			p[i] = alnum[dice(12)];
	}
}

/* The text ends where its memory does, for the sanitizer to see. */
static void test_found(void **state)
{
	static const unsigned kinds[] = { 0, 2, 16, 24, 40, 70, 200 };
	unsigned round, some = 0, thin = 0, none = 0;
	struct token_run x, y;
	size_t n, at, from;
	char *p;
	bool a;

	(void)state;
	for (round = 0; round < 20000; round++) {
		n = 1 + dice(dice(4) ? 150 : 700);
		p = mem_alloc(n);
		assert_non_null(p);
		scatter(p, n, kinds[dice(7)]);
		from = dice((uint32_t)n);
		assert_int_equal(token_run(p, from, n), naive_run(p, from, n));
		for (a = true, at = from; a && at < n; at = x.end) {
			memset(&x, 0, sizeof(x));
			memset(&y, 0, sizeof(y));
			a = token_next(p, at, n, &x);
			assert_int_equal(a, naive(p, at, n, &y));
			none += !a;
			if (!a)
				break;
			assert_int_equal(x.start, y.start);
			assert_int_equal(x.end, y.end);
			assert_int_equal(x.dense, y.dense);
			some += x.dense;
			thin += !x.dense;
		}
		mem_free(p);
	}
	assert_true(some > 3000);
	assert_true(thin > 3000);
	assert_true(none > 3000);
}

static void test_characters(void **state)
{
	int c;

	(void)state;
	for (c = 0; c < 256; c++) {
		char text[40];

		assert_int_equal(token_char((char)c), is_token((char)c));
		memset(text, c, sizeof(text));
		assert_int_equal(dense(text, 0, 20),
				 c < 128 && isalnum(c));
		assert_int_equal(dense(text, 0, 31),
				 c < 128 && isalnum(c));
		assert_int_equal(dense(text, 0, 32),
				 is_token((char)c));
	}
}

/* ---- patterns ------------------------------------------------------------ */

static const char *const needed[] = {
	"[0-9a-f]{16}", "(?i)[A-Z]{16,}", "x[0-9]{15}", "[0-9]{15}x+",
	"[0-9a-z]{8}[0-9A-Z]{8}", "(?:[a-z]{4}){4}", "([a-z]{20}|[0-9]{16})",
	"key_[a-z]{16}", "\\bab\\w{30}", "[\\w+/-]{32}", "a{8}(?:b|c){8}",
	"(?P<name>[a-z]{16})=", "(?<name>\\d{16})", "\\d{10}\\x41{6}",
	"a{8}^$b{8}", "(?i:a{10})(?m)b{6}", "[[a-z]{3} [a-z]{16}", "a{16}?",
	"(?:[a-z]{10}:?[a-z]{16}){1,3}", "\\x2d{32}", "[a-z]{6}[a-z]?[a-z]{10}",
	"(?:-[a-z]{8}){2}[a-z_]{16}", "(?:[0-9]{8}/)?[0-9a-f]{20}",
};

static const char *const not_needed[] = {
	"[0-9a-f]{15}", "[0-9a-f]{0,40}", "[a-z]*", "[a-z_]{31}", "[a-z=]{40}",
	"[^ ]{40}", ".{40}", "a{8}.b{8}", "a{8} ?b{8}", "a{8}|b{20}", "(a{20})?",
	"(a{20}|b)c", "\\w{31}", "\\S{60}", "[\\d\\s]{60}", "\\x20{60}",
	"a{15}[+]", "(?:a{8}:){4}", "(?:a{8}b?){1}", "", "a", "(?:abc:){20}",
	/* not known well enough: no */
	"\\Qaaaaaaaaaaaaaaaaaaaaaaaa\\E", "\\pL{40}", "[[:alnum:]]{40}",
	"a{20", "a{20}{2}", "(?x)a {20}", "(a{20}", "a{20})", "[a-z", "\\",
	"\\101{40}", "a{20}\\", "*a{20}", "(?=a{20})", "(?<!b)a{20}", "a{,20}",
	"((((((((((((((((((((((((((((((((((((((((((((((((((((((((a{20}))))))))))"
	"))))))))))))))))))))))))))))))))))))))))))))))",
};

static void test_needed(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!token_needed(needed[i]))
			fail_msg("not seen: %s", needed[i]);
	for (i = 0; i < sizeof(not_needed) / sizeof(*not_needed); i++)
		if (token_needed(not_needed[i]))
			fail_msg("claimed: %s", not_needed[i]);
}

/* Pieces put together at random, with a text that should match, as short as can
 * be: a match without a dense run disproves. */
static void piece(struct buf *b, struct buf *text, unsigned depth)
{
	static const char *const one[][2] = {
		{ "a", "a" }, { "7", "7" }, { "_", "_" }, { "=", "=" },
		{ ".", "!" }, { "[a-f]", "c" }, { "[0-9_]", "_" },
		{ "[^a]", " " }, { "\\d", "0" }, { "\\w", "_" },
		{ "[a-z=]", "=" }, { "\\-", "-" }, { "\\b", "" },
		{ "[+/]", "/" }, { "\\x41", "A" },
	};
	static const struct {
		const char *text;
		unsigned least;
	} often[] = {
		{ "", 1 }, { "", 1 }, { "", 1 }, { "?", 0 }, { "*", 0 },
		{ "+", 1 }, { "{3}", 3 }, { "{2,5}", 2 }, { "{7,}", 7 },
		{ "{16}", 16 }, { "+?", 1 }, { "{12,40}?", 12 },
	};
	unsigned n = 1 + dice(4), i, k;
	size_t from, len;

	while (n--) {
		from = text->len;
		if (depth && dice(3) == 0) {
			assert_int_equal(buf_printf(b, NULL, "(?:"), 0);
			piece(b, text, depth - 1);
			if (dice(3) == 0) {
				if (dice(2))
					text->len = from;
				len = text->len;
				assert_int_equal(buf_add(b, "|", 1, NULL), 0);
				piece(b, text, depth - 1);
				if (len != from)
					text->len = len;
			}
			assert_int_equal(buf_add(b, ")", 1, NULL), 0);
		} else {
			i = dice(15);
			assert_int_equal(buf_printf(b, NULL, "%s", one[i][0]), 0);
			assert_int_equal(buf_printf(text, NULL, "%s", one[i][1]),
					 0);
		}
		k = dice(12);
		assert_int_equal(buf_printf(b, NULL, "%s", often[k].text), 0);
		len = text->len - from;
		if (!often[k].least)
			text->len = from;
		for (i = 1; i < often[k].least; i++) {
			assert_int_equal(buf_reserve(text, len, NULL), 0);
			memcpy(text->p + text->len, text->p + from, len);
			text->len += len;
		}
	}
}

static void test_true_of_matches(void **state)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX), text = BUF_INIT(BUF_TEXT_MAX);
	unsigned round, claimed = 0, tried = 0, none = 0;
	struct regex_thread *t = regex_thread_new(NULL);
	struct regex_hit hit;

	(void)state;
	assert_non_null(t);
	for (round = 0; round < 12000; round++) {
		struct regex *r;

		buf_reset(&b);
		buf_reset(&text);
		piece(&b, &text, 2);
		if (!token_needed(b.p)) {
			none++;
			continue;
		}
		claimed++;
		r = regex_new(b.p, false, NULL);
		if (r && regex_find(r, t, text.p, text.len, 0, text.len, &hit) ==
				 REGEX_FOUND) {
			tried++;
			if (!dense(text.p, hit.start, hit.end))
				fail_msg("'%s' matches '%.*s'", b.p,
					 (int)(hit.end - hit.start),
					 text.p + hit.start);
		}
		regex_free(&r);
	}
	print_message("# %u claimed, %u of them matched; %u not\n", claimed,
		      tried, none);
	assert_true(tried > 500);
	assert_true(none > 500);
	buf_release(&b);
	buf_release(&text);
	regex_thread_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_true_of_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
