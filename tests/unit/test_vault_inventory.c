// link: vault tests/unit/vaultkit.c
/* inventory: records, walks, addresses, lookup by value, removal. */
#include "vaultkit.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "vault/inventory.h"

static char aws[] = "aws-prod", pg[] = "pg-main", key[] = "access-key",
	    bot[] = "ci-bot", other[] = "other/bot#1", empty[] = "";

static void put_connection(struct kit *k, char *name, const char *secret)
{
	struct inv_connection c = { .name = name, .type = key,
				    .options = empty, .created_ms = 7 };
	struct secret *s = secret ? secret_new(secret, strlen(secret), NULL) :
				    NULL;

	assert_ok(inv_connection_put(k->v, &c, s, e));
	secret_free(&s);
}

static void put_account(struct kit *k, char *connection, char *name)
{
	struct inv_account a = { .connection = connection, .name = name,
				 .state = INV_ACTIVE, .self = true,
				 .missing = 3, .attributes = NULL };

	assert_ok(inv_account_put(k->v, &a, e));
}

static void put_credential(struct kit *k, char *connection, char *account,
			   const char *id, const char *secret)
{
	char name[64];
	struct inv_credential c = { .connection = connection,
				    .account = account, .kind = key,
				    .id = name, .state = INV_DISABLED,
				    .expires_ms = 5000, .dead_ms = 0 };
	struct secret *s = secret ? secret_new(secret, strlen(secret), NULL) :
				    NULL;

	snprintf(name, sizeof(name), "%s", id);
	assert_ok(inv_credential_put(k->v, &c, s, e));
	secret_free(&s);
}

/* "connection/account#id" of each, in the walk's order. */
static char seen[4096];
static int stop_after;

static void note(const char *connection, const char *account, const char *id)
{
	struct buf b = BUF_INIT(1000);

	assert_ok(inv_address(&b, connection, account, id, e));
	strncat(seen, b.p, sizeof(seen) - strlen(seen) - 2);
	strncat(seen, " ", sizeof(seen) - strlen(seen) - 2);
	buf_release(&b);
}

static int on_connection(const struct inv_connection *c, void *arg,
			 struct err *x)
{
	(void)arg;
	(void)x;
	assert_string_equal(c->facts, "");
	note(c->name, NULL, NULL);
	return --stop_after == 0;
}

static int on_account(const struct inv_account *a, void *arg, struct err *x)
{
	(void)arg;
	(void)x;
	assert_true(a->self && a->missing == 3 && a->state == INV_ACTIVE);
	note(a->connection, a->name, NULL);
	return --stop_after == 0;
}

static int on_credential(const struct inv_credential *c, void *arg,
			 struct err *x)
{
	(void)arg;
	(void)x;
	note(c->connection, c->account, c->id);
	return --stop_after == 0;
}

static int on_grant(const struct inv_grant *g, void *arg, struct err *x)
{
	(void)arg;
	(void)x;
	note(g->connection, g->account, g->id);
	return 0;
}

static void walk(struct kit *k, int what, const char *c, const char *a,
		 const char *want)
{
	seen[0] = '\0';
	if (what == 0)
		assert_ok(inv_connections(k->v, on_connection, NULL, e));
	else if (what == 1)
		assert_ok(inv_accounts(k->v, c, on_account, NULL, e));
	else if (what == 2)
		assert_ok(inv_credentials(k->v, c, a, on_credential, NULL, e));
	else
		assert_ok(inv_grants(k->v, c, a, on_grant, NULL, e));
	assert_string_equal(seen, want);
}

static void fill(struct kit *k)
{
	struct inv_grant g = { .connection = pg, .account = bot, .kind = key,
			       .id = aws, .state = INV_ACTIVE };

	put_connection(k, pg, "admin password");
	put_connection(k, aws, NULL);
	put_account(k, aws, bot);
	put_account(k, pg, bot);
	put_account(k, pg, other);
	put_credential(k, aws, bot, "AKIA1", "value-of-akia1");
	put_credential(k, pg, bot, "password", NULL);
	assert_ok(inv_grant_put(k->v, &g, e));
}

