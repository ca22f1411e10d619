/*
 * db: the database file DIR/vault.db, opened with every setting of ours.
 *
 * What SQLite gets: our wiping allocator, WAL with a sync at each commit,
 * freed bytes overwritten, no memory mapping, no temporary files, nothing
 * from the file that could run (triggers, views, functions in the schema).
 * Never sees plaintext or a key.
 */
#include "vault/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define APPLICATION_ID 1129669222 /* the file's mark: "CUrf" */
#define BUSY_MS 5000
#define BLOB_MAX (4 * 1024 * 1024)

static void *lib_alloc(int n)
{
	return n > 0 ? mem_alloc((size_t)n) : NULL;
}

static void *lib_realloc(void *p, int n)
{
	return mem_realloc(p, (size_t)n);
}

static int lib_size(void *p)
{
	return (int)mem_size(p);
}

static int lib_roundup(int n)
{
	return (n + 7) & ~7;
}

static int lib_init(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void lib_shutdown(void *arg)
{
	(void)arg;
}

/* Once, before the library's first use: afterwards it would be refused. */
int db_boot(struct err *e)
{
	static const sqlite3_mem_methods methods = {
		lib_alloc, mem_free, lib_realloc, lib_size,
		lib_roundup, lib_init, lib_shutdown, NULL,
	};
	static bool done;
	int rc;

	if (done)
		return 0;
	rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	if (rc == SQLITE_OK)
		rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (rc != SQLITE_OK)
		return err_fail(e, ERR_BUG, NULL,
				"SQLite was in use before the vault");
	rc = sqlite3_initialize();
	if (rc != SQLITE_OK)
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"SQLite does not start: %s",
				sqlite3_errstr(rc));
	done = true;
	return 0;
}

static int pragma_int(sqlite3 *db, const char *text, int64_t *out,
		      struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, text, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && out)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_fail(db, rc, text, e);
	return 0;
}

static int settle(sqlite3 *db, bool write, struct err *e)
{
	static const char *const pragmas[] = {
		"PRAGMA trusted_schema = OFF",
		"PRAGMA cell_size_check = ON",
		"PRAGMA mmap_size = 0",
		"PRAGMA temp_store = MEMORY",
		"PRAGMA synchronous = FULL",
		"PRAGMA secure_delete = ON",
		"PRAGMA cache_size = -65536",
		"PRAGMA wal_autocheckpoint = 1000",
		"PRAGMA journal_size_limit = 16777216",
	};
	static const int config[][2] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	};

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, BLOB_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 1);
	for (size_t i = 0; i < sizeof(config) / sizeof(config[0]); i++)
		sqlite3_db_config(db, config[i][0], config[i][1], NULL);
	for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
		if (pragma_int(db, pragmas[i], NULL, e))
			return -1;
	}
	if (!write && pragma_int(db, "PRAGMA query_only = ON", NULL, e))
		return -1;
	return 0;
}

/* Nobody but us and root may own or change it.  O_PATH, because closing any
 * other descriptor of the database would end SQLite's locks on it. */
static int check_place(const char *path, int flags, struct err *e)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC | flags), rc = -1;
	struct stat st;

	if (fd < 0)
		return err_sys(e, path, "looking at it");
	if (fstat(fd, &st) != 0) {
		err_sys(e, path, "looking at it");
	} else if (st.st_uid != geteuid() && st.st_uid != 0) {
		err_fail(e, ERR_POLICY, path,
			 "belongs to user %u, not to us or root", st.st_uid);
		err_hint(e, "run curfew as that user, or chown it");
	} else if (st.st_mode & 022) {
		err_fail(e, ERR_POLICY, path, "mode %03o lets others change it",
			 st.st_mode & 07777u);
		err_hint(e, "chmod go-w '%s'", path);
	} else {
		rc = 0;
	}
	close(fd);
	return rc;
}

static int open_file(const char *dir, int flags, sqlite3 **db, struct err *e)
{
	char *real = NULL, *path = NULL;
	int rc, out = -1;

	*db = NULL;
	if (db_boot(e))
		goto out;
	real = realpath(dir, NULL); /* SQLite refuses links anywhere in it */
	if (!real) {
		if (errno == ENOENT)
			err_fail(e, ERR_ABSENT, dir, "there is no such folder");
		else
			err_sys(e, dir, "looking for the folder");
		goto out;
	}
	path = io_path(real, "vault.db");
	if (!path) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto out;
	}
	if (access(path, F_OK) != 0 && errno != ENOENT) {
		err_sys(e, path, "looking for the vault");
		goto out;
	}
	if (access(path, F_OK) != 0) {
		err_fail(e, ERR_ABSENT, dir, "there is no vault here");
		err_hint(e, "make one with 'curfew init', or name its folder");
		goto out;
	}
	if (check_place(real, O_DIRECTORY, e) || check_place(path, 0, e))
		goto out;
	rc = sqlite3_open_v2(path, db,
			     flags | SQLITE_OPEN_NOFOLLOW |
				     SQLITE_OPEN_NOMUTEX | /* one thread */
				     SQLITE_OPEN_PRIVATECACHE,
			     NULL);
	if (rc != SQLITE_OK) {
		db_fail(*db, rc, "opening the database", e);
		goto out;
	}
	out = 0;
