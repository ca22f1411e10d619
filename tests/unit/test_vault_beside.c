// link: vault tests/unit/vaultkit.c
/*
 * beside: what somebody writes into the file while we have it open and have
 * read it.  What is remembered of a bucket (versions.c) must not hide it.
 */
#include "vaultkit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As kit_sql, by somebody else while we have read it all. */
static void sql_beside(struct kit *k, const char *what)
{
	struct vault *open = k->v;
	char sql[700];

	snprintf(sql, sizeof(sql), "ATTACH '%s/side.db' AS o; %s", k->dir,
		 what);
	k->v = NULL;
	kit_sql(k, sql);
	k->v = open;
}

static void read_all(struct kit *k)
{
	static const char *const names[] = { "a", "b", "c" };

	for (size_t i = 0; i < 3; i++)
		assert_memory_equal(kit_get(k->v, STORE_CREDENTIAL, names[i]),
				    "text-", 5);
	assert_string_equal(kit_get(k->v, STORE_CREDENTIAL, "gone"),
			    "(absent)");
}

#define NEWEST "(tab = 3 AND version = (SELECT max(version) FROM record " \
	       "WHERE tab = 3))"

/* What was read once is remembered; what changes behind it is noticed by whoever
 * reads it, puts over it, or deletes it, our own commits in between or not. */
static void changes_beside_an_open_vault_are_noticed(void **state)
{
	static const struct {
		const char *before, *after, *row;
	} cases[] = {
		{ "SELECT 1", "DELETE FROM record WHERE " NEWEST, "a" },
		{ "CREATE TABLE o.record AS "
		  "SELECT * FROM record WHERE tab = 3 ORDER BY version LIMIT 1",
		  "DELETE FROM main.record WHERE id = "
		  "(SELECT id FROM o.record); INSERT INTO main.record "
		  "SELECT * FROM o.record", "a" },
		{ "CREATE TABLE o.record AS "
		  "SELECT * FROM record WHERE " NEWEST,
		  "INSERT INTO main.record "
		  "SELECT * FROM o.record", "x" },
		{ "SELECT 1", "UPDATE record SET version = version + 1", "a" },
	};
	static const char *const rows[] = { "a", "b", "c", "x" };
	struct kit *k = *state;
	char path[128];
	struct kit_files f;

	for (size_t i = 0; i < 4; i++)
		kit_put(k->v, STORE_CREDENTIAL, rows[i], "g", "text-1",
			"s3cret");
	kit_save(k, &f);
	snprintf(path, sizeof(path), "%s/side.db", k->dir);
	for (size_t i = 0; i < 6 * sizeof(cases) / sizeof(*cases); i++) {
		const char *row = cases[i / 6].row;
		struct store_id id;

		kit_load(k, &f);
		kit_open(k, true);
		read_all(k);
		sql_beside(k, cases[i / 6].before);
		/* newer than the piece that was kept */
		id = kit_id(k->v, STORE_CREDENTIAL, row);
		if (strcmp(row, "x") == 0)
			assert_ok(store_delete(k->v, STORE_CREDENTIAL, &id, e));
		else
			kit_put(k->v, STORE_CREDENTIAL, row, "g", "text-2",
				NULL);
		read_all(k);
		sql_beside(k, cases[i / 6].after);
		if (i % 2)
			kit_journal(k->v, "a commit of ours");
		if (i / 2 % 3 == 0)
			assert_string_equal(kit_get(k->v, STORE_CREDENTIAL,
						    row), "!tamper");
		else if (i / 2 % 3 == 1)
			assert_code(ERR_TAMPER, store_put(k->v, STORE_CREDENTIAL,
				&(struct store_row){ .id = id, .data = "n",
						     .len = 1 }, e));
		else
			assert_code(ERR_TAMPER, store_delete(k->v,
						STORE_CREDENTIAL, &id, e));
		kit_close(k);
		unlink(path);
	}
	kit_files_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			changes_beside_an_open_vault_are_noticed, kit_setup,
			kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
