// link: base vault agent
/* The planner, the queue and the rows' byte form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/plan.h"
#include "agent/engine/queue.h"
#include "agent/engine/record.h"
#include "agent/engine/verdict.h"
#include "base/mem.h"
#include "base/secret.h"

#define OK(call)                                     \
	do {                                         \
		struct err e_ = ERR_INIT;            \
		struct err *e = &e_;                 \
		assert_int_equal((call), 0);         \
	} while (0)

static struct plan_thing account(const char *name)
{
	return (struct plan_thing){ .conn = "c", .account = name, .kind = "",
				    .id = "" };
}

static struct plan_thing key(const char *name, const char *id)
{
	return (struct plan_thing){ .conn = "c", .account = name,
				    .kind = "key", .id = id };
}

static int64_t starts(const struct work *w, uint32_t t, enum verb v)
{
	const struct action *a = work_of(w, t, v);

	return a ? a->next_ms : -1;
}

static void test_cutting_does_not_wait_for_evidence(void **state)
{
	struct plan_thing a = account("bot"), k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	uint32_t ta, tk;

	(void)state;
	OK(plan_account(&w, &a, &f, 5000, &ta, e));
	OK(plan_credential(&w, &k, &f, 5000, &tk, e));
	assert_int_equal(w.targets[tk].parent, ta);
	assert_int_equal(starts(&w, ta, V_DISABLE), 5000);
	assert_int_equal(starts(&w, ta, V_SNAPSHOT), 5000);
	/* revoke destroys evidence: it waits, but not longer than the bound */
	assert_int_equal(starts(&w, tk, V_REVOKE), 5000 + knob_snapshot_ms());
	assert_int_equal(starts(&w, ta, V_CUT), 5000 + knob_snapshot_ms());
	assert_int_equal(starts(&w, tk, V_PROBE), INT64_MAX);
	assert_null(work_of(&w, tk, V_CUT)); /* the account's covers it */
	assert_null(work_of(&w, tk, V_SNAPSHOT));
	work_free(&w);
}

static void test_facts_decide_about_sessions(void **state)
{
	struct plan_thing a = account("bot"), k = key("other", "1");
	struct facts f;
	struct work w = { 0 };
	uint32_t ta, tk;

	(void)state;
	facts_parse("{\"key\":{\"disable_cuts_sessions\":true,"
		    "\"revoke_cuts_sessions\":true}}", &f);
	OK(plan_account(&w, &a, &f, 1, &ta, e));
	OK(plan_credential(&w, &k, &f, 1, &tk, e));
	assert_null(work_of(&w, ta, V_CUT));
	assert_null(work_of(&w, tk, V_CUT));
	assert_non_null(work_of(&w, tk, V_SNAPSHOT)); /* alone: its own */
	work_free(&w);
}

static void test_a_credential_leaves_its_account(void **state)
{
	struct plan_thing k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	uint32_t t;

	(void)state;
	OK(plan_credential(&w, &k, &f, 1, &t, e));
	OK(plan_sweeps(&w, 1, e));
	for (uint32_t i = 0; i < w.n_actions; i++) {
		assert_int_not_equal(w.actions[i].verb, V_DISABLE);
		assert_int_not_equal(w.actions[i].verb, V_RESWEEP);
	}
	work_free(&w);
}

static void test_by_value_where_by_id_does_not_end_it(void **state)
{
	static const char text[] =
		"{\"pat\":{\"by_value\":true,\"revoke_leaves_value\":true,"
		"\"verbs\":[\"probe\",\"revoke\",\"revoke_value\"]},"
		"\"token\":{\"self_revoke\":true,\"verbs\":[\"revoke_value\"]},"
		"\"key\":{\"by_value\":true,"
		"\"verbs\":[\"revoke\",\"revoke_value\"]},"
		"\"old\":{\"by_value\":true},"
		"\"none\":{\"by_value\":true,\"verbs\":[\"probe\"]}}";
	static const struct {
		const char *kind;
		bool sealed, by_value, needs;
	} cases[] = {
		{ "pat", true, true, false }, { "pat", false, false, true },
		{ "token", true, true, false }, { "token", false, false, true },
		{ "key", true, false, false }, /* its id ends it */
		{ "key", false, false, false },
		{ "old", true, false, false }, /* the service will say */
		{ "none", true, false, false }, { "none", false, false, false },
	};
	struct facts f;

	(void)state;
	facts_parse(text, &f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan_thing k = key("bot", "1");
		struct work w = { 0 };
		const struct action *r;
		uint32_t t;

		k.kind = cases[i].kind;
		k.sealed = cases[i].sealed;
		OK(plan_credential(&w, &k, &f, 5000, &t, e));
		r = work_of(&w, t, V_REVOKE);
		assert_non_null(r);
		assert_string_equal(action_verb(&w, r), cases[i].by_value ?
				    "revoke_value" : "revoke");
		/* beside its end: was the value good before? */
		assert_int_equal(starts(&w, t, V_PROBE), cases[i].by_value ?
				 r->next_ms : INT64_MAX);
		assert_int_equal(r->note != NULL, cases[i].needs);
		if (cases[i].needs)
			assert_non_null(strstr(r->note, "'curfew learn c/bot#1 "
					       "--secret-stdin'"));
		work_free(&w);
	}
}

