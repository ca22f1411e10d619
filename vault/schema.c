/*
 * schema: SQLite opened, settled and checked; statements; SQLite's errors.
 *
 * Owns the table definitions: a database whose schema is not exactly this one
 * is refused before a statement runs on it, so a hostile file brings no
 * trigger, view or index of its own.  Never sees plaintext.
 */
#include "vault/core.h"

#include <errno.h>
#include <string.h>


struct object {
	const char *type, *name, *sql;
};

/* By name, as the check reads them. */
static const struct object schema[] = {
	{ "table", "bucket",
	  "CREATE TABLE bucket(no INTEGER PRIMARY KEY, "
	  "version INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT" },
	{ "table", "header",
	  "CREATE TABLE header(one INTEGER PRIMARY KEY, "
	  "format INTEGER NOT NULL, vault BLOB NOT NULL, key BLOB NOT NULL, "
	  "sealed BLOB NOT NULL) STRICT" },
	{ "table", "journal",
	  "CREATE TABLE journal(seq INTEGER PRIMARY KEY, "
	  "sealed BLOB NOT NULL, mac BLOB NOT NULL) STRICT" },
	{ "table", "record",
	  "CREATE TABLE record(tab INTEGER NOT NULL, id BLOB NOT NULL, "
	  "version INTEGER NOT NULL, secret_version INTEGER NOT NULL, "
	  "grp BLOB, area BLOB, fp BLOB, due INTEGER, data BLOB NOT NULL, "
	  "secret BLOB, PRIMARY KEY(tab, id)) STRICT, WITHOUT ROWID" },
	{ "index", "record_area",
	  "CREATE INDEX record_area ON record(tab, area) "
	  "WHERE area IS NOT NULL" },
	{ "index", "record_due",
	  "CREATE INDEX record_due ON record(due) WHERE due IS NOT NULL" },
	{ "index", "record_fp",
	  "CREATE INDEX record_fp ON record(tab, fp) WHERE fp IS NOT NULL" },
	{ "index", "record_grp",
	  "CREATE INDEX record_grp ON record(tab, grp) "
	  "WHERE grp IS NOT NULL" },
	{ "table", "slot",
	  "CREATE TABLE slot(id INTEGER PRIMARY KEY, "
	  "record BLOB NOT NULL) STRICT" },
	{ "table", "state",
	  "CREATE TABLE state(one INTEGER PRIMARY KEY, "
	  "version INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT" },
};
#define OBJECTS (sizeof(schema) / sizeof(schema[0]))

#define ROW "tab, id, version, secret_version, grp, area, fp, due, data"

