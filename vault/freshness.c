/*
 * freshness: an old, missing or extra row is noticed.
 *
 * A seal proves that a row was once ours in this place; it cannot prove that
 * it is the latest.  So every row (table, id, version) is hashed under a key
 * and the hashes of a bucket are added up modulo 2^256; the sum lies sealed
 * in `bucket`, the buckets' versions add up the same way into the sealed
 * state row, and that is named by DIR/vault.head outside the database.
 * A change costs one subtraction and one addition per bucket; a reader adds
 * up the few hundred rows of one bucket, once (versions.c).
 *
 * Groups have sums of their own (group.c).
 *
 * Must never: take a sum from the cache after a rollback or another
 * process's commit (state_load notices both).
 */
#include "vault/core.h"

#include <string.h>

#include "base/mem.h"

#define STATE_LEN (8 + SUM_LEN + 8 + MAC_LEN + MAC_LEN)
#define TERM_TOP 0xffu /* "table" of the terms of the top sum */

/* ---- sums ---------------------------------------------------------------------- */

unsigned bucket_of(const struct store_id *id)
{
	return (unsigned)id->b[0] << 1 | (unsigned)id->b[1] >> 7;
}

void sum_term(const struct vault *v, unsigned tab, const struct store_id *id,
	      uint64_t version, struct sum *out)
{
	unsigned char m[1 + sizeof(id->b) + 8];

	m[0] = (unsigned char)tab;
	memcpy(m + 1, id->b, sizeof(id->b));
	seal_put64(m + 1 + sizeof(id->b), version);
	seal_digest(v->keys->fresh, m, sizeof(m), out->b);
	out->n = 1;
}

static void bucket_term(const struct vault *v, unsigned no, uint64_t version,
			struct sum *out)
{
	struct store_id id = { { 0 } };

	seal_put64(id.b, no);
	sum_term(v, TERM_TOP, &id, version, out);
}

void sum_add(struct sum *s, const struct sum *term)
{
	unsigned carry = 0;

	for (int i = 0; i < 32; i += 8) {
		unsigned __int128 x = (unsigned __int128)seal_get64(s->b + i) +
				      seal_get64(term->b + i) + carry;

		seal_put64(s->b + i, (uint64_t)x);
		carry = (unsigned)(x >> 64);
	}
	s->n += term->n;
}

void sum_sub(struct sum *s, const struct sum *term)
{
	unsigned borrow = 0;

	for (int i = 0; i < 32; i += 8) {
		unsigned __int128 x = (unsigned __int128)seal_get64(s->b + i) -
				      seal_get64(term->b + i) - borrow;

		seal_put64(s->b + i, (uint64_t)x);
		borrow = (x >> 64) != 0;
	}
	s->n -= term->n;
}

bool sum_equal(const struct sum *a, const struct sum *b)
{
	return a->n == b->n && secret_equal_bytes(a->b, b->b, sizeof(a->b));
}

void sum_put(unsigned char out[SUM_LEN], const struct sum *s)
{
	memcpy(out, s->b, sizeof(s->b));
	seal_put64(out + sizeof(s->b), s->n);
}

void sum_get(const unsigned char in[SUM_LEN], struct sum *s)
{
	memcpy(s->b, in, sizeof(s->b));
	s->n = seal_get64(in + sizeof(s->b));
}

/* ---- the state row --------------------------------------------------------------- */

void state_forget(struct vault *v)
{
	v->state.loaded = false;
	groups_forget(v);
	versions_forget_all(v);
	for (unsigned t = 0; t < TABS; t++) {
		if (v->bucket[t])
			memset(v->bucket[t], 0,
			       BUCKETS * sizeof(*v->bucket[t]));
	}
}

static void state_ad(const struct vault *v, uint64_t version,
		     struct seal_ad *a)
{
	seal_ad(a, SEAL_STATE, v->id, v->keys);
	seal_ad_u64(a, version);
}

static struct bucket *bucket_slot(struct vault *v, unsigned tab, unsigned no,
				  struct err *e)
{
	if (!v->bucket[tab]) {
		v->bucket[tab] = mem_array(BUCKETS, sizeof(struct bucket));
		if (!v->bucket[tab])
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return v->bucket[tab] ? &v->bucket[tab][no] : NULL;
}

/* Every bucket row's version, against the top sum. */
static int top_check(struct vault *v, const struct state *s, struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_BUCKET_ALL, e);
	struct sum have = { .n = 0 }, term;
	struct bucket *b;
	uint64_t no, version;
	int rc, out = -1;

	if (!st)
		goto out;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!col_u64(st, 0, &no) || !col_u64(st, 1, &version) ||
		    no >= TABS * BUCKETS || version == 0) {
			err_fail(e, ERR_TAMPER, NULL,
				 "the freshness table is damaged");
			goto out;
		}
		bucket_term(v, (unsigned)no, version, &term);
		sum_add(&have, &term);
		b = bucket_slot(v, (unsigned)(no / BUCKETS),
				(unsigned)(no % BUCKETS), e);
		if (!b)
			goto out;
		b->version = version;
	}
	if (rc != SQLITE_DONE) {
		db_fail(v->db, rc, "reading the freshness table", e);
		goto out;
	}
	if (!sum_equal(&have, &s->top)) {
		err_fail(e, ERR_TAMPER, NULL,
			 "the freshness table is not the last one written");
		goto out;
	}
	out = 0;
