/*
 * envelope: writing the emergency envelope from the vault.
 *
 * Owns the setting "emergency-key" and the file DIR/emergency.envelope.
 * Promises: the file is replaced whole or not at all, and never holds a
 * credential's own value.  Must never: run inside a transaction.
 */
#include "vault/envelope.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/envelope_file.h"
#include "vault/inventory.h"
#include "vault/journal.h"

#define CONFIG_PIECE (256u * 1024) /* of curfew.toml, bytes a record */

static struct store_id setting_id(const struct vault *v)
{
	static const char *const part = "emergency-key";

	return store_id(v, STORE_SETTING, &part, 1);
}

/* 1 set, 0 not set, -1 error */
static int read_key(struct vault *v, unsigned char pk[ENVELOPE_PUBLIC],
		    struct err *e)
{
	struct store_id id = setting_id(v);
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	struct unpack u;
	int rc = store_get(v, STORE_SETTING, &id, &data, NULL, e);

	if (rc == 1) {
		unpack_init(&u, data.p, data.len);
		if (unpack_next(&u) && u.tag == 1 && u.len == ENVELOPE_PUBLIC)
			memcpy(pk, u.val, ENVELOPE_PUBLIC);
		else
			rc = err_fail(e, ERR_FORMAT, NULL,
				      "the emergency key's setting is malformed");
	}
	buf_release(&data);
	return rc;
}

static int write_key(struct vault *v, const unsigned char *pk, struct err *e)
{
	struct store_row row = { .id = setting_id(v) };
	struct journal_entry j = { .kind = J_VAULT };
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (store_begin(v, e) != 0)
		return -1;
	if (pk) {
		if (pack_bytes(&data, 1, pk, ENVELOPE_PUBLIC, e) != 0)
			goto out;
		row.data = data.p;
		row.len = data.len;
		if (store_put(v, STORE_SETTING, &row, e) != 0)
			goto out;
	} else if (store_delete(v, STORE_SETTING, &row.id, e) != 0) {
		goto out;
	}
	j.text = pk ? "emergency key set" : "emergency key removed";
	rc = journal_append(v, &j, NULL, e);
out:
	if (rc == 0)
		rc = store_commit(v, e);
	else
		store_rollback(v);
	buf_release(&data);
	return rc;
}

/* ---- collecting --------------------------------------------------------- */

struct names {
	char **names;
	size_t n, cap;
};

static int add_name(const struct inv_connection *c, void *arg, struct err *e)
{
	struct names *l = arg;
	char *copy = mem_strdup(c->name);

	if (copy && l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16, bytes;
		char **grown = NULL;

		if (mem_mul(cap, sizeof *grown, &bytes))
			grown = mem_realloc(l->names, bytes);
		if (!grown) {
			mem_free(copy);
			copy = NULL;
		} else {
			l->names = grown;
			l->cap = cap;
		}
	}
	if (!copy)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	l->names[l->n++] = copy;
	return 0;
}

struct writing {
	struct envelope_writer *w;
	struct buf record;
	struct err *e;
};

static int put(struct writing *j, enum envelope_type t, const void *record,
	       struct err *e)
{
	if (envelope_pack(t, record, &j->record, e) != 0)
		return -1;
	return envelope_write(j->w, t, j->record.p, j->record.len, e);
}

static int put_account(const struct inv_account *a, void *arg, struct err *e)
{
	return put(arg, ENV_ACCOUNT, a, e);
}

static int put_credential(const struct inv_credential *c, void *arg,
			  struct err *e)
{
	return put(arg, ENV_CREDENTIAL, c, e);
}

static int put_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	return put(arg, ENV_GRANT, g, e);
}

static int put_secret(const unsigned char *p, size_t n, void *arg)
{
	struct writing *j = arg;

	return envelope_write(j->w, ENV_SECRET, p, n, j->e);
}

static int put_connection(struct writing *j, struct vault *v, const char *name,
			  struct err *e)
{
	struct inv_connection c = { 0 };
	struct secret *secret = NULL;
	int rc = inv_connection_get(v, name, &c, &secret, e);

	if (rc == 1) {
		rc = put(j, ENV_CONNECTION, &c, e);
		j->e = e;
		if (rc == 0 && secret)
			rc = secret_reveal(secret, put_secret, j);
	}
	secret_free(&secret);
	inv_connection_free(&c);
	return rc;
}

/* curfew.toml goes along: identities and workflows are named there. */
static int put_config(struct writing *j, struct vault *v, struct err *e)
{
	struct buf text = BUF_INIT(BUF_CONFIG_MAX);
	struct err mine = ERR_INIT;
	char *path = io_path(vault_dir(v), "curfew.toml");
	int rc = -1;

	if (!path) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		rc = 0;
		goto out;
	}
	if (io_read_file(path, IO_ANY, BUF_CONFIG_MAX, &text, &mine) != 0) {
		*e = mine;
		goto out;
	}
	for (size_t at = 0; at < text.len; at += CONFIG_PIECE) {
		size_t n = text.len - at;

		if (n > CONFIG_PIECE)
			n = CONFIG_PIECE;
		if (envelope_write(j->w, ENV_CONFIG, text.p + at, n, e) != 0)
			goto out;
	}
	rc = 0;
