// link: scan
/*
 * The built-in rules come out of their image as they went in, damaged images
 * do not come out at all, and every pattern that is compiled late compiles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hooks/scan/rule_image.h"

#define MOST (32u * 1024 * 1024)

static void test_same(void **state)
{
	struct buf a = BUF_INIT(MOST), b = BUF_INIT(MOST);
	struct ruleset *read = rules_builtin(NULL), *back;
	unsigned char said[RULES_PATTERNS], sum[RULES_PATTERNS];
	char *part;
	size_t n;

	(void)state;
	assert_non_null(read);
	assert_true(read->n > 200);
	assert_int_equal(rules_image(read, &a, NULL), 0);
	back = rules_of_image(a.p, a.len);
	assert_non_null(back);
	assert_int_equal(back->n, read->n);
	assert_int_equal(rules_image(back, &b, NULL), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	/* it says what its patterns come to, and what they do */
	assert_int_equal(rules_patterns(back, said, NULL), 0);
	back->summed = false;
	assert_int_equal(rules_patterns(back, sum, NULL), 0);
	assert_memory_equal(said, sum, sizeof(sum));
	for (n = 0; !back->rule[n].regex || !back->rule[n].keywords.n; n++)
		;
	back->rule[n].keywords.n--;
	assert_int_equal(rules_patterns(back, sum, NULL), 0);
	back->rule[n].keywords.n++;
	assert_memory_not_equal(said, sum, sizeof(sum));
	rules_free(&back);
	/* cut anywhere, in a block that ends there; one byte more */
	for (n = 0; n < a.len; n += n < 200 ? 1 : 7001) {
		part = malloc(n ? n : 1);
		assert_non_null(part);
		memcpy(part, a.p, n);
		assert_null(rules_of_image(part, n));
		free(part);
	}
	/* a bit anywhere, that of a pattern too */
	for (n = 0; n < a.len; n += n < 200 ? 1 : 7001) {
		a.p[n] = (char)(a.p[n] ^ 4);
		assert_null(rules_of_image(a.p, a.len));
		a.p[n] = (char)(a.p[n] ^ 4);
	}
	assert_int_equal(buf_add(&a, "", 1, NULL), 0);
	assert_null(rules_of_image(a.p, a.len));
	rules_free(&read);
	buf_release(&a);
	buf_release(&b);
}

static void all_compile(const struct regexes *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		assert_true(regex_groups(r->v[i], NULL) >= 0);
}

static void test_late(void **state)
{
	struct ruleset *rs = rules_builtin(NULL);
	size_t i, k;

	(void)state;
	assert_non_null(rs);
	for (i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rule[i];

		assert_true(!r->regex || regex_groups(r->regex, NULL) >= 0);
		assert_true(!r->path || regex_groups(r->path, NULL) >= 0);
		for (k = 0; k < r->allow.n; k++) {
			all_compile(&r->allow.v[k].paths);
			all_compile(&r->allow.v[k].regexes);
		}
	}
	for (k = 0; k < rs->allow.n; k++) {
		all_compile(&rs->allow.v[k].paths);
		all_compile(&rs->allow.v[k].regexes);
	}
	rules_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
