// link: vault tests/unit/vaultkit.c
/*
 * tamper: what somebody with write access to the files can do.
 *
 * Each change must end in an error or in the very same content, never in
 * other content; where sealed bytes changed, in ERR_TAMPER.  CURFEW_EVERY_BIT=1
 * flips every bit of the file; otherwise every bit of bytes in use is tried in
 * steps and each unused byte once in a while.
 */
#include "vaultkit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Credentials a, b (group g, area h, secrets), c; account d. */
static void fill(struct kit *k)
{
	static const char *const names[] = { "a", "b", "c" };
	struct secret *s;

	for (int i = 0; i < 3; i++) {
		char text[16], value[16];
		struct store_row row = {
			.id = kit_id(k->v, STORE_CREDENTIAL, names[i]),
			.group = kit_id(k->v, STORE_CREDENTIAL, "g"),
			.area = kit_id(k->v, STORE_CREDENTIAL, "h"),
			.due_ms = i == 1 ? 5000 : 0,
		};

		snprintf(text, sizeof(text), "text-%s", names[i]);
		snprintf(value, sizeof(value), "s3cret-%s", names[i]);
		row.data = text;
		row.len = strlen(text);
		s = secret_new(value, strlen(value), NULL);
		row.secret = i < 2 ? s : NULL;
		row.fp = store_fingerprint(k->v, s);
		assert_ok(store_put(k->v, STORE_CREDENTIAL, &row, e));
		secret_free(&s);
	}
	kit_put(k->v, STORE_ACCOUNT, "d", "g", "text-d", NULL);
	kit_journal(k->v, "one");
	kit_journal(k->v, "two");
	kit_journal(k->v, "three");
}

static void expect(struct kit *k, const char *name, enum err_code want,
		   const struct buf *before)
{
	struct buf now = BUF_INIT(BUF_REPORT_MAX);
	struct vault_report r = { .bad = 0 };
	enum err_code code;

	kit_dump(k, &now, &code);
	kit_no_wrong_data(before, &now);
	if (code != want)
		fail_msg("%s: %s, expected %s:\n%s", name, err_word(code),
			 err_word(want), now.p);
	/* what a walk can see, verify tells too */
	if (want && strncmp(now.p, "open: ok", 8) == 0) {
		kit_open(k, false);
		assert_ok(vault_verify(k->v, &r, e));
		if (!r.bad)
			fail_msg("%s: verify saw nothing", name);
		buf_release(&r.text);
		kit_close(k);
	}
	buf_release(&now);
}

/* ---- SQL: what a person with the sqlite3 shell does ------------------------------- */

#define A "(tab = 3 AND id = (SELECT id FROM record WHERE tab = 3 " \
	  "ORDER BY version LIMIT 1))"
#define B "(tab = 3 AND id = (SELECT id FROM record WHERE tab = 3 " \
	  "ORDER BY version LIMIT 1 OFFSET 1))"
/* Give A and B each other's column. */
#define SWAP(col)                                                            \
	"CREATE TEMP TABLE t AS SELECT tab, id, " col " AS x FROM record;"   \
	"UPDATE record SET " col " = (SELECT x FROM t WHERE t.tab = 3 AND "  \
	"t.id <> record.id AND t.x IS NOT NULL AND t.id IN (SELECT id FROM " \
	"record WHERE tab = 3 ORDER BY version LIMIT 2)) "                   \
	"WHERE " A " OR " B

