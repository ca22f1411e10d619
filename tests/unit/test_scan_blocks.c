// link: scan base
/*
 * What stands somewhere is never passed over: blocks_any() against a list gone
 * through one by one, and it says no often enough to be of use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hooks/scan/blocks.h"

#define THINGS 12u

static unsigned dice(unsigned n)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x % n);
}

/* Do [a, b) and [c, d) meet?  What is empty stands at its start. */
static bool meet(size_t a, size_t b, size_t c, size_t d)
{
	return a < d && (b > a ? b : a + 1) > c;
}

static void test_none_missed(void **state)
{
	size_t at[THINGS][2], len, from, n, i, k;
	struct blocks b = { .n = 0 };
	unsigned round, yes = 0, no = 0, things;
	bool stands;

	(void)state;
	for (round = 0; round < 2000; round++) {
		len = dice(20000);
		things = dice(THINGS);
		assert_int_equal(blocks_clear(&b, len, NULL), 0);
		for (i = 0; i < things; i++) {
			at[i][0] = dice((unsigned)len + 1);
			at[i][1] = at[i][0] + dice(dice(8) ? 60 : 2000);
			if (at[i][1] > len)
				at[i][1] = len;
			blocks_put(&b, at[i][0], at[i][1]);
		}
		blocks_close(&b);
		for (k = 0; k < 50; k++) {
			from = dice((unsigned)len + 1);
			n = dice((unsigned)(len - from) + 1);
			if (dice(2) && n > 300)
				n = 300;
			for (stands = false, i = 0; i < things; i++)
				stands |= meet(at[i][0], at[i][1], from,
					       from + n);
			if (stands)
				assert_true(blocks_any(&b, from, n));
			yes += stands;
			no += !blocks_any(&b, from, n);
		}
	}
	blocks_release(&b);
	assert_true(yes > 10000);
	assert_true(no > 10000);
}

/* Beyond the text's end: counts for its last block, and nothing is written
 * outside. */
static void test_ends(void **state)
{
	struct blocks b = { .n = 0 };

	(void)state;
	assert_int_equal(blocks_clear(&b, 0, NULL), 0);
	blocks_put(&b, 0, 0);
	blocks_close(&b);
	assert_true(blocks_any(&b, 0, 0));
	assert_int_equal(blocks_clear(&b, 1000, NULL), 0);
	blocks_put(&b, 5000, 9000);
	blocks_close(&b);
	assert_true(blocks_any(&b, 900, 100));
	assert_false(blocks_any(&b, 0, 500));
	blocks_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_missed),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