static void test_a_value_never_accepted_is_no_proof(void **state)
{
	struct plan_thing k = key("bot", "1");
	struct work w = { 0 };
	struct action *r;
	struct facts f;
	uint32_t t;

	(void)state;
	facts_parse("{\"key\":{\"by_value\":true,\"verbs\":[\"revoke_value\"]}}",
		    &f);
	k.sealed = true;
	OK(plan_credential(&w, &k, &f, 1, &t, e));
	r = work_of(&w, t, V_REVOKE);
	r->state = work_of(&w, t, V_PROBE)->state = A_DONE;
	work_of(&w, t, V_PROBE)->flags |= AF_REFUSAL;
	assert_int_equal(verdict_of(&w, t, &f, 5000).word, VD_MISSING);
	r->flags |= AF_KNOWN;
	assert_int_equal(verdict_of(&w, t, &f, 5000).word, VD_DEAD);
	work_free(&w);
}

static void test_a_token_goes_back(void **state)
{
	struct plan_thing k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	struct queue q;
	uint32_t t, i;

	(void)state;
	OK(plan_credential(&w, &k, &f, 1, &t, e)); /* snapshot first */
	queue_init(&q, 0.001, 16, 1000000);
	for (i = 0; i < w.n_actions; i++) {
		w.actions[i].next_ms = 1;
		OK(queue_push(&q, &w, i, e));
	}
	for (int n = 0; n < 2; n++) {
		OK(queue_pop(&q, &w, 1000000, &i, e));
		assert_int_not_equal(i, NONE);
		w.actions[i].sending = true;
	}
	OK(queue_pop(&q, &w, 1000000, &i, e));
	assert_int_equal(i, NONE); /* the two there were are used up */
	queue_refund(&q);
	OK(queue_pop(&q, &w, 1000000, &i, e));
	assert_int_not_equal(i, NONE);
	queue_free(&q);
	work_free(&w);
}

static void test_proved_dead_is_not_sent_again(void **state)
{
	struct plan_thing a = account("bot"), k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	uint32_t ta, tk;

	(void)state;
	a.dead = k.dead = true;
	OK(plan_account(&w, &a, &f, 1, &ta, e));
	OK(plan_credential(&w, &k, &f, 1, &tk, e));
	for (uint32_t i = 0; i < w.n_actions; i++) {
		assert_int_equal(w.actions[i].verb, V_PROBE);
		assert_int_equal(w.actions[i].state, A_DONE);
	}
	work_free(&w);
}

static void test_sweeps(void **state)
{
	struct facts f = { 0 };
	struct work w = { 0 };
	char name[20];
	uint32_t t, each = 0, whole = 0;

	(void)state;
	for (int i = 0; i < 17; i++) {
		struct plan_thing a;

		name[0] = (char)('a' + i);
		name[1] = '\0';
		a = account(name);
		OK(plan_account(&w, &a, &f, 1, &t, e));
	}
	OK(plan_sweeps(&w, 1, e));
	for (uint32_t i = 0; i < w.n_actions; i++) {
		if (w.actions[i].verb != V_RESWEEP)
			continue;
		whole += w.targets[w.actions[i].target].what == T_CONNECTION;
		each += w.targets[w.actions[i].target].what == T_ACCOUNT;
	}
	assert_int_equal(whole, 1); /* many accounts: one listing serves all */
	assert_int_equal(each, 0);
	work_free(&w);
}

