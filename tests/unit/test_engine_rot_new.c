// link: base vault agent
/* A new key that its service made and then calls dead (rot_take). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/engine/rot_inner.h"
#include "base/mem.h"

#define NOW INT64_C(1000000000)

#define OK(call)                                     \
	do {                                         \
		struct err e_ = ERR_INIT;            \
		struct err *e = &e_;                 \
		assert_int_equal((call), 0);         \
	} while (0)

static const struct kind_facts facts = { .labels = true };
static const struct rot_sinks sinks = { NULL, NULL };

/* bot#k1, whose new one is k2. */
static struct rot_run run_of(enum rot_state state, int flags)
{
	struct rot_run r = { .facts = &facts };
	char **const texts[] = { &r.l.conn, &r.l.account, &r.l.kind, &r.l.cred,
				 &r.l.new_account, &r.l.new_cred, &r.l.partner,
				 &r.l.policy, &r.l.nonce, &r.l.why,
				 &r.l.incident };
	static const char *const words[] = { "c", "bot", "key", "k1", "", "k2",
					     "", "p", "n", "", "" };

	r.l.state = state;
	r.l.flags = (uint16_t)flags;
	r.l.next_ms = NOW;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		OK(rot_text(texts[i], words[i], e));
	return r;
}

static enum rot_call next(struct rot_run *r, int64_t now)
{
	r->step = rot_next(r, &sinks, now);
	return r->step.call;
}

static void answer(struct rot_run *r, struct rot_answer a, int64_t now)
{
	assert_int_equal(next(r, now), RC_PROBE_NEW);
	OK(rot_take(r, &a, now, e));
}

static void a_new_one_that_is_dead_is_taken_back_once(void **state)
{
	const struct rot_answer dead = { .status = LINK_OK,
					 .life = LIFE_DEAD };
	const struct rot_answer silent = { .status = LINK_UNKNOWN };
	static const struct {
		int flags;
		enum rot_state to;
	} table[] = {
		{ RF_CLASS_B, RS_ABORTING },
		{ RF_CLASS_B | RF_NEW_DEAD, RS_MINTED }, /* the second one */
		{ 0, RS_MINTED }, /* its value is ours: set again */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rot_run r = run_of(RS_MINTED, table[i].flags);

		for (int n = 1; n < 6; n++)
			answer(&r, dead, NOW);
		answer(&r, silent, NOW); /* not in a row */
		for (int n = 1; n < 6; n++)
			answer(&r, dead, NOW);
		assert_int_equal(r.l.state, RS_MINTED);
		answer(&r, dead, NOW);
		assert_int_equal(r.l.state, table[i].to);
		assert_int_equal(r.l.stuck_ms != 0, table[i].to == RS_MINTED);
		if (table[i].to == RS_ABORTING) {
			assert_int_equal(next(&r, NOW), RC_REVOKE_NEW);
			OK(rot_give_up(&r, NOW, "taken back", e));
			/* one that works is no second one */
			assert_true(r.l.flags & RF_NEW_DEAD);
			r.l.state = RS_MINTED;
			answer(&r, (struct rot_answer){ .status = LINK_OK,
				.life = LIFE_ALIVE }, NOW);
			assert_false(r.l.flags & RF_NEW_DEAD);
		}
		rot_free(&r.l);
		mem_free(r.was_account);
		mem_free(r.was_new);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_that_is_dead_is_taken_back_once),
	};
	bool locked;

	unsetenv("CURFEW_TEST_GAP_MS");
	unsetenv("CURFEW_TEST_STUCK_MS");
	if (secret_boot(&locked, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
