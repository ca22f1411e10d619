// link: base vault agent
/* When is something dead: the counting, and the words said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/app.h"
#include "agent/engine/plan.h"
#include "agent/engine/proof.h"
#include "agent/engine/verdict.h"

static struct proof_in ask(enum life life, int64_t sent, int64_t now)
{
	return (struct proof_in){ .life = life, .sent_ms = sent, .now_ms = now,
				  .cut_ms = 1000, .lag_ms = 500, .gap_ms = 10 };
}

static enum proof_out step(struct action *a, enum life life, int64_t at)
{
	struct proof_in in = ask(life, at, at);

	return proof_step(a, &in);
}

static void test_three_spanning_the_lag(void **state)
{
	struct action a = { 0 };

	(void)state;
	assert_int_equal(step(&a, LIFE_DEAD, 1600), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 1700), PROOF_AGAIN);
	/* three, but within less than the lag: one machine of theirs */
	assert_int_equal(step(&a, LIFE_DEAD, 1800), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 2099), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 2100), PROOF_DEAD);
}

/* Ten seconds forward between two runs, of which none has passed. */
static void test_a_clock_set_forward_spans_nothing(void **state)
{
	struct action a = { .sent_ms = 1000, .next_ms = INT64_MAX };
	struct work w = { .actions = &a, .n_actions = 1 };

	(void)state;
	assert_int_equal(step(&a, LIFE_DEAD, 1600), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 1700), PROOF_AGAIN);
	work_move(&w, 10000);
	assert_int_equal(a.sent_ms, 11000);
	assert_int_equal(step(&a, LIFE_DEAD, 11800), PROOF_AGAIN);
	work_move(&w, -10000); /* and right again */
	assert_int_equal(step(&a, LIFE_DEAD, 2099), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 2100), PROOF_DEAD);
	assert_int_equal(a.done_ms, 0); /* what has not been stays so */
	a.next_ms = INT64_MAX;
	work_move(&w, 10000);
	assert_true(a.next_ms == INT64_MAX);
}

static void test_two_are_not_enough(void **state)
{
	struct action a = { 0 };

	(void)state;
	assert_int_equal(step(&a, LIFE_DEAD, 1600), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 9000), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 9001), PROOF_DEAD);
}

static void test_unknown_counts_for_nothing(void **state)
{
	struct action a = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(step(&a, LIFE_UNKNOWN, 2000 + i * 1000),
				 PROOF_UNSURE);
	assert_int_equal(a.count, 0);
	assert_int_equal(step(&a, LIFE_DEAD, 20000), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 21000), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_UNKNOWN, 22000), PROOF_UNSURE);
	assert_int_equal(a.count, 2); /* and forgets nothing */
	assert_int_equal(step(&a, LIFE_DEAD, 23000), PROOF_DEAD);
}

static void test_alive_starts_anew(void **state)
{
	struct action a = { 0 };

	(void)state;
	assert_int_equal(step(&a, LIFE_DEAD, 1100), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 1300), PROOF_AGAIN);
	/* within the lag, but after a "dead": it is cut again */
	assert_int_equal(step(&a, LIFE_ALIVE, 1400), PROOF_RECUT);
	assert_int_equal(a.count, 0);
	assert_true(a.flags & AF_ALIVE);
	assert_int_equal(step(&a, LIFE_DEAD, 1600), PROOF_AGAIN);
	assert_false(a.flags & AF_ALIVE);
	assert_int_equal(step(&a, LIFE_DEAD, 1900), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_DEAD, 2200), PROOF_DEAD);
}

static void test_alive_before_and_after_the_lag(void **state)
{
	struct action a = { 0 };
	struct proof_in in = ask(LIFE_ALIVE, 9000, 9000);

	(void)state;
	assert_int_equal(step(&a, LIFE_ALIVE, 1400), PROOF_AGAIN);
	assert_int_equal(step(&a, LIFE_ALIVE, 1500), PROOF_RECUT);
	in.cut_ms = 0; /* nothing was confirmed: there is nothing to do again */
	assert_int_equal(proof_step(&a, &in), PROOF_AGAIN);
}

/* Asked before the lag was over, and answered late by a slow service: that
 * tells nothing of afterwards. */
static void test_a_late_answer_tells_of_before(void **state)
{
	struct action a = { 0 };
	struct proof_in in = ask(LIFE_ALIVE, 1499, 9000);

	(void)state;
	assert_int_equal(proof_step(&a, &in), PROOF_AGAIN);
	assert_false(a.flags & AF_SURVIVED);
	in.sent_ms = 1500;
	assert_int_equal(proof_step(&a, &in), PROOF_RECUT);
	assert_true(a.flags & AF_SURVIVED);
}

static void test_confirm(void **state)
{
	struct action a = { .count = 3, .flags = AF_CONFIRM };

	(void)state;
	assert_int_equal(step(&a, LIFE_UNKNOWN, 5000), PROOF_UNSURE);
	assert_true(a.flags & AF_CONFIRM);
	assert_int_equal(step(&a, LIFE_DEAD, 6000), PROOF_DEAD);
	assert_false(a.flags & AF_CONFIRM);
	a.flags |= AF_CONFIRM;
	assert_int_equal(step(&a, LIFE_ALIVE, 7000), PROOF_RECUT);
}

