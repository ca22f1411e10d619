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

/* ---- everything a reader can get ------------------------------------------------ */

struct dump {
	struct kit *k;
	struct buf *out;
	enum err_code *first;
	struct store_id ids[64];
	size_t n;
};

static void line(struct dump *d, const char *what, const struct err *why,
		 const char *content)
{
	char word[32];

	if (why && why->code) {
		if (!*d->first)
			*d->first = why->code;
		snprintf(word, sizeof(word), "!%s", err_word(why->code));
		content = word;
	}
	assert_ok(buf_printf(d->out, e, "%s: %s\n", what, content));
}

static int dump_row(const struct store_row *row, void *arg, struct err *x)
{
	struct dump *d = arg;

	(void)x;
	if (d->n < 64)
		d->ids[d->n++] = row->id;
	assert_ok(buf_printf(d->out, e, "%.*s%s due %lld;", (int)row->len,
			     (const char *)row->data,
			     row->has_secret ? "+" : "",
			     (long long)row->due_ms));
	return 0;
}

static int dump_entry(const struct journal_entry *j, void *arg, struct err *x)
{
	struct dump *d = arg;

	(void)x;
	assert_ok(buf_printf(d->out, e, "%llu %s %s;",
			     (unsigned long long)j->seq, journal_word(j->kind),
			     j->text));
	return 0;
}

/* A walk gathers into its own line; with an error the line is the error. */
static void walk(struct dump *d, const char *what, enum store_table t, int how,
		 const struct store_id *id)
{
	struct buf mine = BUF_INIT(BUF_REPORT_MAX), *out = d->out;
	struct err e = ERR_INIT;
	int rc;

	d->out = &mine;
	switch (how) {
	case 0:
		rc = store_each(d->k->v, t, id, dump_row, d, &e);
		break;
	case 1:
		rc = store_each_area(d->k->v, t, id, dump_row, d, &e);
		break;
	case 2:
		rc = store_by_secret(d->k->v, t, id, dump_row, d, &e);
		break;
	default:
		rc = journal_each(d->k->v, 0, 0, NULL, dump_entry, d, &e);
		break;
	}
	d->out = out;
	assert_int_equal(rc, e.code ? -1 : 0);
	line(d, what, &e, mine.p ? mine.p : "");
	buf_release(&mine);
}

static void dump_table(struct dump *d, enum store_table t)
{
	static const char *const groups[] = { "g", "h", "none" };
	static const char *const values[] = { "s3cret-a", "s3cret-b",
					      "s3cret-c" };
	char what[40];

	d->n = 0;
	snprintf(what, sizeof(what), "table %d", (int)t);
	walk(d, what, t, 0, NULL);
	for (size_t i = 0; i < 3; i++) {
		struct store_id id = kit_id(d->k->v, t, groups[i]);
		struct secret *s = secret_new(values[i], 8, NULL);
		struct store_id fp = store_fingerprint(d->k->v, s);

		snprintf(what, sizeof(what), "group %d %s", (int)t, groups[i]);
		walk(d, what, t, 0, &id);
		snprintf(what, sizeof(what), "area %d %s", (int)t, groups[i]);
		walk(d, what, t, 1, &id);
		walk(d, values[i], t, 2, &fp);
		secret_free(&s);
	}
}

void kit_dump(struct kit *k, struct buf *out, enum err_code *first)
{
	static const char *const names[] = { "a", "b", "c", "d", "nobody" };
	struct dump d = { .k = k, .out = out, .first = first };
	struct err e = ERR_INIT;

	*first = ERR_NONE;
	buf_reset(out);
	kit_close(k);
	if (vault_open(k->dir, &k->in, 1, false, &k->v, &e)) {
		line(&d, "open", &e, "");
		return;
	}
	line(&d, "open", NULL, "ok");
	for (int t = STORE_CONNECTION; t < STORE_TABLES; t++)
		dump_table(&d, (enum store_table)t);
	for (size_t i = 0; i < 5; i++) {
		for (int t = STORE_ACCOUNT; t <= STORE_CREDENTIAL; t++) {
			char what[40];
			const char *got = kit_get(k->v, (enum store_table)t,
						  names[i]);

			snprintf(what, sizeof(what), "get %d %s", t, names[i]);
			if (got[0] == '!' && !*first)
				*first = strcmp(got, "!tamper") == 0 ?
						 ERR_TAMPER :
						 ERR_BUG;
			line(&d, what, NULL, got);
		}
	}
	walk(&d, "journal", STORE_SETTING, 3, NULL);
	kit_close(k);
}

void kit_no_wrong_data(const struct buf *before, const struct buf *now)
{
	const char *a = before->p, *b = now->p;

	if (strncmp(b, "open: !", 7) == 0)
		return;
	while (*a && *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
		const char *colon = strstr(b, ": ");

		if ((n != m || memcmp(a, b, n) != 0) && colon[2] != '!')
			fail_msg("wrong data:\n%.*s\n%.*s", (int)n, a, (int)m,
				 b);
		a += n + 1;
		b += m + 1;
	}
	assert_true(*a == 0 && *b == 0);
}