static const struct {
	const char *name, *sql;
	enum err_code want;
} changes[] = {
	{ "nothing", "SELECT 1", ERR_NONE },
	{ "vacuum", "VACUUM", ERR_NONE },
	{ "data swapped", SWAP("data"), ERR_TAMPER },
	{ "secrets swapped", SWAP("secret"), ERR_TAMPER },
	{ "secret taken away", "UPDATE record SET secret = NULL WHERE " A,
	  ERR_TAMPER },
	{ "secret disowned",
	  "UPDATE record SET secret = NULL, secret_version = 0 WHERE " A,
	  ERR_TAMPER },
	{ "row deleted", "DELETE FROM record WHERE " A, ERR_TAMPER },
	{ "all rows deleted", "DELETE FROM record", ERR_TAMPER },
	{ "row in another table", "UPDATE record SET tab = 4 WHERE " A,
	  ERR_TAMPER },
	{ "row under another id",
	  "UPDATE record SET id = randomblob(16) WHERE " A, ERR_TAMPER },
	{ "row copied",
	  "INSERT INTO record SELECT tab, randomblob(16), version, "
	  "secret_version, grp, area, fp, due, data, secret "
	  "FROM record WHERE " A,
	  ERR_TAMPER },
	{ "out of its group", "UPDATE record SET grp = NULL WHERE " A,
	  ERR_TAMPER },
	{ "out of its area", "UPDATE record SET area = NULL WHERE " A,
	  ERR_TAMPER },
	{ "fingerprint gone", "UPDATE record SET fp = NULL WHERE " A,
	  ERR_TAMPER },
	{ "deadline gone", "UPDATE record SET due = NULL", ERR_TAMPER },
	{ "deadline moved",
	  "UPDATE record SET due = due + 1000 WHERE due IS NOT NULL",
	  ERR_TAMPER },
	{ "version raised", "UPDATE record SET version = version + 1",
	  ERR_TAMPER },
	{ "groups' sums gone", "DELETE FROM record WHERE tab = 0",
	  ERR_TAMPER },
	{ "a bucket gone",
	  "DELETE FROM bucket WHERE no = (SELECT max(no) FROM bucket)",
	  ERR_TAMPER },
	{ "all buckets gone", "DELETE FROM bucket", ERR_TAMPER },
	{ "buckets exchanged",
	  "UPDATE bucket SET sealed = (SELECT sealed FROM bucket b "
	  "WHERE b.no <> bucket.no LIMIT 1)",
	  ERR_TAMPER },
	{ "state gone", "DELETE FROM state", ERR_TAMPER },
	{ "state raised", "UPDATE state SET version = version + 1",
	  ERR_TAMPER },
	{ "header gone", "DELETE FROM header", ERR_TAMPER },
	{ "vault id changed", "UPDATE header SET vault = randomblob(16)",
	  ERR_SEALED },
	{ "key id changed", "UPDATE header SET key = randomblob(16)",
	  ERR_TAMPER },
	{ "header's keys changed",
	  "UPDATE header SET sealed = randomblob(length(sealed))",
	  ERR_TAMPER },
	{ "slot gone", "DELETE FROM slot WHERE id = 2", ERR_TAMPER },
	{ "slot copied", "INSERT INTO slot SELECT 3, record FROM slot "
			 "WHERE id = 1",
	  ERR_TAMPER },
	{ "slots swapped", "UPDATE slot SET id = id + 10;"
			   "UPDATE slot SET id = 13 - id",
	  ERR_TAMPER },
	{ "no slot", "DELETE FROM slot", ERR_SEALED },
	{ "journal's tail cut",
	  "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)",
	  ERR_TAMPER },
	{ "journal's middle gone", "DELETE FROM journal WHERE seq = 3",
	  ERR_TAMPER },
	{ "journal's start gone", "DELETE FROM journal WHERE seq = 1",
	  ERR_TAMPER },
	{ "journal emptied", "DELETE FROM journal", ERR_TAMPER },
	{ "entries swapped",
	  "UPDATE journal SET seq = -seq WHERE seq IN (2, 3);"
	  "UPDATE journal SET seq = 5 + seq WHERE seq < 0",
	  ERR_TAMPER },
	{ "entry appended",
	  "INSERT INTO journal SELECT seq + 1, sealed, mac FROM journal "
	  "ORDER BY seq DESC LIMIT 1",
	  ERR_TAMPER },
	{ "MAC changed", "UPDATE journal SET mac = randomblob(32) "
			 "WHERE seq = 2",
	  ERR_TAMPER },
	{ "a trigger", "CREATE TRIGGER x AFTER UPDATE ON state BEGIN "
		       "DELETE FROM journal; END",
	  ERR_TAMPER },
	{ "a view", "CREATE VIEW x AS SELECT 1", ERR_TAMPER },
	{ "another index", "CREATE INDEX x ON journal(mac)", ERR_TAMPER },
	{ "a table more", "CREATE TABLE zz(x)", ERR_TAMPER },
	{ "an index less", "DROP INDEX record_fp", ERR_TAMPER },
	{ "statistics", "ANALYZE", ERR_TAMPER },
	{ "another mark", "PRAGMA application_id = 1", ERR_FORMAT },
	{ "another format", "PRAGMA user_version = 2", ERR_FORMAT },
	{ "another journal mode", "PRAGMA journal_mode = DELETE", ERR_NONE },
	/* an index that lies: rebuilt under a narrower condition, then given
	 * its old definition back */
	{ "row hidden from its group's index",
	  "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
	  "replace(sql, 'grp IS NOT NULL', 'grp IS NOT NULL AND tab <> 3') "
	  "WHERE name = 'record_grp'; PRAGMA writable_schema = RESET; "
	  "REINDEX record_grp; PRAGMA writable_schema = ON; "
	  "UPDATE sqlite_schema SET sql = replace(sql, ' AND tab <> 3', '')"
	  "WHERE name = 'record_grp'; PRAGMA writable_schema = RESET",
	  ERR_TAMPER },
};

