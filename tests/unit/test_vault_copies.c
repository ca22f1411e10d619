// link: base vault tests/unit/vaultkit.c tests/unit/crashkit.c
/*
 * Copies of a vault: backup, restore (with a crash at each step), and the
 * emergency envelope, whole, altered in any bit, and cut at any length.
 */
#include "vaultkit.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "crashkit.h"
#include "vault/envelope.h"
#include "vault/inventory.h"
#include "vault/slot_input.h"

#define PATH 256

struct scene {
	struct kit *k;
	char backup[PATH], other[PATH];
	struct kit_files newer;
};

static void path_in(const struct kit *k, const char *name, char out[PATH])
{
	snprintf(out, PATH, "%s/%s", k->dir, name);
}

static bool exists(const struct kit *k, const char *name)
{
	char p[PATH];

	path_in(k, name, p);
	return access(p, F_OK) == 0;
}

static void empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d && (f = readdir(d)))
		if (f->d_name[0] != '.' || strlen(f->d_name) > 2)
			(void)unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
}

/* Everything but the vault's own files, so that the next case starts clean. */
static void sweep(const struct kit *k)
{
	static const char *const own[] = { ".", "..", "vault.db", "vault.db-wal",
					   "vault.db-shm", "vault.head",
					   "vault.lock", "backup" };
	DIR *d = opendir(k->dir);
	struct dirent *f;

	assert_non_null(d);
	while ((f = readdir(d))) {
		bool keep = false;
		char p[PATH * 2];

		for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
			keep = keep || strcmp(f->d_name, own[i]) == 0;
		if (keep)
			continue;
		snprintf(p, sizeof p, "%s/%s", k->dir, f->d_name);
		empty(p);
		if (unlink(p) != 0)
			assert_int_equal(rmdir(p), 0);
	}
	closedir(d);
}

static void make_scene(struct scene *s, struct kit *k)
{
	memset(s, 0, sizeof *s);
	s->k = k;
	path_in(k, "backup", s->backup);
	kit_put(k->v, STORE_ACCOUNT, "a", "g", "old", "old secret");
	kit_journal(k->v, "before the backup");
	assert_ok(vault_backup(k->v, s->backup, e));
	kit_put(k->v, STORE_ACCOUNT, "a", "g", "new", "new secret");
	kit_put(k->v, STORE_ACCOUNT, "b", "g", "more", NULL);
	kit_save(k, &s->newer);
}

static void scene_free(struct scene *s)
{
	kit_files_free(&s->newer);
	sweep(s->k);
	(void)unlink(s->backup);
}

static void check_is(struct kit *k, const char *want, const char *b)
{
	struct vault_report r = { .text = BUF_INIT(65536) };

	kit_open(k, false);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), want);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "b"), b);
	assert_ok(vault_verify(k->v, &r, e));
	assert_int_equal(r.bad, 0);
	buf_release(&r.text);
	kit_close(k);
}

static void test_restore(void **state)
{
	struct kit *k = *state;
	struct scene s;

	make_scene(&s, k);
	/* newer than the backup: only by force */
	assert_code(ERR_POLICY, vault_restore(k->dir, s.backup, false, e));
	check_is(k, "new|new secret", "more");
	assert_false(exists(k, "restore.part"));
	assert_false(exists(k, "vault.db.before"));
	assert_ok(vault_restore(k->dir, s.backup, true, e));
	check_is(k, "old|old secret", "(absent)");
	assert_true(exists(k, "vault.db.before"));
	assert_true(exists(k, "vault.head.before"));
	assert_false(exists(k, "restore.part"));

	/* as new as the backup: no force needed; the kept one stays kept */
	assert_ok(vault_restore(k->dir, s.backup, false, e));
	assert_true(exists(k, "vault.db.before-2"));
	/* and it goes on working */
	kit_open(k, true);
	kit_put(k->v, STORE_ACCOUNT, "a", "g", "again", NULL);
	kit_open(k, true);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), "again");
	kit_close(k);
	scene_free(&s);
}

