/* vaultkit: see vaultkit.h. */
#include "vaultkit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

static const char *const files[] = { "vault.db", "vault.db-wal",
				     "vault.db-shm", "vault.head",
				     "vault.lock" };

static void path_of(const struct kit *k, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", k->dir, name);
}

int kit_setup(void **state)
{
	static bool booted;
	struct kit *k = mem_zalloc(sizeof(*k));
	bool locked;
	unsigned char key[48];

	if (!booted)
		assert_ok(secret_boot(&locked, e));
	booted = true;
	snprintf(k->dir, sizeof(k->dir), "%s/curfew-vault-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(k->dir));
	memset(key, 'k', sizeof(key));
	k->key = secret_new(key, sizeof(key), NULL);
	assert_non_null(k->key);
	k->in.kind = SLOT_KEYFILE;
	k->in.name = "test";
	k->in.secret = k->key;
	k->in.path = "/nowhere";
	assert_ok(vault_init(k->dir, &k->in, &k->v, e));
	*state = k;
	return 0;
}

int kit_teardown(void **state)
{
	struct kit *k = *state;
	char path[128];

	kit_close(k);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_of(k, files[i], path);
		unlink(path);
	}
	assert_int_equal(rmdir(k->dir), 0); /* nothing else was left there */
	secret_free(&k->key);
	mem_free(k);
	return 0;
}

void kit_close(struct kit *k)
{
	vault_close(&k->v);
}

void kit_open(struct kit *k, bool write)
{
	kit_close(k);
	assert_ok(vault_open(k->dir, &k->in, 1, write, &k->v, e));
}

enum err_code kit_try(struct kit *k, bool write)
{
	struct err e = ERR_INIT;

	kit_close(k);
	if (vault_open(k->dir, &k->in, 1, write, &k->v, &e) == 0)
		return ERR_NONE;
	assert_null(k->v);
	return e.code;
}

struct store_id kit_id(struct vault *v, enum store_table t, const char *name)
{
	return store_id(v, t, &name, 1);
}

void kit_put(struct vault *v, enum store_table t, const char *name,
	     const char *group, const char *text, const char *secret)
{
	struct store_row row = { .id = kit_id(v, t, name),
				 .data = text,
				 .len = strlen(text) };
	struct secret *s = NULL;

	if (group)
		row.group = kit_id(v, t, group);
	if (secret) {
		s = secret_new(secret, strlen(secret), NULL);
		row.secret = s;
		row.fp = store_fingerprint(v, s);
	}
	assert_ok(store_put(v, t, &row, e));
	secret_free(&s);
}

static char text[65536];

static const char *fault(const struct err *e)
{
	snprintf(text, sizeof(text), "!%s", err_word(e->code));
	return text;
}

static int reveal(const unsigned char *p, size_t n, void *arg)
{
	size_t at = strlen(text);

	(void)arg;
	snprintf(text + at, sizeof(text) - at, "|%.*s", (int)n,
		 (const char *)p);
	return 0;
}

const char *kit_get(struct vault *v, enum store_table t, const char *name)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct store_id id = kit_id(v, t, name);
	struct secret *s = NULL;
	struct err e = ERR_INIT;
	int rc = store_get(v, t, &id, &b, &s, &e);

	if (rc < 0) {
		assert_null(s);
		fault(&e);
	} else if (rc == 0) {
		snprintf(text, sizeof(text), "(absent)");
	} else {
		snprintf(text, sizeof(text), "%s", b.p);
		if (s)
			secret_reveal(s, reveal, NULL);
	}
	secret_free(&s);
	buf_release(&b);
	return text;
}

struct list {
	char *items[4096];
	size_t n;
};

static int gather(const struct store_row *row, void *arg, struct err *e)
{
	struct list *l = arg;

	(void)e;
	assert_true(l->n < 4096);
	l->items[l->n++] = mem_strndup(row->data, row->len);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *kit_list(struct vault *v, enum store_table t, const char *group)
{
	static struct list l;
	struct store_id id;
	struct err e = ERR_INIT;
	size_t at = 0;
	int rc;

	l.n = 0;
	if (group)
		id = kit_id(v, t, group);
	rc = store_each(v, t, group ? &id : NULL, gather, &l, &e);
	qsort(l.items, l.n, sizeof(l.items[0]), by_text);
	text[0] = '\0';
	for (size_t i = 0; i < l.n; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i ? "," : "", l.items[i]);
		assert_true(at < sizeof(text));
		mem_free(l.items[i]);
	}
	return rc < 0 ? fault(&e) : text;
}

void kit_journal(struct vault *v, const char *what)
{
	struct journal_entry j = { .kind = J_DECISION, .text = what };

	assert_ok(journal_append(v, &j, NULL, e));
}

static void save_file(struct kit *k, const char *name, struct buf *b)
{
	char path[128];

	path_of(k, name, path);
	*b = (struct buf)BUF_INIT(BUF_REPORT_MAX);
	assert_ok(io_read_file(path, IO_ANY, BUF_REPORT_MAX, b, e));
}

void kit_write_file(struct kit *k, const char *name, const void *p, size_t n)
{
	char path[128];
	FILE *f;

	path_of(k, name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	chmod(path, 0600);
}

void kit_save(struct kit *k, struct kit_files *f)
{
	kit_close(k);
	save_file(k, "vault.db", &f->db);
	save_file(k, "vault.head", &f->head);
}

void kit_load(struct kit *k, const struct kit_files *f)
{
	char path[128];

	kit_close(k);
	for (size_t i = 0; i < 3; i++) {
		path_of(k, files[i], path);
		unlink(path);
	}
	kit_write_file(k, "vault.db", f->db.p, f->db.len);
	kit_write_file(k, "vault.head", f->head.p, f->head.len);
}

void kit_files_free(struct kit_files *f)
{
	buf_release(&f->db);
	buf_release(&f->head);
}

void kit_sql(struct kit *k, const char *sql)
{
	sqlite3 *db = NULL;
	char path[128];
	int rc;

	assert_null(k->v);
	path_of(k, "vault.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}
