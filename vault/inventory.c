/*
 * inventory: connections, accounts, credentials and grants in the store.
 *
 * Groups: an account's is its connection; a credential's and a grant's is
 * their account, with the connection as area.  So both walks are direct, and
 * both are complete or ERR_TAMPER.
 */
#include "vault/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vault/core.h"
#include "vault/inventory_pack.h"

/* ---- ids ---------------------------------------------------------------------------- */

struct store_id inv_connection_id(const struct vault *v, const char *name)
{
	return store_id(v, STORE_CONNECTION, &name, 1);
}

struct store_id inv_account_id(const struct vault *v, const char *connection,
			       const char *name)
{
	const char *const parts[] = { connection, name };

	return store_id(v, STORE_ACCOUNT, parts, 2);
}

static struct store_id leaf_id(const struct vault *v, enum store_table t,
			       const char *connection, const char *account,
			       const char *kind, const char *id)
{
	const char *const parts[] = { connection, account, kind, id };

	return store_id(v, t, parts, 4);
}

static int named(const char *what, const char *name, struct err *e)
{
	if (name && *name)
		return 0;
	return err_fail(e, ERR_USAGE, NULL, "a record without %s", what);
}

/* ---- putting --------------------------------------------------------------------------- */

static int put(struct vault *v, const struct inv_type *t, const void *rec,
	       struct store_row *row, const struct secret *secret,
	       struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (inv_pack(t, rec, &b, e))
		goto out;
	row->data = b.p ? b.p : "";
	row->len = b.len;
	row->secret = secret;
	row->keep_secret = !secret && !row->drop_secret;
	if (secret)
		row->fp = store_fingerprint(v, secret);
	rc = store_put(v, t->table, row, e);
out:
	buf_release(&b);
	return rc;
}

int inv_connection_put(struct vault *v, const struct inv_connection *c,
		       const struct secret *secret, struct err *e)
{
	struct store_row row = { .len = 0 };

	if (named("a connection's name", c->name, e))
		return -1;
	row.id = inv_connection_id(v, c->name);
	return put(v, &inv_type_connection, c, &row, secret, e);
}

int inv_account_put(struct vault *v, const struct inv_account *a, struct err *e)
{
	struct store_row row = { .len = 0 };

	if (named("a connection's name", a->connection, e) ||
	    named("an account's name", a->name, e))
		return -1;
	row.id = inv_account_id(v, a->connection, a->name);
	row.group = inv_connection_id(v, a->connection);
	return put(v, &inv_type_account, a, &row, NULL, e);
}

static int leaf_row(struct vault *v, enum store_table t, const char *connection,
		    const char *account, const char *kind, const char *id,
		    struct store_row *row, struct err *e)
{
	if (named("a connection's name", connection, e) ||
	    named("an account's name", account, e) ||
	    named("a kind", kind, e) || named("an id", id, e))
		return -1;
	row->id = leaf_id(v, t, connection, account, kind, id);
	row->group = inv_account_id(v, connection, account);
	row->area = inv_connection_id(v, connection);
	return 0;
}

static int credential_put(struct vault *v, const struct inv_credential *c,
			  const struct secret *secret, bool drop,
			  struct err *e)
{
	struct store_row row = { .drop_secret = drop };

	if (leaf_row(v, STORE_CREDENTIAL, c->connection, c->account, c->kind,
		     c->id, &row, e))
		return -1;
	/* Its expiry is a deadline as long as it may still be in use. */
	if (c->state != INV_DEAD && c->state != INV_REVOKED &&
	    c->state != INV_EXPIRED)
		row.due_ms = c->expires_ms;
	return put(v, &inv_type_credential, c, &row, secret, e);
}

int inv_credential_put(struct vault *v, const struct inv_credential *c,
		       const struct secret *secret, struct err *e)
{
	return credential_put(v, c, secret, false, e);
}

int inv_credential_drop_secret(struct vault *v, const struct inv_credential *c,
			       struct err *e)
{
	return credential_put(v, c, NULL, true, e);
}

int inv_grant_put(struct vault *v, const struct inv_grant *g, struct err *e)
{
	struct store_row row = { .len = 0 };

	if (leaf_row(v, STORE_GRANT, g->connection, g->account, g->kind, g->id,
		     &row, e))
		return -1;
	return put(v, &inv_type_grant, g, &row, NULL, e);
}

/* ---- getting --------------------------------------------------------------------------- */

static int get(struct vault *v, const struct inv_type *t,
	       const struct store_id *id, void *rec, bool *has_secret,
	       struct secret **secret, struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct store_row meta;
	int rc = store_look(v, t->table, id, &b, &meta, secret, e);

	memset(rec, 0, t->size);
	if (rc > 0 && inv_unpack(t, b.p, b.len, rec, e)) {
		if (secret)
			secret_free(secret);
		rc = -1;
	}
	if (rc > 0 && has_secret)
		*has_secret = meta.has_secret;
	buf_release(&b);
	return rc;
}

int inv_connection_get(struct vault *v, const char *name,
		       struct inv_connection *out, struct secret **secret,
		       struct err *e)
{
	struct store_id id = inv_connection_id(v, name);

