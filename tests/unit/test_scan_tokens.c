// link: scan
/*
 * Dense runs of token characters and signs of escapes: found as by going
 * through byte by byte; dense runs are asked of a pattern only when each of its
 * matches holds one, and breaks only where none of its matches goes over one.
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

/* The first run in [from, to), a byte at a time. */
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
	struct sights s = { 0 };
	bool any = false;
	size_t i;

	assert_int_equal(token_look(p, from, to, &s, NULL), 0);
	for (i = 0; i < s.runs; i++)
		any |= s.run[i].dense;
	sights_release(&s);
	return any;
}

/* May this be an escape's sign?  Rather yes than no. */
static bool naive_sign(const char *p, size_t at, size_t to)
{
	unsigned char c = (unsigned char)p[at];
	unsigned char next = at + 1 < to ? (unsigned char)p[at + 1] : 0;

	if (c == '+')
		return true;
	if (at + 1 == to)
		return c && strchr("%&=\\", c);
	return ((c == '%' || c == '=') && isxdigit(next)) ||
	       (c == '&' && next == '#') ||
	       (c == '\\' && next && strchr("\\ux", next));
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
	static const char signs[] = "%&=\\#ux+";
	size_t i;

	for (i = 0; i < n; i++) {
		if (kind == 0)
			p[i] = (char)dice(256);
		else if (dice(kind) == 0)
			p[i] = dice(2) ? (char)dice(128) : signs[dice(8)];
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
	unsigned round, some = 0, thin = 0, none = 0, signs = 0;
	struct sights seen = { 0 };
	struct token_run y;
	size_t n, at, from, i, sign;
	char *p;

	(void)state;
	for (round = 0; round < 20000; round++) {
		n = 1 + dice(dice(4) ? 150 : 700);
		p = mem_alloc(n);
		assert_non_null(p);
		scatter(p, n, kinds[dice(7)]);
		from = dice((uint32_t)n);
		assert_int_equal(token_run(p, from, n), naive_run(p, from, n));
		seen.runs = seen.signs = 0;
		assert_int_equal(token_look(p, from, n, &seen, NULL), 0);
		for (at = from, i = 0; naive(p, at, n, &y); at = y.end, i++) {
			assert_true(i < seen.runs);
			assert_int_equal(seen.run[i].start, y.start);
			assert_int_equal(seen.run[i].end, y.end);
			assert_int_equal(seen.run[i].dense, y.dense);
			some += y.dense;
			thin += !y.dense;
		}
		assert_int_equal(i, seen.runs);
		none += !i;
		for (at = from, sign = 0; at < n; at++) {
			while (sign < seen.signs && seen.sign[sign] < at)
				sign++;
			if (!naive_sign(p, at, n))
				continue;
			signs++;
			assert_true(sign < seen.signs);
			assert_int_equal(seen.sign[sign], at);
		}
		mem_free(p);
	}
	sights_release(&seen);
	assert_true(signs > 3000);
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

/* ---- breaks -------------------------------------------------------------- */

static const struct {
	const char *pattern, *before, *without;
} held[] = {
	{ "key[ \\t]*=", "", ";)}ky=" }, { "a\\sb", "a", ";)b" },
	{ "[^;]{2}b", "a)}", ";" }, { "(?:x|y)\\n", "xy", ";z" },
	{ "x?\\n", "x", ";" }, { "x;?\\s*y", "x;", "y)" },
	{ ";.\\n", "x;)", "" }, { "(?s);.", ";", "x)" }, { ";.", "", ";x" },
	{ "(?:\\n;)+", ";", "x" }, { "(?:\\n;){1}", "", ";" },
	{ "(?:\\n;){0,2}", ";", "x" }, { "(?:\\n;)?", "", ";" },
	{ "[^\\S]x", "", ";x" }, { "[^\\s;][^x]", "x)", ";" },
	{ "(?i:A)[\\D]", "aA", ";b" }, { "(?m)^a;$", "", ";a" },
	{ ";\\b\\s", ";", "x" }, { "(a|b;|)[\\r\\n]", "a;", "x)" },
	{ "\\x3b\\x0a", ";", "x" }, { "[\\W]\\W", ";)", "ax" },
	{ "a{20", ";)}", "" }, { "(?=a)b", ";)}", "" },
};

static void test_breaks(void **state)
{
	struct bytes b;
	const char *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(held) / sizeof(*held); i++) {
		memset(&b, 0, sizeof(b));
		breaks_held(held[i].pattern, &b);
		for (c = held[i].before; *c; c++)
			if (!bytes_has(&b, (unsigned char)*c))
				fail_msg("%s: not %c", held[i].pattern, *c);
		for (c = held[i].without; *c; c++)
			if (bytes_has(&b, (unsigned char)*c))
				fail_msg("%s: %c", held[i].pattern, *c);
	}
}

/* What one rule goes over costs all. */
static void test_our_breaks(void **state)
{
	struct engine g;
	struct engine_options o = { 0 };
	const char *c;
	size_t i;

	(void)state;
	assert_int_equal(engine_open(&g, &o, NULL), 0);
	for (i = 0; i < g.rules->n; i++) {
		const struct rule *r = &g.rules->rule[i];
		struct bytes b = { { 0 } };

		if (!r->regex || matcher_class(g.matcher, i) != RULE_NEAR)
			continue;
		breaks_held(regex_pattern(r->regex), &b);
		for (c = BREAKS_WANTED; *c; c++)
			if (bytes_has(&b, (unsigned char)*c))
				fail_msg("%s matches over '%c' and a newline",
					 r->id, *c);
	}
	for (c = BREAKS_WANTED; *c; c++)
		assert_true(bytes_has(matcher_breaks(g.matcher),
				      (unsigned char)*c));
	engine_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_true_of_matches),
		cmocka_unit_test(test_breaks),
		cmocka_unit_test(test_our_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
