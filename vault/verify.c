/*
 * verify: everything opened and added up, every fault told.
 *
 * Unlike opening it does not stop at the first fault.  It reads one snapshot
 * and writes nothing.
 */
#include <string.h>

#include "base/mem.h"
#include "vault/core.h"
#include "vault/journal.h"

#define TOLD_MAX 200u /* lines; the rest is only counted */

static int tell(struct vault_report *r, const struct err *why, struct err *e)
{
	char line[1600];

	if (++r->bad > TOLD_MAX)
		return 0;
	err_format(why, line, sizeof(line));
	return buf_printf(&r->text, e, "%s\n", line);
}

/* A fault in what is kept is told; anything else (no memory, disk) ends it. */
static int fault(struct vault_report *r, const struct err *why, struct err *e)
{
	if (why->code == ERR_TAMPER || why->code == ERR_FORMAT)
		return tell(r, why, e);
	if (e)
		*e = *why;
	return -1;
}

static int check_record(struct vault *v, struct vault_report *rep,
			const struct record *r, const void *box, size_t n,
			struct err *e)
{
	struct buf data = BUF_INIT(SEAL_BOX_MAX);
	struct secret *secret = NULL;
	struct err why = ERR_INIT;
	int rc = 0;

	if (record_open(v, r, box, n, &data, &why) ||
	    record_secret(v, r, &secret, &why))
		rc = fault(rep, &why, e);
	secret_free(&secret);
	buf_release(&data);
	return rc;
}

static int check_table(struct vault *v, unsigned tab, struct vault_report *rep,
		       struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_WALK_TABLE, e);
	struct err why = ERR_INIT;
	const void *box = NULL;
	struct record r;
	size_t n = 0;
	int rc = SQLITE_DONE, out = -1;

	if (!st)
		goto out;
	stmt_u64(st, 1, tab);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		rep->rows += tab != TAB_GROUP;
		err_clear(&why);
		if (record_columns(st, &r, &box, &n, &why)) {
			if (fault(rep, &why, e))
				goto out;
		} else if (check_record(v, rep, &r, box, n, e)) {
			goto out;
		}
	}
	if (rc != SQLITE_DONE) {
		err_clear(&why);
		db_fail(v->db, rc, "walking records", &why);
		if (fault(rep, &why, e))
			goto out;
	}
	for (unsigned i = 0; i < BUCKETS; i++) {
		err_clear(&why);
		if (bucket_check(v, tab, i, &why) && fault(rep, &why, e))
			goto out;
	}
	out = 0;
out:
	stmt_give(v, ST_WALK_TABLE, st);
	return out;
}

static int ignore_row(const struct store_row *row, void *arg, struct err *e)
{
	(void)row;
	(void)arg;
	(void)e;
	return 0;
}

/* The groups that the rows name, each walked through its index.  A row hidden
 * from its index is missed here; the sums of groups nobody names any more
 * are covered as records. */
static int check_groups(struct vault *v, unsigned tab, int column,
			struct vault_report *rep, struct err *e)
{
	static const char *const sql[] = {
		"SELECT DISTINCT grp FROM record WHERE tab = ?1 "
		"AND +grp IS NOT NULL",
		"SELECT DISTINCT area FROM record WHERE tab = ?1 "
		"AND +area IS NOT NULL",
		"SELECT DISTINCT fp FROM record WHERE tab = ?1 "
		"AND +fp IS NOT NULL",
	};
	sqlite3_stmt *st = NULL;
	struct err why = ERR_INIT;
	struct store_id id;
	int rc, out = -1;

	rc = sqlite3_prepare_v2(v->db, sql[column], -1, &st, NULL);
	if (rc != SQLITE_OK) {
		db_fail(v->db, rc, "preparing a statement", e);
		goto out;
	}
	stmt_u64(st, 1, tab);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		err_clear(&why);
		if (!col_id(st, 0, &id))
			continue; /* told by check_table */
		if ((column == 0 ? store_each(v, (enum store_table)tab, &id,
					      ignore_row, NULL, &why) :
		     column == 1 ?
				   store_each_area(v, (enum store_table)tab, &id,
						   ignore_row, NULL, &why) :
				   store_by_secret(v, (enum store_table)tab, &id,
						   ignore_row, NULL, &why)) &&
		    fault(rep, &why, e))
			goto out;
	}
	if (rc != SQLITE_DONE) { /* not all of them could be read */
		err_clear(&why);
		db_fail(v->db, rc, "reading the groups", &why);
		if (fault(rep, &why, e))
			goto out;
	}
	out = 0;
out:
	sqlite3_finalize(st);
	return out;
}

static int check_sqlite(struct vault *v, struct vault_report *rep,
			struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct err why = ERR_INIT;
	int rc, out = -1;

	rc = sqlite3_prepare_v2(v->db, "PRAGMA integrity_check(20)", -1, &st,
				NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		const unsigned char *t;

		rc = sqlite3_step(st);
		if (rc != SQLITE_ROW)
			break;
		t = sqlite3_column_text(st, 0);
		if (!t || strcmp((const char *)t, "ok") == 0)
			continue;
		err_clear(&why);
		err_fail(&why, ERR_TAMPER, v->dir, "SQLite: %.300s",
			 (const char *)t);
		if (tell(rep, &why, e))
			goto out;
	}
	if (rc != SQLITE_DONE) {
		err_clear(&why);
		db_fail(v->db, rc, "checking the database", &why);
		if (fault(rep, &why, e))
			goto out;
	}
	out = 0;
out:
	sqlite3_finalize(st);
	return out;
}

int vault_verify(struct vault *v, struct vault_report *r, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = -1;

	memset(r, 0, sizeof(*r));
	r->text.max = BUF_TEXT_MAX * 8;
	if (read_begin(v, e))
		return -1;
	if (check_sqlite(v, r, e))
		goto out;
	for (unsigned t = 0; t < TABS; t++) {
		if (check_table(v, t, r, e))
			goto out;
		for (int c = 0; t != TAB_GROUP && c < 3; c++) {
			if (check_groups(v, t, c, r, e))
				goto out;
		}
	}
	read_end(v);
	if (journal_verify(v, &r->entries, &why) && fault(r, &why, e)) {
		buf_release(&r->text);
		return -1;
	}
	return 0;
out:
	read_end(v);
	buf_release(&r->text);
	return rc;
}
