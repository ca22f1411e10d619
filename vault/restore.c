/*
 * restore: a backup put in the place of the vault.
 *
 * The new vault is made whole and checked in DIR/restore.part before the old
 * one is touched; then the old files get the ending .before (never replacing
 * an earlier .before) and the new ones move in, the database last.  A crash
 * in between leaves old files under the one name or the other, and the
 * restore can simply be run again.
 *
 * Needs no key: what the backup holds is proved only when it is opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/io.h"
#include "base/mem.h"
#include "vault/core.h"

#define PATH_MAX_OURS 2048
#define KEPT_MAX 1000

struct places {
	char dir[PATH_MAX_OURS], work[PATH_MAX_OURS];
	char db[PATH_MAX_OURS], head[PATH_MAX_OURS], lock[PATH_MAX_OURS];
	char new_db[PATH_MAX_OURS], new_head[PATH_MAX_OURS];
	const char *told; /* the head's own place, or NULL */
};

static int place(char out[PATH_MAX_OURS], const char *dir, const char *name,
		 struct err *e)
{
	int n = snprintf(out, PATH_MAX_OURS, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_MAX_OURS)
		return err_fail(e, ERR_TOOBIG, dir, "the path is too long");
	return 0;
}

static int path_and(char out[PATH_MAX_OURS], const char *path, const char *tail,
		    struct err *e)
{
	int n = snprintf(out, PATH_MAX_OURS, "%s%s", path, tail);

	if (n < 0 || n >= PATH_MAX_OURS)
		return err_fail(e, ERR_TOOBIG, path, "the path is too long");
	return 0;
}

static int places_set(struct places *p, const char *dir, struct err *e)
{
	if (place(p->dir, dir, ".", e) || place(p->work, dir, "restore.part", e) ||
	    place(p->db, dir, "vault.db", e) ||
	    place(p->lock, dir, "vault.lock", e) ||
	    place(p->new_db, p->work, "vault.db", e))
		return -1;
	p->told = head_told(dir);
	if (!p->told)
		return place(p->head, dir, "vault.head", e) ||
		       place(p->new_head, p->work, "vault.head", e) ? -1 : 0;
	/* on another disk maybe: made and kept beside its place there */
	if (path_and(p->head, p->told, "", e) ||
	    path_and(p->new_head, p->told, ".part", e))
		return -1;
	return 0;
}

/* Whatever an interrupted try left there, temporary files too; a symbolic link
 * in its place is not followed. */
static int clear_work(const struct places *p, struct err *e)
{
	int fd = open(p->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *f;
	int rc = -1;

	if (p->told)
		(void)unlink(p->new_head);
	if (!d) {
		if (fd < 0 && errno == ENOENT)
			return 0;
		err_sys(e, p->work, "open the folder");
		goto out;
	}
	while ((f = readdir(d))) {
		if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, f->d_name, 0) != 0) {
			err_sys(e, p->work, "empty it");
			goto out;
		}
	}
	if (rmdir(p->work) != 0) {
		err_sys(e, p->work, "remove it");
		goto out;
	}
	rc = 0;
out:
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- the new vault -------------------------------------------------------- */

static int open_backup(const char *path, sqlite3 **db, struct err *e)
{
	int rc;

	if (access(path, R_OK) != 0)
		return err_fail(e, errno == ENOENT ? ERR_ABSENT : ERR_IO, path,
				"%s", strerror(errno));
	rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL);
	if (rc != SQLITE_OK)
		return db_fail(*db, rc, "opening the backup", e);
	sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return 0;
}

static int read_head(sqlite3 *db, unsigned char head[HEAD_FILE_LEN],
		     struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT head FROM backup WHERE one = 1",
				    -1, &st, NULL);
	int out = -1;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW || !col_blob(st, 0, head, HEAD_FILE_LEN))
		err_fail(e, ERR_FORMAT, NULL,
			 "it is not a backup made by 'curfew vault backup', or "
			 "it is damaged");
	else
		out = 0;
	sqlite3_finalize(st);
	return out;
}

static int copy(sqlite3 *from, const char *path, struct err *e)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b = NULL;
	int rc, out = -1;

	if (io_create(path, "", 0, 0600, e) != 0)
		return -1;
	rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		b = sqlite3_backup_init(to, "main", from, "main");
	if (rc != SQLITE_OK || !b) {
		db_fail(to, rc ? rc : sqlite3_errcode(to), "starting the copy", e);
		goto out;
	}
	rc = sqlite3_backup_step(b, -1);
	sqlite3_backup_finish(b);
	if (rc != SQLITE_DONE) {
		db_fail(to, rc, "copying the backup", e);
		goto out;
	}
	rc = sqlite3_exec(to, "DROP TABLE backup", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		db_fail(to, rc, "finishing the copy", e);
		goto out;
	}
	out = 0;
out:
	sqlite3_close(to);
	return out == 0 ? io_sync(path, e) : -1;
}

static int make_new(const struct places *p, const char *backup,
		    struct db_header *h, struct err *e)
{
	unsigned char head[HEAD_FILE_LEN];
	sqlite3 *from = NULL, *made = NULL;
	int rc = -1;

