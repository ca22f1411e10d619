// link: vault tests/unit/vaultkit.c
/*
 * fault: the disk fails, fills up, or the process ends, at every operation.
 *
 * A VFS in front of SQLite's own counts writes, syncs and truncations of the
 * database and its log, and at the n-th one returns an I/O error, says the
 * disk is full, writes half of it, or ends the process (also half-way through
 * a write).  Whatever happens, the vault afterwards is whole: the state
 * before or the state after, never between, and never "tampered".
 */
#include "vaultkit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "vault/internal.h"

/* ---- the shim ------------------------------------------------------------------- */

enum fault { NO_FAULT, IO_FAULT, FULL_FAULT, SHORT_FAULT, EXIT_FAULT,
	     TORN_EXIT_FAULT, READ_FAULT };

static struct {
	enum fault fault;
	long at, count; /* fault at the at-th operation */
	bool hit;
} plan;

struct shim {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs shim_vfs, *real_vfs;
static sqlite3_io_methods shim_methods;

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct shim *)(void *)f)->real;
}

static bool strike(bool reading)
{
	if (!plan.fault || (plan.fault == READ_FAULT) != reading ||
	    ++plan.count != plan.at)
		return false;
	plan.hit = true;
	if (plan.fault == EXIT_FAULT)
		_exit(137);
	return true;
}

static int shim_close(sqlite3_file *f)
{
	sqlite3_file *r = real_of(f);
	int rc = r->pMethods ? r->pMethods->xClose(r) : SQLITE_OK;

	mem_free(r);
	return rc;
}

static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	if (strike(true))
		return SQLITE_IOERR_READ;
	return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	sqlite3_file *r = real_of(f);

	if (!strike(false))
		return r->pMethods->xWrite(r, p, n, at);
	if (plan.fault == FULL_FAULT)
		return SQLITE_FULL;
	if (plan.fault == SHORT_FAULT || plan.fault == TORN_EXIT_FAULT)
		r->pMethods->xWrite(r, p, n / 2, at);
	if (plan.fault == TORN_EXIT_FAULT)
		_exit(137);
	return SQLITE_IOERR_WRITE;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	if (strike(false))
		return SQLITE_IOERR_TRUNCATE;
	return real_of(f)->pMethods->xTruncate(real_of(f), n);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	if (strike(false))
		return SQLITE_IOERR_FSYNC;
	return real_of(f)->pMethods->xSync(real_of(f), flags);
}

#define PASS(name, args, call)                                         \
	static int shim_##name args                                    \
	{                                                              \
		sqlite3_file *r = real_of(f);                          \
		return r->pMethods->call;                              \
	}
PASS(size, (sqlite3_file * f, sqlite3_int64 *n), xFileSize(r, n))
PASS(lock, (sqlite3_file * f, int l), xLock(r, l))
PASS(unlock, (sqlite3_file * f, int l), xUnlock(r, l))
PASS(check, (sqlite3_file * f, int *out), xCheckReservedLock(r, out))
PASS(control, (sqlite3_file * f, int op, void *arg), xFileControl(r, op, arg))
PASS(sector, (sqlite3_file * f), xSectorSize(r))
PASS(traits, (sqlite3_file * f), xDeviceCharacteristics(r))
PASS(map, (sqlite3_file * f, int i, int n, int ext, void volatile **p),
     xShmMap(r, i, n, ext, p))
PASS(shmlock, (sqlite3_file * f, int at, int n, int flags),
     xShmLock(r, at, n, flags))
PASS(unmap, (sqlite3_file * f, int del), xShmUnmap(r, del))

static void shim_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f,
		     int flags, int *out)
{
	struct shim *s = (struct shim *)(void *)f;
	int rc;

	(void)vfs;
	s->real = mem_zalloc((size_t)real_vfs->szOsFile);
	if (!s->real)
		return SQLITE_NOMEM;
	rc = real_vfs->xOpen(real_vfs, name, s->real, flags, out);
	if (rc != SQLITE_OK) {
		mem_free(s->real);
		f->pMethods = NULL;
		return rc;
	}
	f->pMethods = &shim_methods;
	return SQLITE_OK;
}

