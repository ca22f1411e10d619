/*
 * backup: a consistent copy of the vault in one file, still sealed.
 *
 * The file is the database, copied page by page inside one read section (so a
 * kill may go on writing meanwhile), plus a table `backup` with the head that
 * belongs to exactly that state.  It appears under its name only when it is
 * whole and synced.
 *
 * Must never: replace a file that is there.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/io.h"
#include "base/mem.h"
#include "vault/core.h"

#define TABLE "CREATE TABLE backup(one INTEGER PRIMARY KEY, " \
	      "made INTEGER NOT NULL, head BLOB NOT NULL) STRICT"

static int exec(sqlite3 *db, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, rc, "writing the copy", e);
}

static int copy_pages(sqlite3 *to, sqlite3 *from, struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return db_fail(to, sqlite3_errcode(to), "starting the copy", e);
	rc = sqlite3_backup_step(b, -1);
	sqlite3_backup_finish(b);
	if (rc != SQLITE_DONE)
		return db_fail(to, rc, "copying the database", e);
	return 0;
}

static int add_head(sqlite3 *db, const unsigned char head[HEAD_FILE_LEN],
		    struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc;

	if (exec(db, TABLE, e) != 0)
		return -1;
	rc = sqlite3_prepare_v2(db, "INSERT INTO backup VALUES (1, ?1, ?2)", -1,
				&st, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(st, 1, clock_wall_ms());
		sqlite3_bind_blob(st, 2, head, HEAD_FILE_LEN, SQLITE_STATIC);
		rc = sqlite3_step(st);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : db_fail(db, rc, "writing the head", e);
}

/* Pages and head of one and the same state, into the new file `part`. */
static int fill(struct vault *v, const char *part, struct err *e)
{
	unsigned char head[HEAD_FILE_LEN];
	sqlite3 *to = NULL;
	int rc = -1, got;

	if (io_create(part, "", 0, 0600, e) != 0)
		return -1;
	got = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL);
	if (got != SQLITE_OK) {
		db_fail(to, got, "opening the copy", e);
		goto out;
	}
	if (read_begin(v, e) != 0)
		goto out;
	rc = head_image(v, head, e);
	if (rc == 0)
		rc = copy_pages(to, v->db, e);
	read_end(v);
	if (rc == 0 && (exec(to, "PRAGMA journal_mode = DELETE", e) != 0 ||
			add_head(to, head, e) != 0))
		rc = -1;
out:
	sqlite3_close(to);
	if (rc == 0)
		rc = io_sync(part, e);
	return rc;
}

int vault_backup(struct vault *v, const char *path, struct err *e)
{
	struct buf part = BUF_INIT(BUF_TEXT_MAX);
	bool claimed = false, begun = false;
	int rc = -1;

	if (buf_printf(&part, e, "%s.part", path) != 0)
		goto out;
	/* The name is claimed first, so that two backups cannot take it. */
	if (io_create(path, "", 0, 0600, e) != 0)
		goto out;
	claimed = true;
	if (unlink(part.p) != 0 && errno != ENOENT) {
		err_sys(e, part.p, "remove an unfinished backup");
		goto out;
	}
	begun = true;
	if (fill(v, part.p, e) != 0)
		goto out;
	crash_point("backup.before-rename");
	if (io_move(part.p, path, e) != 0)
		goto out;
	crash_point("backup.after-rename");
	rc = 0;
out:
	if (rc != 0) {
		if (begun)
			(void)unlink(part.p);
		if (claimed)
			(void)unlink(path);
		err_ctx(e, path, "back up the vault");
		err_state(e, "no backup was made");
	}
	buf_release(&part);
	return rc;
}