out:
	buf_release(&text);
	mem_free(path);
	return rc;
}

static int write_all(struct vault *v, const unsigned char *pk, struct buf *out,
		     struct err *e)
{
	struct writing j = { .record = BUF_INIT(BUF_RECORD_MAX), .e = e };
	struct names l = { NULL, 0, 0 };
	int rc = -1;

	j.w = envelope_writer_open(vault_id(v), pk, out, e);
	if (!j.w || inv_connections(v, add_name, &l, e) != 0)
		goto out;
	for (size_t i = 0; i < l.n; i++)
		if (put_connection(&j, v, l.names[i], e) != 0)
			goto out;
	if (inv_accounts(v, NULL, put_account, &j, e) != 0 ||
	    inv_credentials(v, NULL, NULL, put_credential, &j, e) != 0 ||
	    inv_grants(v, NULL, NULL, put_grant, &j, e) != 0 ||
	    put_config(&j, v, e) != 0)
		goto out;
	rc = envelope_write(j.w, ENV_END, NULL, 0, e);
out:
	for (size_t i = 0; i < l.n; i++)
		mem_free(l.names[i]);
	mem_free(l.names);
	buf_release(&j.record);
	envelope_writer_close(&j.w);
	return rc;
}

static char *file_path(struct vault *v, struct err *e)
{
	char *path = io_path(vault_dir(v), ENVELOPE_NAME);

	if (!path)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return path;
}

static int write_file(struct vault *v, const unsigned char *pk, struct err *e)
{
	struct buf out = BUF_INIT(BUF_REPORT_MAX);
	char *path = file_path(v, e);
	int rc = -1;

	if (!path || write_all(v, pk, &out, e) != 0)
		goto out;
	crash_point("envelope.before-write");
	if (io_write_atomic(path, out.p, out.len, 0600, e) != 0)
		goto out;
	crash_point("envelope.after-write");
	rc = 0;
out:
	buf_release(&out);
	if (rc != 0) {
		err_ctx(e, path, "write the emergency envelope");
		err_state(e, "the vault itself is unchanged; the old envelope, "
			     "if any, still lies there");
		err_hint(e, "then: curfew emergency status");
	}
	mem_free(path);
	return rc;
}

int envelope_refresh(struct vault *v, struct err *e)
{
	unsigned char pk[ENVELOPE_PUBLIC];
	int rc = read_key(v, pk, e);

	if (rc <= 0)
		return rc;
	return write_file(v, pk, e);
}

int envelope_setup(struct vault *v, const unsigned char *pk, struct err *e)
{
	char *path = NULL;
	int rc = -1;

	if (write_key(v, pk, e) != 0)
		return err_ctx(e, NULL, "set the emergency key");
	if (pk)
		return write_file(v, pk, e);
	path = file_path(v, e);
	if (!path)
		goto out;
	if (unlink(path) != 0 && errno != ENOENT) {
		err_sys(e, path, "remove it");
		goto out;
	}
	rc = 0;
out:
	mem_free(path);
	return rc;
}

/* ---- status ------------------------------------------------------------- */

/* A connection changed after the envelope was made: it is stale. */
static int newer(const struct inv_connection *c, void *arg, struct err *e)
{
	struct envelope_info *out = arg;

	(void)e;
	out->connections++;
	if (c->created_ms > out->made_ms || c->synced_ms > out->made_ms)
		out->stale = true;
	return 0;
}

static int file_status(struct vault *v, struct envelope_info *out,
		       struct err *e)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	unsigned char mark[ENVELOPE_MARK];
	struct envelope_head h;
	struct err mine = ERR_INIT;
	char *path = file_path(v, e);
	int rc = -1;

	if (!path)
		goto out;
	out->stale = true;
	rc = 0;
	if (io_read_file(path, IO_ANY, BUF_REPORT_MAX, &b, &mine) != 0 ||
	    envelope_peek(b.p, b.len, &h, &mine) != 0)
		goto out;
	envelope_mark(out->pk, mark);
	out->made_ms = h.made_ms;
	out->stale = memcmp(mark, h.mark, ENVELOPE_MARK) != 0 ||
		     memcmp(h.vault, vault_id(v), 16) != 0;
out:
	mem_free(path);
	buf_release(&b);
	return rc;
}

int envelope_status(struct vault *v, struct envelope_info *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof *out);
	rc = read_key(v, out->pk, e);
	if (rc < 0)
		return -1;
	out->set = rc == 1;
	if (out->set && file_status(v, out, e) != 0)
		return -1;
	if (inv_connections(v, newer, out, e) != 0 ||
	    store_count(v, STORE_ACCOUNT, &out->accounts, e) != 0 ||
	    store_count(v, STORE_CREDENTIAL, &out->credentials, e) != 0 ||
	    store_count(v, STORE_GRANT, &out->grants, e) != 0)
		return -1;
	out->stale = out->set && out->stale;
	return 0;
}
