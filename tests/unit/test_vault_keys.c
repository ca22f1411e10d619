// link: base vault tests/unit/vaultkit.c tests/unit/crashkit.c
/*
 * Slots of a real vault, and a new root key: what opens it before and after,
 * with a crash at every labelled step.
 */
#include "vaultkit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "crashkit.h"
#include "vault/internal.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

static struct secret *words(const char *text)
{
	struct secret *s = secret_new(text, strlen(text), NULL);

	assert_non_null(s);
	return s;
}

static enum err_code open_with(struct kit *k, enum slot_kind kind,
			       const struct secret *s)
{
	struct slot_input in = { .kind = kind, .secret = s };
	struct err e = ERR_INIT;

	kit_close(k);
	if (vault_open(k->dir, &in, 1, true, &k->v, &e) == 0)
		return ERR_NONE;
	return e.code;
}

static unsigned add(struct kit *k, enum slot_kind kind, const struct secret *s,
		    const unsigned char *pk)
{
	struct slot_input in = { .kind = kind, .secret = s, .name = "more" };
	unsigned id = 0;

	if (pk)
		memcpy(in.recipient, pk, 32);
	assert_ok(vault_slot_add(k->v, &in, &id, e));
	return id;
}

static size_t count(struct kit *k)
{
	struct slot_info *slots = NULL;
	size_t n = 0;

	assert_ok(vault_slots(k->dir, &slots, &n, e));
	mem_free(slots);
	return n;
}

static void test_slots(void **state)
{
	struct kit *k = *state;
	struct secret *pass = words("tall ships sail"), *bad = words("tall ships fail");
	struct slot_input in = { .kind = SLOT_PASSPHRASE, .secret = pass };
	unsigned id;

	kit_put(k->v, STORE_ACCOUNT, "a", "g", "text", "secret");
	id = add(k, SLOT_PASSPHRASE, pass, NULL);
	assert_int_equal(id, 2);
	assert_int_equal(count(k), 2);
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, bad), ERR_SEALED);
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, pass), ERR_NONE);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), "text|secret");
	assert_true(vault_slot_fits(k->dir, 2, &in, 1));
	assert_false(vault_slot_fits(k->dir, 1, &in, 1));

	/* the one it was opened with may go, as long as another stays */
	assert_code(ERR_ABSENT, vault_slot_remove(k->v, 9, e));
	assert_ok(vault_slot_remove(k->v, 2, e));
	assert_code(ERR_POLICY, vault_slot_remove(k->v, 1, e));
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, pass), ERR_SEALED);
	kit_open(k, true);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), "text|secret");
	assert_int_equal(count(k), 1);
	secret_free(&pass);
	secret_free(&bad);
}

static void test_slots_read_only(void **state)
{
	struct kit *k = *state;
	unsigned id;

	kit_open(k, false);
	assert_int_equal(vault_slot_add(k->v, &k->in, &id, &(struct err)ERR_INIT),
			 -1);
	assert_int_equal(count(k), 1);
}

/* A record taken from another vault, put among the slots by hand. */
static void test_foreign_slot(void **state)
{
	struct kit *k = *state;
	struct secret *pass = words("another passphrase");
	struct slot_input in = { .kind = SLOT_PASSPHRASE, .secret = pass };
	struct buf record = BUF_INIT(SLOT_RECORD_MAX), sql = BUF_INIT(65536);
	unsigned char root[ROOT_LEN] = { 0 };
	static char hex[2 * SLOT_RECORD_MAX + 1];

	assert_ok(keyring_wrap(&in, vault_id(k->v), root, &record, e));
	for (size_t i = 0; i < record.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)record.p[i]);
	assert_ok(buf_printf(&sql, e, "INSERT INTO slot VALUES (7, x'%s')", hex));
	kit_close(k);
	kit_sql(k, sql.p);
	/* it opens the record, but the root is not this vault's */
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, pass), ERR_TAMPER);
	/* and with the right key the added slot is noticed */
	assert_int_equal(kit_try(k, true), ERR_TAMPER);
	kit_sql(k, "DELETE FROM slot WHERE id = 7");
	kit_open(k, true);
	buf_release(&record);
	buf_release(&sql);
	secret_free(&pass);
}

/* ---- rekey ---------------------------------------------------------------- */

struct scene {
	struct kit *k;
	struct kit_files files; /* before */
	struct secret *pass, *half;
	unsigned char old_key[16];
};

