// link: scan
/*
 * Arrays that grow where they lie: nothing is lost when they grow, when one comes
 * behind another, or when what was put together so grows on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hooks/scan/grown.h"

static uint32_t *filled(size_t *room, size_t from, size_t n)
{
	uint32_t *v = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		v = grown_more(v, room, (i + 1) * sizeof(*v));
		assert_non_null(v);
		assert_int_equal(v[i], 0);
		v[i] = (uint32_t)(from + i);
	}
	return v;
}

static void check(const uint32_t *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(v[i], i);
}

static void grows(void **state)
{
	size_t room = 0, n = 3000000;
	uint32_t *v = filled(&room, 0, n);

	(void)state;
	check(v, n);
	assert_true(room >= n * sizeof(*v));
	assert_ptr_equal(grown_more(v, &room, room), v);
	assert_null(grown_more(v, &room, SIZE_MAX / 2));
	check(v, n);
	grown_free(v, room);
	grown_free(NULL, 0);
}

/* first: of the list; then so many come behind, time and again. */
static void joins(void **state)
{
	static const size_t behind[] = { 2000000, 1, 0, 700000, 16384 };
	const size_t step = GROWN_STEP / sizeof(uint32_t);
	size_t room = 0, n = 20 * step, i, q_room, at = n;
	uint32_t *v = filled(&room, 0, n), *q;

	(void)state;
	for (i = 0; i < sizeof(behind) / sizeof(*behind); i++) {
		q_room = 0;
		q = filled(&q_room, at, behind[i]);
		v = grown_more(v, &room,
			       (at + behind[i]) * sizeof(*v) + GROWN_STEP);
		assert_non_null(v);
		grown_join(v, at * sizeof(*v), q, q_room,
			   behind[i] * sizeof(*v));
		check(v, at + behind[i]);
		/* up to the next whole step, and further than there is room */
		for (at += behind[i]; at % step; at++)
			v[at] = (uint32_t)at;
		v = grown_more(v, &room, room + 1);
		assert_non_null(v);
		check(v, at);
	}
	grown_free(v, room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(joins),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