static void test_records_are_not_refusals(void **state)
{
	struct action a = { 0 };
	struct proof_in in = ask(LIFE_DEAD, 2000, 2000);

	(void)state;
	in.need_refusal = true;
	for (int i = 0; i < 5; i++) {
		in.sent_ms = in.now_ms = 2000 + i * 1000;
		assert_int_not_equal(proof_step(&a, &in), PROOF_DEAD);
	}
	assert_true(a.flags & AF_RECORD);
	in.refusal = true;
	in.sent_ms = in.now_ms = 9000;
	assert_int_equal(proof_step(&a, &in), PROOF_DEAD);
	assert_false(a.flags & AF_RECORD);
}

/* ---- words ----------------------------------------------------------------- */

struct said {
	struct work w;
	struct facts f;
	uint32_t key;
};

static void begin(struct said *s)
{
	struct plan_thing p = { .conn = "c", .account = "a", .kind = "key",
				.id = "k" };
	struct err e = ERR_INIT;

	*s = (struct said){ .key = NONE };
	s->f.all.revoke_lag_ms = 500;
	assert_int_equal(plan_credential(&s->w, &p, &s->f, 1000, &s->key, &e), 0);
}

static enum life_word word(struct said *s, int64_t now)
{
	return verdict_of(&s->w, s->key, &s->f, now).word;
}

static void test_words(void **state)
{
	struct said s;
	struct action *r, *p;
	struct tally t;

	(void)state;
	begin(&s);
	r = work_of(&s.w, s.key, V_REVOKE);
	p = work_of(&s.w, s.key, V_PROBE);
	assert_int_equal(word(&s, 2000), VD_ALIVE);
	r->state = A_DONE; /* the provider said ok: that is not dead */
	r->done_ms = 2000;
	assert_int_equal(word(&s, 2100), VD_DYING);
	assert_int_equal(verdict_of(&s.w, s.key, &s.f, 2100).until_ms, 2500);
	p->flags = AF_ALIVE;
	assert_int_equal(word(&s, 2100), VD_DYING); /* within the lag */
	assert_int_equal(word(&s, 2600), VD_ALIVE); /* 200 and not revoked */
	verdict_tally(&s.w, &s.f, 2600, &t);
	assert_int_equal(verdict_exit(&t), EXIT_ALIVE);
	p->flags = 0;
	p->state = A_DONE;
	p->done_ms = 3000;
	assert_int_equal(word(&s, 3000), VD_DEAD);
	for (uint32_t i = 0; i < s.w.n_actions; i++)
		s.w.actions[i].state = A_DONE;
	verdict_tally(&s.w, &s.f, 3000, &t);
	assert_int_equal(verdict_exit(&t), EXIT_OK);
	r->state = A_TRYING; /* proved dead, but the revoke was never confirmed */
	verdict_tally(&s.w, &s.f, 3000, &t);
	assert_int_equal(verdict_exit(&t), EXIT_DYING);
	work_free(&s.w);
}

static void test_what_is_skipped_is_not_dead(void **state)
{
	struct plan_thing p = { .conn = "c", .account = "me", .kind = "",
				.id = "", .flags = TF_SELF | TF_SKIPPED };
	struct facts f = { 0 };
	struct work w = { 0 };
	struct err e = ERR_INIT;
	struct tally t;
	uint32_t i;

	(void)state;
	assert_int_equal(plan_note(&w, T_ACCOUNT, &p, "self", &i, &e), 0);
	verdict_tally(&w, &f, 1, &t);
	assert_int_equal(t.skipped, 1);
	assert_int_equal(verdict_exit(&t), EXIT_ALIVE);
	work_free(&w);
}

static void test_sessions_outlive_the_key(void **state)
{
	struct said s;
	struct action *r, *p;

	(void)state;
	begin(&s);
	s.f.all.session_ms = 10000;
	r = work_of(&s.w, s.key, V_REVOKE);
	p = work_of(&s.w, s.key, V_PROBE);
	r->state = p->state = A_DONE;
	r->done_ms = p->done_ms = 2000;
	assert_int_equal(word(&s, 3000), VD_DYING);
	assert_int_equal(word(&s, 12001), VD_DEAD);
	r = work_of(&s.w, s.key, V_CUT);
	r->state = A_DONE; /* before it could make no more: one may have slipped in */
	r->done_ms = 1999;
	assert_int_equal(word(&s, 3000), VD_DYING);
	r->done_ms = 2001;
	assert_int_equal(word(&s, 3000), VD_DEAD);
	r->state = A_UNSUPPORTED;
	assert_int_equal(word(&s, 3000), VD_DYING);
	work_free(&s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_spanning_the_lag),
		cmocka_unit_test(test_a_clock_set_forward_spans_nothing),
		cmocka_unit_test(test_two_are_not_enough),
		cmocka_unit_test(test_unknown_counts_for_nothing),
		cmocka_unit_test(test_alive_starts_anew),
		cmocka_unit_test(test_alive_before_and_after_the_lag),
		cmocka_unit_test(test_a_late_answer_tells_of_before),
		cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_records_are_not_refusals),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_what_is_skipped_is_not_dead),
		cmocka_unit_test(test_sessions_outlive_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