static void key_id(struct kit *k, unsigned char out[16])
{
	struct db_header h;
	sqlite3 *db = NULL;

	assert_ok(db_open(k->dir, false, &db, e));
	assert_ok(db_header(db, &h, e));
	memcpy(out, h.key_id, 16);
	db_close(&db);
}

static void make_scene(struct scene *s, struct kit *k)
{
	char *path = io_path(k->dir, "pair"), pub[SLOT_PUBLIC_TEXT];
	unsigned char pk[32];

	memset(s, 0, sizeof *s);
	s->k = k;
	s->pass = words("a passphrase to keep");
	assert_ok(slot_recipient_make(path, pub, e));
	assert_ok(slot_recipient_read(path, &s->half, e));
	assert_ok(slot_recipient_parse(pub, pk, e));
	assert_int_equal(unlink(path), 0);
	mem_free(path);
	add(k, SLOT_PASSPHRASE, s->pass, NULL);
	add(k, SLOT_RECIPIENT, NULL, pk);
	for (int i = 0; i < 30; i++) {
		char name[16], text[32];

		snprintf(name, sizeof name, "row-%02d", i);
		snprintf(text, sizeof text, "content %d", i);
		kit_put(k->v, STORE_CREDENTIAL, name, "group", text,
			i % 3 ? NULL : "the secret of a row");
	}
	kit_journal(k->v, "an entry");
	kit_save(k, &s->files);
	key_id(k, s->old_key);
}

static void scene_free(struct scene *s)
{
	kit_files_free(&s->files);
	secret_free(&s->pass);
	secret_free(&s->half);
}

static void check_content(struct kit *k)
{
	struct vault_report r = { .text = BUF_INIT(65536) };

	for (int i = 0; i < 30; i++) {
		char name[16], text[64];

		snprintf(name, sizeof name, "row-%02d", i);
		snprintf(text, sizeof text, "content %d%s", i,
			 i % 3 ? "" : "|the secret of a row");
		assert_string_equal(kit_get(k->v, STORE_CREDENTIAL, name), text);
	}
	assert_ok(vault_verify(k->v, &r, e));
	if (r.bad)
		fail_msg("%s", r.text.p);
	buf_release(&r.text);
}

static int rekey(struct scene *s, const struct secret *pass, bool strict,
		 struct buf *dropped, struct err *e)
{
	struct slot_input in[2] = { s->k->in,
				    { .kind = SLOT_PASSPHRASE, .secret = pass } };

	return vault_rekey(s->k->v, in, pass ? 2 : 1, strict, dropped, e);
}

static void test_rekey(void **state)
{
	struct kit *k = *state;
	struct scene s;
	unsigned char now[16];

	make_scene(&s, k);
	kit_open(k, true);
	assert_ok(rekey(&s, s.pass, true, NULL, e));
	check_content(k); /* through the handle that did it */
	kit_put(k->v, STORE_ACCOUNT, "new", NULL, "after", NULL);
	kit_open(k, true);
	check_content(k);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "new"), "after");
	kit_close(k);
	key_id(k, now);
	assert_memory_not_equal(now, s.old_key, 16);
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, s.pass), ERR_NONE);
	assert_int_equal(open_with(k, SLOT_RECIPIENT, s.half), ERR_NONE);
	check_content(k);
	scene_free(&s);
}

static void test_rekey_needs_keys(void **state)
{
	struct kit *k = *state;
	struct secret *bad = words("not that passphrase");
	struct buf dropped = BUF_INIT(65536);
	struct scene s;

	make_scene(&s, k);
	kit_open(k, true);
	assert_code(ERR_SEALED, rekey(&s, NULL, true, NULL, e));
	assert_code(ERR_SEALED, rekey(&s, bad, true, NULL, e));
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, s.pass), ERR_NONE);
	check_content(k);

	kit_open(k, true);
	assert_ok(rekey(&s, bad, false, &dropped, e));
	assert_non_null(strstr(dropped.p, "slot 2: passphrase"));
	assert_null(strstr(dropped.p, "slot 1"));
	assert_int_equal(open_with(k, SLOT_PASSPHRASE, s.pass), ERR_SEALED);
	assert_int_equal(open_with(k, SLOT_RECIPIENT, s.half), ERR_NONE);
	kit_open(k, true);
	check_content(k);

	/* only break-glass would be left: refused */
	assert_code(ERR_SEALED, vault_rekey(k->v, NULL, 0, false, NULL, e));
	buf_release(&dropped);
	secret_free(&bad);
	scene_free(&s);
}

