/*
 * store: records read and written together with their sums.
 *
 * Promises: a row that is old, moved, missing or foreign is ERR_TAMPER and
 * never data.  Transactions are in transaction.c.
 */
#include "vault/core.h"

#include <string.h>

#include "base/mem.h"

static bool id_none(const struct store_id *id)
{
	static const struct store_id zero;

	return memcmp(id, &zero, sizeof(zero)) == 0;
}

static bool id_same(const struct store_id *a, const struct store_id *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct store_id store_id(const struct vault *v, enum store_table t,
			 const char *const *parts, size_t n)
{
	struct seal_part p[8] = { { .p = NULL } };
	unsigned char tab = (unsigned char)t;
	struct store_id id;

	if (n > 7)
		__builtin_trap(); /* the callers' part lists are constants */
	p[0] = (struct seal_part){ &tab, 1 };
	for (size_t i = 0; i < n; i++)
		p[i + 1] = (struct seal_part){ parts[i], strlen(parts[i]) };
	seal_hash(v->keys->index, p, n + 1, id.b, sizeof(id.b));
	return id;
}

struct finger {
	const struct vault *v;
	struct store_id id;
};

static int finger_of(const unsigned char *p, size_t n, void *arg)
{
	struct finger *f = arg;
	struct seal_part part = { p, n };

	seal_hash(f->v->keys->finger, &part, 1, f->id.b, sizeof(f->id.b));
	return 0;
}

struct store_id store_fingerprint(const struct vault *v, const struct secret *s)
{
	struct finger f = { .v = v };

	secret_reveal(s, finger_of, &f);
	return f.id;
}

/* ---- writing ----------------------------------------------------------------------- */

/* One of a row's groups: left for another, or the same with another term. */
static int group_moved(struct vault *v, enum group_kind kind, enum store_table t,
		       const struct store_id *a, const struct store_id *b,
		       const struct sum *minus, const struct sum *plus,
		       struct err *e)
{
	if (id_same(a, b))
		return id_none(a) ? 0 :
			       group_change(v, kind, t, a, minus, plus, e);
	if (!id_none(a) && group_change(v, kind, t, a, minus, NULL, e))
		return -1;
	return id_none(b) ? 0 : group_change(v, kind, t, b, NULL, plus, e);
}

/* The members of a group changed by one row: old and new term. */
static int groups_change(struct vault *v, const struct record *old,
			 const struct record *new, struct err *e)
{
	const struct record *any = new ? new : old;
	struct sum minus, plus;

	if (old)
		sum_term(v, old->tab, &old->id, old->version, &minus);
	if (new)
		sum_term(v, new->tab, &new->id, new->version, &plus);
	for (int i = 0; i < 3; i++) {
		const enum group_kind kind = i == 0 ? GROUP_GROUP :
					     i == 1 ? GROUP_AREA :
						      GROUP_FP;
		const struct store_id none = { { 0 } };
		const struct store_id *a = &none, *b = &none;

		if (old)
			a = i == 0 ? &old->group : i == 1 ? &old->area :
							    &old->fp;
		if (new)
			b = i == 0 ? &new->group : i == 1 ? &new->area :
							    &new->fp;
		if (group_moved(v, kind, any->tab, a, b, &minus, &plus, e))
			return -1;
	}
	return 0;
}

/* What becomes of the secret; fills its part of r and maybe a box. */
static int put_secret(struct vault *v, const struct store_row *row,
		      const struct record *old, struct record *r,
		      struct buf *box, struct err *e)
{
	struct seal_ad a;

	if (row->drop_secret) {
		r->fp = old && id_none(&row->fp) ? old->fp : row->fp;
		return 0;
	}
	if (row->keep_secret) {
		r->fp = old ? old->fp : row->fp;
		r->secret_version = old ? old->secret_version : 0;
		return 0;
	}
	r->fp = row->fp;
	if (!row->secret)
		return 0;
	r->secret_version = r->version;
	record_secret_ad(v, v->keys, r, &a);
	return seal_shut_secret(v->keys->secrets, &a, row->secret, box, e);
}

static int put(struct vault *v, enum store_table t, const struct store_row *row,
	       struct err *e)
{
	struct buf data = BUF_INIT(SEAL_BOX_MAX);
	struct buf box = BUF_INIT(SEAL_BOX_MAX);
	struct record old, r = { .tab = t, .id = row->id, .group = row->group,
				 .area = row->area };
	int found, rc = -1;

	/* opened, not only looked at: what is kept from it must be authentic */
	found = record_get(v, t, &row->id, &old, &data, e);
	if (found < 0 || row_check(v, t, &row->id, found ? old.version : 0, e))
		goto out;
	r.version = ++v->state.counter;
	r.due_ms = row->due_ms > 0 ? row->due_ms : 0;
	if (put_secret(v, row, found ? &old : NULL, &r, &box, e) ||
	    record_put(v, &r, row->data, row->len, box.len ? &box : NULL,
		       row->keep_secret && r.secret_version, e) ||
	    bucket_change(v, t, &r.id, found ? old.version : 0, r.version, e) ||
	    groups_change(v, found ? &old : NULL, &r, e))
		goto out;
	rc = 0;
out:
	buf_release(&data);
	buf_release(&box);
	return rc;
}

static bool table_valid(enum store_table t)
{
	return t >= STORE_CONNECTION && t < STORE_TABLES;
}

int store_put(struct vault *v, enum store_table t, const struct store_row *row,
	      struct err *e)
{
	struct write w;

	if (!table_valid(t) || id_none(&row->id))
		return err_fail(e, ERR_BUG, NULL, "no such table or record id");
	if (write_begin(v, &w, e))
		return -1;
	return write_end(v, &w, put(v, t, row, e), e);
}

static int delete_row(struct vault *v, enum store_table t,
		      const struct store_id *id, struct err *e)
{
	struct buf data = BUF_INIT(SEAL_BOX_MAX);
	struct record old;
	int rc = record_get(v, t, id, &old, &data, e);

	buf_release(&data);
	if (rc < 0 || row_check(v, t, id, rc ? old.version : 0, e))
		return -1;
	if (rc == 0)
		return 0;
	if (record_delete(v, t, id, e) ||
	    bucket_change(v, t, id, old.version, 0, e))
		return -1;
	return groups_change(v, &old, NULL, e);
}

int store_delete(struct vault *v, enum store_table t, const struct store_id *id,
		 struct err *e)
{
	struct write w;

	if (!table_valid(t))
		return err_fail(e, ERR_BUG, NULL, "no such table");
	if (write_begin(v, &w, e))
		return -1;
	return write_end(v, &w, delete_row(v, t, id, e), e);
}

/* ---- reading ----------------------------------------------------------------------- */

static void row_meta(const struct record *r, struct store_row *row)
{
	memset(row, 0, sizeof(*row));
	row->id = r->id;
	row->group = r->group;
	row->area = r->area;
	row->fp = r->fp;
	row->due_ms = r->due_ms;
	row->has_secret = r->secret_version != 0;
}

int store_get(struct vault *v, enum store_table t, const struct store_id *id,
	      struct buf *data, struct secret **secret, struct err *e)
{
	struct store_row meta;

	return store_look(v, t, id, data, &meta, secret, e);
}

int store_look(struct vault *v, enum store_table t, const struct store_id *id,
	       struct buf *data, struct store_row *meta, struct secret **secret,
	       struct err *e)
{
	struct buf plain = BUF_INIT(SEAL_BOX_MAX);
	struct record r;
	int rc = -1, found;

	if (secret)
		*secret = NULL;
	if (!table_valid(t))
		return err_fail(e, ERR_BUG, NULL, "no such table");
	if (read_begin(v, e))
		return -1;
	found = record_get(v, t, id, &r, &plain, e);
	if (found < 0 || row_check(v, t, id, found ? r.version : 0, e))
		goto out;
	if (found && secret && record_secret(v, &r, secret, e))
		goto out;
	if (found && data) {
		buf_reset(data);
		if (buf_add(data, plain.p, plain.len, e)) {
			if (secret)
				secret_free(secret);
			goto out;
		}
	}
	if (found)
		row_meta(&r, meta);
	rc = found;
out:
	read_end(v);
	buf_release(&plain);
	return rc;
}

struct walk {
	enum stmt stmt;
	enum store_table t;
	enum group_kind kind;
	const struct store_id *group; /* NULL: the whole table */
	store_fn fn;
	void *arg;
	struct buf data;
	struct sum have; /* of the group, or of the current bucket */
	unsigned at;	 /* current bucket */
	bool stopped;	 /* fn wants no more; the sums go on */
};

/* The whole table: bucket `at` is complete. */
static int walk_bucket(struct vault *v, struct walk *w, struct err *e)
{
	struct bucket *b = bucket_get(v, w->t, w->at, e);

	if (!b)
		return -1;
	if (!sum_equal(&b->sum, &w->have))
		return err_fail(e, ERR_TAMPER, table_word(w->t),
				"a record is old, missing or too many");
	memset(&w->have, 0, sizeof(w->have));
	w->at++;
	return 0;
}

static int walk_row(struct vault *v, struct walk *w, sqlite3_stmt *st,
		    struct err *e)
{
	struct store_row row;
	struct record r;
	struct sum term;
	const void *box;
	size_t n = 0;
	int rc;

	if (record_columns(st, &r, &box, &n, e))
		return -1;
	if (r.tab != w->t)
		return record_tamper(&r, e, "the record lies in another table");
	while (!w->group && w->at < bucket_of(&r.id)) {
		if (walk_bucket(v, w, e))
			return -1;
		if (w->stopped)
			return 1;
	}
	if (!w->group && w->at != bucket_of(&r.id))
		return record_tamper(&r, e, "the records are out of order");
	sum_term(v, r.tab, &r.id, r.version, &term);
	sum_add(&w->have, &term);
	if (w->stopped)
		return 0;
	if (record_open(v, &r, box, n, &w->data, e))
		return -1;
	row_meta(&r, &row);
	row.data = w->data.p;
	row.len = w->data.len;
	rc = w->fn(&row, w->arg, e);
	if (rc < 0)
		return -1;
	w->stopped = rc > 0;
	return 0;
}

static int walk_end(struct vault *v, struct walk *w, struct err *e)
{
	struct sum want;

	if (w->group) {
		if (group_sum(v, w->kind, w->t, w->group, &want, e))
			return -1;
		if (!sum_equal(&want, &w->have))
			return err_fail(e, ERR_TAMPER, table_word(w->t),
					"a record of a group is old, missing "
					"or too many");
		return 0;
	}
	while (w->at < BUCKETS) {
		if (walk_bucket(v, w, e))
			return -1;
	}
	return 0;
}

static int walk(struct vault *v, struct walk *w, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc, out = -1, more = 0;

	if (!table_valid(w->t))
		return err_fail(e, ERR_BUG, NULL, "no such table");
	if (read_begin(v, e))
		return -1;
	st = stmt_take(v, w->stmt, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, w->t);
	if (w->group)
		stmt_blob(st, 2, w->group->b, sizeof(w->group->b));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		more = walk_row(v, w, st, e);
		if (more)
			break;
	}
	if (more < 0)
		goto out;
	if (!more && rc != SQLITE_DONE) {
		db_fail(v->db, rc, "walking records", e);
		goto out;
	}
	if (!more && walk_end(v, w, e))
		goto out;
	out = 0;
out:
	stmt_give(v, w->stmt, st);
	read_end(v);
	buf_release(&w->data);
	return out;
}

