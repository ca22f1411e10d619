// link: vault tests/unit/vaultkit.c
/* store: rows in and out, transactions, groups, secrets, deadlines, readers. */
#include "vaultkit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void rows_come_back(void **state)
{
	struct kit *k = *state;

	kit_put(k->v, STORE_ACCOUNT, "a", NULL, "alpha", NULL);
	kit_put(k->v, STORE_CREDENTIAL, "a", NULL, "other table", "s3cret");
	kit_put(k->v, STORE_CREDENTIAL, "empty", NULL, "", NULL);
	for (int pass = 0; pass < 3; pass++) {
		assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), "alpha");
		assert_string_equal(kit_get(k->v, STORE_CREDENTIAL, "a"),
				    "other table|s3cret");
		assert_string_equal(kit_get(k->v, STORE_CREDENTIAL, "empty"),
				    "");
		assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "b"),
				    "(absent)");
		kit_open(k, pass == 0);
	}
}

static int no_secret(const struct store_row *row, void *arg, struct err *x)
{
	(void)x;
	assert_false(row->has_secret);
	(*(int *)arg)++;
	return 0;
}

static void put_replaces_and_keeps_or_drops_the_secret(void **state)
{
	struct kit *k = *state;
	struct store_row row = { .data = "two", .len = 3, .keep_secret = true };
	struct secret *s = secret_new("s3cret", 6, NULL);
	struct store_id fp = store_fingerprint(k->v, s);

	kit_put(k->v, STORE_CREDENTIAL, "a", "g", "one", "s3cret");
	row.id = kit_id(k->v, STORE_CREDENTIAL, "a");
	assert_ok(store_put(k->v, STORE_CREDENTIAL, &row, e));
	assert_string_equal(kit_get(k->v, STORE_CREDENTIAL, "a"), "two|s3cret");
	assert_string_equal(kit_list(k->v, STORE_CREDENTIAL, "g"), "");
	row.keep_secret = false;
	row.drop_secret = true;
	row.data = "dead";
	row.len = 4;
	assert_ok(store_put(k->v, STORE_CREDENTIAL, &row, e));
	assert_string_equal(kit_get(k->v, STORE_CREDENTIAL, "a"), "dead");
	kit_open(k, true);
	int hits = 0;
	assert_ok(store_by_secret(k->v, STORE_CREDENTIAL, &fp, no_secret, &hits,
				  e));
	assert_int_equal(hits, 1);
	secret_free(&s);
}

static void groups_hold_their_members(void **state)
{
	struct kit *k = *state;

	for (int i = 0; i < 40; i++) {
		char name[16], text[16];

		snprintf(name, sizeof(name), "r%02d", i);
		snprintf(text, sizeof(text), "t%02d", i);
		kit_put(k->v, STORE_ACCOUNT, name, i % 4 ? "odd" : "four", text,
			NULL);
	}
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "four"),
			    "t00,t04,t08,t12,t16,t20,t24,t28,t32,t36");
	/* one moves, one goes */
	kit_put(k->v, STORE_ACCOUNT, "r00", "odd", "moved", NULL);
	struct store_id id = kit_id(k->v, STORE_ACCOUNT, "r04");
	assert_ok(store_delete(k->v, STORE_ACCOUNT, &id, e));
	assert_ok(store_delete(k->v, STORE_ACCOUNT, &id, e));
	kit_open(k, false);
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "four"),
			    "t08,t12,t16,t20,t24,t28,t32,t36");
	assert_non_null(strstr(kit_list(k->v, STORE_ACCOUNT, "odd"), "moved"));
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "none"), "");
	uint64_t n;
	assert_ok(store_count(k->v, STORE_ACCOUNT, &n, e));
	assert_int_equal(n, 39);
}