static void test_estimate(void **state)
{
	struct facts f;
	struct work w = { 0 };
	struct plan_eta eta;
	int in_flight = 16;
	char id[20];
	uint32_t t;

	(void)state;
	facts_parse("{\"key\":{\"rate_per_s\":10,\"revoke_lag_ms\":60000,"
		    "\"revoke_cuts_sessions\":true}}", &f);
	for (int i = 0; i < 500; i++) {
		struct plan_thing k = key("bot", id);

		(void)snprintf(id, sizeof(id), "%d", i);
		OK(plan_credential(&w, &k, &f, 1, &t, e));
		work_of(&w, t, V_SNAPSHOT)->state = A_UNSUPPORTED;
	}
	plan_estimate(&w, &f, &in_flight, 50, &eta);
	assert_int_equal(eta.cuts, 500);
	assert_int_equal(eta.cut_ms, 50000); /* 500 at 10 a second */
	assert_true(eta.proved_ms >= 50000 + 60000);
	work_free(&w);
}

static void test_facts_are_clipped(void **state)
{
	struct facts f;

	(void)state;
	facts_parse("{\"key\":{\"revoke_lag_ms\":99999999999999,"
		    "\"list_lag_ms\":-5,\"rate_per_s\":-1},\"x\":7}", &f);
	assert_true(f.all.revoke_lag_ms <= (int64_t)7 * 24 * 3600 * 1000);
	assert_int_equal(f.all.list_lag_ms, 0);
	assert_true(f.all.rate_per_s <= 0);
	facts_parse("no json", &f);
	assert_int_equal(f.n, 0);
	facts_parse("{\"key\":{\"rate_per_s\":0.5},\"x\":{\"rate_per_s\":0}}", &f);
	assert_true(f.all.rate_per_s > 0.49 && f.all.rate_per_s < 0.51);
	facts_parse("{\"key\":{\"rate_per_s\":1e-300}}", &f);
	assert_true(f.all.rate_per_s >= 0.001);
	facts_parse("{\"key\":{\"rate_per_s\":\"2\"}}", &f);
	assert_true(f.all.rate_per_s <= 0);
}

static void test_adopt(void **state)
{
	struct plan_thing k = key("bot", "1"), a = account("bot");
	struct facts f = { 0 };
	struct work w = { 0 };
	uint32_t tk, ta;

	(void)state;
	OK(plan_credential(&w, &k, &f, 1, &tk, e));
	assert_int_equal(w.targets[tk].parent, NONE);
	OK(plan_account(&w, &a, &f, 1, &ta, e));
	work_adopt(&w);
	assert_int_equal(w.targets[tk].parent, ta);
	assert_int_equal(w.targets[ta].child, tk);
	assert_int_equal(w.orphans, 0);
	work_free(&w);
}

/* ---- queue ------------------------------------------------------------------ */

static void test_queue_order_and_limit(void **state)
{
	struct plan_thing a = account("bot"), k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	struct queue q;
	uint32_t t, i;

	(void)state;
	OK(plan_credential(&w, &k, &f, 1, &t, e)); /* snapshot, revoke, probe.. */
	OK(plan_account(&w, &a, &f, 1, &t, e));
	queue_init(&q, 0, 2, 1000);
	for (i = 0; i < w.n_actions; i++) {
		w.actions[i].next_ms = 10;
		OK(queue_push(&q, &w, i, e));
	}
	OK(queue_pop(&q, &w, 1000, &i, e));
	assert_int_equal(w.actions[i].verb, V_DISABLE); /* most at one call */
	w.actions[i].sending = true;
	q.in_flight++;
	OK(queue_pop(&q, &w, 1000, &i, e));
	assert_true(verb_cuts(w.actions[i].verb));
	w.actions[i].sending = true;
	q.in_flight++;
	assert_false(queue_room(&q, 1000)); /* two are under way */
	OK(queue_pop(&q, &w, 1000, &i, e));
	assert_true(verb_cuts(w.actions[i].verb)); /* ahead: only what cuts */
	w.actions[i].sending = true;
	q.staged = 1;
	OK(queue_pop(&q, &w, 1000, &i, e));
	assert_int_equal(w.actions[i].verb, V_REVOKE);
	w.actions[i].sending = true;
	OK(queue_pop(&q, &w, 1000, &i, e));
	assert_int_equal(i, NONE); /* what is left only looks */
	assert_true(queue_next(&q, &w, 1000) == INT64_MAX);
	queue_free(&q);
	work_free(&w);
}

