// link: scan
// wrap: mmap mremap
/*
 * Arrays that grow where they lie: nothing is lost when they grow, when one comes
 * behind another, or when what was put together so grows on.  Where the kernel
 * has nothing to give, that is told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hooks/scan/grown.h"

/* To a given place: what lies there goes, as it does in the kernel, and then it
 * fails; so does the first way out, or both. */
static bool no_move, no_map;

void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);
void *__real_mremap(void *p, size_t old, size_t n, int flags, void *to);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);
void *__wrap_mremap(void *p, size_t old, size_t n, int flags, void *to);

void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if (!no_map || !(flags & MAP_FIXED))
		return __real_mmap(at, n, prot, flags, fd, from);
	errno = ENOMEM;
	return MAP_FAILED;
}

void *__wrap_mremap(void *p, size_t old, size_t n, int flags, void *to)
{
	if (!no_move || !(flags & MREMAP_FIXED))
		return __real_mremap(p, old, n, flags, to);
	munmap(to, n);
	errno = ENOMEM;
	return MAP_FAILED;
}

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
		assert_true(grown_join(v, at * sizeof(*v), q, q_room,
				       behind[i] * sizeof(*v)));
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

static void joins_by_copying(void **state)
{
	no_move = true;
	joins(state);
	no_move = false;
}

static void has_no_room(void **state)
{
	const size_t n = 20 * (GROWN_STEP / sizeof(uint32_t));
	size_t room = 0, q_room = 0;
	uint32_t *v = filled(&room, 0, n), *q = filled(&q_room, n, n);

	(void)state;
	v = grown_more(v, &room, 2 * n * sizeof(*v));
	assert_non_null(v);
	no_move = no_map = true;
	assert_false(grown_join(v, n * sizeof(*v), q, q_room, n * sizeof(*q)));
	no_move = no_map = false;
	check(v, n);
	grown_free(v, room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(joins),
		cmocka_unit_test(joins_by_copying),
		cmocka_unit_test(has_no_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