static void records_come_back_whole(void **state)
{
	struct kit *k = *state;
	struct inv_connection c, out;
	struct inv_credential cred;
	struct inv_account acc;
	struct secret *s = NULL;
	struct err none = ERR_INIT;

	fill(k);
	kit_open(k, true);
	assert_int_equal(inv_connection_get(k->v, pg, &c, &s, &none), 1);
	assert_string_equal(c.type, key);
	assert_string_equal(c.failure, "");
	assert_int_equal(c.created_ms, 7);
	assert_true(c.has_secret && s && secret_len(s) == 14);
	secret_free(&s);
	/* a put without a secret keeps the stored one */
	c.synced_ms = 99;
	assert_ok(inv_connection_put(k->v, &c, NULL, e));
	inv_connection_free(&c);
	assert_int_equal(inv_connection_get(k->v, pg, &out, &s, &none), 1);
	assert_int_equal(out.synced_ms, 99);
	assert_true(out.has_secret && s);
	secret_free(&s);
	inv_connection_free(&out);
	assert_int_equal(inv_connection_get(k->v, "none", &out, &s, &none), 0);
	assert_null(s);
	assert_int_equal(inv_account_get(k->v, pg, other, &acc, &none), 1);
	assert_string_equal(acc.name, other);
	inv_account_free(&acc);
	assert_int_equal(inv_credential_get(k->v, aws, bot, key, "AKIA1", &cred,
					    NULL, &none),
			 1);
	assert_true(cred.has_secret && cred.state == INV_DISABLED);
	inv_credential_free(&cred);
	assert_int_equal(inv_credential_get(k->v, pg, bot, key, "AKIA1", &cred,
					    NULL, &none),
			 0);
}

static void walks_go_by_connection(void **state)
{
	struct kit *k = *state;

	fill(k);
	kit_open(k, false);
	walk(k, 0, NULL, NULL, "aws-prod pg-main ");
	walk(k, 1, aws, NULL, "aws-prod/ci-bot ");
	walk(k, 2, NULL, NULL, "aws-prod/ci-bot#AKIA1 pg-main/ci-bot#password ");
	walk(k, 2, pg, NULL, "pg-main/ci-bot#password ");
	walk(k, 2, pg, other, "");
	walk(k, 2, aws, bot, "aws-prod/ci-bot#AKIA1 ");
	walk(k, 3, NULL, NULL, "pg-main/ci-bot#aws-prod ");
	stop_after = 1;
	walk(k, 2, NULL, NULL, "aws-prod/ci-bot#AKIA1 ");
	stop_after = 1;
	walk(k, 0, NULL, NULL, "aws-prod ");
}

static void nothing_is_hidden_for_want_of_a_connection(void **state)
{
	struct kit *k = *state;

	fill(k);
	put_credential(k, other, bot, "lost", NULL);
	walk(k, 2, NULL, NULL,
	     "aws-prod/ci-bot#AKIA1 pg-main/ci-bot#password "
	     "other%2Fbot%231/ci-bot#lost ");
}

static void a_value_finds_its_credentials(void **state)
{
	struct kit *k = *state;
	struct secret *s = secret_new("value-of-akia1", 14, NULL);
	struct secret *held = NULL;
	struct inv_credential c;
	struct err none = ERR_INIT;

	fill(k);
	put_credential(k, pg, other, "same value", "value-of-akia1");
	seen[0] = '\0';
	assert_ok(inv_by_secret(k->v, s, on_credential, NULL, e));
	assert_non_null(strstr(seen, "aws-prod/ci-bot#AKIA1"));
	assert_non_null(strstr(seen, "pg-main/other%2Fbot%231#same value"));
	/* dead: the value is gone, and still recognised */
	assert_int_equal(inv_credential_get(k->v, aws, bot, key, "AKIA1", &c,
					    NULL, &none),
			 1);
	c.state = INV_DEAD;
	c.dead_ms = 1234;
	assert_ok(inv_credential_drop_secret(k->v, &c, e));
	inv_credential_free(&c);
	assert_int_equal(inv_credential_get(k->v, aws, bot, key, "AKIA1", &c,
					    &held, &none),
			 1);
	assert_true(!held && !c.has_secret && c.dead_ms == 1234);
	inv_credential_free(&c);
	seen[0] = '\0';
	assert_ok(inv_by_secret(k->v, s, on_credential, NULL, e));
	assert_non_null(strstr(seen, "aws-prod/ci-bot#AKIA1"));
	secret_free(&s);
}