	return get(v, &inv_type_connection, &id, out, &out->has_secret, secret,
		   e);
}

int inv_account_get(struct vault *v, const char *connection, const char *name,
		    struct inv_account *out, struct err *e)
{
	struct store_id id = inv_account_id(v, connection, name);

	return get(v, &inv_type_account, &id, out, NULL, NULL, e);
}

int inv_credential_get(struct vault *v, const char *connection,
		       const char *account, const char *kind, const char *id,
		       struct inv_credential *out, struct secret **secret,
		       struct err *e)
{
	struct store_id at = leaf_id(v, STORE_CREDENTIAL, connection, account,
				     kind, id);

	return get(v, &inv_type_credential, &at, out, &out->has_secret, secret,
		   e);
}

/* ---- walking --------------------------------------------------------------------------- */

union inv_any {
	struct inv_connection connection;
	struct inv_account account;
	struct inv_credential credential;
	struct inv_grant grant;
};

int inv_walk_row(const struct store_row *row, void *arg, struct err *e)
{
	struct inv_walk *w = arg;
	union inv_any rec;
	int rc;

	if (inv_unpack(w->type, row->data, row->len, &rec, e))
		return -1;
	if (w->type == &inv_type_connection)
		rec.connection.has_secret = row->has_secret;
	else if (w->type == &inv_type_credential)
		rec.credential.has_secret = row->has_secret;
	rc = w->fn(&rec, w->arg, e);
	inv_free(w->type, &rec);
	w->stopped = rc > 0;
	return rc;
}

/* The typed callbacks differ from inv_fn in the pointed-to type only; a caller
 * struct keeps the call well-defined. */
struct typed {
	inv_connection_fn connection;
	inv_account_fn account;
	inv_credential_fn credential;
	inv_grant_fn grant;
	void *arg;
};

static int call_connection(const void *rec, void *arg, struct err *e)
{
	const struct typed *t = arg;

	return t->connection(rec, t->arg, e);
}

static int call_account(const void *rec, void *arg, struct err *e)
{
	const struct typed *t = arg;

	return t->account(rec, t->arg, e);
}

static int call_credential(const void *rec, void *arg, struct err *e)
{
	const struct typed *t = arg;

	return t->credential(rec, t->arg, e);
}

static int call_grant(const void *rec, void *arg, struct err *e)
{
	const struct typed *t = arg;

	return t->grant(rec, t->arg, e);
}

struct names {
	struct name {
		char *name;
		struct store_id id;
	} *list;
	size_t n, cap;
	const struct vault *v;
};

static int names_add(const void *rec, void *arg, struct err *e)
{
	const struct inv_connection *c = rec;
	struct names *s = arg;
	struct name *list;
	size_t cap;

	if (s->n == s->cap) {
		cap = s->cap ? s->cap * 2 : 16;
		list = mem_array(cap, sizeof(*list));
		if (!list)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		if (s->n)
			memcpy(list, s->list, s->n * sizeof(*list));
		mem_free(s->list);
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n].id = inv_connection_id(s->v, c->name);
	s->list[s->n].name = mem_strdup(c->name);
	if (!s->list[s->n].name)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->n++;
	return 0;
}

static void names_free(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->list[i].name);
	mem_free(s->list);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name,
		      ((const struct name *)b)->name);
}

static int names_get(struct vault *v, struct names *s, struct err *e)
{
	struct inv_walk w = { &inv_type_connection, names_add, s, false };

	s->v = v;
	if (store_each(v, STORE_CONNECTION, NULL, inv_walk_row, &w, e))
		return -1;
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_name);
	return 0;
}

/* The rows whose connection has no record (it never should be): told last. */
struct orphans {
	const struct names *names;
	struct inv_walk *walk;
	bool by_group;
};

static int orphan_row(const struct store_row *row, void *arg, struct err *e)
{
	const struct orphans *o = arg;
	const struct store_id *id = o->by_group ? &row->group : &row->area;

	for (size_t i = 0; i < o->names->n; i++) {
		if (memcmp(id, &o->names->list[i].id, sizeof(*id)) == 0)
			return 0;
	}
	return inv_walk_row(row, o->walk, e);
}

struct counted {
	struct inv_walk *walk;
	uint64_t n;
};

static int counted_row(const struct store_row *row, void *arg, struct err *e)
{
	struct counted *c = arg;

	c->n++;
	return inv_walk_row(row, c->walk, e);
}

static int walk_all(struct vault *v, struct inv_walk *w, struct err *e)
{
	bool by_group = w->type == &inv_type_account;
	struct counted c = { w, 0 };
	struct names names = { .n = 0 };
	struct orphans o = { &names, w, by_group };
	uint64_t total;
	int rc = -1;

	if (read_begin(v, e)) /* one snapshot for all of it */
		return -1;
	if (names_get(v, &names, e))
		goto out;
	for (size_t i = 0; i < names.n && !w->stopped; i++) {
		const struct store_id *id = &names.list[i].id;

		if (by_group ? store_each(v, w->type->table, id, counted_row,
					  &c, e) :
			       store_each_area(v, w->type->table, id,
					       counted_row, &c, e))
			goto out;
	}
	if (!w->stopped && (store_count(v, w->type->table, &total, e) ||
			    (total != c.n &&
			     store_each(v, w->type->table, NULL, orphan_row, &o,
					e))))
		goto out;
	rc = 0;
out:
	read_end(v);
	names_free(&names);
	return rc;
}

