// link: vault tests/unit/vaultkit.c
/*
 * head: the head kept outside the folder (vault_head_at), and what an operator
 * and a reader meet when it moved on without them.
 */
#include "vaultkit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define PATH 256

static char away[80], place[96];

static void in_dir(struct kit *k, const char *name, char out[PATH])
{
	snprintf(out, PATH, "%s/%s", k->dir, name);
}

static void empty_away(void)
{
	DIR *d = opendir(away);
	struct dirent *f;

	assert_non_null(d);
	while ((f = readdir(d)))
		unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
}

static int setup(void **state)
{
	struct kit *k;

	kit_setup(state);
	k = *state;
	snprintf(away, sizeof(away), "%s.head-XXXXXX", k->dir);
	assert_non_null(mkdtemp(away));
	snprintf(place, sizeof(place), "%s/head", away);
	kit_put(k->v, STORE_SETTING, "a", NULL, "one", NULL);
	kit_close(k);
	assert_ok(vault_head_at(k->dir, place, e));
	return 0;
}

static int teardown(void **state)
{
	assert_ok(vault_head_at("/", NULL, e));
	empty_away();
	assert_int_equal(rmdir(away), 0);
	return kit_teardown(state);
}

static void read_bytes(const char *path, struct buf *b)
{
	*b = (struct buf)BUF_INIT(4096);
	assert_ok(io_read_file(path, IO_PRIVATE, 4096, b, e));
}

/* What opening says, whole. */
static const char *said(struct kit *k, bool write)
{
	static char line[1600];
	struct err e = ERR_INIT;

	kit_close(k);
	if (vault_open(k->dir, &k->in, 1, write, &k->v, &e) == 0)
		return "";
	err_format(&e, line, sizeof(line));
	return line;
}

static void it_moves_at_the_first_write(void **state)
{
	struct kit *k = *state;
	struct buf mark, head;
	char path[PATH];

	kit_open(k, false); /* a reader moves nothing */
	assert_int_equal(access(place, F_OK), -1);
	kit_open(k, true);
	in_dir(k, "vault.head", path);
	read_bytes(path, &mark);
	read_bytes(place, &head);
	assert_int_equal(head.len, 1024);
	assert_non_null(strstr(mark.p, place)); /* says where it is */
	kit_put(k->v, STORE_SETTING, "a", NULL, "two", NULL);
	kit_open(k, false);
	assert_string_equal(kit_get(k->v, STORE_SETTING, "a"), "two");
	kit_open(k, true);
	kit_close(k);

	/* the place forgotten: told, not taken for a missing head */
	assert_ok(vault_head_at(k->dir, NULL, e));
	assert_non_null(strstr(said(k, false), "the head is kept elsewhere"));
	assert_non_null(strstr(said(k, true), place));
	assert_null(k->v);
	assert_ok(vault_head_at(k->dir, place, e));
	assert_int_equal(kit_try(k, false), ERR_NONE);
	buf_release(&mark);
	buf_release(&head);
}

static void the_whole_folder_put_back_is_noticed(void **state)
{
	struct kit *k = *state;
	struct kit_files before, after;

	kit_save(k, &before); /* a head of its own, older than the move */
	kit_open(k, true);
	kit_put(k->v, STORE_SETTING, "a", NULL, "two", NULL);
	kit_save(k, &after); /* the mark */
	kit_open(k, true);
	kit_put(k->v, STORE_SETTING, "a", NULL, "three", NULL);
	kit_close(k);

	kit_load(k, &before);
	assert_non_null(strstr(said(k, false), "older than its head"));
	assert_int_equal(kit_try(k, true), ERR_TAMPER);
	kit_load(k, &after);
	assert_int_equal(kit_try(k, false), ERR_TAMPER);
	assert_int_equal(kit_try(k, true), ERR_TAMPER);
	/* inside the folder nothing could have noticed it */
	assert_ok(vault_head_at(k->dir, NULL, e));
	kit_load(k, &before);
	assert_int_equal(kit_try(k, false), ERR_NONE);
	kit_close(k);

	/* on the operator's word, for good: the newer word is gone */
	assert_ok(vault_head_at(k->dir, place, e));
	assert_int_equal(kit_try(k, true), ERR_TAMPER);
	assert_ok(vault_accept_head(k->dir, &k->in, 1, e));
	kit_open(k, true);
	assert_string_equal(kit_get(k->v, STORE_SETTING, "a"), "one");
	kit_files_free(&before);
	kit_files_free(&after);
}

