/* config: what is accepted, where a mistake is, and who owns an address. */
// link: base agent/config.c agent/config_response.c agent/config_claims.c agent/config_rotation.c agent/config_deliver.c agent/place.c agent/config_alarm.c agent/schedule.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/config.h"

static char path[256];

static struct config *read_text(const char *text, struct err *e)
{
	struct config *c = NULL;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	if (config_read(path, &c, e) < 0)
		assert_null(c);
	return c;
}

static void expect_bad(const char *text, const char *place, const char *words,
		       const char *hint)
{
	struct err e = ERR_INIT;
	struct config *c = read_text(text, &e);
	char at[300];

	assert_null(c);
	assert_int_equal(e.code, ERR_CONFIG);
	(void)snprintf(at, sizeof at, "%s:%s", path, place);
	if (strstr(e.cause, at) == NULL || strstr(e.cause, words) == NULL)
		fail_msg("'%s' is not at %s or does not say '%s'", e.cause,
			 place, words);
	if (hint != NULL && strstr(e.hint, hint) == NULL)
		fail_msg("hint '%s' does not say '%s'", e.hint, hint);
}

static void test_whole(void **state)
{
	struct err e = ERR_INIT;
	struct config *c = read_text(
		"[identity.ci-bot]\nowner = \"ann\"\ntags = [\"ci\", \"prod\"]\n"
		"workflow = \"pay\"\naccounts = [\"pg/ci_bot\", \"aws/ci-*\"]\n"
		"[identity.other]\naccounts = [\"aws/*\", \"ssh/root#K1\"]\n"
		"workflow = \"pay\"\n"
		"[workflow.pay]\nowner = \"bob\"\n"
		"[connection.pg]\nin_flight = 4\nrate = 2.5\ntimeout = \"5s\"\n"
		"[vault]\nkey_file = \"/etc/k\"\n[providers]\npath = \"/opt\"\n"
		"[inventory]\nstale = \"30d\"\n"
		"[kill]\nconfirm_over = 3\nrequire_refusal = true\n"
		"[process]\nrequire_locked_memory = true\n", &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->n_identities, 2);
	assert_string_equal(c->identities[0].name, "ci-bot");
	assert_string_equal(c->identities[0].tags[1], "prod");
	assert_string_equal(config_owner(c, &c->identities[0]), "ann");
	assert_string_equal(config_owner(c, &c->identities[1]), "bob");
	assert_string_equal(config_owner(c, NULL), "");
	assert_ptr_equal(config_identity_of(c, "pg/ci_bot", NULL), &c->identities[0]);
	assert_ptr_equal(config_identity_of(c, "pg/ci_bot#password", NULL),
			 &c->identities[0]);
	assert_ptr_equal(config_identity_of(c, "aws/ci-7", NULL), &c->identities[0]);
	assert_ptr_equal(config_identity_of(c, "aws/x", NULL), &c->identities[1]);
	assert_ptr_equal(config_identity_of(c, "ssh/root#K1", NULL),
			 &c->identities[1]);
	assert_null(config_identity_of(c, "ssh/root#K2", NULL));
	assert_null(config_identity_of(c, "ssh/root", NULL));
	assert_int_equal(config_connection(c, "pg")->in_flight, 4);
	assert_int_equal(config_connection(c, "pg")->timeout_ms, 5000);
	assert_true(config_connection(c, "pg")->rate_per_s > 2.4);
	assert_null(config_connection(c, "pgx"));
	assert_int_equal(c->stale_ms, 30LL * 86400000);
	assert_int_equal(c->confirm_over, 3);
	assert_true(c->require_refusal);
	assert_true(c->require_locked);
	config_free(&c);
	assert_null(c);
}

static void test_missing_is_empty(void **state)
{
	struct err e = ERR_INIT;
	struct config *c;

	(void)state;
	(void)unlink(path);
	assert_int_equal(config_read(path, &c, &e), 0);
	assert_int_equal(c->n_identities, 0);
	assert_true(c->stale_ms > 0);
	assert_null(config_identity_of(c, "a/b", NULL));
	config_free(&c);
}

static void test_mistakes(void **state)
{
	(void)state;
	expect_bad("[identity.a]\nonwer = \"x\"\n", "2:9", "'onwer'", "'owner'");
	expect_bad("[idenity.a]\nowner = \"x\"\n", "1:", "'idenity'",
		   "[identity]");
	expect_bad("[kill]\nconfirm_over = \"many\"\n", "2:16", "an integer",
		   NULL);
	expect_bad("[inventory]\nstale = \"soon\"\n", "2:9", "span of time",
		   NULL);
	expect_bad("[connection.x]\nin_flight = 99\n", "2:13",
		   "between 1 and 16", NULL);
	expect_bad("[identity.a]\ntags = [\"x\",\n  7]\n", "3:3",
		   "list of strings", NULL);
	expect_bad("[identity.a]\naccounts = [\"nowhere\"]\n", "2:12",
		   "not an address", NULL);
	expect_bad("[identity.a]\naccounts=[\"p/x\"]\n[identity.b]\n"
		   "accounts=[\"p/x\"]\n", "", "belongs to", NULL);
	expect_bad("[identity.a]\nworkflow = \"pai\"\n[workflow.pay]\n", "2:12",
		   "no [workflow.pai]", "'pay'");
	expect_bad("[identity.\"a b\"]\n", "1:", "is not a name", NULL);
	expect_bad("[vault]\nkey_file = \"rel\"\n", "2:12", "absolute", NULL);
	expect_bad("[identity.a\n", "1:", "", NULL);
}

