/*
 * reseal: every sealed byte anew under another root, in one transaction.
 *
 * Record ids, versions and freshness sums do not depend on the root; only
 * boxes and the chain's MACs change.  The old keys stay in v->before until
 * the commit, so that a rollback puts them back.
 */
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "vault/core.h"

struct reseal {
	struct vault *v;
	struct keys *fresh;
	struct buf plain, box, secret;
};

static int reseal_secret(struct reseal *s, const struct record *r,
			 struct err *e)
{
	struct secret *value = NULL;
	struct seal_ad a;
	int rc = -1;

	buf_reset(&s->secret);
	if (!r->secret_version)
		return 0;
	if (record_secret(s->v, r, &value, e))
		goto out;
	record_secret_ad(s->v, s->fresh, r, &a);
	rc = seal_shut_secret(s->fresh->secrets, &a, value, &s->secret, e);
out:
	secret_free(&value);
	return rc;
}

static int reseal_record(struct reseal *s, const struct record *r,
			 const void *box, size_t n, struct err *e)
{
	struct vault *v = s->v;
	struct keys *old = v->keys;
	sqlite3_stmt *st;
	int rc;

	if (record_open(v, r, box, n, &s->plain, e) || reseal_secret(s, r, e))
		return -1;
	buf_reset(&s->box);
	v->keys = s->fresh;
	rc = record_shut(v, r, s->plain.p, s->plain.len, &s->box, e);
	v->keys = old;
	if (rc)
		return -1;
	st = stmt_take(v, ST_ROW_RESEAL, e);
	if (!st)
		return -1;
	stmt_u64(st, 1, r->tab);
	stmt_blob(st, 2, r->id.b, sizeof(r->id.b));
	stmt_blob(st, 3, s->box.p, s->box.len);
	if (s->secret.len)
		stmt_blob(st, 4, s->secret.p, s->secret.len);
	return stmt_run(v, ST_ROW_RESEAL, st, "sealing a record anew", e);
}

/* Row after row by key, so that no walk is open while rows change. */
static int reseal_records(struct reseal *s, struct err *e)
{
	struct buf box = BUF_INIT(SEAL_BOX_MAX);
	struct record r = { .tab = 0 };
	struct store_id last = { { 0 } };
	unsigned tab = 0;
	int rc, out = -1;

	for (;;) {
		sqlite3_stmt *st = stmt_take(s->v, ST_ROW_NEXT, e);
		const void *p = NULL;
		size_t n = 0;

		if (!st)
			goto out;
		stmt_u64(st, 1, tab);
		stmt_blob(st, 2, last.b, sizeof(last.b));
		rc = sqlite3_step(st);
		buf_reset(&box);
		if (rc == SQLITE_ROW && (record_columns(st, &r, &p, &n, e) ||
					 buf_add(&box, p, n, e))) {
			stmt_give(s->v, ST_ROW_NEXT, st);
			goto out;
		}
		stmt_give(s->v, ST_ROW_NEXT, st);
		if (rc == SQLITE_DONE)
			break;
		if (rc != SQLITE_ROW) {
			db_fail(s->v->db, rc, "reading a record", e);
			goto out;
		}
		if (reseal_record(s, &r, box.p, box.len, e))
			goto out;
		tab = r.tab;
		last = r.id;
	}
	out = 0;
out:
	buf_release(&box);
	return out;
}

