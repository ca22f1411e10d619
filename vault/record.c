/*
 * record: one row of table `record`, sealed and opened.
 *
 * The columns that are not sealed (table, id, versions, group, area,
 * fingerprint, deadline) are associated data of the sealed one: change one of
 * them and the row does not open.  The secret lies in its own box, bound
 * to the version that wrote it, and that version is bound by the data.
 */
#include "vault/core.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *table_word(unsigned tab)
{
	static const char *const words[STORE_TABLES] = {
		[TAB_GROUP] = "group",
		[STORE_CONNECTION] = "connection",
		[STORE_ACCOUNT] = "account",
		[STORE_CREDENTIAL] = "credential",
		[STORE_GRANT] = "grant",
		[STORE_INCIDENT] = "incident",
		[STORE_ACTION] = "action",
		[STORE_SNAPSHOT] = "snapshot",
		[STORE_SETTING] = "setting",
		[STORE_ROTATION] = "rotation",
	};

	return tab < TABS ? words[tab] : "unknown";
}

int record_tamper(const struct record *r, struct err *e, const char *cause)
{
	char hex[9], object[40];

	text_hex(r->id.b, 4, hex);
	snprintf(object, sizeof(object), "%s/%s", table_word(r->tab), hex);
	err_fail(e, ERR_TAMPER, object, "%s", cause);
	err_hint(e, "look with 'curfew vault verify', then restore a backup");
	return -1;
}

static void record_ad(const struct vault *v, const struct record *r,
		      struct seal_ad *a)
{
	seal_ad(a, SEAL_ROW, v->id, v->keys);
	seal_ad_u64(a, r->tab);
	seal_ad_bytes(a, r->id.b, sizeof(r->id.b));
	seal_ad_u64(a, r->version);
	seal_ad_u64(a, r->secret_version);
	seal_ad_bytes(a, r->group.b, sizeof(r->group.b));
	seal_ad_bytes(a, r->area.b, sizeof(r->area.b));
	seal_ad_bytes(a, r->fp.b, sizeof(r->fp.b));
	seal_ad_u64(a, (uint64_t)r->due_ms);
}

void record_secret_ad(const struct vault *v, const struct keys *k,
		      const struct record *r, struct seal_ad *a)
{
	seal_ad(a, SEAL_SECRET, v->id, k);
	seal_ad_u64(a, r->tab);
	seal_ad_bytes(a, r->id.b, sizeof(r->id.b));
	seal_ad_u64(a, r->secret_version);
}

int record_columns(sqlite3_stmt *st, struct record *r, const void **box,
		   size_t *n, struct err *e)
{
	uint64_t tab = 0, due = 0;

	memset(r, 0, sizeof(*r));
	*box = NULL;
	if (col_u64(st, 0, &tab) && tab < TABS)
		r->tab = (unsigned)tab;
	if (tab >= TABS || !col_blob(st, 1, r->id.b, sizeof(r->id.b)))
		return record_tamper(r, e, "the record's id is damaged");
	if (!col_u64(st, 2, &r->version) ||
	    !col_u64(st, 3, &r->secret_version) || !col_id(st, 4, &r->group) ||
	    !col_id(st, 5, &r->area) || !col_id(st, 6, &r->fp) ||
	    (sqlite3_column_type(st, 7) != SQLITE_NULL &&
	     (!col_u64(st, 7, &due) || due == 0)) ||
	    sqlite3_column_type(st, 8) != SQLITE_BLOB)
		return record_tamper(r, e, "the record's columns are damaged");
	r->due_ms = (int64_t)due;
	*box = sqlite3_column_blob(st, 8);
	*n = (size_t)sqlite3_column_bytes(st, 8);
	if (!*box)
		return record_tamper(r, e, "the record is empty");
	return 0;
}

int record_open(struct vault *v, const struct record *r, const void *box,
		size_t n, struct buf *data, struct err *e)
{
	struct seal_ad a;
	struct err why = ERR_INIT;

	record_ad(v, r, &a);
	if (!seal_open(v->keys->rows, &a, box, n, SEAL_PAD_ROW, data, &why))
		return 0;
	if (why.code == ERR_TAMPER)
		return record_tamper(r, e, why.cause);
	return err_fail(e, why.code, table_word(r->tab), "%s", why.cause);
}