static void sql_changes_are_noticed(void **state)
{
	struct kit *k = *state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct slot_input second = k->in;
	struct kit_files f;
	enum err_code code;
	unsigned id;

	fill(k);
	second.name = "second";
	second.secret = secret_generate(48, NULL);
	assert_ok(vault_slot_add(k->v, &second, &id, e));
	kit_save(k, &f);
	kit_dump(k, &before, &code);
	assert_int_equal(code, ERR_NONE);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		kit_load(k, &f);
		kit_sql(k, changes[i].sql);
		expect(k, changes[i].name, changes[i].want, &before);
	}
	struct secret *s = (struct secret *)(uintptr_t)second.secret;
	secret_free(&s);
	kit_files_free(&f);
	buf_release(&before);
}

/* ---- replay: pieces of an older or another vault ----------------------------------- */

static void from_other(struct kit *k, const struct kit_files *other,
		       const char *tables, const char *name,
		       enum err_code want, const struct buf *before)
{
	char sql[2000], path[128], list[200], *t, *rest = NULL;
	size_t at;

	kit_write_file(k, "other.db", other->db.p, other->db.len);
	snprintf(path, sizeof(path), "%s/other.db", k->dir);
	at = (size_t)snprintf(sql, sizeof(sql), "ATTACH '%s' AS o;", path);
	snprintf(list, sizeof(list), "%s", tables);
	for (t = strtok_r(list, " ", &rest); t; t = strtok_r(NULL, " ", &rest))
		at += (size_t)snprintf(sql + at, sizeof(sql) - at,
				       "DELETE FROM main.%s; INSERT INTO "
				       "main.%s SELECT * FROM o.%s;",
				       t, t, t);
	kit_sql(k, sql);
	unlink(path);
	expect(k, name, want, before);
}

static void old_pieces_are_noticed(void **state)
{
	static const char *const pieces[] = {
		"record",
		"record bucket",
		"bucket",
		"state",
		"journal",
		"journal state",
		"record bucket state",
		"record bucket state journal",
		"record bucket state journal slot header",
	};
	struct kit *k = *state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct buf old_content = BUF_INIT(BUF_REPORT_MAX);
	struct kit_files old, now;
	enum err_code code;

	fill(k);
	kit_save(k, &old);
	kit_dump(k, &old_content, &code);
	kit_open(k, true);
	kit_put(k->v, STORE_CREDENTIAL, "a", "g", "newer-a", "newer secret");
	kit_put(k->v, STORE_CREDENTIAL, "d", "g", "new-d", NULL);
	kit_journal(k->v, "four");
	kit_save(k, &now);
	kit_dump(k, &before, &code);
	assert_int_equal(code, ERR_NONE);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		kit_load(k, &now);
		from_other(k, &old, pieces[i], pieces[i], ERR_TAMPER, &before);
	}
	/* a row deleted and put back */
	kit_load(k, &now);
	kit_open(k, true);
	struct store_id id = kit_id(k->v, STORE_CREDENTIAL, "d");
	assert_ok(store_delete(k->v, STORE_CREDENTIAL, &id, e));
	kit_dump(k, &before, &code);
	from_other(k, &now, "record", "deleted row put back", ERR_TAMPER,
		   &before);

	/* The limit of it: the whole folder as it was.  Nobody can notice. */
	kit_load(k, &old);
	expect(k, "whole folder put back", ERR_NONE, &old_content);
	kit_files_free(&old);
	kit_files_free(&now);
	buf_release(&before);
	buf_release(&old_content);
}

static void foreign_pieces_are_noticed(void **state)
{
	static const char *const pieces[] = { "record", "slot", "state",
					      "bucket", "journal" };
	struct kit *k = *state, *other;
	void *other_state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct kit_files mine, theirs;
	enum err_code code;

	kit_setup(&other_state); /* the same key file opens it */
	other = other_state;
	fill(other);
	kit_save(other, &theirs);
	fill(k);
	kit_save(k, &mine);
	kit_dump(k, &before, &code);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		kit_load(k, &mine);
		/* a foreign slot does not even unwrap here */
		from_other(k, &theirs, pieces[i], pieces[i],
			   strcmp(pieces[i], "slot") ? ERR_TAMPER : ERR_SEALED,
			   &before);
	}
	kit_load(k, &mine);
	kit_write_file(k, "vault.head", theirs.head.p, theirs.head.len);
	expect(k, "foreign head", ERR_TAMPER, &before);
	kit_files_free(&mine);
	kit_files_free(&theirs);
	buf_release(&before);
	kit_teardown(&other_state);
}