/* One entry; before_* are the MACs of the one before, moved on. */
static int reseal_entry(struct reseal *s, uint64_t seq,
			unsigned char before_old[MAC_LEN],
			unsigned char before_new[MAC_LEN], struct err *e)
{
	sqlite3_stmt *st = stmt_take(s->v, ST_JOURNAL_GET, e);
	unsigned char want[MAC_LEN], have[MAC_LEN];
	const void *box = NULL;
	struct seal_ad a;
	size_t n = 0;
	int rc = -1;

	if (!st)
		return -1;
	stmt_u64(st, 1, seq);
	if (sqlite3_step(st) == SQLITE_ROW) {
		box = sqlite3_column_blob(st, 1);
		n = (size_t)sqlite3_column_bytes(st, 1);
	}
	if (!box || !col_blob(st, 2, have, MAC_LEN))
		goto bad;
	journal_mac(s->v->keys, before_old, seq, box, n, want);
	if (!secret_equal_bytes(want, have, MAC_LEN))
		goto bad;
	journal_ad(s->v, s->v->keys, seq, before_old, &a);
	rc = seal_open(s->v->keys->journal, &a, box, n, SEAL_PAD_ROW, &s->plain,
		       e);
	stmt_give(s->v, ST_JOURNAL_GET, st);
	if (rc)
		return -1;
	memcpy(before_old, have, MAC_LEN);
	journal_ad(s->v, s->fresh, seq, before_new, &a);
	buf_reset(&s->box);
	if (seal_shut(s->fresh->journal, &a, s->plain.p, s->plain.len,
		      SEAL_PAD_ROW, &s->box, e))
		return -1;
	journal_mac(s->fresh, before_new, seq, s->box.p, s->box.len,
		    before_new);
	st = stmt_take(s->v, ST_JOURNAL_RESEAL, e);
	if (!st)
		return -1;
	stmt_u64(st, 1, seq);
	stmt_blob(st, 2, s->box.p, s->box.len);
	stmt_blob(st, 3, before_new, MAC_LEN);
	return stmt_run(s->v, ST_JOURNAL_RESEAL, st,
			"sealing the journal anew", e);
bad:
	stmt_give(s->v, ST_JOURNAL_GET, st);
	return err_fail(e, ERR_TAMPER, s->v->dir,
			"the chain breaks at journal entry %llu",
			(unsigned long long)seq);
}

static int reseal_journal(struct reseal *s, struct err *e)
{
	unsigned char old[MAC_LEN] = { 0 }, new[MAC_LEN] = { 0 };

	for (uint64_t seq = 1; seq <= s->v->state.seq; seq++) {
		if (reseal_entry(s, seq, old, new, e))
			return -1;
	}
	if (!secret_equal_bytes(old, s->v->state.mac, MAC_LEN))
		return err_fail(e, ERR_TAMPER, s->v->dir,
				"the chain does not end where the sealed state "
				"says");
	memcpy(s->v->state.mac, new, MAC_LEN);
	return 0;
}

/* All of them into the cache under the old key; the commit writes them. */
static int touch_buckets(struct vault *v, struct err *e)
{
	for (unsigned t = 0; t < TABS; t++) {
		for (unsigned i = 0; v->bucket[t] && i < BUCKETS; i++) {
			if (!v->bucket[t][i].version)
				continue;
			if (!bucket_get(v, t, i, e) || bucket_check(v, t, i, e))
				return -1;
			v->bucket[t][i].dirty = true;
		}
	}
	return 0;
}

int vault_reseal(struct vault *v, const unsigned char root[KEY_LEN],
		 struct err *e)
{
	struct reseal s = { .v = v,
			    .plain = BUF_INIT(SEAL_BOX_MAX),
			    .box = BUF_INIT(SEAL_BOX_MAX),
			    .secret = BUF_INIT(SEAL_BOX_MAX) };
	int rc = -1;

	if (!v->tx || v->before)
		return err_fail(e, ERR_BUG, v->dir,
				"not inside a transaction of its own");
	s.fresh = keys_new(root, v->keys->index, e);
	if (!s.fresh || group_flush(v, e) || touch_buckets(v, e) || reseal_records(&s, e) ||
	    reseal_journal(&s, e) || header_write(v, s.fresh, e))
		goto out;
	crash_point("vault.resealed");
	v->before = v->keys;
	v->keys = s.fresh;
	s.fresh = NULL;
	v->changed = v->slots_dirty = true;
	rc = 0;
out:
	if (rc)
		v->broken = true;
	keys_free(&s.fresh);
	buf_release(&s.plain);
	buf_release(&s.box);
	buf_release(&s.secret);
	return rc;
}