int store_each(struct vault *v, enum store_table t, const struct store_id *group,
	       store_fn fn, void *arg, struct err *e)
{
	struct walk w = { .stmt = group ? ST_WALK_GROUP : ST_WALK_TABLE,
			  .t = t, .kind = GROUP_GROUP, .group = group,
			  .fn = fn, .arg = arg,
			  .data = BUF_INIT(SEAL_BOX_MAX) };

	return walk(v, &w, e);
}

int store_each_area(struct vault *v, enum store_table t,
		    const struct store_id *area, store_fn fn, void *arg,
		    struct err *e)
{
	struct walk w = { .stmt = ST_WALK_AREA, .t = t, .kind = GROUP_AREA,
			  .group = area, .fn = fn, .arg = arg,
			  .data = BUF_INIT(SEAL_BOX_MAX) };

	return walk(v, &w, e);
}

int store_by_secret(struct vault *v, enum store_table t,
		    const struct store_id *fp, store_fn fn, void *arg,
		    struct err *e)
{
	struct walk w = { .stmt = ST_WALK_FP, .t = t, .kind = GROUP_FP,
			  .group = fp, .fn = fn, .arg = arg,
			  .data = BUF_INIT(SEAL_BOX_MAX) };

	return walk(v, &w, e);
}

int store_count(struct vault *v, enum store_table t, uint64_t *n, struct err *e)
{
	struct bucket *b;
	int rc = -1;

	*n = 0;
	if (!table_valid(t))
		return err_fail(e, ERR_BUG, NULL, "no such table");
	if (read_begin(v, e))
		return -1;
	for (unsigned i = 0; i < BUCKETS; i++) {
		b = bucket_get(v, t, i, e);
		if (!b)
			goto out;
		*n += b->sum.n;
	}
	rc = 0;
out:
	read_end(v);
	return rc;
}