static void a_rollback_leaves_nothing(void **state)
{
	struct kit *k = *state;

	kit_put(k->v, STORE_ACCOUNT, "a", "g", "before", NULL);
	assert_ok(store_begin(k->v, e));
	kit_put(k->v, STORE_ACCOUNT, "a", "g", "after", NULL);
	kit_put(k->v, STORE_ACCOUNT, "b", "g", "new", NULL);
	kit_journal(k->v, "gone");
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g"), "after,new");
	store_rollback(k->v);
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g"), "before");
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "b"), "(absent)");
	kit_put(k->v, STORE_ACCOUNT, "b", "g", "again", NULL);
	kit_open(k, false);
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, NULL),
			    "again,before");
	uint64_t n;
	assert_ok(journal_verify(k->v, &n, e));
	assert_int_equal(n, 1); /* init's own */
}

static void a_write_that_did_not_succeed_spoils_its_transaction(void **state)
{
	struct kit *k = *state;
	static char huge[BUF_RECORD_MAX + 1];
	struct store_row row = { .data = huge, .len = sizeof(huge) };

	row.id = kit_id(k->v, STORE_ACCOUNT, "big");
	assert_ok(store_begin(k->v, e));
	kit_put(k->v, STORE_ACCOUNT, "a", NULL, "x", NULL);
	assert_code(ERR_TOOBIG, store_put(k->v, STORE_ACCOUNT, &row, e));
	assert_code(ERR_BUG, store_commit(k->v, e));
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), "(absent)");
	assert_false(store_in_transaction(k->v));
}

static void deadlines_are_read_without_a_key(void **state)
{
	struct kit *k = *state;
	struct store_row row = { .data = "x", .len = 1 };
	uint64_t overdue;
	int64_t next;

	for (int i = 1; i <= 5; i++) {
		char name[8];

		snprintf(name, sizeof(name), "d%d", i);
		row.id = kit_id(k->v, STORE_ACTION, name);
		row.due_ms = i * 1000;
		assert_ok(store_put(k->v, STORE_ACTION, &row, e));
	}
	row.due_ms = 0; /* d5 has none any more */
	assert_ok(store_put(k->v, STORE_ACTION, &row, e));
	kit_close(k);
	assert_ok(store_due(k->dir, 2500, &overdue, &next, e));
	assert_int_equal(overdue, 2);
	assert_int_equal(next, 3000);
	assert_ok(store_due(k->dir, 9000, &overdue, &next, e));
	assert_int_equal(overdue, 4);
	assert_int_equal(next, 0);
}

static void readers_see_what_is_committed(void **state)
{
	struct kit *k = *state;
	struct vault *r1 = NULL, *r2 = NULL, *w = NULL;

	kit_put(k->v, STORE_ACCOUNT, "a", "g", "one", NULL);
	assert_ok(vault_open(k->dir, &k->in, 1, false, &r1, e));
	assert_ok(vault_open(k->dir, &k->in, 1, false, &r2, e));
	for (int i = 0; i < 50; i++) {
		char text[16];

		snprintf(text, sizeof(text), "v%d", i);
		assert_ok(store_begin(k->v, e));
		kit_put(k->v, STORE_ACCOUNT, "a", "g", text, NULL);
		kit_journal(k->v, text);
		assert_string_not_equal(kit_get(r1, STORE_ACCOUNT, "a"), text);
		assert_ok(store_commit(k->v, e));
		assert_string_equal(kit_get(r1, STORE_ACCOUNT, "a"), text);
		assert_string_equal(kit_list(r2, STORE_ACCOUNT, "g"), text);
	}
	assert_code(ERR_BUG, store_begin(r1, e));
	assert_code(ERR_BUSY, vault_open(k->dir, &k->in, 1, true, &w, e));
	vault_close(&r1);
	vault_close(&r2);
}

/* Another process walks while this one commits: each walk is one commit's
 * content, and nothing looks tampered with. */