static void shim_install(void)
{
	if (real_vfs)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.szOsFile = (int)sizeof(struct shim);
	shim_vfs.xOpen = shim_open;
	shim_methods = (sqlite3_io_methods){
		.iVersion = 2,
		.xClose = shim_close, .xRead = shim_read,
		.xWrite = shim_write, .xTruncate = shim_truncate,
		.xSync = shim_sync, .xFileSize = shim_size,
		.xLock = shim_lock, .xUnlock = shim_unlock,
		.xCheckReservedLock = shim_check,
		.xFileControl = shim_control, .xSectorSize = shim_sector,
		.xDeviceCharacteristics = shim_traits, .xShmMap = shim_map,
		.xShmLock = shim_shmlock, .xShmBarrier = shim_barrier,
		.xShmUnmap = shim_unmap,
	};
	assert_int_equal(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
}

static void arm(enum fault fault, long at)
{
	plan.fault = fault;
	plan.at = at;
	plan.count = 0;
	plan.hit = false;
}

/* ---- the work -------------------------------------------------------------------- */

static int put(struct vault *v, const char *name, const char *text,
	       const char *secret, struct err *x)
{
	struct store_row row = { .id = kit_id(v, STORE_CREDENTIAL, name),
				 .group = kit_id(v, STORE_CREDENTIAL, "g"),
				 .data = text, .len = strlen(text) };
	struct secret *s = secret_new(secret, strlen(secret), NULL);
	int rc;

	row.secret = s;
	row.fp = store_fingerprint(v, s);
	rc = store_put(v, STORE_CREDENTIAL, &row, x);
	secret_free(&s);
	return rc;
}

/* Change, add and remove a row, big enough for several pages; journal it. */
static int work(struct vault *v, struct err *x)
{
	static char big[9000];
	struct journal_entry j = { .kind = J_ANSWER, .text = "worked" };
	struct store_id b = kit_id(v, STORE_CREDENTIAL, "b");

	memset(big, 'x', sizeof(big) - 1);
	if (store_begin(v, x))
		return -1;
	if (put(v, "a", "after-a", "s3cret-b", x) ||
	    put(v, "d", big, "s3cret-d", x) ||
	    store_delete(v, STORE_CREDENTIAL, &b, x) ||
	    journal_append(v, &j, NULL, x)) {
		store_rollback(v);
		return -1;
	}
	return store_commit(v, x);
}

struct states {
	struct kit_files files;
	struct buf before, after;
};

static void prepare(struct kit *k, struct states *s)
{
	enum err_code code;

	s->before = (struct buf)BUF_INIT(BUF_REPORT_MAX);
	s->after = (struct buf)BUF_INIT(BUF_REPORT_MAX);
	kit_put(k->v, STORE_CREDENTIAL, "a", "g", "before-a", "s3cret-a");
	kit_put(k->v, STORE_CREDENTIAL, "b", "g", "before-b", "s3cret-b");
	kit_journal(k->v, "prepared");
	kit_save(k, &s->files);
	kit_dump(k, &s->before, &code);
	assert_int_equal(code, ERR_NONE);
	kit_open(k, true);
	assert_ok(work(k->v, e));
	kit_dump(k, &s->after, &code);
	assert_int_equal(code, ERR_NONE);
	shim_install();
}

static void states_free(struct states *s)
{
	kit_files_free(&s->files);
	buf_release(&s->before);
	buf_release(&s->after);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* The folder now: 0 before, 1 after; anything else fails the test. */
static int which(struct kit *k, struct states *s, const char *what, long at)
{
	struct buf now = BUF_INIT(BUF_REPORT_MAX);
	enum err_code code;
	int rc;

	kit_dump(k, &now, &code);
	if (!same(&now, &s->before) && !same(&now, &s->after))
		fail_msg("%s %ld: neither before nor after:\n%s", what, at,
			 now.p);
	rc = same(&now, &s->after);
	buf_release(&now);
	return rc;
}

static void failing_writes_change_nothing(void **state)
{
	static const enum fault faults[] = { IO_FAULT, FULL_FAULT,
					     SHORT_FAULT };
	struct kit *k = *state;
	struct states s;
	long faults_met = 0;

	prepare(k, &s);
	for (size_t f = 0; f < 3; f++) {
		for (long at = 1;; at++) {
			struct err why = ERR_INIT;
			int rc;

			kit_load(k, &s.files);
			kit_open(k, true);
			arm(faults[f], at);
			rc = work(k->v, &why);
			plan.fault = NO_FAULT;
			if (rc) {
				/* a sync or truncation never says "full" */
				assert_true(why.code == ERR_IO ||
					    why.code == ERR_FULL);
				assert_string_equal(why.state,
						    "nothing was changed");
				/* this handle sees the old state and goes on */
				assert_string_equal(
					kit_get(k->v, STORE_CREDENTIAL, "a"),
					"before-a|s3cret-a");
				assert_string_equal(
					kit_get(k->v, STORE_CREDENTIAL, "d"),
					"(absent)");
				assert_int_equal(which(k, &s, "failed", at), 0);
				kit_open(k, true);
				assert_ok(work(k->v, e));
				faults_met++;
			}
			assert_int_equal(which(k, &s, "done", at), 1);
			if (!plan.hit)
				break;
		}
	}
	assert_true(faults_met > 20);
	states_free(&s);
}

static void failing_reads_are_errors(void **state)
{
	struct kit *k = *state;
	struct states s;

	prepare(k, &s);
	kit_load(k, &s.files);
	for (long at = 1;; at++) {
		struct buf now = BUF_INIT(BUF_REPORT_MAX);
		enum err_code code;

		arm(READ_FAULT, at);
		kit_dump(k, &now, &code);
		plan.fault = NO_FAULT;
		kit_no_wrong_data(&s.before, &now);
		buf_release(&now);
		if (!plan.hit)
			break;
		assert_true(at < 2000);
	}
	assert_int_equal(which(k, &s, "read", 0), 0);
	states_free(&s);
}

/* ---- the process ends --------------------------------------------------------------- */

static int in_child(struct kit *k, int (*fn)(struct kit *k))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(k));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int child_work(struct kit *k)
{
	struct err e = ERR_INIT;
	int rc;

	if (vault_open(k->dir, &k->in, 1, true, &k->v, &e))
		return 2;
	rc = work(k->v, &e) ? 3 : 0;
	vault_close(&k->v);
	return rc;
}

static void an_end_at_any_write_leaves_before_or_after(void **state)
{
	static const enum fault faults[] = { EXIT_FAULT, TORN_EXIT_FAULT };
	struct kit *k = *state;
	struct states s;
	int ended = 0, seen[2] = { 0, 0 };

	prepare(k, &s);
	for (size_t f = 0; f < 2; f++) {
		for (long at = 1;; at++) {
			int rc, is;

			kit_load(k, &s.files);
			arm(faults[f], at);
			rc = in_child(k, child_work);
			plan.fault = NO_FAULT;
			is = which(k, &s, "ended", at);
			seen[is]++;
			if (rc == 0) {
				assert_int_equal(is, 1);
				break;
			}
			if (rc != 137) /* a torn sync is an error, not an end */
				assert_int_equal(faults[f], TORN_EXIT_FAULT);
			ended += rc == 137;
			/* the next one works on */
			kit_open(k, true);
			kit_put(k->v, STORE_ACCOUNT, "x", NULL, "x", NULL);
			assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "x"),
					    "x");
			kit_close(k);
		}
	}
	assert_true(ended > 10 && seen[0] && seen[1]);
	states_free(&s);
}

