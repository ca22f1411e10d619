// link: base vault agent
/* Whose policy, when, how; and the row of a line as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/engine/rot_policy.h"
#include "base/mem.h"
#include "base/pack.h"

#define NOW INT64_C(1000000000)

static char c_bot[] = "c/b%2Ft", sink[] = "s/place", c[] = "c", key[] = "key";
static char name[] = "p", partner[] = "c/bot2";

/* A list of one; good for the next 16 calls. */
static char **list(char *s)
{
	static char *kept[16];
	static size_t n;

	kept[n %= 16] = s;
	return &kept[n++];
}

static struct inv_credential cred_of(char *account, char *id, char *lab)
{
	return (struct inv_credential){ .connection = c, .account = account,
					.kind = key, .id = id, .label = lab,
					.state = INV_ACTIVE };
}

/* Does a policy of these lines fit it?  The one before it fits nothing. */
static bool fits(const char *lines, char *account, char *id, char *lab)
{
	char path[] = "/tmp/curfew-policy-XXXXXX";
	const int fd = mkstemp(path);
	const struct config_rotation *out = NULL;
	struct inv_credential k = cred_of(account, id, lab);
	struct config *conf = NULL;
	struct err e = ERR_INIT;
	bool yes;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "[identity.team-a]\naccounts = [\"c/bot\"]\n"
			    "tags = [\"prod\"]\n"
			    "[rotation.z]\nkind = \"none\"\n"
			    "adopt = \"operator\"\nevery = \"30d\"\n"
			    "[rotation.p]\nadopt = \"operator\"\n"
			    "every = \"30d\"\n%s\n", lines) > 0);
	close(fd);
	if (config_read(path, &conf, &e) < 0)
		fail_msg("%s: %s", lines, e.cause);
	unlink(path);
	assert_int_equal(rot_policy_of(conf, &k, &out, NULL), 0);
	yes = out != NULL;
	if (yes)
		assert_string_equal(out->name, "p");
	config_free(&conf);
	return yes;
}

static void a_policy_fits_what_all_its_lists_name(void **state)
{
	char bot[] = "bot", slash[] = "b/t", k1[] = "k1", k2[] = "k2";
	char deploy[] = "deploy", none[] = "";

	(void)state;
	assert_true(fits("", bot, k1, none)); /* no list fits all */
	/* an account, escaped */
	assert_true(fits("credentials = [\"c/b%2Ft\"]", slash, k1, none));
	assert_false(fits("credentials = [\"c/x\", \"c/bo\"]", bot, k1, none));
	assert_true(fits("credentials = [\"c/x\", \"c/b*#k1\"]", bot, k1,
			 none));
	assert_false(fits("credentials = [\"c/*#k1\"]", bot, k2, none));
	/* without '#' an account is named, whatever the ids look like */
	assert_false(fits("credentials = [\"c/*1\"]", bot, k1, none));
	/* by what a person calls it */
	assert_true(fits("credentials = [\"c/*#deploy\"]", bot, k2, deploy));
	assert_false(fits("credentials = [\"c/*#deploy\"]", bot, k2, none));
	assert_true(fits("identities = [\"team-*\"]", bot, k1, none));
	assert_false(fits("identities = [\"team-*\"]", slash, k1, none));
	assert_true(fits("tags = [\"prod\"]", bot, k1, none));
	assert_false(fits("tags = [\"prod\"]", slash, k1, none));
	assert_false(fits("tags = [\"prod\"]\nconnections = [\"d\"]", bot, k1,
			  none));
	assert_false(fits("kind = \"password\"", bot, k1, none));
}

static void due_goes_by_the_age_of_the_one_in_use(void **state)
{
	const struct config_rotation every = { .every_ms = 1000,
					       .max_age_ms = 5000 };
	const struct config_rotation import = { .every_ms = 1000,
						.on_import = true };
	struct inv_credential k = cred_of(c, c, c);
	struct rot_line l = { .state = RS_IDLE };

	(void)state;
	k.first_seen_ms = NOW;
	rot_policy_due(&l, &every, &k, NOW);
	assert_int_equal(l.due_ms, NOW + 1000);
	assert_int_equal(l.deadline_ms, NOW + 5000);
	k.created_ms = NOW - 500; /* better than when it was first seen */
	rot_policy_due(&l, &every, &k, NOW);
	assert_int_equal(l.due_ms, NOW + 500);
	l.last_ms = NOW + 50; /* curfew made it */
	rot_policy_due(&l, &every, &k, NOW);
	assert_int_equal(l.due_ms, NOW + 1050);
	rot_policy_due(&l, &import, &k, NOW); /* not new any more */
	assert_int_equal(l.due_ms, NOW + 1050);
	l.last_ms = 0;
	rot_policy_due(&l, &import, &k, NOW);
	assert_int_equal(l.due_ms, NOW);
	rot_policy_due(&l, NULL, &k, NOW);
	assert_int_equal(l.due_ms, 0);
	k.state = INV_DEAD;
	rot_policy_due(&l, &every, &k, NOW);
	assert_int_equal(l.due_ms, 0);
	assert_int_equal(l.deadline_ms, 0);
}

/* ---- how -------------------------------------------------------------------------- */

static struct rot_line line(void)
{
	struct rot_line l = { .state = RS_IDLE };
	char **const texts[] = { &l.conn, &l.account, &l.kind, &l.cred,
				 &l.new_account, &l.new_cred, &l.partner,
				 &l.policy, &l.nonce, &l.why, &l.incident };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i] = mem_strdup(i == 0 ? "c" : i == 1 ? "bot" :
				       i == 2 ? "key" : i == 3 ? "k1" : "");
	return l;
}

