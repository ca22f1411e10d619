// link: base vault agent
/*
 * The pure parts of a rotation: what comes next (rot_step), what an answer
 * means (rot_take, rot_list, rot_end), what a clock does to it (rot_move).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/rot_inner.h"
#include "base/mem.h"

#define NOW INT64_C(1000000000)
#define LAG 60000

#define OK(call)                                     \
	do {                                         \
		struct err e_ = ERR_INIT;            \
		struct err *e = &e_;                 \
		assert_int_equal((call), 0);         \
	} while (0)

static struct kind_facts facts;
static bool asked; /* the sinks' programs can tell of adoption */

static bool can_ask(const void *of, size_t sink)
{
	(void)of;
	(void)sink;
	return asked;
}

static const struct rot_sinks sinks = { can_ask, NULL };

static void text(char **to, const char *s)
{
	OK(rot_text(to, s, e));
}

/* bot#k1, two sinks, in the given state. */
static struct rot_run run_of(enum rot_state state, int flags)
{
	struct rot_run r = { .facts = &facts };
	struct rot_line *l = &r.l;

	facts = (struct kind_facts){ .mint_lag_ms = LAG, .list_lag_ms = LAG / 2,
				     .revoke_lag_ms = LAG, .labels = true };
	asked = false;
	*l = (struct rot_line){ .state = state, .flags = (uint16_t)flags,
				.next_ms = NOW, .version = 1 };
	text(&l->conn, "c");
	text(&l->account, "bot");
	text(&l->kind, "key");
	text(&l->cred, "k1");
	text(&l->new_account, "");
	text(&l->new_cred, "k2");
	text(&l->partner, "");
	text(&l->policy, "p");
	text(&l->nonce, "curfew-1");
	text(&l->why, "");
	text(&l->incident, "");
	l->sinks = mem_array(2, sizeof(*l->sinks));
	l->n_sinks = 2;
	for (int i = 0; i < 2; i++) {
		text(&l->sinks[i].conn, "s");
		text(&l->sinks[i].place, i ? "two" : "one");
		text(&l->sinks[i].their, "");
	}
	return r;
}

static void drop(struct rot_run *r)
{
	rot_free(&r->l);
	rot_seen_clear(r);
	secret_free(&r->value);
	mem_free(r->was_account);
	mem_free(r->was_old);
	mem_free(r->was_new);
}

static enum rot_call next(struct rot_run *r, int64_t now)
{
	r->step = rot_next(r, &sinks, now);
	return r->step.call;
}

/* The call the state asks for gets that answer. */
static void answer(struct rot_run *r, struct rot_answer a, int64_t now)
{
	(void)next(r, now);
	OK(rot_take(r, &a, now, e));
	secret_free(&a.secret);
}

/* ---- what comes next ------------------------------------------------------------- */

