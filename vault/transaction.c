/*
 * transaction: begin, commit, roll back; one snapshot for readers.
 *
 * Promises: a commit is whole or nothing was changed, the cached sums and keys
 * too.  The order at a commit: sums and state row, COMMIT (synced), head.
 */
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/core.h"

bool store_in_transaction(const struct vault *v)
{
	return v->tx;
}

int store_begin(struct vault *v, struct err *e)
{
	if (!v->write)
		return err_fail(e, ERR_BUG, v->dir,
				"the vault is open for reading only");
	if (v->tx || v->readers)
		return err_fail(e, ERR_BUG, v->dir,
				"a transaction or a walk is open already");
	if (stmt_exec(v, ST_BEGIN_WRITE, "beginning a transaction", e))
		return -1;
	v->tx = true;
	v->changed = v->broken = v->slots_dirty = false;
	if (state_load(v, e)) {
		store_rollback(v);
		return -1;
	}
	return 0;
}

void store_rollback(struct vault *v)
{
	struct err e = ERR_INIT;

	if (!v->tx)
		return;
	/* SQLite has rolled back by itself after some errors */
	if (!sqlite3_get_autocommit(v->db) &&
	    stmt_exec(v, ST_ROLLBACK, "rolling back", &e))
		log_err(LOG_WARNING, &e);
	if (v->before) {
		keys_free(&v->keys);
		v->keys = v->before;
		v->before = NULL;
	}
	v->tx = v->changed = v->broken = v->slots_dirty = false;
	state_forget(v);
}

static int commit_work(struct vault *v, struct err *e)
{
	if (v->broken)
		return err_fail(e, ERR_BUG, v->dir,
				"a write in this transaction did not succeed");
	if (v->changed || v->slots_dirty) {
		if (state_save(v, e))
			return -1;
		/* see head.c: under a new root the head goes first */
		if (v->before && head_write(v, true, e))
			return -1;
	}
	crash_point("vault.before-commit");
	return stmt_exec(v, ST_COMMIT, "committing", e);
}

int store_commit(struct vault *v, struct err *e)
{
	struct err late = ERR_INIT;
	bool wrote;

	if (!v->tx)
		return err_fail(e, ERR_BUG, v->dir, "no transaction is open");
	if (commit_work(v, e)) {
		store_rollback(v);
		err_state(e, "nothing was changed");
		return -1;
	}
	crash_point("vault.after-commit");
	wrote = v->changed || v->slots_dirty;
	v->tx = v->changed = v->slots_dirty = false;
	keys_free(&v->before);
	v->seen = v->state.version;
	/* The commit stands; a head that stays behind is allowed and the next
	 * one catches up. */
	if (wrote && head_write(v, false, &late))
		log_err(LOG_WARNING, &late);
	crash_point("vault.after-head");
	return 0;
}

int read_begin(struct vault *v, struct err *e)
{
	if (v->tx || v->readers) {
		v->readers++;
		return 0;
	}
	if (stmt_exec(v, ST_BEGIN_READ, "beginning to read", e))
		return -1;
	v->readers = 1;
	if (state_load(v, e)) {
		read_end(v);
		return -1;
	}
	return 0;
}

void read_end(struct vault *v)
{
	if (--v->readers || v->tx)
		return;
	/* Nothing was written; if SQLite ended it already, fine. */
	if (!sqlite3_get_autocommit(v->db) &&
	    stmt_exec(v, ST_ROLLBACK, "ending a read", NULL))
		state_forget(v);
}

int write_begin(struct vault *v, struct write *w, struct err *e)
{
	w->own = !v->tx;
	if (!w->own && v->readers)
		return err_fail(e, ERR_BUG, v->dir, "a write inside a walk");
	return w->own ? store_begin(v, e) : 0;
}

int write_end(struct vault *v, struct write *w, int rc, struct err *e)
{
	if (w->own && !rc)
		return store_commit(v, e);
	if (w->own) {
		store_rollback(v);
		err_state(e, "nothing was changed");
	} else if (rc) {
		v->broken = true;
	}
	return rc;
}