int inv_connections(struct vault *v, inv_connection_fn fn, void *arg,
		    struct err *e)
{
	struct typed t = { .connection = fn, .arg = arg };
	struct inv_walk w = { &inv_type_connection, call_connection, &t,
			      false };
	struct names names = { .n = 0 };
	struct inv_connection c;
	int rc = -1, more;

	/* by name: few enough to be sorted and read one by one */
	if (read_begin(v, e))
		return -1;
	if (names_get(v, &names, e))
		goto out;
	for (size_t i = 0; i < names.n && !w.stopped; i++) {
		more = inv_connection_get(v, names.list[i].name, &c, NULL, e);
		if (more > 0) {
			more = fn(&c, arg, e);
			w.stopped = more > 0;
		}
		inv_connection_free(&c);
		if (more < 0)
			goto out;
	}
	rc = 0;
out:
	read_end(v);
	names_free(&names);
	return rc;
}

int inv_accounts(struct vault *v, const char *connection, inv_account_fn fn,
		 void *arg, struct err *e)
{
	struct typed t = { .account = fn, .arg = arg };
	struct inv_walk w = { &inv_type_account, call_account, &t, false };
	struct store_id id;

	if (!connection)
		return walk_all(v, &w, e);
	id = inv_connection_id(v, connection);
	return store_each(v, STORE_ACCOUNT, &id, inv_walk_row, &w, e);
}

static int leaves(struct vault *v, struct inv_walk *w, const char *connection,
		  const char *account, struct err *e)
{
	struct store_id id;

	if (!connection)
		return walk_all(v, w, e);
	if (!account) {
		id = inv_connection_id(v, connection);
		return store_each_area(v, w->type->table, &id, inv_walk_row, w,
				       e);
	}
	id = inv_account_id(v, connection, account);
	return store_each(v, w->type->table, &id, inv_walk_row, w, e);
}

int inv_credentials(struct vault *v, const char *connection,
		    const char *account, inv_credential_fn fn, void *arg,
		    struct err *e)
{
	struct typed t = { .credential = fn, .arg = arg };
	struct inv_walk w = { &inv_type_credential, call_credential, &t,
			      false };

	return leaves(v, &w, connection, account, e);
}

int inv_grants(struct vault *v, const char *connection, const char *account,
	       inv_grant_fn fn, void *arg, struct err *e)
{
	struct typed t = { .grant = fn, .arg = arg };
	struct inv_walk w = { &inv_type_grant, call_grant, &t, false };

	return leaves(v, &w, connection, account, e);
}

int inv_by_secret(struct vault *v, const struct secret *s, inv_credential_fn fn,
		  void *arg, struct err *e)
{
	struct typed t = { .credential = fn, .arg = arg };
	struct inv_walk w = { &inv_type_credential, call_credential, &t,
			      false };
	struct store_id fp = store_fingerprint(v, s);

	return store_by_secret(v, STORE_CREDENTIAL, &fp, inv_walk_row, &w, e);
}

/* ---- removing -------------------------------------------------------------------------- */

struct ids {
	struct buf b; /* store_id after store_id */
};

static int ids_add(const struct store_row *row, void *arg, struct err *e)
{
	struct ids *s = arg;

	return buf_add(&s->b, row->id.b, sizeof(row->id.b), e);
}

static int delete_members(struct vault *v, enum store_table t,
			  const struct store_id *connection, struct err *e)
{
	struct ids s = { BUF_INIT(BUF_REPORT_MAX) };
	struct store_id id;
	int rc = -1;

	if (t == STORE_ACCOUNT ?
		    store_each(v, t, connection, ids_add, &s, e) :
		    store_each_area(v, t, connection, ids_add, &s, e))
		goto out;
	for (size_t at = 0; at < s.b.len; at += sizeof(id.b)) {
		memcpy(id.b, s.b.p + at, sizeof(id.b));
		if (store_delete(v, t, &id, e))
			goto out;
	}
	rc = 0;
out:
	buf_release(&s.b);
	return rc;
}

int inv_connection_delete(struct vault *v, const char *name, struct err *e)
{
	struct store_id id = inv_connection_id(v, name);
	bool own = !store_in_transaction(v);

	if (own && store_begin(v, e))
		return -1;
	if (delete_members(v, STORE_GRANT, &id, e) ||
	    delete_members(v, STORE_CREDENTIAL, &id, e) ||
	    delete_members(v, STORE_ACCOUNT, &id, e) ||
	    store_delete(v, STORE_CONNECTION, &id, e)) {
		if (own)
			store_rollback(v);
		return -1;
	}
	return own ? store_commit(v, e) : 0;
}
