/*
 * whose: found values held against the vault.
 *
 * Owns the table of public names: hashes of ids (long enough to be no common
 * word) and of public fingerprints.  Values themselves are only compared by the
 * vault's keyed fingerprint.
 */
#include "agent/whose.h"

#include <stdlib.h>
#include <string.h>

#include "base/openssh.h"
#include "base/digest.h"
#include "base/mem.h"
#include "vault/store.h"

#define NAME_MIN 16u /* bytes of an id that a value may be */
#define TYPES_MAX 512u

struct name {
	unsigned char hash[16];
	char *parts; /* connection, account, kind, id, each with its NUL */
	enum inv_state state;
};

struct admin {
	struct store_id print;
	char *conn;
};

struct alike {
	char *type, *kind;
	size_t n;
};

struct whose {
	struct app *app;
	struct name *name;
	size_t n, cap;
	struct admin *admin;
	size_t admins;
	struct { char *conn, *type; } type[TYPES_MAX];
	size_t types;
	struct alike alike[TYPES_MAX];
	size_t alikes;
};

void owners_free(struct owners *o)
{
	for (size_t i = 0; i < o->n; i++) {
		mem_free(o->v[i].conn);
		mem_free(o->v[i].account);
		mem_free(o->v[i].kind);
		mem_free(o->v[i].id);
	}
	o->n = 0;
}

int owner_address(const struct owner *o, struct buf *out, struct err *e)
{
	return inv_address(out, o->conn, *o->account != '\0' ? o->account : NULL,
			   *o->id != '\0' ? o->id : NULL, e);
}

const struct config_identity *owner_identity(const struct app *app,
					     const struct owner *o)
{
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	const struct config_identity *id = NULL;

	if (app->config != NULL && owner_address(o, &at, NULL) == 0)
		id = config_identity_of(app->config, at.p, NULL);
	buf_release(&at);
	return id;
}

const char *whose_word(enum whose_how how)
{
	static const char *const words[] = {
		[WHOSE_VALUE] = "its value",
		[WHOSE_ADMIN] = "curfew's own access",
		[WHOSE_PUBLIC] = "the private key to it",
		[WHOSE_NAME] = "its id",
	};

	return words[how];
}

/* ---- the table ----------------------------------------------------------- */

static char *join4(const struct inv_credential *c)
{
	const char *const v[4] = { c->connection, c->account, c->kind, c->id };
	size_t n = 0, at = 0;
	char *out;

	for (int i = 0; i < 4; i++)
		n += strlen(v[i]) + 1;
	out = mem_alloc(n);
	for (int i = 0; out != NULL && i < 4; i++) {
		memcpy(out + at, v[i], strlen(v[i]) + 1);
		at += strlen(v[i]) + 1;
	}
	return out;
}