out:
	stmt_give(v, ST_BUCKET_ALL, st);
	return out;
}

static int state_parse(struct vault *v, uint64_t version, const void *box,
		       size_t n, struct state *s, struct err *e)
{
	struct buf plain = BUF_INIT(BUF_TEXT_MAX);
	const unsigned char *p;
	struct seal_ad a;
	int rc = -1;

	state_ad(v, version, &a);
	if (seal_open(v->keys->state, &a, box, n, SEAL_PAD_ROW, &plain, e))
		goto out;
	if (plain.len != STATE_LEN) {
		err_fail(e, ERR_TAMPER, NULL, "the state has a wrong length");
		goto out;
	}
	p = (const unsigned char *)plain.p;
	s->version = version;
	s->counter = seal_get64(p);
	sum_get(p + 8, &s->top);
	s->seq = seal_get64(p + 8 + SUM_LEN);
	memcpy(s->mac, p + 16 + SUM_LEN, MAC_LEN);
	memcpy(s->slots, p + 16 + SUM_LEN + MAC_LEN, MAC_LEN);
	rc = 0;
out:
	buf_release(&plain);
	return rc;
}

/* A state that these keys do not open, beside a header that names others: the
 * root was changed while we had the vault open.  (Whoever forged the name is
 * found out at the next opening.) */
static void rekeyed(struct vault *v, struct err *why)
{
	struct err ignored = ERR_INIT;
	struct db_header h;

	if (why->code != ERR_TAMPER || db_header(v->db, &h, &ignored) ||
	    memcmp(h.key_id, v->keys->id, sizeof(h.key_id)) == 0)
		return;
	err_clear(why);
	err_fail(why, ERR_BUSY, v->dir, "the vault was rekeyed meanwhile");
	err_hint(why, "run it again");
}

/* The same state, yet somebody may have written past it: what was added up
 * before that tells nothing any more. */
static int others_wrote(struct vault *v, struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_DATA_VERSION, e);
	int rc;

	if (!st)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && sqlite3_column_int64(st, 0) != v->data_version) {
		v->data_version = sqlite3_column_int64(st, 0);
		versions_forget_all(v);
	}
	stmt_give(v, ST_DATA_VERSION, st);
	return rc == SQLITE_ROW ? 0 :
				  db_fail(v->db, rc, "reading the state", e);
}

int state_load(struct vault *v, struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_STATE_GET, e);
	struct state s = { .loaded = true };
	struct err why = ERR_INIT;
	uint64_t version = 0;
	const void *box;
	size_t n;
	int rc, out = -1;

	if (!st)
		goto out;
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		db_fail(v->db, rc, "reading the state", e);
		goto out;
	}
	box = rc == SQLITE_ROW ? sqlite3_column_blob(st, 1) : NULL;
	if (!box || !col_u64(st, 0, &version)) {
		err_fail(e, ERR_TAMPER, NULL, "the state row is missing");
		goto out;
	}
	n = (size_t)sqlite3_column_bytes(st, 1);
	seal_digest(v->keys->fresh, box, n, s.digest);
	if (v->state.loaded &&
	    memcmp(s.digest, v->state.digest, MAC_LEN) == 0) {
		out = others_wrote(v, e);
		goto out;
	}
	if (state_parse(v, version, box, n, &s, &why)) {
		rekeyed(v, &why);
		if (e)
			*e = why;
		goto out;
	}
	if (version < v->seen) {
		err_fail(e, ERR_TAMPER, NULL,
			 "the database went back to an older state while open");
		goto out;
	}
	state_forget(v);
	if (top_check(v, &s, e) || others_wrote(v, e))
		goto out;
	v->state = s;
	v->seen = version;
	out = 0;
out:
	stmt_give(v, ST_STATE_GET, st);
	if (out)
		state_forget(v);
	return out;
}

/* ---- buckets --------------------------------------------------------------------- */

static void bucket_ad(const struct vault *v, unsigned no, uint64_t version,
		      struct seal_ad *a)
{
	seal_ad(a, SEAL_BUCKET, v->id, v->keys);
	seal_ad_u64(a, no);
	seal_ad_u64(a, version);
}

static int bucket_load(struct vault *v, unsigned no, struct bucket *b,
		       struct err *e)
{
	sqlite3_stmt *st = stmt_take(v, ST_BUCKET_GET, e);
	struct buf plain = BUF_INIT(BUF_TEXT_MAX);
	uint64_t version = 0;
	struct seal_ad a;
	const void *box;
	int rc, out = -1;