/* What was replaced is whole: moved back by hand it opens as it was. */
static void test_kept(void **state)
{
	struct kit *k = *state;
	struct scene s;
	char from[PATH], to[PATH];

	make_scene(&s, k);
	assert_ok(vault_restore(k->dir, s.backup, true, e));
	for (int i = 0; i < 2; i++) {
		path_in(k, i ? "vault.head.before" : "vault.db.before", from);
		path_in(k, i ? "vault.head" : "vault.db", to);
		assert_int_equal(rename(from, to), 0);
	}
	check_is(k, "new|new secret", "more");
	scene_free(&s);
}

static void test_backup_is_careful(void **state)
{
	struct kit *k = *state;
	struct scene s;
	char missing[PATH];

	make_scene(&s, k);
	kit_open(k, true);
	assert_code(ERR_EXISTS, vault_backup(k->v, s.backup, e));
	path_in(k, "no/such/folder", missing);
	assert_int_equal(vault_backup(k->v, missing, &(struct err)ERR_INIT), -1);
	assert_false(exists(k, "backup.part"));
	kit_close(k);
	assert_ok(vault_restore(k->dir, s.backup, true, e)); /* still whole */
	check_is(k, "old|old secret", "(absent)");
	scene_free(&s);
}

/* A reader backs up while a writer is at work in between. */
static void test_backup_while_writing(void **state)
{
	struct kit *k = *state;
	struct vault *reader = NULL;
	char p[PATH];

	kit_put(k->v, STORE_ACCOUNT, "a", NULL, "one", NULL);
	assert_ok(vault_open(k->dir, &k->in, 1, false, &reader, e));
	kit_put(k->v, STORE_ACCOUNT, "a", NULL, "two", NULL);
	path_in(k, "backup", p);
	assert_ok(vault_backup(reader, p, e));
	kit_put(k->v, STORE_ACCOUNT, "a", NULL, "three", NULL);
	vault_close(&reader);
	kit_close(k);
	assert_ok(vault_restore(k->dir, p, true, e));
	kit_open(k, false);
	assert_string_equal(kit_get(k->v, STORE_ACCOUNT, "a"), "two");
	kit_close(k);
	sweep(k);
	assert_int_equal(unlink(p), 0);
}

static void test_restore_over_damage(void **state)
{
	struct kit *k = *state;
	struct scene s;

	make_scene(&s, k);
	kit_write_file(k, "vault.db", "no database at all", 18);
	assert_ok(vault_restore(k->dir, s.backup, false, e));
	check_is(k, "old|old secret", "(absent)");
	scene_free(&s);
}

static void test_not_a_backup(void **state)
{
	struct kit *k = *state;
	struct scene s;
	char p[PATH];

	make_scene(&s, k);
	kit_write_file(k, "junk", "this is no backup", 17);
	path_in(k, "junk", p);
	assert_int_equal(vault_restore(k->dir, p, true,
				       &(struct err)ERR_INIT), -1);
	/* a plain copy of vault.db has no head: not taken either */
	kit_write_file(k, "junk", s.newer.db.p, s.newer.db.len);
	assert_code(ERR_FORMAT, vault_restore(k->dir, p, true, e));
	path_in(k, "nothing", p);
	assert_code(ERR_ABSENT, vault_restore(k->dir, p, true, e));
	assert_false(exists(k, "restore.part"));
	check_is(k, "new|new secret", "more");
	scene_free(&s);
}

static void test_other_vault(void **state)
{
	struct kit *k = *state;
	void *second = NULL;
	struct kit *other;
	char p[PATH];

	kit_setup(&second);
	other = second;
	path_in(k, "backup", p);
	assert_ok(vault_backup(other->v, p, e));
	kit_close(k);
	assert_code(ERR_POLICY, vault_restore(k->dir, p, false, e));
	kit_open(k, true);
	kit_close(k);
	kit_teardown(&second);
	assert_int_equal(unlink(p), 0);
}