int record_shut(struct vault *v, const struct record *r, const void *p,
		size_t n, struct buf *box, struct err *e)
{
	struct seal_ad a;

	record_ad(v, r, &a);
	return seal_shut(v->keys->rows, &a, p, n, SEAL_PAD_ROW, box, e);
}

int record_get(struct vault *v, unsigned tab, const struct store_id *id,
	       struct record *r, struct buf *data, struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_ROW_GET, e);
	const void *box = NULL;
	size_t n = 0;
	int rc, out = -1;

	if (!st)
		return -1;
	stmt_u64(st, 1, tab);
	stmt_blob(st, 2, id->b, sizeof(id->b));
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		out = 0;
	else if (rc != SQLITE_ROW)
		db_fail(v->db, rc, "reading a record", e);
	else if (!record_columns(st, r, &box, &n, e) &&
		 !record_open(v, r, box, n, data, e))
		out = 1;
	stmt_give(v, ST_ROW_GET, st);
	/* SQLite found it under this key; a damaged tree may lie */
	if (out == 1 && (r->tab != tab || memcmp(r->id.b, id->b,
						 sizeof(id->b)) != 0))
		return record_tamper(r, e, "the record lies under another id");
	return out;
}

int record_secret(struct vault *v, const struct record *r, struct secret **out,
		  struct err *e)
{
	struct err why = ERR_INIT;
	struct seal_ad a;
	sqlite3_stmt *st;
	const void *box;
	int rc, done = -1;

	*out = NULL;
	if (!r->secret_version)
		return 0;
	st = stmt_take(v, ST_ROW_SECRET, e);
	if (!st)
		return -1;
	stmt_u64(st, 1, r->tab);
	stmt_blob(st, 2, r->id.b, sizeof(r->id.b));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		db_fail(v->db, rc, "reading a secret", e);
		goto out;
	}
	box = rc == SQLITE_ROW ? sqlite3_column_blob(st, 0) : NULL;
	if (!box) {
		record_tamper(r, e, "the record's secret is missing");
		goto out;
	}
	record_secret_ad(v, v->keys, r, &a);
	if (seal_open_secret(v->keys->secrets, &a, box,
			     (size_t)sqlite3_column_bytes(st, 0), out, &why)) {
		if (why.code == ERR_TAMPER)
			record_tamper(r, e, why.cause);
		else
			err_fail(e, why.code, table_word(r->tab), "%s",
				 why.cause);
		goto out;
	}
	done = 0;
out:
	stmt_give(v, ST_ROW_SECRET, st);
	return done;
}

int record_put(struct vault *v, const struct record *r, const void *p, size_t n,
	       const struct buf *secret_box, bool keep, struct err *e)
{
	struct buf box = BUF_INIT(SEAL_BOX_MAX);
	sqlite3_stmt *st = NULL;
	int rc = -1;

	if (record_shut(v, r, p, n, &box, e))
		goto out;
	st = stmt_take(v, ST_ROW_PUT, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, r->tab);
	stmt_blob(st, 2, r->id.b, sizeof(r->id.b));
	stmt_u64(st, 3, r->version);
	stmt_u64(st, 4, r->secret_version);
	stmt_id(st, 5, &r->group);
	stmt_id(st, 6, &r->area);
	stmt_id(st, 7, &r->fp);
	if (r->due_ms > 0)
		stmt_u64(st, 8, (uint64_t)r->due_ms);
	stmt_blob(st, 9, box.p, box.len);
	if (secret_box)
		stmt_blob(st, 10, secret_box->p, secret_box->len);
	sqlite3_bind_int(st, 11, keep);
	rc = stmt_run(v, ST_ROW_PUT, st, "writing a record", e);
out:
	buf_release(&box);
	return rc;
}

int record_delete(struct vault *v, unsigned tab, const struct store_id *id,
		  struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_ROW_DELETE, e);

	if (!st)
		return -1;
	stmt_u64(st, 1, tab);
	stmt_blob(st, 2, id->b, sizeof(id->b));
	return stmt_run(v, ST_ROW_DELETE, st, "deleting a record", e);
}