static int child_reseal(struct kit *k)
{
	struct buf dropped = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	int rc;

	if (vault_open(k->dir, &k->in, 1, true, &k->v, &e))
		return 2;
	rc = vault_rekey(k->v, &k->in, 1, true, &dropped, &e) ? 3 : 0;
	vault_close(&k->v);
	return rc;
}

/* The journal gains an entry by the rekey: compare all lines but that one. */
static void an_end_during_a_rekey_leaves_a_whole_vault(void **state)
{
	struct kit *k = *state;
	struct buf now = BUF_INIT(BUF_REPORT_MAX);
	struct states s;
	enum err_code code;
	int ended = 0;

	prepare(k, &s);
	for (long at = 1;; at++) {
		int rc;

		kit_load(k, &s.files);
		arm(EXIT_FAULT, at);
		rc = in_child(k, child_reseal);
		plan.fault = NO_FAULT;
		kit_dump(k, &now, &code);
		if (code)
			fail_msg("rekey ended at %ld: %s", at, now.p);
		assert_int_equal(strncmp(now.p, s.before.p,
					 (size_t)(strstr(s.before.p,
							 "journal: ") -
						  s.before.p)),
				 0);
		if (rc != 137) {
			assert_int_equal(rc, 0);
			break;
		}
		ended++;
	}
	assert_true(ended > 10);
	buf_release(&now);
	states_free(&s);
}