static void test_queue_waits_and_forgets(void **state)
{
	struct plan_thing k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	struct queue q;
	uint32_t t, r, i;

	(void)state;
	OK(plan_credential(&w, &k, &f, 1, &t, e));
	r = w.targets[t].act[V_REVOKE];
	queue_init(&q, 0, 16, 0);
	w.actions[r].next_ms = 5000;
	OK(queue_push(&q, &w, r, e));
	w.actions[r].next_ms = 2000; /* released earlier: pushed again */
	OK(queue_push(&q, &w, r, e));
	OK(queue_pop(&q, &w, 1999, &i, e));
	assert_int_equal(i, NONE);
	assert_int_equal(queue_next(&q, &w, 1999), 2000);
	OK(queue_pop(&q, &w, 2000, &i, e));
	assert_int_equal(i, r);
	w.actions[r].state = A_DONE;
	OK(queue_pop(&q, &w, 6000, &i, e));
	assert_int_equal(i, NONE); /* the old entry means nothing any more */
	queue_free(&q);
	work_free(&w);
}

static void test_queue_rate(void **state)
{
	struct facts f = { 0 };
	struct work w = { 0 };
	struct queue q;
	char id[20];
	uint32_t t, i, sent = 0;

	(void)state;
	for (int n = 0; n < 200; n++) {
		struct plan_thing k = key("bot", id);

		(void)snprintf(id, sizeof(id), "%d", n);
		OK(plan_credential(&w, &k, &f, 0, &t, e));
	}
	queue_init(&q, 10, 1000, 0);
	for (i = 0; i < w.n_actions; i++) {
		w.actions[i].next_ms = 0;
		OK(queue_push(&q, &w, i, e));
	}
	for (int64_t now = 0; now <= 5000; now += 10) {
		for (;;) {
			OK(queue_pop(&q, &w, now, &i, e));
			if (i == NONE)
				break;
			w.actions[i].sending = true;
			sent++;
		}
	}
	assert_in_range(sent, 49, 53); /* 10 a second for 5 s, and the burst */
	queue_free(&q);
	work_free(&w);
}

static void test_down_connection_gets_one_call(void **state)
{
	struct facts f = { 0 };
	struct work w = { 0 };
	struct queue q;
	uint32_t t, i;

	(void)state;
	for (int n = 0; n < 4; n++) {
		char id[2] = { (char)('a' + n), '\0' };
		struct plan_thing k = key("bot", id);

		OK(plan_credential(&w, &k, &f, 0, &t, e));
	}
	queue_init(&q, 0, 16, 0);
	for (i = 0; i < w.n_actions; i++) {
		w.actions[i].next_ms = 0;
		OK(queue_push(&q, &w, i, e));
	}
	q.fails = 3;
	q.hold_ms = 700;
	OK(queue_pop(&q, &w, 600, &i, e));
	assert_int_equal(i, NONE);
	assert_int_equal(queue_next(&q, &w, 600), 700);
	OK(queue_pop(&q, &w, 700, &i, e));
	assert_int_not_equal(i, NONE);
	q.in_flight++;
	OK(queue_pop(&q, &w, 700, &i, e));
	assert_int_equal(i, NONE);
	queue_free(&q);
	work_free(&w);
}

static void test_backoff(void **state)
{
	int64_t most = 0;

	(void)state;
	for (int n = 0; n < 200; n++) {
		int64_t first = backoff_ms(1), late = backoff_ms(50);

		assert_in_range(first, 0, 1000);
		assert_in_range(late, 0, 300000);
		most = late > most ? late : most;
	}
	assert_true(most > 100000); /* it does grow */
}

/* ---- rows -------------------------------------------------------------------- */