/* The flags it begins with; -1: refused, with that code. */
static int begin(struct config_rotation p, struct kind_facts k, enum err_code code)
{
	struct rot_line l = line();
	struct err e = ERR_INIT;
	int rc;

	p.name = name;
	if (!p.n_deliver && p.adopt != ADOPT_OPERATOR) {
		p.deliver = list(sink);
		p.n_deliver = 1;
	}
	rc = rot_policy_begin(&l, &p, &k, NOW, &e);
	if (rc == 0) {
		assert_int_equal(l.state, RS_PLANNED);
		assert_string_equal(l.policy, "p");
		assert_int_equal(l.n_sinks, p.n_deliver);
		if (l.flags & RF_ALTERNATE)
			assert_string_equal(l.new_account, "bot2");
		rc = l.flags;
	} else {
		assert_int_equal(e.code, code);
		assert_int_equal(l.state, RS_IDLE);
		rc = -1;
	}
	rot_free(&l);
	return rc;
}

static void the_strategy_is_what_the_service_allows(void **state)
{
	const struct kind_facts a = { .from_caller = true };
	const struct kind_facts a2 = { .from_caller = true, .overlap = true };
	const struct kind_facts b = { .from_provider = true };
	const struct kind_facts b2 = { .from_provider = true, .overlap = true };
	const struct kind_facts mute = { .overlap = true };
	struct config_rotation p = { .partner = NULL };

	(void)state;
	assert_int_equal(begin(p, a2, 0), 0);
	assert_int_equal(begin(p, b2, 0), RF_CLASS_B);
	assert_int_equal(begin(p, a, 0), RF_IN_PLACE);
	/* a lost answer would lock everybody out */
	assert_int_equal(begin(p, b, ERR_POLICY), -1);
	assert_int_equal(begin(p, mute, ERR_POLICY), -1);
	p.partner = partner;
	assert_int_equal(begin(p, a, 0), RF_ALTERNATE);
	assert_int_equal(begin(p, a2, 0), 0);
	assert_int_equal(begin(p, b, ERR_POLICY), -1);
	p.partner = c_bot; /* fits no line of ours: "c/b%2Ft" is not bot */
	p.strategy = STRATEGY_SINGLE;
	assert_int_equal(begin(p, a2, 0), RF_IN_PLACE);
	assert_int_equal(begin(p, b2, ERR_POLICY), -1);
	p.strategy = STRATEGY_TWO_SLOT;
	assert_int_equal(begin(p, a, ERR_POLICY), -1);
	p.strategy = STRATEGY_ALTERNATE;
	p.partner = NULL;
	assert_int_equal(begin(p, a, ERR_CONFIG), -1);
	p = (struct config_rotation){ .adopt = ADOPT_OPERATOR };
	assert_int_equal(begin(p, a2, 0), RF_NO_SINK);
}

static void nobody_would_get_it_is_refused(void **state)
{
	const struct kind_facts a2 = { .from_caller = true, .overlap = true };
	const struct config_rotation p = { .name = name };
	struct rot_line l = line();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(rot_policy_begin(&l, &p, &a2, NOW, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	rot_free(&l);
}

/* ---- the row ---------------------------------------------------------------------- */

static void a_line_comes_back_from_its_bytes(void **state)
{
	struct rot_line l = line(), back;
	struct buf b = BUF_INIT(BUF_RECORD_MAX), again = b;
	struct err e = ERR_INIT;

	(void)state;
	l.state = RS_DELIVERED;
	l.flags = RF_CLASS_B | RF_OLD_UNKNOWN;
	l.due_ms = -1;
	l.soak_span = INT64_MAX;
	l.dead_last_ms = 7;
	assert_int_equal(rot_ids_add(&l.before, "x", &e), 0);
	assert_int_equal(rot_ids_add(&l.before, "y", &e), 0);
	assert_int_equal(rot_ids_add(&l.strangers, "z", &e), 0);
	l.sinks = mem_array(2, sizeof(*l.sinks));
	l.n_sinks = 2;
	for (size_t i = 0; i < 2; i++)
		l.sinks[i] = (struct rot_sink){ .conn = mem_strdup("s"),
			.place = mem_strdup(i ? "b" : ""), .version = 3,
			.their = mem_strdup("v9"), .read_back = i == 1 };
	assert_int_equal(rot_pack(&l, &b, &e), 0);
	assert_int_equal(pack_str(&b, 250, "of a newer writer", &e), 0);
	assert_int_equal(rot_unpack(&back, b.p, b.len, &e), 0);
	assert_int_equal(back.state, RS_DELIVERED);
	assert_int_equal(back.n_sinks, 2);
	assert_string_equal(back.sinks[0].place, "");
	assert_true(back.sinks[1].read_back && !back.sinks[0].read_back);
	assert_true(rot_ids_has(&back.before, "y"));
	assert_int_equal(rot_pack(&back, &again, &e), 0);
	assert_true(again.len < b.len);
	assert_memory_equal(again.p, b.p, again.len);
	rot_free(&back);
	/* cut anywhere: an error or less of it, never a crash */
	for (size_t n = 0; n < again.len; n++)
		if (rot_unpack(&back, b.p, n, &e) == 0)
			rot_free(&back);
	assert_int_equal(rot_unpack(&back, b.p, 3, &e), -1);
	buf_release(&b);
	buf_release(&again);
	rot_free(&l);
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_policy_fits_what_all_its_lists_name),
		T(due_goes_by_the_age_of_the_one_in_use),
		T(the_strategy_is_what_the_service_allows),
		T(nobody_would_get_it_is_refused),
		T(a_line_comes_back_from_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