static void each_state_has_its_call(void **state)
{
	static const struct {
		enum rot_state state;
		int flags;
		enum rot_call call;
	} table[] = {
		{ RS_PLANNED, RF_CLASS_B, RC_LIST },
		{ RS_INTENT, 0, RC_SET },
		{ RS_INTENT, RF_CLASS_B, RC_MINT },
		{ RS_TRIED, RF_CLASS_B, RC_LIST },
		{ RS_SWEPT, RF_CLASS_B, RC_REVOKE_OURS },
		{ RS_MINTED, 0, RC_PROBE_NEW },
		{ RS_VERIFIED_NEW, 0, RC_DELIVER },
		{ RS_DELIVERED, RF_IN_PLACE, RC_NONE },
		{ RS_OVERLAP, 0, RC_REVOKE_OLD },
		{ RS_OLD_DISABLED, 0, RC_REVOKE_OLD },
		{ RS_OLD_DISABLED, RF_ABORT, RC_ENABLE_OLD },
		{ RS_OLD_REVOKED, 0, RC_PROBE_OLD },
		{ RS_ABORTING, 0, RC_REVOKE_NEW },
		{ RS_ABORTING, RF_IN_PLACE, RC_SET_BACK },
		{ RS_ABORT_PROOF, 0, RC_PROBE_GONE },
		{ RS_ABORT_PROOF, RF_IN_PLACE, RC_PROBE_BACK },
		{ RS_VERIFIED_DEAD, 0, RC_NONE },
		{ RS_IDLE, 0, RC_NONE },
		{ RS_KILLED, 0, RC_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rot_run r = run_of(table[i].state, table[i].flags);

		assert_int_equal(next(&r, NOW), table[i].call);
		drop(&r);
	}
}

static void planning_asks_for_what_is_missing(void **state)
{
	struct rot_run r = run_of(RS_PLANNED, 0);

	(void)state;
	assert_int_equal(next(&r, NOW), RC_LIST); /* ids of its own */
	facts.fixed_id = true;
	assert_int_equal(next(&r, NOW), RC_PROBE_BASE);
	r.based = true;
	assert_int_equal(next(&r, NOW), RC_NONE);
	facts.makes = true;
	assert_int_equal(next(&r, NOW), RC_MAKE);
	facts.fixed_id = false;
	r.listed = true;
	r.based = false;
	facts.verbs_told = true; /* and no probe among them */
	assert_int_equal(next(&r, NOW), RC_MAKE);
	drop(&r);
}

static void waits_are_kept(void **state)
{
	struct rot_run r = run_of(RS_MINTED, 0);

	(void)state;
	r.l.made_ms = NOW;
	(void)next(&r, NOW);
	assert_int_equal(r.step.at_ms, NOW + LAG);
	r.l.state = RS_TRIED;
	r.l.lost_ms = NOW + 5;
	(void)next(&r, NOW);
	assert_int_equal(r.step.at_ms, NOW + 5 + rot_settle_ms(&facts));
	assert_true(rot_settle_ms(&facts) > LAG);
	r.l.state = RS_OVERLAP;
	r.l.revoke_ms = NOW + 777;
	(void)next(&r, NOW);
	assert_int_equal(r.step.at_ms, NOW + 777);
	r.l.state = RS_OLD_DISABLED;
	r.l.soak_span = 888;
	r.l.disabled_ms = NOW;
	(void)next(&r, NOW);
	assert_int_equal(r.step.at_ms, NOW + 888);
	r.l.state = RS_OVERLAP;
	assert_int_equal(next(&r, NOW), RC_DISABLE_OLD);
	drop(&r);
}

static void every_sink_is_delivered_to_and_asked(void **state)
{
	struct rot_run r = run_of(RS_VERIFIED_NEW, 0);
	const struct rot_answer ok = { .status = LINK_OK };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(next(&r, NOW), RC_DELIVER);
		assert_int_equal(r.step.sink, i);
		answer(&r, ok, NOW);
	}
	assert_int_equal(next(&r, NOW), RC_NONE);
	r.l.state = RS_DELIVERED;
	r.l.adopt = ADOPT_EVIDENCE;
	asked = true;
	r.l.sinks[0].acknowledged = true;
	assert_int_equal(next(&r, NOW), RC_ADOPTED);
	assert_int_equal(r.step.sink, 1);
	r.ask_sink = 2;
	assert_int_equal(next(&r, NOW), RC_NONE); /* nothing tells of use */
	facts.tells_used = true;
	assert_int_equal(next(&r, NOW), RC_LIST);
	r.l.adopt = ADOPT_OPERATOR;
	assert_int_equal(next(&r, NOW), RC_NONE);
	assert_true(r.step.at_ms == INT64_MAX);
	drop(&r);
}

/* The loop of rot_call.c: from step to step, while something changes. */
static int advance(struct rot_run *r, int64_t now)
{
	bool changed = true;
	int n = 0;

	for (; changed && n < 9; n += changed)
		OK(rot_advance(r, now, &changed, e));
	return n;
}

static void not_yet_is_asked_again(void **state)
{
	const struct rot_answer not_yet = { .status = LINK_OK,
					    .has_adopted = true };
	const struct rot_answer yes = { .status = LINK_OK, .has_adopted = true,
					.adopted = true };
	const struct rot_answer cannot = { .status = LINK_UNSUPPORTED };
	struct rot_run r = run_of(RS_DELIVERED, 0);
	int64_t now = NOW;

	(void)state;
	r.l.adopt = ADOPT_EVIDENCE;
	r.l.n_sinks = 1;
	asked = true;
	for (int i = 0; i < 9; i++) {
		assert_int_equal(next(&r, now), RC_ADOPTED);
		assert_true(r.step.at_ms <= now);
		answer(&r, not_yet, now);
		(void)next(&r, now);
		assert_int_equal(advance(&r, now), 1);
		assert_int_equal(r.l.stuck_ms, 0);
		assert_int_equal(r.l.next_ms, now + 60000);
		now += 60000;
	}
	answer(&r, yes, now);
	(void)advance(&r, now);
	assert_int_equal(r.l.state, RS_OVERLAP);
	r.l.n_sinks = 2;
	drop(&r);

	/* one that cannot tell is not asked for ever */
	r = run_of(RS_DELIVERED, 0);
	r.l.adopt = ADOPT_EVIDENCE;
	asked = true;
	answer(&r, cannot, NOW);
	answer(&r, cannot, NOW);
	(void)next(&r, NOW);
	assert_int_equal(advance(&r, NOW), 1);
	assert_true(r.l.stuck_ms == NOW);
	drop(&r);
}