#define ALARM "[alarm.ops]\nmail = [\"ops@example.org\"]\n"

static const struct config_rotation *policy_of(const struct config *c,
					       const char *address,
					       const char *alias,
					       const struct config_identity *id,
					       const char *kind)
{
	char account[100], conn[100];
	const struct rotation_of x = { .address = address, .account = account,
				       .connection = conn, .alias = alias,
				       .kind = kind, .id = id };

	(void)snprintf(account, sizeof account, "%.*s",
		       (int)strcspn(address, "#"), address);
	(void)snprintf(conn, sizeof conn, "%.*s", (int)strcspn(address, "/"),
		       address);
	return config_rotation_of(c, &x);
}

static void test_rotation(void **state)
{
	struct err e = ERR_INIT;
	struct config *c = read_text(
		"[identity.ci]\ntags = [\"prod\"]\naccounts = [\"pg/ci\"]\n"
		"[rotation.zebra]\ncredentials = [\"pg/ci#*\", \"ssh/web\"]\n"
		"kind = \"pass*\"\nevery = \"30d\"\nmax_age = \"40d\"\n"
		"jitter = \"12h\"\noverlap = \"2d\"\nquiet = \"1h\"\n"
		"window = \"Mon-Fri 09:00-16:00 Europe/Berlin\"\n"
		"strategy = \"alternate\"\npartner = \"pg/ci2\"\n"
		"adopt = \"operator\"\non_import = true\nexclusive = true\n"
		"deliver = [\"k8s/{account}/app\", \"file/etc\"]\nnotify = [\"ops\"]\n"
		"[rotation.all]\ntags = [\"pr?d\"]\nconnections = [\"pg\", \"m*\"]\n"
		"every = \"90d\"\nadopt = \"operator\"\n"
		"[rotation.rest]\nadopt = \"operator\"\nidentities = [\"c*\"]\n"
		ALARM "repeat = \"10m\"\nevents = [\"stuck\"]\n"
		"program = [\"/bin/page\", \"-x\"]\n", &e);
	const struct config_identity *ci;
	const struct config_rotation *p;

	(void)state;
	if (c == NULL)
		fail_msg("%s %s", e.cause, e.hint);
	ci = &c->identities[0];
	p = policy_of(c, "pg/ci#K1", NULL, ci, "password");
	assert_non_null(p);
	assert_string_equal(p->name, "zebra");
	assert_int_equal(p->every_ms, 30LL * 86400000);
	assert_int_equal(p->max_age_ms, 40LL * 86400000);
	assert_int_equal(p->jitter_ms, 12LL * 3600000);
	assert_int_equal(p->overlap_ms, 2LL * 86400000);
	assert_int_equal(p->quiet_ms, 3600000);
	assert_non_null(p->window);
	assert_int_equal(p->strategy, STRATEGY_ALTERNATE);
	assert_int_equal(p->adopt, ADOPT_OPERATOR);
	assert_true(p->on_import);
	assert_true(p->exclusive);
	assert_string_equal(p->deliver[1], "file/etc");
	assert_string_equal(p->notify[0], "ops");
	/* a pattern without '#' is an account: all of its credentials */
	assert_ptr_equal(policy_of(c, "ssh/web#SHA256:x", NULL, NULL,
					    "password"), p);
	assert_null(policy_of(c, "ssh/web2#x", NULL, NULL, "password"));
	/* the kind decides, then the next policy is asked */
	assert_string_equal(policy_of(c, "pg/ci#K1", NULL, ci,
					       "ssh_key")->name, "all");
	assert_string_equal(policy_of(c, "http/x#1", "http/x#ci", ci,
					       "token")->name, "rest");
	assert_null(policy_of(c, "http/x#1", NULL, NULL, "token"));
	/* by its label */
	assert_ptr_equal(policy_of(c, "ssh/x#1", "pg/ci#label", NULL,
					    "password"), p);
	assert_int_equal(config_alarm(c, "ops")->repeat_ms, 600000);
	assert_string_equal(config_alarm(c, "ops")->program[1], "-x");
	assert_null(config_alarm(c, "nobody"));
	config_free(&c);
}

