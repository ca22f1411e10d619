// link: vault tests/unit/vaultkit.c tests/unit/vfsshim.c
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
#include "vfsshim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "vault/internal.h"

/* ---- the faults ------------------------------------------------------------------- */

enum fault { NO_FAULT, IO_FAULT, FULL_FAULT, SHORT_FAULT, EXIT_FAULT,
	     TORN_EXIT_FAULT, READ_FAULT };

static struct {
	enum fault fault;
	long at, count; /* fault at the at-th operation */
	bool hit;
} plan;

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

static int hook(const struct vfs_event *ev)
{
	if (ev->op == VFS_DELETE || !strike(ev->op == VFS_READ))
		return VFS_PASS;
	if (ev->op == VFS_READ)
		return SQLITE_IOERR_READ;
	if (ev->op == VFS_TRUNCATE)
		return SQLITE_IOERR_TRUNCATE;
	if (ev->op == VFS_SYNC)
		return SQLITE_IOERR_FSYNC;
	if (plan.fault == FULL_FAULT)
		return SQLITE_FULL;
	if (plan.fault == SHORT_FAULT || plan.fault == TORN_EXIT_FAULT)
		ev->real->pMethods->xWrite(ev->real, ev->p, ev->n / 2, ev->at);
	if (plan.fault == TORN_EXIT_FAULT)
		_exit(137);
	return SQLITE_IOERR_WRITE;
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
	vfsshim_install(hook);
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

	vfsshim_install(hook);
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