/* ---- what an answer means -------------------------------------------------------- */

static void a_lost_mint_is_listed_before_anything_is_made(void **state)
{
	const struct rot_answer unknown = { .status = LINK_UNKNOWN };
	const struct rot_answer listed = { .status = LINK_OK,
					   .complete = true };
	struct rot_run r = run_of(RS_INTENT, RF_CLASS_B);

	(void)state;
	answer(&r, unknown, NOW);
	assert_int_equal(r.l.state, RS_TRIED);
	assert_true(r.l.flags & RF_RESWEEP);
	assert_int_equal(next(&r, NOW), RC_LIST);
	assert_true(r.step.at_ms >= NOW + LAG);
	/* a listing that is not whole tells nothing */
	answer(&r, (struct rot_answer){ .status = LINK_OK }, NOW + 1);
	assert_int_equal(r.l.state, RS_TRIED);
	answer(&r, listed, NOW + 2);
	assert_int_equal(r.l.state, RS_INTENT); /* nothing there: again */
	drop(&r);
}

static void seen(struct rot_run *r, const char *id, const char *label)
{
	r->seen = mem_realloc(r->seen, (r->n_seen + 1) * sizeof(*r->seen));
	r->seen[r->n_seen] = (struct rot_seen){ .id = NULL };
	text(&r->seen[r->n_seen].id, id);
	text(&r->seen[r->n_seen++].label, label);
}

static void only_what_is_certainly_ours_is_ended(void **state)
{
	const struct rot_answer listed = { .status = LINK_OK,
					   .complete = true };
	struct rot_run r = run_of(RS_TRIED, RF_CLASS_B);

	(void)state;
	OK(rot_ids_add(&r.l.before, "old", e));
	seen(&r, "k1", "");
	seen(&r, "old", "curfew-1-1"); /* it was there before */
	seen(&r, "new", "curfew-1-1");
	seen(&r, "near", "curfew-10-1");
	answer(&r, listed, NOW);
	assert_int_equal(r.l.state, RS_SWEPT);
	assert_int_equal(r.l.ours.n, 1);
	assert_string_equal(r.l.ours.p[0], "new");
	assert_int_equal(r.l.strangers.n, 1);
	assert_string_equal(r.l.strangers.p[0], "near");
	drop(&r);

	r = run_of(RS_TRIED, RF_CLASS_B); /* no labels, not exclusive */
	facts.labels = false;
	seen(&r, "new", "");
	answer(&r, listed, NOW);
	assert_int_equal(r.l.state, RS_TRIED);
	assert_true(r.l.stuck_ms > 0);
	assert_int_equal(r.l.ours.n, 0);
	drop(&r);
}

static void a_mint_that_cannot_be_is_told(void **state)
{
	struct rot_answer full = { .status = LINK_REFUSED, .quota = true };
	struct rot_answer twice = { .status = LINK_OK };
	struct rot_run r = run_of(RS_INTENT, RF_CLASS_B);

	(void)state;
	answer(&r, full, NOW);
	assert_int_equal(r.l.state, RS_INTENT);
	assert_true(r.l.stuck_ms > 0);
	assert_non_null(strstr(r.l.why, "no room"));
	drop(&r);

	r = run_of(RS_INTENT, RF_CLASS_B);
	OK(rot_ids_add(&r.l.before, "k0", e));
	twice.credential = mem_strdup("k0");
	twice.secret = secret_new("x", 1, NULL);
	answer(&r, twice, NOW);
	assert_int_equal(r.l.state, RS_TRIED);
	assert_true(r.l.stuck_ms > 0);
	assert_null(r.value);
	mem_free(twice.credential);
	drop(&r);
}