static void a_connection_goes_with_all_it_has(void **state)
{
	struct kit *k = *state;
	struct vault_report r;
	uint64_t n, due;
	int64_t next;

	fill(k);
	assert_ok(store_due(k->dir, 6000, &due, &next, e));
	assert_int_equal(due, 2);
	assert_ok(inv_connection_delete(k->v, pg, e));
	kit_open(k, true);
	walk(k, 0, NULL, NULL, "aws-prod ");
	walk(k, 1, NULL, NULL, "aws-prod/ci-bot ");
	walk(k, 2, NULL, NULL, "aws-prod/ci-bot#AKIA1 ");
	walk(k, 3, NULL, NULL, "");
	assert_ok(inv_connection_delete(k->v, aws, e));
	for (int t = STORE_CONNECTION; t <= STORE_GRANT; t++) {
		assert_ok(store_count(k->v, (enum store_table)t, &n, e));
		assert_int_equal(n, 0);
	}
	assert_ok(vault_verify(k->v, &r, e));
	assert_int_equal(r.bad + r.rows, 0);
	buf_release(&r.text);
	assert_ok(store_due(k->dir, 6000, &due, &next, e));
	assert_int_equal(due, 0);
}

static void nameless_records_are_refused(void **state)
{
	struct kit *k = *state;
	struct inv_account a = { .connection = aws, .name = empty };
	struct inv_credential c = { .connection = aws, .account = bot };

	assert_code(ERR_USAGE, inv_account_put(k->v, &a, e));
	assert_code(ERR_USAGE, inv_credential_put(k->v, &c, NULL, e));
}

static void addresses_survive_any_text(void **state)
{
	static const char *const parts[][3] = {
		{ "pg-main", "ci_bot", "password" },
		{ "a", "b/c#d%e", "x#y/z%41" },
		{ "a%2F", "%", "arn:aws:iam::1:role/x#1" },
		{ "a", "b", NULL },
		{ "a", NULL, NULL },
	};
	static const char *const bad[] = { "", "/a", "#a", "a/", "a/#x", "a/b#",
					   "a%", "a/%zz", "a/b#%0", "a%00",
					   "a#b" };
	char *p[3];

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct buf b = BUF_INIT(1000);

		assert_ok(inv_address(&b, parts[i][0], parts[i][1],
				      parts[i][2], e));
		assert_true(inv_parse(b.p, &p[0], &p[1], &p[2]));
		for (int j = 0; j < 3; j++) {
			if (parts[i][j])
				assert_string_equal(p[j], parts[i][j]);
			else
				assert_null(p[j]);
			mem_free(p[j]);
		}
		buf_release(&b);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (inv_parse(bad[i], &p[0], &p[1], &p[2]))
			fail_msg("'%s' was taken", bad[i]);
		assert_true(!p[0] && !p[1] && !p[2]);
	}
}

static void states_have_words(void **state)
{
	enum inv_state s;

	(void)state;
	for (int i = INV_ACTIVE; i <= INV_UNKNOWN; i++) {
		assert_true(inv_state_parse(inv_state_word((enum inv_state)i),
					    &s));
		assert_int_equal(s, i);
	}
	assert_false(inv_state_parse("zombie", &s));
}

#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_come_back_whole),
		T(walks_go_by_connection),
		T(nothing_is_hidden_for_want_of_a_connection),
		T(a_value_finds_its_credentials),
		T(a_connection_goes_with_all_it_has),
		T(nameless_records_are_refused),
		cmocka_unit_test(addresses_survive_any_text),
		cmocka_unit_test(states_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