/* Both sectors of a head far ahead are newer than what is accepted. */
static void a_head_far_ahead_is_accepted(void **state)
{
	struct kit *k = *state;
	struct kit_files old, now;

	assert_ok(vault_head_at(k->dir, NULL, e));
	kit_save(k, &old);
	kit_open(k, true);
	for (int i = 0; i < 7; i++)
		kit_journal(k->v, "more");
	kit_save(k, &now);
	kit_load(k, &old);
	kit_write_file(k, "vault.head", now.head.p, now.head.len);
	assert_int_equal(kit_try(k, false), ERR_TAMPER);
	assert_ok(vault_accept_head(k->dir, &k->in, 1, e));
	assert_int_equal(kit_try(k, true), ERR_NONE);
	kit_files_free(&old);
	kit_files_free(&now);
}

static void a_missing_one_is_told(void **state)
{
	struct kit *k = *state;
	char path[PATH], gone[96];

	kit_open(k, true);
	kit_close(k);
	assert_int_equal(unlink(place), 0);
	assert_non_null(strstr(said(k, false), "is missing"));
	assert_non_null(strstr(said(k, true), "head_file"));
	assert_int_equal(access(place, F_OK), -1); /* and not made anew */
	/* its whole disk away */
	snprintf(gone, sizeof(gone), "%s.gone", away);
	assert_int_equal(rename(away, gone), 0);
	assert_int_equal(kit_try(k, false), ERR_TAMPER);
	assert_int_equal(kit_try(k, true), ERR_TAMPER);
	assert_int_equal(rename(gone, away), 0);
	assert_ok(vault_accept_head(k->dir, &k->in, 1, e));
	assert_int_equal(kit_try(k, true), ERR_NONE);

	/* moved by hand, as the mark says */
	kit_close(k);
	in_dir(k, "vault.head", path);
	assert_int_equal(rename(place, path), 0);
	assert_ok(vault_head_at(k->dir, NULL, e));
	assert_int_equal(kit_try(k, true), ERR_NONE);
}

static void a_crash_while_moving(void **state)
{
	struct kit *k = *state;
	static const char *const labels[] = { "io:written", "io:renamed",
					      "vault.head-moved" };
	struct kit_files start;

	kit_save(k, &start);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		int status;
		pid_t pid;

		kit_load(k, &start);
		empty_away();
		pid = fork();
		if (pid == 0) {
			setenv("CURFEW_CRASH_AT", labels[i], 1);
			_exit(kit_try(k, true) == ERR_NONE ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 137);
		kit_open(k, false);
		assert_string_equal(kit_get(k->v, STORE_SETTING, "a"), "one");
		kit_open(k, true);
		kit_put(k->v, STORE_SETTING, "b", NULL, "two", NULL);
		kit_close(k);
		/* and now it counts: the old folder does not open */
		kit_load(k, &start);
		assert_int_equal(kit_try(k, false), ERR_TAMPER);
	}
	kit_files_free(&start);
}

static void backup_restore_and_rekey_use_it(void **state)
{
	struct kit *k = *state;
	struct kit_files at_backup;
	char backup[PATH], kept[PATH], path[PATH];

	in_dir(k, "backup", backup);
	kit_open(k, true);
	assert_ok(vault_backup(k->v, backup, e));
	kit_save(k, &at_backup);
	kit_open(k, true);
	kit_put(k->v, STORE_SETTING, "a", NULL, "two", NULL);
	assert_ok(vault_rekey(k->v, &k->in, 1, true, NULL, e));
	kit_put(k->v, STORE_SETTING, "a", NULL, "three", NULL);
	kit_open(k, false);
	assert_string_equal(kit_get(k->v, STORE_SETTING, "a"), "three");
	kit_close(k);
	assert_code(ERR_POLICY, vault_restore(k->dir, backup, false, e));
	assert_int_equal(kit_try(k, false), ERR_NONE);
	kit_close(k);

	/* no folder for the head: nothing is touched */
	snprintf(path, sizeof(path), "%s.gone", away);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(vault_restore(k->dir, backup, true,
				       &(struct err)ERR_INIT), -1);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(kit_try(k, true), ERR_NONE);

	kit_close(k);
	assert_ok(vault_restore(k->dir, backup, true, e));
	kit_open(k, true);
	assert_string_equal(kit_get(k->v, STORE_SETTING, "a"), "one");
	kit_close(k);
	/* the kept head lies beside its place, and fits the kept database */
	snprintf(kept, sizeof(kept), "%s.before", place);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(rename(kept, place), 0);
	in_dir(k, "vault.db.before", kept);
	in_dir(k, "vault.db", path);
	assert_int_equal(rename(kept, path), 0);
	kit_open(k, false);
	assert_string_equal(kit_get(k->v, STORE_SETTING, "a"), "three");
	kit_close(k);
	unlink(backup);
	kit_files_free(&at_backup);
}