static int child_init(struct kit *k)
{
	struct err e = ERR_INIT;
	int rc = vault_init(k->dir, &k->in, &k->v, &e) ? 3 : 0;

	vault_close(&k->v);
	return rc;
}

static void an_end_during_init_can_be_repeated(void **state)
{
	static const char *const labels[] = {
		"vault.before-commit", "vault.after-commit", "vault.after-head",
		"vault.before-init", "vault.after-init",
	};
	struct kit *k = *state;
	char path[128];

	shim_install();
	for (long at = 1; at < 60; at++) {
		const bool named = at <= 5;
		int rc;

		kit_close(k);
		snprintf(path, sizeof(path), "%s/vault.db", k->dir);
		unlink(path);
		snprintf(path, sizeof(path), "%s/vault.head", k->dir);
		unlink(path);
		if (named)
			setenv("CURFEW_CRASH_AT", labels[at - 1], 1);
		else
			arm(EXIT_FAULT, at - 5);
		rc = in_child(k, child_init);
		unsetenv("CURFEW_CRASH_AT");
		plan.fault = NO_FAULT;
		if (named)
			assert_int_equal(rc, 137);
		if (kit_try(k, true) == ERR_NONE)
			continue;
		/* not there yet: made anew in the same folder */
		assert_ok(vault_init(k->dir, &k->in, &k->v, e));
		assert_int_equal(kit_try(k, true), ERR_NONE);
	}
}

static void an_end_at_each_label_leaves_before_or_after(void **state)
{
	static const struct {
		const char *label;
		int after;
	} labels[] = { { "vault.before-commit", 0 },
		       { "vault.after-commit", 1 },
		       { "vault.after-head", 1 } };
	struct kit *k = *state;
	struct states s;

	prepare(k, &s);
	for (size_t i = 0; i < 3; i++) {
		kit_load(k, &s.files);
		setenv("CURFEW_CRASH_AT", labels[i].label, 1);
		assert_int_equal(in_child(k, child_work), 137);
		unsetenv("CURFEW_CRASH_AT");
		assert_int_equal(which(k, &s, labels[i].label, 0),
				 labels[i].after);
	}
	states_free(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(failing_writes_change_nothing),
		T(failing_reads_are_errors),
		T(an_end_at_any_write_leaves_before_or_after),
		T(an_end_during_a_rekey_leaves_a_whole_vault),
		T(an_end_during_init_can_be_repeated),
		T(an_end_at_each_label_leaves_before_or_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
