// link: base vault agent
// wrap: link_facts
/* How long what destroys evidence waits for its snapshot, over several runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "agent/engine/record.h"
#include "base/clock.h"
#include "base/mem.h"

/* The wait is ten seconds; so long may a line of a test take. */
#define STEP (SNAPSHOT_WAIT_MS / 5)

struct stage { /* an account that is shut or not, its snapshot, a credential */
	struct drive d;
	struct work w;
	struct lane lane;
	uint32_t x, snap, revoke;
	int64_t on; /* the clock, ahead of the real one */
};

static bool greeted; /* has the program answered hello? */

const struct json *__wrap_link_facts(const struct link *l);
const struct json *__wrap_link_facts(const struct link *l)
{
	return greeted ? (const struct json *)l : NULL;
}

static uint32_t action(struct stage *s, enum target_what what, enum verb v)
{
	uint32_t t, i;

	assert_int_equal(work_target(&s->w, what, "c", "bot",
				     what == T_ACCOUNT ? "" : "key",
				     what == T_ACCOUNT ? "" : "k1", &t, NULL,
				     NULL), 0);
	assert_int_equal(work_action(&s->w, t, v, 0, &i, NULL), 0);
	return i;
}

/* As drive_run() and lane_open() begin. */
static void run(struct stage *s)
{
	s->d = (struct drive){ .wall0 = clock_wall_ms() + s->on,
			       .mono0 = clock_mono_ms(),
			       .w = &s->w, .lanes = &s->lane };
	s->lane = (struct lane){ .link = (struct link *)s,
				 .evidence_ms = s->d.wall0 };
	greeted = true;
	queue_init(&s->lane.q, 0, 4, s->d.wall0);
	for (uint32_t i = 0; i < s->w.n_actions; i++)
		evidence_resume(&s->d, &s->w.actions[i]);
}

static void pass(struct stage *s, int64_t ms)
{
	s->on += ms;
	s->d.mono0 -= ms;
}

static bool waits(struct stage *s)
{
	return evidence_awaited(&s->d, &s->lane, &s->w.actions[s->revoke],
				drive_now(&s->d));
}

/* Broken off; what the next run reads is what was written. */
static void leave(struct stage *s)
{
	struct work again = { 0 };

	assert_int_equal(evidence_leave(&s->d, NULL), 0);
	for (uint32_t i = 0; i < s->w.n_actions; i++) {
		struct buf b = BUF_INIT(BUF_RECORD_MAX);

		assert_int_equal(record_pack_action(&s->w, &s->w.actions[i], &b,
						    NULL), 0);
		assert_int_equal(record_unpack_action(&again, b.p, b.len, NULL),
				 0);
		buf_release(&b);
	}
	work_adopt(&again);
	queue_free(&s->lane.q);
	mem_free(s->d.lazy);
	work_free(&s->w);
	s->w = again;
}

static void begin(struct stage *s, bool shut)
{
	*s = (struct stage){ .on = 0 };
	s->x = action(s, T_ACCOUNT, V_DISABLE);
	s->snap = action(s, T_ACCOUNT, V_SNAPSHOT);
	s->revoke = action(s, T_CREDENTIAL, V_REVOKE);
	s->w.actions[s->x].state = shut ? A_DONE : A_SENT;
	run(s);
}

static void end(struct stage *s)
{
	queue_free(&s->lane.q);
	mem_free(s->d.lazy);
	work_free(&s->w);
}

static void sent(struct stage *s)
{
	struct action *a = &s->w.actions[s->snap];

	a->state = A_SENT;
	a->attempts++;
	if (!a->first_ms)
		a->first_ms = drive_now(&s->d);
}

/* One run after another, each shorter than the wait. */
static void runs_on(bool shut, bool send)
{
	struct stage s;

	begin(&s, shut);
	for (int i = 0; i < 3; i++) {
		assert_true(waits(&s));
		if (send)
			sent(&s);
		pass(&s, STEP);
		leave(&s);
		pass(&s, 3600000); /* between the runs nobody waits */
		run(&s);
	}
	assert_true(waits(&s));
	pass(&s, 2 * STEP);
	assert_false(waits(&s));
	end(&s);
}

static void test_the_runs_add_up(void **state)
{
	(void)state;
	runs_on(false, true);
	runs_on(false, false);
	runs_on(true, true);
	runs_on(true, false);
}

/* The account is shut, and evidence of others comes back until the run ends. */
static void test_what_moves_is_waited_for(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, true);
	assert_true(waits(&s));
	pass(&s, 10 * STEP);
	s.lane.evidence_ms = drive_now(&s.d);
	sent(&s);
	assert_true(waits(&s));
	leave(&s);
	pass(&s, 3600000);
	run(&s);
	assert_true(waits(&s));
	pass(&s, 3 * STEP);
	assert_true(waits(&s));
	pass(&s, 3 * STEP);
	assert_false(waits(&s));
	end(&s);
}

static void test_an_outage_begins_anew(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, false);
	assert_true(waits(&s));
	pass(&s, 4 * STEP);
	s.lane.q.fails = 1;
	assert_true(waits(&s));
	leave(&s);
	run(&s);
	assert_true(waits(&s));
	pass(&s, 3 * STEP);
	assert_true(waits(&s));
	pass(&s, 3 * STEP);
	assert_false(waits(&s));
	end(&s);
}

/* Neither an answer to hello nor a refusal: nothing is known of it. */
static void test_a_run_without_hello_counts_nothing(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, false);
	assert_true(waits(&s));
	pass(&s, 4 * STEP);
	leave(&s);
	run(&s);
	greeted = false;
	assert_true(waits(&s));
	pass(&s, 4 * STEP);
	leave(&s);
	run(&s);
	assert_true(waits(&s)); /* not the second run's */
	pass(&s, 2 * STEP);
	assert_false(waits(&s)); /* but the first one's */
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_runs_add_up),
		cmocka_unit_test(test_what_moves_is_waited_for),
		cmocka_unit_test(test_an_outage_begins_anew),
		cmocka_unit_test(test_a_run_without_hello_counts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