/* ---- the head -------------------------------------------------------------------------- */

static void the_head_is_checked(void **state)
{
	struct kit *k = *state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct buf old_content = BUF_INIT(BUF_REPORT_MAX);
	struct kit_files old, now, silent;
	char path[128];
	enum err_code code;

	fill(k);
	kit_save(k, &old);
	kit_dump(k, &old_content, &code);
	kit_open(k, true);
	kit_journal(k->v, "four");
	kit_save(k, &now);
	kit_dump(k, &before, &code);

	/* behind: what a crash leaves */
	kit_write_file(k, "vault.head", old.head.p, old.head.len);
	expect(k, "head behind", ERR_NONE, &before);
	/* ahead: the database was put back */
	kit_load(k, &old);
	kit_write_file(k, "vault.head", now.head.p, now.head.len);
	expect(k, "head ahead", ERR_TAMPER, &old_content);
	/* ahead by a commit that journalled nothing */
	kit_load(k, &now);
	kit_open(k, true);
	kit_put(k->v, STORE_SETTING, "s", NULL, "x", NULL);
	kit_save(k, &silent);
	kit_dump(k, &before, &code);
	kit_load(k, &now);
	kit_write_file(k, "vault.head", silent.head.p, silent.head.len);
	expect(k, "head ahead, same journal", ERR_TAMPER, &before);
	kit_files_free(&silent);
	kit_load(k, &old);
	kit_write_file(k, "vault.head", now.head.p, now.head.len);
	/* accepted on request, and journalled */
	assert_ok(vault_accept_head(k->dir, &k->in, 1, e));
	kit_dump(k, &before, &code);
	assert_int_equal(code, ERR_NONE);
	assert_non_null(strstr(before.p, "override the database was accepted"));

	kit_load(k, &now);
	kit_write_file(k, "vault.head", "", 0);
	expect(k, "head empty", ERR_TAMPER, &before);
	kit_write_file(k, "vault.head", now.head.p, 700);
	expect(k, "head cut", ERR_TAMPER, &before);
	snprintf(path, sizeof(path), "%s/vault.head", k->dir);
	unlink(path);
	expect(k, "head missing", ERR_TAMPER, &before);
	assert_ok(vault_accept_head(k->dir, &k->in, 1, e));
	assert_int_equal(kit_try(k, true), ERR_NONE);

	/* a torn write of one sector leaves the other */
	kit_load(k, &now);
	kit_dump(k, &before, &code);
	for (size_t i = 0; i < 2; i++) {
		struct kit_files torn = { now.db, BUF_INIT(4096) };

		assert_ok(buf_add(&torn.head, now.head.p, now.head.len, e));
		memset(torn.head.p + i * 512, 0xff, 300);
		kit_load(k, &torn);
		expect(k, "torn", ERR_NONE, &before);
		buf_release(&torn.head);
	}
	kit_files_free(&old);
	kit_files_free(&now);
	buf_release(&before);
	buf_release(&old_content);
}

/* ---- bits and lengths ------------------------------------------------------------------- */

/* Mark the bytes of the file that belong to sealed columns. */
static void mark_sealed(struct kit *k, const struct kit_files *f, char *mark)
{
	static const char *const columns[] = {
		"SELECT data FROM record", "SELECT secret FROM record",
		"SELECT sealed FROM journal", "SELECT mac FROM journal",
		"SELECT sealed FROM state", "SELECT sealed FROM bucket",
		"SELECT sealed FROM header", "SELECT record FROM slot",
	};
	char path[128];
	sqlite3_stmt *st;
	sqlite3 *db;
	size_t found = 0;

	snprintf(path, sizeof(path), "%s/vault.db", k->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		assert_int_equal(sqlite3_prepare_v2(db, columns[i], -1, &st,
						    NULL),
				 SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW) {
			size_t n = (size_t)sqlite3_column_bytes(st, 0);
			const char *at;

			if (!n)
				continue;
			at = memmem(f->db.p, f->db.len,
				    sqlite3_column_blob(st, 0), n);
			assert_non_null(at); /* small rows: in one piece */
			memset(mark + (at - f->db.p), 1, n);
			found += n;
		}
		sqlite3_finalize(st);
	}
	sqlite3_close(db);
	assert_true(found > 2000);
}