	if (!st)
		goto out;
	stmt_u64(st, 1, no);
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		db_fail(v->db, rc, "reading a freshness sum", e);
		goto out;
	}
	box = rc == SQLITE_ROW ? sqlite3_column_blob(st, 1) : NULL;
	if (!box || !col_u64(st, 0, &version) || version != b->version) {
		err_fail(e, ERR_TAMPER, NULL, "a freshness sum is missing");
		goto out;
	}
	bucket_ad(v, no, version, &a);
	if (seal_open(v->keys->state, &a, box,
		      (size_t)sqlite3_column_bytes(st, 1), SEAL_PAD_ROW, &plain,
		      e))
		goto out;
	if (plain.len != SUM_LEN) {
		err_fail(e, ERR_TAMPER, NULL, "a freshness sum is damaged");
		goto out;
	}
	sum_get((const unsigned char *)plain.p, &b->sum);
	out = 0;
out:
	stmt_give(v, ST_BUCKET_GET, st);
	buf_release(&plain);
	return out;
}

struct bucket *bucket_get(struct vault *v, unsigned tab, unsigned no,
			  struct err *e)
{
	struct bucket *b = bucket_slot(v, tab, no, e);

	if (!b || b->loaded)
		return b;
	if (b->version && bucket_load(v, tab * BUCKETS + no, b, e))
		return NULL;
	b->loaded = true;
	return b;
}

int bucket_change(struct vault *v, unsigned tab, const struct store_id *id,
		  uint64_t old_version, uint64_t new_version, struct err *e)
{
	struct bucket *b = bucket_get(v, tab, bucket_of(id), e);
	struct sum term;

	if (!b || versions_change(b, tab, id, old_version, new_version, e))
		return -1;
	if (old_version) {
		sum_term(v, tab, id, old_version, &term);
		sum_sub(&b->sum, &term);
	}
	if (new_version) {
		sum_term(v, tab, id, new_version, &term);
		sum_add(&b->sum, &term);
	}
	b->dirty = true;
	v->changed = true;
	return 0;
}

static int bucket_save(struct vault *v, unsigned no, struct bucket *b,
		       struct err *e)
{
	struct buf box = BUF_INIT(BUF_TEXT_MAX);
	uint64_t version = ++v->state.counter;
	unsigned char plain[SUM_LEN];
	sqlite3_stmt *st = NULL;
	struct seal_ad a;
	struct sum term;
	int rc = -1;

	sum_put(plain, &b->sum);
	bucket_ad(v, no, version, &a);
	if (seal_shut(v->keys->state, &a, plain, sizeof(plain), SEAL_PAD_ROW,
		      &box, e))
		goto out;
	st = stmt_take(v, ST_BUCKET_PUT, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, no);
	stmt_u64(st, 2, version);
	stmt_blob(st, 3, box.p, box.len);
	if (stmt_run(v, ST_BUCKET_PUT, st, "writing a freshness sum", e))
		goto out;
	if (b->version) {
		bucket_term(v, no, b->version, &term);
		sum_sub(&v->state.top, &term);
	}
	bucket_term(v, no, version, &term);
	sum_add(&v->state.top, &term);
	b->version = version;
	b->dirty = false;
	rc = 0;
out:
	buf_release(&box);
	return rc;
}

int state_save(struct vault *v, struct err *e)
{
	struct buf box = BUF_INIT(BUF_TEXT_MAX);
	unsigned char plain[STATE_LEN];
	struct state *s = &v->state;
	sqlite3_stmt *st;
	struct seal_ad a;
	int rc = -1;

	if (group_flush(v, e)) /* changes buckets */
		goto out;
	groups_forget(v); /* what others commit next is read anew */
	for (unsigned no = 0; no < TABS * BUCKETS; no++) {
		struct bucket *t = v->bucket[no / BUCKETS];

		if (!t)
			no += BUCKETS - 1;
		else if (t[no % BUCKETS].dirty &&
			 bucket_save(v, no, &t[no % BUCKETS], e))
			goto out;
	}
	if (v->slots_dirty && slots_hash(v, s->slots, e))
		goto out;
	s->version++;
	seal_put64(plain, s->counter);
	sum_put(plain + 8, &s->top);
	seal_put64(plain + 8 + SUM_LEN, s->seq);
	memcpy(plain + 16 + SUM_LEN, s->mac, MAC_LEN);
	memcpy(plain + 16 + SUM_LEN + MAC_LEN, s->slots, MAC_LEN);
	state_ad(v, s->version, &a);
	if (seal_shut(v->keys->state, &a, plain, sizeof(plain), SEAL_PAD_ROW,
		      &box, e))
		goto out;
	st = stmt_take(v, ST_STATE_PUT, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, s->version);
	stmt_blob(st, 2, box.p, box.len);
	if (stmt_run(v, ST_STATE_PUT, st, "writing the state", e))
		goto out;
	seal_digest(v->keys->fresh, box.p, box.len, s->digest);
	s->loaded = true;
	rc = 0;
out:
	buf_release(&box);
	return rc;
}
