// link: scan
/*
 * What stands before a match does not keep the matcher from it: every example of
 * every built-in rule behind other texts, Vectorscan against PCRE2.
 *
 * Vectorscan 5.4.9 missed up to a third of the matches of two of our patterns,
 * depending on what stood before them.  A rule that this test finds has to be
 * written in another way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hooks/scan/engine.h"
#include "hooks/scan/example.h"
#include "tests/unit/dice.h"

#define BEFORE 60u /* texts before each example */

static const char *const words[] = {
	"import x\n", "a b c\n", "now", "token", "key = 5\n", "  ", "db.", "5432",
	":", "\n", "foo_bar(", "x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"*:*", "host.name.example", "\n\n", "int main(void);\n", "0123456789",
	"secret: \"", "https://", "\t", "<a>", "}\n", "eyJ", "AKIA", "=", "-",
};

/* Lines, or one of one letter, up to an end of a line, mostly. */
static int put_before(struct buf *b)
{
	static const char filler[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	unsigned n = dice(14);
	const char *w;

	if (!dice(3)) {
		for (n = dice(400); n; n -= n < 40 ? n : 40)
			if (buf_add(b, filler, n < 40 ? n : 40, NULL))
				return -1;
	} else {
		while (n--) {
			w = words[dice(sizeof(words) / sizeof(*words))];
			if (buf_add(b, w, strlen(w), NULL))
				return -1;
		}
	}
	return dice(6) ? buf_add(b, "\n", 1, NULL) : 0;
}

static bool reported(const struct match_thread *t, uint32_t rule, size_t end)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->hit[i].rule == rule && t->hit[i].end == end)
			return true;
	return false;
}

/* How often it matched in text[from, n); *missed: and was not reported. */
static unsigned compare(struct scan_thread *t, const struct rule *r,
			uint32_t rule, const struct buf *b, size_t from,
			unsigned *missed)
{
	struct regex_hit hit;

	match_reset(t->s->matcher, &t->match);
	assert_int_equal(match_scan(t->s->matcher, &t->match, b->p, 0, b->len,
				    NULL), 0);
	if (regex_find(r->regex, t->regex, b->p, b->len, from, b->len, &hit) !=
	    REGEX_FOUND)
		return 0;
	*missed += !reported(&t->match, rule, hit.end);
	return 1;
}

static void test_behind_others(void **state)
{
	struct engine_options o = { .examples = true };
	unsigned matched = 0, all = 0, missed, seed;
	struct buf b = BUF_INIT(BUF_TEXT_MAX), x = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	size_t at, len, k;
	uint32_t i;

	(void)state;
	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	for (i = 0; i < g.rules->n; i++) {
		const struct rule *r = &g.rules->rule[i];

		if (matcher_class(g.matcher, i) != RULE_NEAR)
			continue;
		for (missed = 0, k = 0; k < r->matches.n; k++)
			for (seed = 0; seed < BEFORE; seed++) {
				buf_reset(&b);
				buf_reset(&x);
				assert_int_equal(put_before(&b), 0);
				assert_int_equal(example_expand(r->matches.v[k],
						seed % EXAMPLE_SEEDS, &x, &at,
						&len, &e), 0);
				at = b.len;
				assert_int_equal(buf_add(&b, x.p, x.len, NULL),
						 0);
				matched += compare(&t, r, i, &b, at, &missed);
			}
		if (missed)
			print_message("%s: %u of %zu missed\n", r->id, missed,
				      k * BEFORE);
		all += missed;
	}
	print_message("# %u matches, %u missed\n", matched, all);
	assert_true(matched > 50000);
	assert_int_equal(all, 0);
	buf_release(&b);
	buf_release(&x);
	scan_thread_release(&t);
	engine_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
