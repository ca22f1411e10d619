/*
 * envelope_open: an ordinary vault, built from an emergency envelope.
 *
 * Reads the envelope twice: once to check it to its marked end, so that nothing
 * is built from a damaged one, then to fill a new vault in one transaction.
 * From there on the usual commands work; there is no second engine.
 */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/envelope.h"
#include "vault/envelope_file.h"
#include "vault/inventory.h"
#include "vault/journal.h"

struct building {
	struct vault *v;	  /* NULL: only check */
	struct envelope_info *told;
	struct inv_connection last; /* the one a secret may follow for */
	bool have_last;
	struct buf config;
};

static int take_connection(struct building *b, const unsigned char *p, size_t n,
			   struct err *e)
{
	inv_connection_free(&b->last);
	memset(&b->last, 0, sizeof b->last);
	b->have_last = false;
	if (envelope_unpack(ENV_CONNECTION, p, n, &b->last, e) != 0)
		return -1;
	b->have_last = true;
	b->told->connections++;
	return b->v ? inv_connection_put(b->v, &b->last, NULL, e) : 0;
}

static int take_secret(struct building *b, const unsigned char *p, size_t n,
		       struct err *e)
{
	struct secret *s;
	int rc;

	if (!b->have_last)
		return err_fail(e, ERR_FORMAT, NULL,
				"a secret without its connection");
	b->have_last = false;
	if (!b->v)
		return 0;
	s = secret_new(p, n, e);
	if (!s)
		return -1;
	b->last.has_secret = true;
	rc = inv_connection_put(b->v, &b->last, s, e);
	secret_free(&s);
	return rc;
}

static int take_account(struct building *b, const unsigned char *p, size_t n,
			struct err *e)
{
	struct inv_account a = { 0 };
	int rc = envelope_unpack(ENV_ACCOUNT, p, n, &a, e);

	b->told->accounts++;
	if (rc == 0 && b->v)
		rc = inv_account_put(b->v, &a, e);
	inv_account_free(&a);
	return rc;
}

static int take_credential(struct building *b, const unsigned char *p, size_t n,
			   struct err *e)
{
	struct inv_credential c = { 0 };
	int rc = envelope_unpack(ENV_CREDENTIAL, p, n, &c, e);

	b->told->credentials++;
	if (rc == 0 && b->v)
		rc = inv_credential_put(b->v, &c, NULL, e);
	inv_credential_free(&c);
	return rc;
}

static int take_grant(struct building *b, const unsigned char *p, size_t n,
		      struct err *e)
{
	struct inv_grant g = { 0 };
	int rc = envelope_unpack(ENV_GRANT, p, n, &g, e);

	b->told->grants++;
	if (rc == 0 && b->v)
		rc = inv_grant_put(b->v, &g, e);
	inv_grant_free(&g);
	return rc;
}

static int take(enum envelope_type t, const unsigned char *p, size_t n,
		void *arg, struct err *e)
{
	struct building *b = arg;

	switch (t) {
	case ENV_CONNECTION:
		return take_connection(b, p, n, e);
	case ENV_SECRET:
		return take_secret(b, p, n, e);
	case ENV_ACCOUNT:
		return take_account(b, p, n, e);
	case ENV_CREDENTIAL:
		return take_credential(b, p, n, e);
	case ENV_GRANT:
		return take_grant(b, p, n, e);
	case ENV_CONFIG:
		return buf_add(&b->config, p, n, e);
	case ENV_END:
		break;
	}
	return 0; /* a newer writer's record type: not needed for a kill */
}

static int journal_origin(struct vault *v, const struct envelope_head *h,
			  struct err *e)
{
	struct journal_entry j = { .kind = J_VAULT };
	char from[33], text[120];

	text_hex(h->vault, 16, from);
	snprintf(text, sizeof text,
		 "built from the emergency envelope of vault %s", from);
	j.text = text;
	return journal_append(v, &j, NULL, e);
}

static int fill(struct building *b, const struct buf *file,
		const struct secret *key, const struct envelope_head *h,
		struct err *e)
{
	if (store_begin(b->v, e) != 0)
		return -1;
	if (envelope_walk(file->p, file->len, key, take, b, e) != 0 ||
	    journal_origin(b->v, h, e) != 0) {
		store_rollback(b->v);
		return -1;
	}
	return store_commit(b->v, e);
}

/* The lost vault's head_file is not for this one: its lines become comments. */
static int without_head(const struct buf *in, struct buf *out, struct err *e)
{
	const char *p = in->p, *const end = in->p + in->len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl + 1 : end) - p);
		size_t blank = 0;

		while (blank < n && (p[blank] == ' ' || p[blank] == '\t'))
			blank++;
		if (n - blank > strlen("head_file") &&
		    memcmp(p + blank, "head_file", strlen("head_file")) == 0 &&
		    buf_add(out, "# ", 2, e) != 0)
			return -1;
		if (buf_add(out, p, n, e) != 0)
			return -1;
		p += n;
	}
	return 0;
}

/* A config that lies there already is the operator's: it stays. */
static int write_config(struct building *b, const char *dir, struct err *e)
{
	struct buf text = BUF_INIT(BUF_CONFIG_MAX * 2);
	struct err mine = ERR_INIT;
	char *path = NULL;
	int rc = 0;

	if (b->config.len == 0)
		return 0;
	if (without_head(&b->config, &text, e) != 0) {
		rc = -1;
		goto out;
	}
	path = io_path(dir, "curfew.toml");
	if (!path) {
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (io_create(path, text.p, text.len, 0600, &mine) != 0 &&
	    !err_is(&mine, ERR_EXISTS)) {
		*e = mine;
		rc = -1;
	}
out:
	buf_release(&text);
	mem_free(path);
	return rc;
}

int envelope_open(const char *file, const struct secret *key, const char *dir,
		  const struct slot_input *first, struct envelope_info *out,
		  struct err *e)
{
	struct envelope_info told = { 0 };
	struct building b = { .told = &told,
			      .config = BUF_INIT(BUF_CONFIG_MAX) };
	struct buf bytes = BUF_INIT(BUF_REPORT_MAX);
	struct envelope_head h;
	int rc = -1;

	if (io_read_file(file, IO_ANY, BUF_REPORT_MAX, &bytes, e) != 0 ||
	    envelope_peek(bytes.p, bytes.len, &h, e) != 0 ||
	    envelope_walk(bytes.p, bytes.len, key, take, &b, e) != 0)
		goto out;
	memset(&told, 0, sizeof told);
	buf_reset(&b.config);
	if (vault_init(dir, first, &b.v, e) != 0)
		goto out;
	if (fill(&b, &bytes, key, &h, e) != 0 || write_config(&b, dir, e) != 0) {
		err_state(e, "the vault begun in '%s' is of no use: remove it",
			  dir);
		goto out;
	}
	told.made_ms = h.made_ms;
	if (out)
		*out = told;
	rc = 0;
out:
	inv_connection_free(&b.last);
	buf_release(&b.config);
	buf_release(&bytes);
	vault_close(&b.v);
	if (rc != 0)
		err_ctx(e, file, "open the emergency envelope");
	return rc;
}