static int child_reads(struct kit *k)
{
	struct vault *v = NULL;
	struct err e = ERR_INIT;

	for (int round = 0; round < 12; round++) {
		if (vault_open(k->dir, &k->in, 1, false, &v, &e))
			return 1;
		for (int i = 0; i < 12; i++) {
			const char *got = kit_list(v, STORE_ACCOUNT, "g");
			size_t n = strcspn(got, ",");
			char want[64];

			snprintf(want, sizeof(want), "%.*s,%.*s,%.*s", (int)n,
				 got, (int)n, got, (int)n, got);
			if (got[0] == '!' || strcmp(got, want) != 0)
				return 2;
		}
		vault_close(&v);
	}
	return 0;
}

static void readers_in_other_processes_see_whole_commits(void **state)
{
	struct kit *k = *state;
	pid_t pid[2];
	int left = 2, status;

	for (int i = 0; i < 3; i++)
		kit_put(k->v, STORE_ACCOUNT, (char[]){ (char)('a' + i), 0 },
			"g", "v0", NULL);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0)
			_exit(child_reads(k));
	}
	for (int i = 1; left; i++) {
		char text[16];

		snprintf(text, sizeof(text), "v%d", i);
		assert_ok(store_begin(k->v, e));
		for (int j = 0; j < 3; j++)
			kit_put(k->v, STORE_ACCOUNT,
				(char[]){ (char)('a' + j), 0 }, "g", text,
				NULL);
		kit_journal(k->v, text);
		assert_ok(store_commit(k->v, e));
		while (left && waitpid(-1, &status, WNOHANG) > 0) {
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
			left--;
		}
	}
}

static int nested(const struct store_row *row, void *arg, struct err *x)
{
	static int seen;
	struct kit *k = arg;

	(void)x;
	assert_code(ERR_BUG, store_put(k->v, STORE_ACCOUNT, row, e));
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, NULL), "x,x,x");
	assert_true(++seen <= 2);
	return seen == 2;
}

static void a_walk_may_read_but_not_write(void **state)
{
	struct kit *k = *state;

	for (int i = 0; i < 3; i++)
		kit_put(k->v, STORE_ACCOUNT, (char[]){ (char)('a' + i), 0 },
			"g", "x", NULL);
	assert_ok(store_each(k->v, STORE_ACCOUNT, NULL, nested, k, e));
	kit_put(k->v, STORE_ACCOUNT, "d", "g", "x", NULL);
}

static void verify_counts_all(void **state)
{
	struct kit *k = *state;
	struct vault_report r;

	for (int i = 0; i < 20; i++)
		kit_put(k->v, STORE_CREDENTIAL,
			(char[]){ (char)('a' + i), 0 }, "g", "x", "secret!!");
	kit_journal(k->v, "x");
	assert_ok(vault_verify(k->v, &r, e));
	assert_int_equal(r.bad, 0);
	assert_int_equal(r.rows, 20);
	assert_int_equal(r.entries, 2);
	buf_release(&r.text);
}

static void a_wrong_key_does_not_open(void **state)
{
	struct kit *k = *state;
	struct slot_input in = k->in;
	struct vault *v = NULL;
	struct secret *s = secret_generate(48, NULL);

	kit_close(k);
	in.secret = s;
	assert_code(ERR_SEALED, vault_open(k->dir, &in, 1, false, &v, e));
	assert_code(ERR_SEALED, vault_open(k->dir, NULL, 0, false, &v, e));
	assert_code(ERR_EXISTS, vault_init(k->dir, &in, &v, e));
	assert_code(ERR_ABSENT,
		    vault_open("/nonexistent", &in, 1, false, &v, e));
	assert_null(v);
	secret_free(&s);
}

struct seen {
	uint64_t last;
	int n;
};

