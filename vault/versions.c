/*
 * versions: which record of a bucket has which version.
 *
 * To tell that a record is the latest, its whole bucket is added up once and
 * compared with the sealed sum; what was added up is kept, and from then on one
 * comparison tells it.  The promise is that of the sum: a row that is older,
 * missing or too many is ERR_TAMPER for whoever asks for it.
 *
 * Kept until the state row changes by somebody else's commit, a rollback, or
 * any write that another connection made (state_load and state_forget); our own
 * changes go into both, the sum and the list.
 *
 * Must never: take a version from the database without the sum.
 */
#include "vault/core.h"

#include <string.h>

#include "base/mem.h"

static void versions_forget(struct bucket *b)
{
	mem_free(b->rows);
	b->rows = NULL;
	b->n_rows = b->cap_rows = 0;
	b->known = false;
}

void versions_forget_all(struct vault *v)
{
	for (unsigned t = 0; t < TABS; t++)
		for (unsigned i = 0; v->bucket[t] && i < BUCKETS; i++)
			versions_forget(&v->bucket[t][i]);
}

/* Where it is, or where it belongs. */
static size_t place(const struct bucket *b, const struct store_id *id,
		    bool *there)
{
	size_t lo = 0, hi = b->n_rows;

	*there = false;
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const int c = memcmp(b->rows[mid].id.b, id->b, sizeof(id->b));

		if (c == 0) {
			*there = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool insert(struct bucket *b, size_t at, const struct store_id *id,
		   uint64_t version)
{
	if (b->n_rows == b->cap_rows) {
		const size_t cap = b->cap_rows ? b->cap_rows * 2 : 8;
		struct version *p = mem_realloc(b->rows, cap * sizeof(*p));

		if (!p)
			return false;
		b->rows = p;
		b->cap_rows = cap;
	}
	memmove(b->rows + at + 1, b->rows + at,
		(b->n_rows - at) * sizeof(*b->rows));
	b->rows[at] = (struct version){ *id, version };
	b->n_rows++;
	return true;
}

static int stale(unsigned tab, const struct store_id *id, struct err *e)
{
	const struct record r = { .tab = tab, .id = *id };

	return record_tamper(&r, e, "the record is old, missing or too many");
}

int versions_change(struct bucket *b, unsigned tab, const struct store_id *id,
		    uint64_t old_version, uint64_t new_version, struct err *e)
{
	bool there;
	size_t at;

	if (!b->known)
		return 0;
	at = place(b, id, &there);
	if ((there ? b->rows[at].version : 0) != old_version)
		return stale(tab, id, e);
	if (there && new_version) {
		b->rows[at].version = new_version;
	} else if (there) {
		b->n_rows--;
		memmove(b->rows + at, b->rows + at + 1,
			(b->n_rows - at) * sizeof(*b->rows));
	} else if (new_version && !insert(b, at, id, new_version)) {
		versions_forget(b); /* no memory: it is added up again */
	}
	return 0;
}

static void bucket_range(unsigned no, struct store_id *lo, struct store_id *hi)
{
	memset(lo, 0, sizeof(*lo));
	memset(hi, 0xff, sizeof(*hi));
	lo->b[0] = hi->b[0] = (unsigned char)(no >> 1);
	lo->b[1] = (unsigned char)((no & 1) << 7);
	hi->b[1] = (unsigned char)(lo->b[1] | 0x7f);
}

/* Every row of the range into *have and, as long as there is memory for it, the
 * bucket's list. */
static int add_up(struct vault *v, unsigned tab, struct bucket *b,
		  sqlite3_stmt *st, struct sum *have, struct err *e)
{
	bool all = true, there;
	struct store_id id;
	struct sum term;
	uint64_t version;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!col_blob(st, 0, id.b, sizeof(id.b)) ||
		    !col_u64(st, 1, &version))
			return err_fail(e, ERR_TAMPER, table_word(tab),
					"a record's id or version is damaged");
		sum_term(v, tab, &id, version, &term);
		sum_add(have, &term);
		all = all && insert(b, place(b, &id, &there), &id, version);
	}
	if (rc != SQLITE_DONE)
		return db_fail(v->db, rc, "checking freshness", e);
	b->known = all;
	return 0;
}

int bucket_check(struct vault *v, unsigned tab, unsigned no, struct err *e)
{
	struct bucket *b = bucket_get(v, tab, no, e);
	struct sum have = { .n = 0 };
	struct store_id lo, hi;
	sqlite3_stmt *st = NULL;
	int out = -1;

	if (!b)
		goto out;
	st = stmt_take(v, ST_ROW_VERSIONS, e);
	if (!st)
		goto out;
	versions_forget(b);
	bucket_range(no, &lo, &hi);
	stmt_u64(st, 1, tab);
	stmt_blob(st, 2, lo.b, sizeof(lo.b));
	stmt_blob(st, 3, hi.b, sizeof(hi.b));
	if (add_up(v, tab, b, st, &have, e))
		goto out;
	if (!sum_equal(&have, &b->sum)) {
		err_fail(e, ERR_TAMPER, table_word(tab),
			 "a record is old, missing or too many "
			 "(%llu are there, %llu were written)",
			 (unsigned long long)have.n,
			 (unsigned long long)b->sum.n);
		goto out;
	}
	out = 0;
out:
	if (out && b)
		versions_forget(b);
	stmt_give(v, ST_ROW_VERSIONS, st);
	return out;
}

int row_check(struct vault *v, unsigned tab, const struct store_id *id,
	      uint64_t version, struct err *e)
{
	const unsigned no = bucket_of(id);
	struct bucket *b = bucket_get(v, tab, no, e);
	bool there;
	size_t at;

	if (!b)
		return -1;
	if (!b->known && bucket_check(v, tab, no, e))
		return -1;
	if (!b->known) /* no memory for the list; the sum is right */
		return 0;
	at = place(b, id, &there);
	return (there ? b->rows[at].version : 0) == version ?
		       0 : stale(tab, id, e);
}
