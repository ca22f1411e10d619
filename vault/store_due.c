/*
 * store_due: what goes by deadlines, with a key and without, and the digest of a
 * table.
 *
 * The deadlines lie unsealed beside each row and are bound by its seal, so what
 * is found here is authentic; a row that an intruder made look later than it
 * is does not open when somebody else walks over it, but is not found here.
 */
#include "vault/core.h"

#include <string.h>

static int due_row(struct vault *v, enum store_table t, sqlite3_stmt *st,
		   struct buf *data,
		   struct store_row *row, struct err *e)
{
	struct record r;
	const void *box;
	size_t n = 0;

	if (record_columns(st, &r, &box, &n, e))
		return -1;
	if (r.tab != t)
		return record_tamper(&r, e, "the record lies in another table");
	if (record_open(v, &r, box, n, data, e))
		return -1;
	if (row_check(v, t, &r.id, r.version, e))
		return -1;
	*row = (struct store_row){ .id = r.id, .group = r.group,
				   .area = r.area, .fp = r.fp,
				   .due_ms = r.due_ms, .data = data->p,
				   .len = data->len,
				   .has_secret = r.secret_version != 0 };
	return 0;
}

int store_each_due(struct vault *v, enum store_table t, int64_t now_ms,
		   size_t max, store_fn fn, void *arg, struct err *e)
{
	struct buf data = BUF_INIT(SEAL_BOX_MAX);
	struct store_row row;
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, out = -1, more = 0;

	if (read_begin(v, e))
		return -1;
	st = stmt_take(v, ST_WALK_DUE, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, t);
	stmt_u64(st, 2, now_ms > 0 ? (uint64_t)now_ms : 0);
	stmt_u64(st, 3, max);
	while (!more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (due_row(v, t, st, &data, &row, e))
			goto out;
		more = fn(&row, arg, e);
	}
	if (more < 0)
		goto out;
	if (!more && rc != SQLITE_DONE) {
		db_fail(v->db, rc, "reading the deadlines", e);
		goto out;
	}
	out = 0;
out:
	stmt_give(v, ST_WALK_DUE, st);
	read_end(v);
	buf_release(&data);
	return out;
}

int store_digest(struct vault *v, enum store_table t, struct store_id *out,
		 struct err *e)
{
	struct sum all = { .n = 0 };
	unsigned char bytes[SUM_LEN];
	struct seal_part part = { bytes, sizeof(bytes) };
	int rc = -1;

	if (read_begin(v, e))
		return -1;
	for (unsigned i = 0; i < BUCKETS; i++) {
		const struct bucket *b = bucket_get(v, t, i, e);

		if (!b)
			goto out;
		sum_add(&all, &b->sum);
	}
	sum_put(bytes, &all);
	seal_hash(v->keys->index, &part, 1, out->b, sizeof(out->b));
	rc = 0;
out:
	read_end(v);
	return rc;
}

/* ---- without a key ----------------------------------------------------------- */

/* Steps through "table, deadline", the earliest first. */
static int each_deadline(sqlite3 *db, const char *sql, int64_t now_ms,
			 void (*fn)(unsigned t, int64_t due, void *arg),
			 void *arg, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(st, 1, now_ms);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			const int64_t t = sqlite3_column_int64(st, 0);

			if (t > 0 && t < STORE_TABLES)
				fn((unsigned)t, sqlite3_column_int64(st, 1),
				   arg);
		}
	}
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE)
		return 0;
	db_fail(db, rc, "reading the deadlines", e);
	return -1;
}

static void take_overdue(unsigned t, int64_t due, void *arg)
{
	struct store_deadlines *d = arg;

	if (d->overdue[t]++ == 0)
		d->oldest_ms[t] = due;
}

static void take_next(unsigned t, int64_t due, void *arg)
{
	struct store_deadlines *d = arg;

	d->next_ms = due;
	d->next_table = t;
}

int store_deadlines(const char *dir, int64_t now_ms, struct store_deadlines *out,
		    struct err *e)
{
	sqlite3 *db = NULL;
	int rc = -1;

	*out = (struct store_deadlines){ .overdue = { 0 } };
	/* the index holds all that is asked for, in this order: no row is
	 * touched and nothing is sorted */
	if (db_open(dir, false, &db, e) == 0 &&
	    each_deadline(db, "SELECT tab, due FROM record "
			      "INDEXED BY record_due WHERE due IS NOT NULL "
			      "AND due <= ?1 ORDER BY due",
			  now_ms, take_overdue, out, e) == 0 &&
	    each_deadline(db, "SELECT tab, due FROM record "
			      "INDEXED BY record_due WHERE due IS NOT NULL "
			      "AND due > ?1 ORDER BY due LIMIT 1",
			  now_ms, take_next, out, e) == 0)
		rc = 0;
	db_close(&db);
	return rc;
}

int store_due(const char *dir, int64_t now_ms, uint64_t *overdue,
	      int64_t *next_ms, struct err *e)
{
	struct store_deadlines d;

	*overdue = 0;
	*next_ms = 0;
	if (store_deadlines(dir, now_ms, &d, e) < 0)
		return -1;
	for (unsigned t = 0; t < STORE_TABLES; t++)
		*overdue += d.overdue[t];
	*next_ms = d.next_ms;
	return 0;
}