static int check(const struct journal_entry *j, void *arg, struct err *x)
{
	struct seen *s = arg;

	(void)x;
	assert_true(j->seq > s->last);
	s->last = j->seq;
	assert_int_equal(j->kind, J_SEND);
	assert_string_equal(j->text, "sent");
	assert_string_equal(j->detail, "{\"a\":1}");
	assert_non_null(strstr(j->who, "uid="));
	assert_true(j->at_ms > 0);
	s->n++;
	return 0;
}

static void journal_comes_back_in_order(void **state)
{
	struct kit *k = *state;
	struct journal_entry j = { .kind = J_SEND, .text = "sent",
				   .detail = "{\"a\":1}" };
	struct seen seen = { 0, 0 };
	uint64_t seq;

	j.incident = kit_id(k->v, STORE_INCIDENT, "i1");
	for (int i = 0; i < 10; i++) {
		kit_journal(k->v, "other");
		assert_ok(journal_append(k->v, &j, &seq, e));
	}
	kit_open(k, false);
	assert_ok(journal_each(k->v, 0, 0, &j.incident, check, &seen, e));
	assert_int_equal(seen.n, 10);
	seen = (struct seen){ 0, 0 };
	assert_ok(journal_each(k->v, 4, 9, &j.incident, check, &seen, e));
	assert_int_equal(seen.n, 3); /* 5, 7 and 9 */
	assert_ok(journal_each(k->v, 30, 40, NULL, check, &seen, e));
	assert_int_equal(seen.n, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

/* More groups than are held in memory, many rows in one of them, read inside
 * the transaction, rolled back, and emptied again. */
static void groups_of_one_transaction(void **state)
{
	struct kit *k = *state;
	struct vault_report r = { .text = BUF_INIT(65536) };
	char name[16], group[16];

	assert_ok(store_begin(k->v, e));
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		snprintf(group, sizeof(group), "g%d", i % 4500);
		kit_put(k->v, STORE_ACCOUNT, name, group, name, NULL);
	}
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g7"), "r4507,r7");
	kit_put(k->v, STORE_ACCOUNT, "r7", "g8", "moved", NULL);
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g7"), "r4507");
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g8"),
			    "moved,r4508,r8");
	assert_ok(store_commit(k->v, e));
	assert_ok(store_begin(k->v, e));
	kit_put(k->v, STORE_ACCOUNT, "r7", "g7", "back", NULL);
	store_rollback(k->v);
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g7"), "r4507");
	assert_ok(vault_verify(k->v, &r, e));
	assert_int_equal(r.bad, 0);
	assert_int_equal(r.rows, 5000);
	buf_release(&r.text);
	assert_ok(store_begin(k->v, e));
	for (int i = 0; i < 5000; i++) {
		struct store_id id;

		snprintf(name, sizeof(name), "r%d", i);
		id = kit_id(k->v, STORE_ACCOUNT, name);
		assert_ok(store_delete(k->v, STORE_ACCOUNT, &id, e));
	}
	assert_string_equal(kit_list(k->v, STORE_ACCOUNT, "g7"), "");
	assert_ok(store_commit(k->v, e));
	r.text = (struct buf)BUF_INIT(65536);
	assert_ok(vault_verify(k->v, &r, e));
	assert_int_equal(r.bad, 0);
	assert_int_equal(r.rows, 0);
	buf_release(&r.text);
	kit_close(k);
	kit_sql(k, "CREATE TEMP TABLE empty(n CHECK(n = 0)); "
		   "INSERT INTO empty SELECT count(*) FROM record");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(groups_of_one_transaction),
		T(rows_come_back),
		T(put_replaces_and_keeps_or_drops_the_secret),
		T(groups_hold_their_members),
		T(a_rollback_leaves_nothing),
		T(a_write_that_did_not_succeed_spoils_its_transaction),
		T(deadlines_are_read_without_a_key),
		T(readers_see_what_is_committed),
		T(readers_in_other_processes_see_whole_commits),
		T(a_walk_may_read_but_not_write),
		T(verify_counts_all),
		T(a_wrong_key_does_not_open),
		T(journal_comes_back_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