static int restore_work(void *arg)
{
	struct scene *s = arg;
	struct err e = ERR_INIT;

	return vault_restore(s->k->dir, s->backup, true, &e);
}

static void restore_before(void *arg)
{
	struct scene *s = arg;

	sweep(s->k);
	kit_load(s->k, &s->newer);
}

/* The replaced database, wherever it is now, byte for byte. */
static bool somewhere(const struct scene *s, const struct buf *want)
{
	static const char *const names[] = { "vault.db", "vault.db.before",
					     "vault.db.before-2" };
	bool found = false;

	for (size_t i = 0; i < 3; i++) {
		struct buf b = BUF_INIT(BUF_REPORT_MAX);
		struct err e = ERR_INIT;
		char p[PATH];

		path_in(s->k, names[i], p);
		if (io_read_file(p, IO_ANY, BUF_REPORT_MAX, &b, &e) == 0)
			found = found || (b.len == want->len &&
					  memcmp(b.p, want->p, b.len) == 0);
		buf_release(&b);
	}
	return found;
}

static void restore_after(const char *label, void *arg)
{
	struct scene *s = arg;

	assert_true(somewhere(s, &s->newer.db));
	if (label) /* run again, it ends well */
		assert_ok(vault_restore(s->k->dir, s->backup, true, e));
	check_is(s->k, "old|old secret", "(absent)");
	assert_true(somewhere(s, &s->newer.db));
	assert_false(exists(s->k, "restore.part"));
}

static void test_restore_crash(void **state)
{
	struct scene s;
	struct crash_job job = { restore_work, restore_before, restore_after, &s };

	make_scene(&s, *state);
	crash_each(&job, 6);
	scene_free(&s);
}

/* ---- envelope ------------------------------------------------------------- */

struct sealed {
	struct secret *half;
	unsigned char pk[32];
	char file[PATH], dir[PATH];
	struct buf bytes;
};

static void put_inventory(struct vault *v)
{
	char pg[] = "pg-main", type[] = "postgres", options[] = "{\"host\":\"db\"}";
	char empty[] = "", ci[] = "ci_bot", kind[] = "password", id[] = "pw";
	char attrs[] = "{\"x\":\"y\"}", grant[] = "forward", ssh[] = "web";
	struct inv_connection c = { .name = pg, .type = type,
				    .options = options, .facts = empty,
				    .failure = empty, .created_ms = 5,
				    .synced_ms = 6 };
	struct inv_account a = { .connection = pg, .name = ci,
				 .state = INV_ACTIVE, .makes_accounts = true,
				 .attributes = attrs, .missing = 3 };
	struct inv_credential cr = { .connection = pg, .account = ci,
				     .kind = kind, .id = id,
				     .state = INV_DISABLED, .fingerprint = empty,
				     .attributes = empty, .expires_ms = 99 };
	struct inv_grant g = { .connection = pg, .account = ci, .kind = grant,
			       .id = id, .state = INV_ACTIVE,
			       .attributes = empty };
	struct secret *admin = secret_new("the admin password", 18, NULL);
	struct secret *own = secret_new("the bot's own password", 22, NULL);

	assert_ok(inv_connection_put(v, &c, admin, e));
	assert_ok(inv_account_put(v, &a, e));
	assert_ok(inv_credential_put(v, &cr, own, e));
	assert_ok(inv_grant_put(v, &g, e));
	c.name = ssh;
	assert_ok(inv_connection_put(v, &c, NULL, e));
	secret_free(&admin);
	secret_free(&own);
}