static void test_rotation_mistakes(void **state)
{
	(void)state;
	expect_bad("[rotation.a]\nevry = \"1d\"\n", "2:8", "'evry'", "'every'");
	expect_bad("[rotation.a]\nevery = \"2d\"\nmax_age = \"1d\"\n", "3:11",
		   "less than 'every'", NULL);
	expect_bad("[rotation.a]\nmax_age = \"1d\"\n", "2:11",
		   "without 'every'", NULL);
	expect_bad("[rotation.a]\nevery = \"1d\"\njitter = \"1d\"\n", "3:10",
		   "not less", NULL);
	expect_bad("[rotation.a]\nevery = \"1d\"\noverlap = \"25h\"\n", "3:11",
		   "longer than 'every'", NULL);
	expect_bad("[rotation.a]\nevery = \"monthly\"\n", "2:9",
		   "span of time", NULL);
	expect_bad("[rotation.a]\nstrategy = \"alternate\"\n", "2:12",
		   "needs 'partner'", NULL);
	expect_bad("[rotation.a]\nstrategy = \"both\"\n", "2:12", "\"both\"",
		   "two-slot");
	expect_bad("[rotation.a]\nstrategy = \"two-slot\"\npartner = \"a/b\"\n",
		   "3:11", "no place", NULL);
	expect_bad("[rotation.a]\npartner = \"b\"\n", "2:11",
		   "not an address", NULL);
	expect_bad("[rotation.a]\nstrategy = \"single-slot\"\n"
		   "overlap = \"1d\"\n", "3:11", "'overlap'", NULL);
	expect_bad("[rotation.a]\nadopt = \"never\"\n", "2:9", "'adopt'",
		   "operator");
	expect_bad("[rotation.a]\nwindow = \"Mon 9-10\"\n", "2:10", "9-10",
		   "Europe/Berlin");
	expect_bad("[rotation.a]\nwindow = \"01:00-02:00 Mars/Base\"\n", "2:10",
		   "Mars/Base", "tzdata");
	expect_bad("[rotation.a]\nnotify = [\"opps\"]\n" ALARM, "2:11",
		   "no [alarm.opps]", "'ops'");
	expect_bad("[rotation.a]\nidentities = [\"ci\"]\n", "2:15",
		   "no [identity.ci]", NULL);
	expect_bad("[rotation.a]\ndeliver = [\"k8s/a\", \"file\"]\n", "2:21",
		   "SINK/PLACE", NULL);
	expect_bad("[rotation.a]\ndeliver = [\"k/a\", \"k/a\"]\n", "2:19",
		   "twice", NULL);
	expect_bad("[rotation.a]\nevery = \"1d\"\n", "1:", "neither where",
		   "adopt");
	expect_bad("[rotation.a]\ndeliver = [\"k/../a\"]\n", "2:12", "'..'",
		   NULL);
	expect_bad("[rotation.a]\ndeliver = [\"k/a//b\"]\n", "2:12", "empty",
		   NULL);
	expect_bad("[rotation.a]\ndeliver = [\"k/{user}\"]\n", "2:12", "braces",
		   NULL);
	expect_bad("[rotation.a]\ndeliver = [\"{kind}/x\"]\n", "2:12", "braces",
		   NULL);
	/* one place, two credentials */
	expect_bad("[rotation.a]\ndeliver = [\"k/a\"]\n"
		   "[rotation.b]\ndeliver = [\"k/b\", \"k/a\"]\n", "4:19",
		   "[rotation.a] delivers", "{account}");
	expect_bad("[rotation.a]\ncredentials = [\"c/a\", \"c/b\"]\n"
		   "deliver = [\"k/a\"]\n", "3:12", "'c/b'", "{account}");
	expect_bad("[rotation.a]\ncredentials = []\n", "2:15", "empty", NULL);
	expect_bad("[rotation.a]\ncredentials = [\"x\"]\n", "2:16",
		   "not an address", NULL);
	expect_bad("[alarm.a]\n", "1:", "reaches nobody", NULL);
	expect_bad("[alarm.a]\nprogram = [\"page\"]\n", "2:11", "absolute",
		   NULL);
	expect_bad("[alarm.a]\nmail = [\"a b\"]\n", "2:9", "mail address",
		   NULL);
	expect_bad("[alarm.a]\nmail = [\"-oQ/tmp\"]\n", "2:9",
		   "mail address", NULL);
	expect_bad("[alarm.a]\nwebhook = \"http://example.org/x\"\n", "2:11",
		   "https://", NULL);
	expect_bad("[alarm.a]\nwebhook = \"http://localhost.example.org/\"\n",
		   "2:11", "https://", NULL);
	expect_bad("[alarm.a]\nmail = [\"a@b\"]\nevents = [\"stuk\"]\n",
		   "3:11", "no event", "\"stuck\"");
}

/* Whoever can change the configuration decides which program is started. */
static void test_foreign_writable(void **state)
{
	struct err e = ERR_INIT;
	struct config *c = read_text("", &e);

	(void)state;
	config_free(&c);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(config_read(path, &c, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/curfew-config-XXXXXX",
		       getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_missing_is_empty),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_rotation_mistakes),
		cmocka_unit_test(test_foreign_writable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