static void a_set_is_tried_again_until_its_outcome_is_known(void **state)
{
	const struct rot_answer unknown = { .status = LINK_UNKNOWN };
	struct rot_answer ok = { .status = LINK_OK };
	struct rot_run r = run_of(RS_INTENT, 0);

	(void)state;
	for (int i = 1; i <= 6; i++) {
		assert_int_equal(r.l.stuck_ms, 0);
		answer(&r, unknown, NOW);
		assert_int_equal(r.l.state, RS_INTENT);
		assert_int_equal(r.l.fails, i);
	}
	assert_true(r.l.stuck_ms > 0); /* told, and tried on */
	assert_int_equal(next(&r, NOW), RC_SET);
	ok.credential = mem_strdup("k9");
	answer(&r, ok, NOW);
	assert_int_equal(r.l.state, RS_MINTED);
	assert_string_equal(r.l.new_cred, "k9");
	assert_true(r.put_new && !r.swap);
	assert_int_equal(r.l.stuck_ms, 0);
	mem_free(ok.credential);
	drop(&r);

	r = run_of(RS_INTENT, 0); /* the id stays: in place */
	ok.credential = NULL;
	answer(&r, ok, NOW);
	assert_true(r.l.flags & RF_IN_PLACE);
	assert_true(r.swap && !r.put_new);
	drop(&r);
}

static void the_new_one_works_twice_in_a_row(void **state)
{
	const struct rot_answer alive = { .status = LINK_OK,
					  .life = LIFE_ALIVE };
	const struct rot_answer dead = { .status = LINK_OK,
					 .life = LIFE_DEAD };
	struct rot_run r = run_of(RS_MINTED, 0);

	(void)state;
	answer(&r, alive, NOW);
	answer(&r, dead, NOW);
	answer(&r, alive, NOW);
	assert_int_equal(r.l.state, RS_MINTED);
	answer(&r, alive, NOW);
	assert_int_equal(r.l.state, RS_VERIFIED_NEW);
	drop(&r);
}