	if (clear_work(p, e) != 0)
		goto out;
	if (mkdir(p->work, 0700) != 0) {
		err_sys(e, p->work, "make the folder");
		goto out;
	}
	if (open_backup(backup, &from, e) != 0 || read_head(from, head, e) != 0 ||
	    copy(from, p->new_db, e) != 0 ||
	    io_write_atomic(p->new_head, head, sizeof head, 0600, e) != 0)
		goto out;
	/* as strict as any opening: schema, marks, header */
	if (db_open(p->work, false, &made, e) != 0 ||
	    db_header(made, h, e) != 0)
		goto out;
	rc = 0;
out:
	db_close(&made);
	sqlite3_close(from);
	return rc;
}

/* ---- the old one ---------------------------------------------------------- */

/* What lies there now must not be newer, nor another vault; a damaged one may
 * be replaced, that is what backups are for. */
static int check_old(const struct places *p, const char *dir,
		     const struct db_header *h, bool force, struct err *e)
{
	struct db_header old;
	struct err damaged = ERR_INIT;
	sqlite3 *db = NULL;
	int rc = 0;

	if (access(p->db, F_OK) != 0)
		return 0;
	if (db_open(dir, true, &db, &damaged) != 0 ||
	    db_header(db, &old, &damaged) != 0 || force)
		goto out;
	if (memcmp(old.vault_id, h->vault_id, VAULT_ID_LEN) != 0) {
		rc = err_fail(e, ERR_POLICY, dir,
			      "another vault lies there than the one backed up");
	} else if (old.version > h->version) {
		rc = err_fail(e, ERR_POLICY, dir,
			      "the vault there is newer than the backup by %llu "
			      "changes",
			      (unsigned long long)(old.version - h->version));
	}
	if (rc != 0) {
		err_state(e, "nothing was changed");
		err_hint(e, "--force replaces it; the present one is then kept "
			    "as vault.db.before");
	}
out:
	db_close(&db); /* folds the log in, if nobody else reads */
	return rc;
}

static bool there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* The first ending .before, .before-2 ... that no kept file has. */
static int kept_ending(const struct places *p, char *out, size_t cap,
		       struct err *e)
{
	char path[PATH_MAX_OURS];

	for (int i = 1; i < KEPT_MAX; i++) {
		bool used = false;

		if (i == 1)
			snprintf(out, cap, ".before");
		else
			snprintf(out, cap, ".before-%d", i);
		if (path_and(path, p->db, out, e) != 0)
			return -1;
		used = there(path);
		if (path_and(path, p->head, out, e) != 0)
			return -1;
		if (!used && !there(path))
			return 0;
	}
	return err_fail(e, ERR_EXISTS, p->db, "%d replaced vaults are kept there",
			KEPT_MAX);
}

static int keep(const char *path, const char *ending, const char *tail,
		struct err *e)
{
	char from[PATH_MAX_OURS], to[PATH_MAX_OURS], kept[64];

	snprintf(kept, sizeof kept, "%s%s", ending, tail);
	if (path_and(from, path, tail, e) != 0 ||
	    path_and(to, path, kept, e) != 0)
		return -1;
	return there(from) ? io_move(from, to, e) : 0;
}

static int swap(const struct places *p, struct err *e)
{
	char ending[32];

	if (kept_ending(p, ending, sizeof ending, e) != 0)
		return -1;
	crash_point("restore.before-keep");
	/* the log goes with its database, and first: a log left beside another
	 * database would be taken for that one's */
	if (keep(p->db, ending, "-wal", e) != 0 ||
	    keep(p->db, ending, "-shm", e) != 0)
		return -1;
	crash_point("restore.log-kept");
	if (keep(p->db, ending, "", e) != 0)
		return -1;
	crash_point("restore.database-kept");
	if (keep(p->head, ending, "", e) != 0)
		return -1;
	crash_point("restore.head-kept");
	if (io_move(p->new_head, p->head, e) != 0)
		return -1;
	crash_point("restore.head-in");
	if (io_move(p->new_db, p->db, e) != 0)
		return -1;
	crash_point("restore.database-in");
	return 0;
}

int vault_restore(const char *dir, const char *backup, bool force, struct err *e)
{
	struct places *p = mem_zalloc(sizeof *p);
	struct err ignored = ERR_INIT;
	struct db_header h;
	int lock = -1, rc = -1;

	if (!p) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (io_mkdirs(dir, 0700, e) != 0 || places_set(p, dir, e) != 0 ||
	    db_boot(e) != 0)
		goto out;
	lock = io_lock(p->lock, e);
	if (lock < 0)
		goto out;
	if (make_new(p, backup, &h, e) != 0 ||
	    check_old(p, dir, &h, force, e) != 0)
		goto out;
	if (swap(p, e) != 0) {
		err_hint(e, "run the same restore again; the replaced files lie "
			    "beside it as *.before");
		goto out;
	}
	rc = 0;
out:
	if (lock >= 0) {
		(void)clear_work(p, &ignored);
		close(lock);
	}
	mem_free(p);
	if (rc != 0)
		err_ctx(e, backup, "restore the backup");
	return rc;
}