static const char *const sql[STMTS] = {
	[ST_BEGIN_READ] = "BEGIN",
	[ST_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_DATA_VERSION] = "PRAGMA data_version",
	[ST_STATE_GET] = "SELECT version, sealed FROM state WHERE one = 1",
	[ST_STATE_PUT] = "INSERT OR REPLACE INTO state(one, version, sealed) "
			 "VALUES(1, ?1, ?2)",
	[ST_HEADER_PUT] = "INSERT OR REPLACE INTO header"
			  "(one, format, vault, key, sealed) "
			  "VALUES(1, ?1, ?2, ?3, ?4)",
	[ST_BUCKET_GET] = "SELECT version, sealed FROM bucket WHERE no = ?1",
	[ST_BUCKET_PUT] = "INSERT OR REPLACE INTO bucket(no, version, sealed) "
			  "VALUES(?1, ?2, ?3)",
	[ST_BUCKET_ALL] = "SELECT no, version FROM bucket ORDER BY no",
	[ST_ROW_GET] = "SELECT " ROW " FROM record WHERE tab = ?1 AND id = ?2",
	[ST_ROW_PUT] =
		"INSERT INTO record(" ROW ", secret) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
		"ON CONFLICT(tab, id) DO UPDATE SET version = ?3, "
		"secret_version = ?4, grp = ?5, area = ?6, fp = ?7, due = ?8, "
		"data = ?9, secret = CASE WHEN ?11 THEN secret ELSE ?10 END",
	[ST_ROW_DELETE] = "DELETE FROM record WHERE tab = ?1 AND id = ?2",
	[ST_ROW_SECRET] = "SELECT secret FROM record "
			  "WHERE tab = ?1 AND id = ?2",
	[ST_ROW_RESEAL] = "UPDATE record SET data = ?3, secret = ?4 "
			  "WHERE tab = ?1 AND id = ?2",
	[ST_ROW_VERSIONS] = "SELECT id, version FROM record WHERE tab = ?1 "
			    "AND id >= ?2 AND id <= ?3 ORDER BY id",
	[ST_ROW_NEXT] = "SELECT " ROW ", secret FROM record "
			"WHERE (tab, id) > (?1, ?2) ORDER BY tab, id LIMIT 1",
	/* INDEXED BY: without statistics the planner scans the table */
	[ST_WALK_TABLE] = "SELECT " ROW " FROM record WHERE tab = ?1 "
			  "ORDER BY id",
	[ST_WALK_GROUP] = "SELECT " ROW " FROM record "
			  "INDEXED BY record_grp "
			  "WHERE tab = ?1 AND grp = ?2 ORDER BY id",
	[ST_WALK_AREA] = "SELECT " ROW " FROM record "
			 "INDEXED BY record_area "
			  "WHERE tab = ?1 AND area = ?2 ORDER BY id",
	[ST_WALK_FP] = "SELECT " ROW " FROM record "
		       "INDEXED BY record_fp "
			  "WHERE tab = ?1 AND fp = ?2 ORDER BY id",
	[ST_WALK_DUE] = "SELECT " ROW " FROM record "
			"INDEXED BY record_due WHERE due IS NOT NULL "
			"AND due <= ?2 AND tab = ?1 ORDER BY due LIMIT ?3",
	[ST_SLOT_PUT] = "INSERT OR REPLACE INTO slot(id, record) "
			"VALUES(?1, ?2)",
	[ST_SLOT_DELETE] = "DELETE FROM slot WHERE id = ?1",
	[ST_JOURNAL_PUT] = "INSERT INTO journal(seq, sealed, mac) "
			   "VALUES(?1, ?2, ?3)",
	[ST_JOURNAL_GET] = "SELECT seq, sealed, mac FROM journal "
			   "WHERE seq = ?1",
	[ST_JOURNAL_WALK] = "SELECT seq, sealed, mac FROM journal "
			    "WHERE seq >= ?1 AND seq <= ?2 ORDER BY seq",
	[ST_JOURNAL_RESEAL] = "UPDATE journal SET sealed = ?2, mac = ?3 "
			      "WHERE seq = ?1",
};

/* ---- errors ----------------------------------------------------------------- */

static enum err_code code_of(sqlite3 *db, int rc)
{
	int sys = db ? sqlite3_system_errno(db) : 0;

	switch (rc) {
	case SQLITE_IOERR_SHORT_READ:
	case SQLITE_IOERR_CORRUPTFS:
		return ERR_TAMPER;
	case SQLITE_IOERR_NOMEM:
		return ERR_NOMEM;
	}
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_SCHEMA:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* our statements are right: the file is not */
		return ERR_TAMPER;
	case SQLITE_TOOBIG:
		return ERR_TOOBIG;
	case SQLITE_MISUSE:
		return ERR_BUG;
	}
	return sys == ENOSPC || sys == EDQUOT ? ERR_FULL : ERR_IO;
}

int db_fail(sqlite3 *db, int rc, const char *doing, struct err *e)
{
	int sys = db ? sqlite3_system_errno(db) : 0;
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
	enum err_code code = code_of(db, rc);

	if (code == ERR_IO && sys)
		err_fail(e, code, NULL, "%s: %s (%s)", doing, text,
			 strerror(sys));
	else
		err_fail(e, code, NULL, "%s: %s", doing, text);
	if (code == ERR_FULL)
		err_hint(e, "free some space, then run it again");
	return -1;
}

/* ---- statements --------------------------------------------------------------- */

sqlite3_stmt *stmt_take(struct vault *v, enum stmt s, struct err *e)
{
	sqlite3_stmt *st = v->st[s];
	int rc;

	if (st) {
		v->st[s] = NULL;
		return st;
	}
	rc = sqlite3_prepare_v3(v->db, sql[s], -1, SQLITE_PREPARE_PERSISTENT,
				&st, NULL);
	if (rc != SQLITE_OK) {
		db_fail(v->db, rc, "preparing a statement", e);
		return NULL;
	}
	return st;
}

