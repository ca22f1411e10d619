/*
 * slottab: the table of slot records, and the hash over it.
 *
 * Records are opaque here (keyring.h).  The hash of the whole table is part of
 * the sealed state, so a record swapped, put back or added from outside is
 * noticed once any slot has opened the vault.
 */
#include <string.h>

#include "vault/core.h"

struct slots_sum {
	struct vault *v;
	unsigned char *out;
};

static int slots_sum(unsigned id, const void *record, size_t n, void *arg,
		     struct err *e)
{
	struct slots_sum *s = arg;
	unsigned char no[8];
	const struct seal_part parts[] = {
		{ s->out, MAC_LEN },
		{ no, sizeof(no) },
		{ record, n },
	};

	(void)e;
	seal_put64(no, id);
	seal_hash(s->v->keys->fresh, parts, 3, s->out, MAC_LEN);
	return 0;
}

int slots_hash(struct vault *v, unsigned char out[MAC_LEN], struct err *e)
{
	struct slots_sum s = { v, out };

	memset(out, 0, MAC_LEN);
	return slot_each(v->db, slots_sum, &s, e);
}

static int slot_highest(unsigned id, const void *record, size_t n, void *arg,
			struct err *e)
{
	(void)record;
	(void)n;
	(void)e;
	*(unsigned *)arg = id;
	return 0;
}

int slot_write(struct vault *v, unsigned *id, const void *record, size_t n,
	       struct err *e)
{
	unsigned last = 0;
	sqlite3_stmt *st;

	if (!v->tx)
		return err_fail(e, ERR_BUG, NULL, "no transaction is open");
	if (n == 0 || n > SLOT_RECORD_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "a slot of %zu bytes", n);
	if (!*id) {
		if (slot_each(v->db, slot_highest, &last, e))
			return -1;
		*id = last + 1;
	}
	st = stmt_take(v, ST_SLOT_PUT, e);
	if (!st)
		return -1;
	stmt_u64(st, 1, *id);
	stmt_blob(st, 2, record, n);
	v->slots_dirty = true;
	return stmt_run(v, ST_SLOT_PUT, st, "writing a slot", e);
}

int slot_delete(struct vault *v, unsigned id, struct err *e)
{
	sqlite3_stmt *st;

	if (!v->tx)
		return err_fail(e, ERR_BUG, NULL, "no transaction is open");
	st = stmt_take(v, ST_SLOT_DELETE, e);
	if (!st)
		return -1;
	stmt_u64(st, 1, id);
	v->slots_dirty = true;
	return stmt_run(v, ST_SLOT_DELETE, st, "removing a slot", e);
}
