/* config: what is accepted, where a mistake is, and who owns an address. */
// link: base agent/config.c agent/config_response.c agent/config_claims.c
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
		cmocka_unit_test(test_foreign_writable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