void stmt_give(struct vault *v, enum stmt s, sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (v->st[s])
		sqlite3_finalize(st);
	else
		v->st[s] = st;
}

int stmt_run(struct vault *v, enum stmt s, sqlite3_stmt *st, const char *doing,
	     struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		db_fail(v->db, rc, doing, e);
	stmt_give(v, s, st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

int stmt_exec(struct vault *v, enum stmt s, const char *doing, struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, s, e);

	return st ? stmt_run(v, s, st, doing, e) : -1;
}

void stmt_blob(sqlite3_stmt *st, int at, const void *p, size_t n)
{
	sqlite3_bind_blob64(st, at, n ? p : "", n, SQLITE_STATIC);
}

static bool id_zero(const struct store_id *id)
{
	static const struct store_id zero;

	return memcmp(id, &zero, sizeof(zero)) == 0;
}

void stmt_id(sqlite3_stmt *st, int at, const struct store_id *id)
{
	if (id_zero(id))
		sqlite3_bind_null(st, at);
	else
		stmt_blob(st, at, id->b, sizeof(id->b));
}

void stmt_u64(sqlite3_stmt *st, int at, uint64_t x)
{
	sqlite3_bind_int64(st, at, (sqlite3_int64)x);
}

bool col_blob(sqlite3_stmt *st, int at, void *out, size_t n)
{
	const void *p = sqlite3_column_blob(st, at);

	if (!p || sqlite3_column_type(st, at) != SQLITE_BLOB ||
	    (size_t)sqlite3_column_bytes(st, at) != n)
		return false;
	memcpy(out, p, n);
	return true;
}

bool col_id(sqlite3_stmt *st, int at, struct store_id *id)
{
	if (sqlite3_column_type(st, at) == SQLITE_NULL) {
		memset(id, 0, sizeof(*id));
		return true;
	}
	/* a stored all-zero id would be a second form of "none" */
	return col_blob(st, at, id->b, sizeof(id->b)) && !id_zero(id);
}

bool col_u64(sqlite3_stmt *st, int at, uint64_t *x)
{
	sqlite3_int64 i = sqlite3_column_int64(st, at);

	if (sqlite3_column_type(st, at) != SQLITE_INTEGER || i < 0)
		return false;
	*x = (uint64_t)i;
	return true;
}

/* ---- the schema ----------------------------------------------------------------- */

static bool same(sqlite3_stmt *st, int at, const char *want)
{
	const unsigned char *have = sqlite3_column_text(st, at);

	return have && strcmp((const char *)have, want) == 0;
}

int schema_check(sqlite3 *db, struct err *e)
{
	sqlite3_stmt *st = NULL;
	size_t n = 0;
	int rc, out = -1;

	rc = sqlite3_prepare_v2(db,
				"SELECT type, name, tbl_name, sql "
				"FROM sqlite_schema ORDER BY name",
				-1, &st, NULL);
	if (rc != SQLITE_OK) {
		db_fail(db, rc, "reading the schema", e);
		goto out;
	}
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (n >= OBJECTS || !same(st, 0, schema[n].type) ||
		    !same(st, 1, schema[n].name) ||
		    !same(st, 3, schema[n].sql)) {
			err_fail(e, ERR_TAMPER, NULL,
				 "the database's schema is not the vault's");
			goto out;
		}
		n++;
	}
	if (rc != SQLITE_DONE) {
		db_fail(db, rc, "reading the schema", e);
		goto out;
	}
	if (n != OBJECTS) {
		err_fail(e, ERR_TAMPER, NULL,
			 "a table or index of the vault is missing");
		goto out;
	}
	out = 0;
out:
	sqlite3_finalize(st);
	return out;
}

int schema_create(sqlite3 *db, struct err *e)
{
	int rc;

	/* tables before the indexes on them */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < OBJECTS; i++) {
			if ((strcmp(schema[i].type, "index") == 0) != pass)
				continue;
			rc = sqlite3_exec(db, schema[i].sql, NULL, NULL, NULL);
			if (rc != SQLITE_OK)
				return db_fail(db, rc, "creating the tables",
					       e);
		}
	}
	return 0;
}
