// link: base vault agent
/*
 * The queue of one connection: when something may go out next, with entries
 * that no longer agree with what they stand for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/engine/queue.h"

#define NOW INT64_C(1000000)

static struct queue_item things[3];
static struct queue q;

static struct queue_item look(const void *of, uint32_t i)
{
	return ((const struct queue_item *)of)[i];
}

static void push(uint32_t i, int64_t at)
{
	struct err e = ERR_INIT;

	things[i] = (struct queue_item){ .next_ms = at, .rank = i };
	assert_int_equal(queue_push(&q, things, i, &e), 0);
}

static uint32_t pop(int64_t now)
{
	struct err e = ERR_INIT;
	uint32_t i;

	assert_int_equal(queue_pop(&q, things, now, &i, &e), 0);
	return i;
}

static int fresh(void **state)
{
	(void)state;
	queue_init(&q, 0, 16, NOW);
	queue_look(&q, look);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	queue_free(&q);
	return 0;
}

static void waits_for_the_next(void **state)
{
	(void)state;
	assert_int_equal(queue_next(&q, things, NOW), INT64_MAX);
	push(0, NOW + 500);
	push(1, NOW + 200);
	assert_int_equal(queue_next(&q, things, NOW), NOW + 200);
	assert_int_equal(pop(NOW), NONE);
	assert_int_equal(pop(NOW + 200), 1);
	assert_int_equal(queue_next(&q, things, NOW + 200), NOW + 500);
}

/* It was sent earlier than planned, and is done with: the plan stays behind. */
static void what_is_over_is_not_waited_for(void **state)
{
	(void)state;
	push(0, NOW + 10000);
	push(1, NOW + 1800000);
	push(0, NOW);
	assert_int_equal(pop(NOW), 0);
	things[0].idle = things[0].over = true;
	assert_int_equal(queue_next(&q, things, NOW), NOW + 1800000);
}

static void what_was_put_off_is_waited_for_once(void **state)
{
	(void)state;
	push(0, NOW + 100);
	push(0, NOW + 900);
	assert_int_equal(queue_next(&q, things, NOW), NOW + 900);
	push(1, NOW + 50);
	things[1].next_ms = INT64_MAX; /* it waits for another's answer */
	assert_int_equal(queue_next(&q, things, NOW), NOW + 900);
	assert_int_equal(pop(NOW + 900), 0);
}

/* Under way: what was planned for it may still be wanted after the answer. */
static void what_is_under_way_keeps_its_time(void **state)
{
	(void)state;
	push(0, NOW + 100);
	things[0].idle = true;
	assert_int_equal(queue_next(&q, things, NOW), NOW + 100);
	things[0].idle = false;
	assert_int_equal(pop(NOW + 100), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_for_the_next, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_over_is_not_waited_for,
						fresh, gone),
		cmocka_unit_test_setup_teardown(
			what_was_put_off_is_waited_for_once, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_under_way_keeps_its_time,
						fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