static void flipped_bits_never_give_wrong_data(void **state)
{
	const bool all = getenv("CURFEW_EVERY_BIT") != NULL;
	struct kit *k = *state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct buf now = BUF_INIT(BUF_REPORT_MAX);
	unsigned long flips = 0, same = 0, sealed = 0;
	struct kit_files f;
	enum err_code code;
	char path[128], *mark;
	int fd;

	fill(k);
	kit_close(k);
	kit_sql(k, "VACUUM"); /* no free pages: nothing lies twice */
	kit_save(k, &f);
	kit_dump(k, &before, &code);
	assert_int_equal(code, ERR_NONE);
	mark = mem_zalloc(f.db.len);
	mark_sealed(k, &f, mark);
	snprintf(path, sizeof(path), "%s/vault.db", k->dir);
	for (size_t i = 0; i < f.db.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned char byte = (unsigned char)f.db.p[i];

			if (!all && (byte ? (i * 5 + bit) % 24 :
					    (i * 8 + bit) % 509))
				continue;
			byte ^= (unsigned char)(1u << bit);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			assert_int_equal(pwrite(fd, &byte, 1, (off_t)i), 1);
			close(fd);
			kit_dump(k, &now, &code);
			kit_no_wrong_data(&before, &now);
			if (mark[i] && code != ERR_TAMPER && code != ERR_SEALED)
				fail_msg("sealed byte %zu bit %u: %s", i, bit,
					 err_word(code));
			flips++;
			sealed += mark[i] != 0;
			same += code == ERR_NONE;
			/* a reader may have written: WAL mode off and on */
			kit_load(k, &f);
		}
	}
	print_message("%lu flips, %lu in sealed bytes, %lu without effect\n",
		      flips, sealed, same);
	assert_true(sealed > 300);
	assert_true(same < flips); /* the flips did arrive */
	mem_free(mark);
	kit_files_free(&f);
	buf_release(&before);
	buf_release(&now);
}

static void flipped_bits_of_the_head_are_survived_or_noticed(void **state)
{
	struct kit *k = *state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct buf now = BUF_INIT(BUF_REPORT_MAX);
	struct kit_files f;
	enum err_code code;

	fill(k);
	kit_save(k, &f);
	kit_dump(k, &before, &code);
	for (size_t i = 0; i < 160; i++) {
		for (int sectors = 1; sectors <= 3; sectors++) {
			for (size_t s = 0; s < 2; s++) {
				if (sectors & (1 << s))
					f.head.p[s * 512 + i] ^= 4;
			}
			kit_write_file(k, "vault.head", f.head.p, f.head.len);
			kit_dump(k, &now, &code);
			kit_no_wrong_data(&before, &now);
			/* both sectors hit inside what is authenticated */
			if (sectors == 3 && i < 152)
				assert_int_equal(code, ERR_TAMPER);
			else
				assert_int_equal(code, ERR_NONE);
			for (size_t s = 0; s < 2; s++) {
				if (sectors & (1 << s))
					f.head.p[s * 512 + i] ^= 4;
			}
		}
	}
	kit_files_free(&f);
	buf_release(&before);
	buf_release(&now);
}

static void a_shorter_file_is_noticed(void **state)
{
	struct kit *k = *state;
	struct buf before = BUF_INIT(BUF_REPORT_MAX);
	struct buf now = BUF_INIT(BUF_REPORT_MAX);
	struct kit_files f;
	enum err_code code;

	fill(k);
	kit_close(k);
	kit_sql(k, "VACUUM");
	kit_save(k, &f);
	kit_dump(k, &before, &code);
	for (size_t n = 0; n < f.db.len; n += n % 4096 == 1 ? 510 : 1) {
		size_t len = n;

		/* each page's edge, one byte past it, and lengths between */
		if (n % 4096 > 1 && n % 511)
			continue;
		kit_load(k, &f);
		kit_write_file(k, "vault.db", f.db.p, len);
		kit_dump(k, &now, &code);
		kit_no_wrong_data(&before, &now);
		if (code == ERR_NONE)
			fail_msg("%zu of %zu bytes went unnoticed", len,
				 f.db.len);
	}
	kit_files_free(&f);
	buf_release(&before);
	buf_release(&now);
}

#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sql_changes_are_noticed),
		T(old_pieces_are_noticed),
		T(foreign_pieces_are_noticed),
		T(the_head_is_checked),
		T(flipped_bits_never_give_wrong_data),
		T(flipped_bits_of_the_head_are_survived_or_noticed),
		T(a_shorter_file_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