static int add_name(struct whose *w, const struct inv_credential *c,
		    const char *text, struct err *e)
{
	if (w->n == w->cap) {
		const size_t cap = w->cap != 0 ? 2 * w->cap : 256;
		struct name *v = mem_realloc(w->name, cap * sizeof *v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		w->name = v;
		w->cap = cap;
	}
	w->name[w->n] = (struct name){ .state = c->state, .parts = join4(c) };
	if (w->name[w->n].parts == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	digest_hash(text, strlen(text), w->name[w->n].hash, 16);
	w->n++;
	return 0;
}

static const char *type_of(const struct whose *w, const char *conn)
{
	for (size_t i = 0; i < w->types; i++)
		if (strcmp(w->type[i].conn, conn) == 0)
			return w->type[i].type;
	return "";
}

static void count_alike(struct whose *w, const struct inv_credential *c)
{
	const char *type = type_of(w, c->connection);

	for (size_t i = 0; i < w->alikes; i++)
		if (strcmp(w->alike[i].kind, c->kind) == 0 &&
		    strcmp(w->alike[i].type, type) == 0) {
			w->alike[i].n++;
			return;
		}
	if (w->alikes == TYPES_MAX)
		return; /* a hint only */
	w->alike[w->alikes] = (struct alike){ mem_strdup(type),
					      mem_strdup(c->kind), 1 };
	if (w->alike[w->alikes].type != NULL && w->alike[w->alikes].kind != NULL)
		w->alikes++;
}

static int credential(const struct inv_credential *c, void *arg, struct err *e)
{
	struct whose *w = arg;

	if (c->state != INV_DEAD && c->state != INV_REVOKED)
		count_alike(w, c);
	if (strncmp(c->fingerprint, "SHA256:", 7) == 0 &&
	    add_name(w, c, c->fingerprint, e) < 0)
		return -1;
	if (strlen(c->id) >= NAME_MIN && strcmp(c->id, c->fingerprint) != 0)
		return add_name(w, c, c->id, e);
	return 0;
}

static int connection(const struct inv_connection *c, void *arg, struct err *e)
{
	struct whose *w = arg;
	struct inv_connection full = { 0 };
	struct secret *value = NULL;
	struct admin *grown;
	int rc = -1;

	if (w->types < TYPES_MAX) {
		w->type[w->types].conn = mem_strdup(c->name);
		w->type[w->types].type = mem_strdup(c->type);
		if (w->type[w->types].conn != NULL &&
		    w->type[w->types].type != NULL)
			w->types++;
	}
	if (!c->has_secret)
		return 0;
	if (inv_connection_get(w->app->vault, c->name, &full, &value, e) < 0)
		goto out;
	grown = mem_realloc(w->admin, (w->admins + 1) * sizeof *grown);
	if (grown == NULL || value == NULL) {
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	w->admin = grown;
	w->admin[w->admins].print = store_fingerprint(w->app->vault, value);
	w->admin[w->admins].conn = mem_strdup(c->name);
	rc = w->admin[w->admins++].conn != NULL ? 0 : -1;
out:
	secret_free(&value);
	inv_connection_free(&full);
	return rc;
}

static int by_hash(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return memcmp(x->hash, y->hash, sizeof x->hash);
}

int whose_load(struct app *app, struct whose **out, struct err *e)
{
	struct whose *w = mem_zalloc(sizeof *w);

	*out = w;
	if (w == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	w->app = app;
	if (inv_connections(app->vault, connection, w, e) < 0 ||
	    inv_credentials(app->vault, NULL, NULL, credential, w, e) < 0)
		return -1;
	if (w->n > 0)
		qsort(w->name, w->n, sizeof *w->name, by_hash);
	return 0;
}

void whose_free(struct whose **wp)
{
	struct whose *w = *wp;

	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n; i++)
		mem_free(w->name[i].parts);
	for (size_t i = 0; i < w->admins; i++)
		mem_free(w->admin[i].conn);
	for (size_t i = 0; i < w->types; i++) {
		mem_free(w->type[i].conn);
		mem_free(w->type[i].type);
	}
	for (size_t i = 0; i < w->alikes; i++) {
		mem_free(w->alike[i].type);
		mem_free(w->alike[i].kind);
	}
	mem_free(w->name);
	mem_free(w->admin);
	mem_free(w);
	*wp = NULL;
}

/* ---- one value ------------------------------------------------------------ */

static int add(struct owners *o, enum whose_how how, enum inv_state state,
	       const char *conn, const char *account, const char *kind,
	       const char *id, struct err *e)
{
	struct owner *x = &o->v[o->n];

	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->v[i].conn, conn) == 0 &&
		    strcmp(o->v[i].account, account) == 0 &&
		    strcmp(o->v[i].id, id) == 0)
			return 0;
	if (o->n == OWNERS_MAX)
		return 0; /* the first are enough to see that it is shared */
	*x = (struct owner){ mem_strdup(conn), mem_strdup(account),
			     mem_strdup(kind), mem_strdup(id), state, how };
	o->n++;
	return x->conn != NULL && x->account != NULL && x->kind != NULL &&
			       x->id != NULL ?
		       0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int by_value(const struct inv_credential *c, void *arg, struct err *e)
{
	return add(arg, WHOSE_VALUE, c->state, c->connection, c->account,
		   c->kind, c->id, e);
}

struct names_of {
	unsigned char value[16], print[16];
	bool has_print, has_value;
};

static int hash_names(const unsigned char *p, size_t n, void *arg)
{
	struct names_of *k = arg;
	char print[OPENSSH_PRINT];

	k->has_print = openssh_print(p, n, print);
	if (k->has_print)
		digest_hash(print, strlen(print), k->print, 16);
	k->has_value = n >= NAME_MIN && n <= 4096;
	if (k->has_value)
		digest_hash(p, n, k->value, 16);
	return 0;
}

static int by_name(const struct whose *w, const unsigned char *hash,
		   enum whose_how how, struct owners *out, struct err *e)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (memcmp(w->name[mid].hash, hash, 16) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < w->n && memcmp(w->name[low].hash, hash, 16) == 0; low++) {
		const char *conn = w->name[low].parts;
		const char *account = conn + strlen(conn) + 1;
		const char *kind = account + strlen(account) + 1;

		if (add(out, how, w->name[low].state, conn, account, kind,
			kind + strlen(kind) + 1, e) < 0)
			return -1;
	}
	return 0;
}

int whose_is(struct whose *w, const struct secret *value, struct owners *out,
	     struct err *e)
{
	const struct store_id print = store_fingerprint(w->app->vault, value);
	struct names_of k = { .has_print = false };

	out->n = 0;
	if (inv_by_secret(w->app->vault, value, by_value, out, e) < 0)
		return -1;
	for (size_t i = 0; i < w->admins; i++)
		if (memcmp(&w->admin[i].print, &print, sizeof print) == 0 &&
		    add(out, WHOSE_ADMIN, INV_ACTIVE, w->admin[i].conn, "", "",
			"", e) < 0)
			return -1;
	(void)secret_reveal(value, hash_names, &k);
	if (k.has_print && by_name(w, k.print, WHOSE_PUBLIC, out, e) < 0)
		return -1;
	return k.has_value ? by_name(w, k.value, WHOSE_NAME, out, e) : 0;
}

size_t whose_alike(const struct whose *w, const char *provider,
		   const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < w->alikes; i++)
		if (strcmp(w->alike[i].type, provider) == 0 &&
		    (*kind == '\0' || strcmp(w->alike[i].kind, kind) == 0))
			n += w->alike[i].n;
	return n;
}