/* What was sealed under the old root may not lie in the files after: neither
 * the data nor the secrets of rows, as they were read before. */
static void test_rekey_leaves_nothing(void **state)
{
	struct kit *k = *state;
	struct kit_files after;
	struct scene s;
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	size_t sought = 0;
	struct buf old = BUF_INIT(1 << 20);

	make_scene(&s, k);
	assert_ok(db_open(k->dir, false, &db, e));
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT data FROM record UNION ALL "
		"SELECT secret FROM record WHERE secret IS NOT NULL UNION ALL "
		"SELECT sealed FROM journal", -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		assert_true(sqlite3_column_bytes(st, 0) >= 40);
		/* the nonce and some ciphertext */
		assert_ok(buf_add(&old, sqlite3_column_blob(st, 0), 40, e));
		sought++;
	}
	sqlite3_finalize(st);
	db_close(&db);
	assert_true(sought > 40);
	for (size_t i = 0; i < sought; i++) /* the search finds what is there */
		assert_non_null(memmem(s.files.db.p, s.files.db.len,
				       old.p + 40 * i, 40));
	kit_open(k, true);
	assert_ok(rekey(&s, s.pass, true, NULL, e));
	kit_save(k, &after);
	for (size_t i = 0; i < sought; i++)
		assert_null(memmem(after.db.p, after.db.len, old.p + 40 * i, 40));
	buf_release(&old);
	kit_files_free(&after);
	scene_free(&s);
}

static int crash_work(void *arg)
{
	struct scene *s = arg;
	struct err e = ERR_INIT;

	if (vault_open(s->k->dir, &s->k->in, 1, true, &s->k->v, &e) != 0)
		return -1;
	return rekey(s, s->pass, true, NULL, &e);
}

static void crash_before(void *arg)
{
	struct scene *s = arg;

	kit_load(s->k, &s->files);
}

static void crash_after(const char *label, void *arg)
{
	struct scene *s = arg;
	unsigned char now[16];
	bool changed;

	kit_open(s->k, true);
	check_content(s->k);
	assert_int_equal(open_with(s->k, SLOT_PASSPHRASE, s->pass), ERR_NONE);
	assert_int_equal(open_with(s->k, SLOT_RECIPIENT, s->half), ERR_NONE);
	kit_close(s->k);
	key_id(s->k, now);
	changed = memcmp(now, s->old_key, 16) != 0;
	/* old or new, and which one is no accident */
	if (!label || strncmp(label, "rekey.after-commit", 18) == 0)
		assert_true(changed);
	else if (strncmp(label, "rekey.before-commit", 19) == 0)
		assert_false(changed);
}

static void test_rekey_crash(void **state)
{
	struct scene s;
	struct crash_job job = { crash_work, crash_before, crash_after, &s };

	make_scene(&s, *state);
	crash_each(&job, 8);
	scene_free(&s);
}

static int slot_work(void *arg)
{
	struct scene *s = arg;
	struct slot_input in = { .kind = SLOT_KEYFILE, .secret = s->k->key,
				 .name = "third" };
	struct err e = ERR_INIT;
	unsigned id;

	if (vault_open(s->k->dir, &s->k->in, 1, true, &s->k->v, &e) != 0 ||
	    vault_slot_add(s->k->v, &in, &id, &e) != 0)
		return -1;
	return vault_slot_remove(s->k->v, 1, &e);
}

static void slot_after(const char *label, void *arg)
{
	struct scene *s = arg;
	size_t n = count(s->k);

	(void)label;
	kit_open(s->k, true);
	check_content(s->k);
	kit_close(s->k);
	assert_true(n == 3 || n == 4);
}

static void test_slot_crash(void **state)
{
	struct scene s;
	struct crash_job job = { slot_work, crash_before, slot_after, &s };

	make_scene(&s, *state);
	crash_each(&job, 8);
	scene_free(&s);
}

static int cheap(void **state)
{
	(void)state;
	slot_passphrase_set_cost(1, 8192);
	return 0;
}

#define test(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_slots),
		test(test_slots_read_only),
		test(test_foreign_slot),
		test(test_rekey),
		test(test_rekey_needs_keys),
		test(test_rekey_leaves_nothing),
		test(test_rekey_crash),
		test(test_slot_crash),
	};

	return cmocka_run_group_tests(tests, cheap, NULL);
}