out:
	if (out)
		db_close(db);
	mem_free(path);
	free(real);
	return out;
}

int db_open(const char *dir, bool write, sqlite3 **db, struct err *e)
{
	int64_t mark = 0, format = 0;

	/* A reader without write access to the file gets it read-only. */
	if (open_file(dir, SQLITE_OPEN_READWRITE, db, e) ||
	    settle(*db, write, e) ||
	    pragma_int(*db, "PRAGMA application_id", &mark, e) ||
	    pragma_int(*db, "PRAGMA user_version", &format, e))
		goto fail;
	if (mark != APPLICATION_ID) {
		err_fail(e, ERR_FORMAT, dir, "vault.db is not a vault");
		goto fail;
	}
	if (format != VAULT_FORMAT) {
		err_fail(e, ERR_FORMAT, dir,
			 "the vault has format %lld, this program reads %d",
			 (long long)format, VAULT_FORMAT);
		goto fail;
	}
	if (schema_check(*db, e) ||
	    (write && pragma_int(*db, "PRAGMA journal_mode = WAL", NULL, e)))
		goto fail;
	return 0;
fail:
	db_close(db);
	return err_ctx(e, dir, "cannot open the vault");
}

int db_create(const char *dir, sqlite3 **db, struct err *e)
{
	char mark[80];
	char *path = io_path(dir, "vault.db");
	int rc = -1;

	*db = NULL;
	if (!path) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto out;
	}
	/* Ours from its first byte: private, and nobody else's file. */
	if (io_create(path, "", 0, 0600, e) ||
	    open_file(dir, SQLITE_OPEN_READWRITE, db, e) ||
	    pragma_int(*db, "PRAGMA page_size = 4096", NULL, e) ||
	    settle(*db, true, e) ||
	    pragma_int(*db, "PRAGMA journal_mode = WAL", NULL, e))
		goto out;
	sqlite3_snprintf(sizeof(mark), mark, "PRAGMA application_id = %d",
			 APPLICATION_ID);
	if (pragma_int(*db, mark, NULL, e))
		goto out;
	sqlite3_snprintf(sizeof(mark), mark, "PRAGMA user_version = %d",
			 VAULT_FORMAT);
	if (pragma_int(*db, mark, NULL, e) || schema_create(*db, e))
		goto out;
	rc = 0;
out:
	if (rc)
		db_close(db);
	mem_free(path);
	return rc;
}

void db_close(sqlite3 **db)
{
	if (*db)
		sqlite3_close_v2(*db);
	*db = NULL;
}

static int header_row(sqlite3 *db, struct db_header *h, struct buf *sealed,
		      struct err *e)
{
	sqlite3_stmt *st = NULL;
	uint64_t format = 0;
	int rc, out = -1;

	rc = sqlite3_prepare_v2(db,
				"SELECT format, vault, key, sealed, "
				"(SELECT version FROM state WHERE one = 1) "
				"FROM header WHERE one = 1",
				-1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		db_fail(db, rc, "reading the header", e);
		goto out;
	}
	if (rc != SQLITE_ROW || !col_u64(st, 0, &format) ||
	    format != VAULT_FORMAT ||
	    !col_blob(st, 1, h->vault_id, sizeof(h->vault_id)) ||
	    !col_blob(st, 2, h->key_id, sizeof(h->key_id)) ||
	    !col_u64(st, 4, &h->version)) {
		err_fail(e, ERR_TAMPER, NULL, "the header is damaged");
		goto out;
	}
	if (sealed && buf_add(sealed, sqlite3_column_blob(st, 3),
			      (size_t)sqlite3_column_bytes(st, 3), e))
		goto out;
	out = 0;
out:
	sqlite3_finalize(st);
	return out;
}

int db_header(sqlite3 *db, struct db_header *h, struct err *e)
{
	return header_row(db, h, NULL, e);
}

int db_header_sealed(sqlite3 *db, struct buf *out, struct err *e)
{
	struct db_header h;

	return header_row(db, &h, out, e);
}

int slot_each(sqlite3 *db, slot_fn fn, void *arg, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc, out = -1, stop = 0;

	rc = sqlite3_prepare_v2(db, "SELECT id, record FROM slot ORDER BY id",
				-1, &st, NULL);
	if (rc != SQLITE_OK) {
		db_fail(db, rc, "reading the slots", e);
		goto out;
	}
	while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		sqlite3_int64 id = sqlite3_column_int64(st, 0);
		const void *p = sqlite3_column_blob(st, 1);
		int n = sqlite3_column_bytes(st, 1);

		if (id < 1 || id > 1000000 || !p || n > (int)SLOT_RECORD_MAX) {
			err_fail(e, ERR_TAMPER, NULL,
				 "the table of slots is damaged");
			goto out;
		}
		stop = fn((unsigned)id, p, (size_t)n, arg, e);
		if (stop < 0)
			goto out;
	}
	if (!stop && rc != SQLITE_DONE) {
		db_fail(db, rc, "reading the slots", e);
		goto out;
	}
	out = 0;
out:
	sqlite3_finalize(st);
	return out;
}