static void an_end_counts_when_it_is_certain(void **state)
{
	static const struct {
		enum link_status status;
		enum rot_state to;
	} table[] = {
		{ LINK_OK, RS_OLD_REVOKED }, { LINK_ABSENT, RS_OLD_REVOKED },
		{ LINK_UNKNOWN, RS_OVERLAP }, { LINK_RETRY, RS_OVERLAP },
		{ LINK_NOT_SENT, RS_OVERLAP }, { LINK_REFUSED, RS_OVERLAP },
		{ LINK_UNSUPPORTED, RS_OVERLAP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rot_run r = run_of(RS_OVERLAP, 0);

		answer(&r, (struct rot_answer){ .status = table[i].status },
		       NOW);
		assert_int_equal(r.l.state, table[i].to);
		assert_int_equal(r.revoked_row, table[i].to == RS_OLD_REVOKED);
		drop(&r);
	}
}

static const struct rot_answer refused_it = { .status = LINK_OK,
					      .life = LIFE_DEAD,
					      .refusal = true };

static void death_takes_three_refusals_and_the_lag(void **state)
{
	const struct rot_answer nothing = { .status = LINK_UNKNOWN };
	const struct rot_answer lives = { .status = LINK_OK,
					  .life = LIFE_ALIVE };
	struct rot_run r = run_of(RS_OLD_REVOKED, 0);

	(void)state;
	r.l.revoked_ms = NOW;
	for (int i = 0; i < 9; i++) /* often enough, not long enough */
		answer(&r, refused_it, NOW + i);
	answer(&r, nothing, NOW + LAG); /* tells nothing */
	assert_int_equal(r.l.state, RS_OLD_REVOKED);
	answer(&r, refused_it, NOW + LAG);
	assert_int_equal(r.l.state, RS_VERIFIED_DEAD);
	assert_true(r.dead_row);
	drop(&r);

	r = run_of(RS_OLD_REVOKED, 0);
	r.l.revoked_ms = NOW;
	answer(&r, refused_it, NOW);
	answer(&r, refused_it, NOW + 2 * LAG); /* long, not often */
	assert_int_equal(r.l.state, RS_OLD_REVOKED);
	answer(&r, lives, NOW + 3 * LAG);
	assert_int_equal(r.l.state, RS_OVERLAP); /* revoked again */
	assert_false(r.dead_row);
	drop(&r);

	r = run_of(RS_OLD_REVOKED, 0); /* nobody can ask */
	answer(&r, (struct rot_answer){ .status = LINK_UNSUPPORTED }, NOW);
	assert_true(r.l.flags & RF_UNPROVED);
	assert_false(r.dead_row);
	drop(&r);
}

/* ---- clocks and crashes ----------------------------------------------------------- */

static void a_refusal_of_a_value_never_seen_is_a_record(void **state)
{
	const struct rot_answer no = { .status = LINK_OK, .life = LIFE_DEAD,
				       .refusal = true };
	const struct rot_answer gone = { .status = LINK_OK, .life = LIFE_DEAD };
	static const struct {
		int flags, record;
		bool refusal;
	} table[] = {
		{ 0, 0, true },
		{ 0, RF_BY_RECORD, false },
		{ RF_OLD_UNKNOWN, RF_BY_RECORD, true },
		{ RF_BY_RECORD, 0, true }, /* of the rotation before */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rot_run r = run_of(RS_OLD_REVOKED, table[i].flags);

		for (int64_t t = NOW; r.l.state == RS_OLD_REVOKED; t += LAG)
			answer(&r, table[i].refusal ? no : gone, t);
		assert_int_equal(r.l.state, RS_VERIFIED_DEAD);
		assert_int_equal(r.l.flags & RF_BY_RECORD, table[i].record);
		drop(&r);
	}
}

static void a_clock_set_forward_shortens_no_proof(void **state)
{
	const int64_t day = 86400000;
	struct rot_run r = run_of(RS_OLD_REVOKED, 0);

	(void)state;
	r.l.revoked_ms = NOW;
	r.l.deadline_ms = NOW + 100;
	answer(&r, refused_it, NOW);
	answer(&r, refused_it, NOW + 1);
	rot_move(&r.l, day);
	answer(&r, refused_it, NOW + day + 2);
	assert_int_equal(r.l.state, RS_OLD_REVOKED);
	answer(&r, refused_it, NOW + day + LAG);
	assert_int_equal(r.l.state, RS_VERIFIED_DEAD);
	assert_int_equal(r.l.deadline_ms, NOW + 100);
	drop(&r);
}

static void a_moved_overlap_stays_before_its_deadline(void **state)
{
	struct rot_run r = run_of(RS_OVERLAP, 0);

	(void)state;
	r.l.revoke_ms = r.l.next_ms = NOW;
	r.l.deadline_ms = NOW + 500;
	rot_move(&r.l, 300);
	assert_int_equal(r.l.revoke_ms, NOW + 300);
	rot_move(&r.l, 300);
	assert_int_equal(r.l.revoke_ms, NOW + 500);
	assert_int_equal(r.l.next_ms, NOW + 500);
	r.l.next_ms = INT64_MAX; /* a person is awaited: for ever */
	r.l.quiet_ms = 0;	 /* not yet stays not yet */
	r.l.state = RS_DELIVERED;
	rot_move(&r.l, 300);
	assert_true(r.l.next_ms == INT64_MAX);
	assert_int_equal(r.l.quiet_ms, 0);
	drop(&r);
}

static void what_was_under_way_is_unknown(void **state)
{
	struct rot_run r = run_of(RS_TRIED, RF_CLASS_B);

	(void)state;
	r.l.lost_ms = NOW - 9 * LAG;
	rot_recover(&r, NOW);
	assert_true(r.l.flags & RF_RESWEEP);
	assert_int_equal(r.l.lost_ms, NOW); /* its lags count from now */
	assert_int_equal(next(&r, NOW), RC_LIST);
	drop(&r);

	r = run_of(RS_PLANNED, 0);
	OK(rot_ids_add(&r.l.before, "k0", e));
	r.l.next_ms = NOW + 10 * knob_stuck_ms(); /* another clock's */
	rot_recover(&r, NOW);
	assert_int_equal(r.l.before.n, 0);
	assert_int_equal(r.l.next_ms, NOW);
	drop(&r);
}

static void an_answer_to_no_call_is_an_error(void **state)
{
	struct rot_run r = run_of(RS_IDLE, 0);
	struct rot_answer a = { .status = LINK_OK };
	struct err e = ERR_INIT;

	(void)state;
	(void)next(&r, NOW);
	assert_int_equal(rot_take(&r, &a, NOW, &e), -1);
	assert_int_equal(e.code, ERR_BUG);
	drop(&r);
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_state_has_its_call),
		T(planning_asks_for_what_is_missing),
		T(waits_are_kept),
		T(every_sink_is_delivered_to_and_asked),
		T(not_yet_is_asked_again),
		T(a_lost_mint_is_listed_before_anything_is_made),
		T(only_what_is_certainly_ours_is_ended),
		T(a_mint_that_cannot_be_is_told),
		T(a_set_is_tried_again_until_its_outcome_is_known),
		T(the_new_one_works_twice_in_a_row),
		T(an_end_counts_when_it_is_certain),
		T(death_takes_three_refusals_and_the_lag),
		T(a_refusal_of_a_value_never_seen_is_a_record),
		T(a_clock_set_forward_shortens_no_proof),
		T(a_moved_overlap_stays_before_its_deadline),
		T(what_was_under_way_is_unknown),
		T(an_answer_to_no_call_is_an_error),
	};
	bool locked;

	unsetenv("CURFEW_TEST_GAP_MS");
	unsetenv("CURFEW_TEST_STUCK_MS");
	if (secret_boot(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