static void make_sealed(struct sealed *s, struct kit *k)
{
	char pair[PATH], pub[SLOT_PUBLIC_TEXT];

	memset(s, 0, sizeof *s);
	path_in(k, "pair", pair);
	assert_ok(slot_recipient_make(pair, pub, e));
	assert_ok(slot_recipient_read(pair, &s->half, e));
	assert_ok(slot_recipient_parse(pub, s->pk, e));
	assert_int_equal(unlink(pair), 0);
	path_in(k, ENVELOPE_NAME, s->file);
	path_in(k, "em", s->dir);
	put_inventory(k->v);
	kit_write_file(k, "curfew.toml", "# identities\n", 13);
	assert_ok(envelope_setup(k->v, s->pk, e));
	s->bytes = (struct buf)BUF_INIT(BUF_REPORT_MAX);
	assert_ok(io_read_file(s->file, IO_PRIVATE, BUF_REPORT_MAX, &s->bytes, e));
}

static void clear_dir(const char *dir)
{
	static const char *const names[] = { "vault.db", "vault.head",
					     "vault.lock", "curfew.toml" };
	char p[PATH * 2];

	for (size_t i = 0; i < 4; i++) {
		snprintf(p, sizeof p, "%s/%s", dir, names[i]);
		(void)unlink(p);
	}
	(void)rmdir(dir);
}

static void sealed_free(struct sealed *s, struct kit *k)
{
	clear_dir(s->dir);
	secret_free(&s->half);
	buf_release(&s->bytes);
	kit_close(k);
	sweep(k);
}

static void check_secret(const struct secret *s, const char *want)
{
	struct secret *w = secret_new(want, strlen(want), NULL);

	assert_non_null(s);
	assert_true(secret_equal(s, w));
	secret_free(&w);
}

static void check_built(const char *dir, const struct slot_input *in)
{
	struct vault *v = NULL;
	struct inv_connection c = { 0 };
	struct inv_account a = { 0 };
	struct inv_credential cr = { 0 };
	struct secret *s = NULL;
	struct buf text = BUF_INIT(1000);
	char p[PATH * 2];
	uint64_t n = 0;

	assert_ok(vault_open(dir, in, 1, true, &v, e));
	assert_ok(inv_connection_get(v, "pg-main", &c, &s, e));
	assert_string_equal(c.type, "postgres");
	assert_string_equal(c.options, "{\"host\":\"db\"}");
	assert_int_equal(c.synced_ms, 6);
	check_secret(s, "the admin password");
	secret_free(&s);
	inv_connection_free(&c);
	memset(&c, 0, sizeof c);
	assert_ok(inv_connection_get(v, "web", &c, &s, e));
	assert_null(s);
	inv_connection_free(&c);
	assert_ok(inv_account_get(v, "pg-main", "ci_bot", &a, e));
	assert_true(a.makes_accounts);
	assert_int_equal(a.missing, 3);
	inv_account_free(&a);
	assert_ok(inv_credential_get(v, "pg-main", "ci_bot", "password", "pw",
				     &cr, &s, e));
	assert_int_equal(cr.state, INV_DISABLED);
	assert_int_equal(cr.expires_ms, 99);
	assert_null(s); /* a credential's own value is not in the envelope */
	assert_false(cr.has_secret);
	inv_credential_free(&cr);
	assert_ok(store_count(v, STORE_GRANT, &n, e));
	assert_int_equal(n, 1);
	assert_ok(journal_verify(v, &n, e));
	vault_close(&v);
	snprintf(p, sizeof p, "%s/curfew.toml", dir);
	assert_ok(io_read_file(p, IO_PRIVATE, 1000, &text, e));
	assert_string_equal(text.p, "# identities\n");
	buf_release(&text);
}

static void test_envelope(void **state)
{
	struct kit *k = *state;
	struct envelope_info told, status;
	struct sealed s;

	make_sealed(&s, k);
	assert_ok(envelope_status(k->v, &status, e));
	assert_true(status.set && !status.stale);
	assert_int_equal(status.connections, 2);
	assert_int_equal(status.credentials, 1);
	/* nothing readable: the vault is not needed, only the secret half */
	assert_null(memmem(s.bytes.p, s.bytes.len, "pg-main", 7));
	assert_null(memmem(s.bytes.p, s.bytes.len, "admin", 5));
	assert_ok(envelope_open(s.file, s.half, s.dir, &k->in, &told, e));
	assert_int_equal(told.connections, 2);
	assert_int_equal(told.accounts, 1);
	assert_int_equal(told.grants, 1);
	check_built(s.dir, &k->in);
	/* not over a vault that is there */
	assert_code(ERR_EXISTS,
		    envelope_open(s.file, s.half, s.dir, &k->in, NULL, e));
	sealed_free(&s, k);
}

