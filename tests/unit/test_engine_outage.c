// link: base vault agent
/* A service that was down and is back: what is tried at once, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "base/clock.h"
#include "base/mem.h"

#define FAR 200000 /* ms */

struct stage {
	struct drive d;
	struct work w;
	struct lane lane;
	uint32_t one, two;
};

static uint32_t action(struct stage *s, const char *id)
{
	uint32_t t, i;

	assert_int_equal(work_target(&s->w, T_CREDENTIAL, "c", "bot", "key", id,
				     &t, NULL, NULL), 0);
	assert_int_equal(work_action(&s->w, t, V_REVOKE, 0, &i, NULL), 0);
	return i;
}

static void waits(struct stage *s, uint32_t i, unsigned status, int64_t held)
{
	struct action *a = &s->w.actions[i];
	int64_t now = drive_now(&s->d);

	a->state = A_TRYING;
	a->status = (uint8_t)status;
	a->attempts = a->fails = 7;
	a->next_ms = now + FAR;
	a->held_ms = held ? now + held : 0;
}

static void begin(struct stage *s)
{
	*s = (struct stage){ .d = { .wall0 = clock_wall_ms(),
				    .mono0 = clock_mono_ms() } };
	s->d.w = &s->w;
	s->d.lanes = &s->lane;
	s->one = action(s, "k1");
	s->two = action(s, "k2");
	queue_init(&s->lane.q, 0, 4, drive_now(&s->d));
}

static void end(struct stage *s)
{
	queue_free(&s->lane.q);
	mem_free(s->d.dirty);
	work_free(&s->w);
}

/* How long does `i` still wait? */
static int64_t left(struct stage *s, uint32_t i)
{
	return s->w.actions[i].next_ms - drive_now(&s->d);
}

static void hear(struct stage *s, enum link_status status, int64_t after)
{
	struct answer in = { .action = s->one, .status = status,
			     .after_ms = after };

	assert_int_equal(outage_heard(&s->d, &s->lane, &in, NULL), 0);
}

static void test_a_new_run_tries_again(void **state)
{
	struct stage s;
	int64_t now;

	(void)state;
	begin(&s);
	waits(&s, s.one, LINK_RETRY, 0);
	waits(&s, s.two, LINK_REFUSED, 0);
	now = drive_now(&s.d);
	outage_refresh(&s.w.actions[s.one], now);
	outage_refresh(&s.w.actions[s.two], now);
	assert_true(s.w.actions[s.one].next_ms <= now);
	assert_int_equal(s.w.actions[s.one].fails, 0);
	/* it was answered: its wait is its own */
	assert_true(s.w.actions[s.two].next_ms > now + FAR / 2);
	assert_int_equal(s.w.actions[s.two].fails, 7);
	end(&s);
}

static void test_a_time_asked_for_is_kept(void **state)
{
	struct stage s;
	int64_t now;

	(void)state;
	begin(&s);
	waits(&s, s.one, LINK_RETRY, FAR / 2);
	now = drive_now(&s.d);
	outage_refresh(&s.w.actions[s.one], now);
	assert_true(s.w.actions[s.one].next_ms > now + FAR / 4);
	assert_true(s.w.actions[s.one].next_ms < now + FAR);
	end(&s);
}

static void test_back_after_an_outage(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	waits(&s, s.one, LINK_NOT_SENT, 0);
	waits(&s, s.two, LINK_UNKNOWN, 0);
	s.lane.outage.silent_ms = drive_now(&s.d) - 11 * knob_backoff_ms();
	hear(&s, LINK_OK, 0);
	assert_true(left(&s, s.two) <= 0);
	assert_int_equal(s.w.actions[s.one].fails, 0);
	assert_int_equal(s.lane.outage.silent_ms, 0);
	end(&s);
}

/* Every other call fails: the waits stay as they are. */
static void test_now_and_then_is_no_outage(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	waits(&s, s.one, LINK_RETRY, 0);
	waits(&s, s.two, LINK_RETRY, 0);
	hear(&s, LINK_RETRY, 0);
	assert_true(s.lane.outage.silent_ms > 0);
	hear(&s, LINK_OK, 0);
	assert_true(left(&s, s.two) > FAR / 2);
	end(&s);
}

static void test_what_asks_to_wait_is_written_down(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	waits(&s, s.one, LINK_OK, 0);
	hear(&s, LINK_RETRY, 5000);
	assert_true(s.w.actions[s.one].held_ms > drive_now(&s.d) + 1000);
	hear(&s, LINK_RETRY, 0);
	assert_int_equal(s.w.actions[s.one].held_ms, 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_run_tries_again),
		cmocka_unit_test(test_a_time_asked_for_is_kept),
		cmocka_unit_test(test_back_after_an_outage),
		cmocka_unit_test(test_now_and_then_is_no_outage),
		cmocka_unit_test(test_what_asks_to_wait_is_written_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