static void test_action_row(void **state)
{
	struct plan_thing k = key("b/o#t", "id with space");
	struct facts f = { 0 };
	struct work w = { 0 }, back = { 0 };
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct action *a, *r;
	uint32_t t;

	(void)state;
	OK(plan_credential(&w, &k, &f, 77, &t, e));
	a = work_of(&w, t, V_PROBE);
	a->state = A_TRYING;
	a->flags = AF_ALIVE | AF_REFUSAL;
	a->attempts = 9;
	a->fails = 4;
	a->count = 2;
	a->sent_ms = 100;
	a->answered_ms = 101;
	a->done_ms = 102;
	a->first_ms = 103;
	a->last_ms = 104;
	a->status = 4;
	OK(action_note(a, "why not", e));
	OK(record_pack_action(&w, a, &b, e));
	OK(record_unpack_action(&back, b.p, b.len, e));
	assert_int_equal(back.n_targets, 1);
	assert_string_equal(back.targets[0].account, "b/o#t");
	assert_string_equal(back.targets[0].id, "id with space");
	r = work_of(&back, 0, V_PROBE);
	assert_non_null(r);
	assert_int_equal(r->state, A_TRYING);
	assert_int_equal(r->flags, AF_ALIVE | AF_REFUSAL);
	assert_int_equal(r->attempts, 9);
	assert_int_equal(r->fails, 4);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->next_ms, INT64_MAX);
	assert_int_equal(r->sent_ms, 100);
	assert_int_equal(r->answered_ms, 101);
	assert_int_equal(r->done_ms, 102);
	assert_int_equal(r->first_ms, 103);
	assert_int_equal(r->last_ms, 104);
	assert_int_equal(r->status, 4);
	assert_string_equal(r->note, "why not");
	buf_release(&b);
	work_free(&w);
	work_free(&back);
}

/* Cut anywhere, a row is refused or read as less, never read past its end. */
static void test_damaged_row(void **state)
{
	struct plan_thing k = key("bot", "1");
	struct facts f = { 0 };
	struct work w = { 0 };
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	uint32_t t;

	(void)state;
	OK(plan_credential(&w, &k, &f, 1, &t, e));
	OK(record_pack_action(&w, work_of(&w, t, V_REVOKE), &b, e));
	for (size_t n = 0; n < b.len; n++) {
		struct work back = { 0 };
		struct err e = ERR_INIT;
		char *copy = malloc(n ? n : 1); /* so that a sanitizer sees */

		memcpy(copy, b.p, n);
		if (record_unpack_action(&back, copy, n, &e) < 0)
			assert_int_equal(e.code, ERR_FORMAT);
		free(copy);
		work_free(&back);
	}
	buf_release(&b);
	work_free(&w);
}

static void test_incident_row(void **state)
{
	struct incident in = { .name = mem_strdup("INC-20261122-3"),
			       .reason = mem_strdup("leak"),
			       .who = mem_strdup(""), .words = mem_strdup("bot"),
			       .outcome = mem_strdup(""), .opened_ms = 5,
			       .include_self = true };
	struct incident back;
	struct buf b = BUF_INIT(BUF_RECORD_MAX);

	(void)state;
	OK(record_pack_incident(&in, &b, e));
	OK(record_unpack_incident(&back, b.p, b.len, e));
	assert_string_equal(back.name, in.name);
	assert_string_equal(back.reason, "leak");
	assert_string_equal(back.words, "bot");
	assert_string_equal(back.outcome, "");
	assert_int_equal(back.opened_ms, 5);
	assert_true(back.include_self);
	assert_false(back.require_refusal);
	incident_release(&in);
	incident_release(&back);
	buf_release(&b);
}

static int boot(void **state)
{
	bool locked;

	(void)state;
	return secret_boot(&locked, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cutting_does_not_wait_for_evidence),
		cmocka_unit_test(test_facts_decide_about_sessions),
		cmocka_unit_test(test_a_credential_leaves_its_account),
		cmocka_unit_test(test_by_value_where_by_id_does_not_end_it),
		cmocka_unit_test(test_a_value_never_accepted_is_no_proof),
		cmocka_unit_test(test_a_token_goes_back),
		cmocka_unit_test(test_proved_dead_is_not_sent_again),
		cmocka_unit_test(test_sweeps),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_facts_are_clipped),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_queue_order_and_limit),
		cmocka_unit_test(test_queue_waits_and_forgets),
		cmocka_unit_test(test_queue_rate),
		cmocka_unit_test(test_down_connection_gets_one_call),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_action_row),
		cmocka_unit_test(test_damaged_row),
		cmocka_unit_test(test_incident_row),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