static void test_envelope_refresh(void **state)
{
	struct kit *k = *state;
	char empty[] = "", name[] = "late", type[] = "ssh";
	struct inv_connection c = { .name = name, .type = type,
				    .options = empty, .facts = empty,
				    .failure = empty };
	struct envelope_info i;
	struct sealed s;

	assert_ok(envelope_refresh(k->v, e)); /* not set: nothing to do */
	assert_false(exists(k, ENVELOPE_NAME));
	make_sealed(&s, k);
	c.created_ms = clock_wall_ms() + 5;
	assert_ok(inv_connection_put(k->v, &c, NULL, e));
	assert_ok(envelope_status(k->v, &i, e));
	assert_true(i.stale);
	clock_sleep_ms(10);
	assert_ok(envelope_refresh(k->v, e));
	assert_ok(envelope_status(k->v, &i, e));
	assert_false(i.stale);
	assert_ok(envelope_open(s.file, s.half, s.dir, &k->in, &i, e));
	assert_int_equal(i.connections, 3);
	assert_int_equal(unlink(s.file), 0);
	assert_ok(envelope_status(k->v, &i, e));
	assert_true(i.stale);
	assert_ok(envelope_setup(k->v, NULL, e));
	assert_ok(envelope_status(k->v, &i, e));
	assert_false(i.set);
	sealed_free(&s, k);
}

static void try_altered(struct kit *k, struct sealed *s, const char *p, size_t n,
			const char *what, size_t at)
{
	struct err e = ERR_INIT;

	kit_write_file(k, "altered", p, n);
	path_in(k, "altered", s->file);
	if (envelope_open(s->file, s->half, s->dir, &k->in, NULL, &e) == 0)
		fail_msg("%s %zu: it opened", what, at);
	if (e.code != ERR_TAMPER && e.code != ERR_FORMAT && e.code != ERR_SEALED)
		fail_msg("%s %zu: %s", what, at, err_word(e.code));
	if (access(s->dir, F_OK) == 0)
		fail_msg("%s %zu: something was built", what, at);
}

static void test_envelope_altered(void **state)
{
	struct kit *k = *state;
	struct sealed s, other;

	make_sealed(&s, k);
	for (size_t bit = 0; bit < s.bytes.len * 8; bit++) {
		s.bytes.p[bit / 8] ^= (char)(1u << (bit % 8));
		try_altered(k, &s, s.bytes.p, s.bytes.len, "bit", bit);
		s.bytes.p[bit / 8] ^= (char)(1u << (bit % 8));
	}
	for (size_t n = 0; n < s.bytes.len; n++)
		try_altered(k, &s, s.bytes.p, n, "length", n);
	assert_ok(buf_add(&s.bytes, "x", 1, e));
	try_altered(k, &s, s.bytes.p, s.bytes.len, "length", s.bytes.len);
	/* another key's half */
	memset(&other, 0, sizeof other);
	other.half = secret_generate(32, NULL);
	path_in(k, ENVELOPE_NAME, s.file);
	assert_code(ERR_SEALED, envelope_open(s.file, other.half, s.dir, &k->in,
					      NULL, e));
	secret_free(&other.half);
	sealed_free(&s, k);
}

#define test(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_restore),
		test(test_kept),
		test(test_backup_is_careful),
		test(test_backup_while_writing),
		test(test_restore_over_damage),
		test(test_not_a_backup),
		test(test_other_vault),
		test(test_restore_crash),
		test(test_envelope),
		test(test_envelope_refresh),
		test(test_envelope_altered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