static void a_new_vault_takes_no_other_head(void **state)
{
	struct kit *k = *state;
	char dir[128], path[PATH];
	struct vault *v = NULL;

	kit_open(k, true);
	kit_close(k); /* the place is taken now */
	snprintf(dir, sizeof(dir), "%s/other", away);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_ok(vault_head_at(dir, place, e));
	assert_code(ERR_EXISTS, vault_init(dir, &k->in, &v, e));
	snprintf(path, sizeof(path), "%s/second", away);
	assert_ok(vault_head_at(dir, path, e));
	assert_ok(vault_init(dir, &k->in, &v, e));
	vault_close(&v);
	assert_int_equal(access(path, F_OK), 0);
	assert_ok(vault_open(dir, &k->in, 1, false, &v, e));
	vault_close(&v);
	/* another vault's head is told as such */
	assert_ok(vault_head_at(dir, place, e));
	assert_code(ERR_TAMPER, vault_open(dir, &k->in, 1, false, &v, e));
	assert_code(ERR_CONFIG, vault_head_at(dir, "relative", e));
	/* DIR's own file as the place: never written over with a mark */
	snprintf(path, sizeof(path), "%s/../other/vault.head", dir);
	unlink(path);
	assert_ok(vault_head_at(dir, path, e));
	assert_ok(vault_accept_head(dir, &k->in, 1, e));
	assert_ok(vault_open(dir, &k->in, 1, true, &v, e));
	vault_close(&v);
	assert_ok(vault_open(dir, &k->in, 1, false, &v, e));
	vault_close(&v);
	for (size_t i = 0; i < 5; i++) {
		static const char *const files[] = {
			"vault.db", "vault.db-wal", "vault.db-shm",
			"vault.head", "vault.lock" };

		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void a_reader_across_a_rekey(void **state)
{
	struct kit *k = *state;
	struct vault *reader = NULL;
	struct err why = ERR_INIT;
	struct buf data = BUF_INIT(4096);
	struct store_id id;
	char line[1600];

	kit_open(k, true);
	assert_ok(vault_open(k->dir, &k->in, 1, false, &reader, e));
	assert_string_equal(kit_get(reader, STORE_SETTING, "a"), "one");
	assert_ok(vault_rekey(k->v, &k->in, 1, true, NULL, e));
	id = kit_id(reader, STORE_SETTING, "a");
	assert_int_equal(store_get(reader, STORE_SETTING, &id, &data, NULL,
				   &why),
			 -1);
	assert_int_equal(why.code, ERR_BUSY);
	err_format(&why, line, sizeof(line));
	assert_non_null(strstr(line, "rekeyed meanwhile"));
	vault_close(&reader);
	assert_ok(vault_open(k->dir, &k->in, 1, false, &reader, e));
	assert_string_equal(kit_get(reader, STORE_SETTING, "a"), "one");
	vault_close(&reader);
	buf_release(&data);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(it_moves_at_the_first_write),
		test(the_whole_folder_put_back_is_noticed),
		test(a_head_far_ahead_is_accepted),
		test(a_missing_one_is_told),
		test(a_crash_while_moving),
		test(backup_restore_and_rekey_use_it),
		test(a_new_vault_takes_no_other_head),
		test(a_reader_across_a_rekey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
