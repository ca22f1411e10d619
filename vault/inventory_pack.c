/*
 * inventory_pack: records of the inventory to bytes and back.
 *
 * Reading is tolerant of fields it does not know and of fields that are not
 * there (both are other versions of this program), never of malformed ones.
 */
#include "vault/inventory_pack.h"

#include <string.h>

#include "base/mem.h"
#include "base/pack.h"

#define FIELD(s, tag, type, member) { tag, type, offsetof(struct s, member) }
#define TYPE(t, s, f) { t, sizeof(struct s), f, sizeof(f) / sizeof((f)[0]) }

static const struct inv_field connection_fields[] = {
	FIELD(inv_connection, 1, INV_STR, name),
	FIELD(inv_connection, 2, INV_STR, type),
	FIELD(inv_connection, 3, INV_STR, options),
	FIELD(inv_connection, 4, INV_STR, facts),
	FIELD(inv_connection, 5, INV_INT, created_ms),
	FIELD(inv_connection, 6, INV_INT, synced_ms),
	FIELD(inv_connection, 7, INV_INT, failed_ms),
	FIELD(inv_connection, 8, INV_STR, failure),
};
const struct inv_type inv_type_connection =
	TYPE(STORE_CONNECTION, inv_connection, connection_fields);

static const struct inv_field account_fields[] = {
	FIELD(inv_account, 1, INV_STR, connection),
	FIELD(inv_account, 2, INV_STR, name),
	FIELD(inv_account, 3, INV_STATE, state),
	FIELD(inv_account, 4, INV_BOOL, self),
	FIELD(inv_account, 5, INV_BOOL, makes_accounts),
	FIELD(inv_account, 6, INV_INT, created_ms),
	FIELD(inv_account, 7, INV_INT, last_used_ms),
	FIELD(inv_account, 8, INV_INT, seen_ms),
	FIELD(inv_account, 9, INV_INT, first_seen_ms),
	FIELD(inv_account, 10, INV_UINT, missing),
	FIELD(inv_account, 11, INV_STR, attributes),
};
const struct inv_type inv_type_account =
	TYPE(STORE_ACCOUNT, inv_account, account_fields);

static const struct inv_field credential_fields[] = {
	FIELD(inv_credential, 1, INV_STR, connection),
	FIELD(inv_credential, 2, INV_STR, account),
	FIELD(inv_credential, 3, INV_STR, kind),
	FIELD(inv_credential, 4, INV_STR, id),
	FIELD(inv_credential, 5, INV_STATE, state),
	FIELD(inv_credential, 6, INV_BOOL, self),
	FIELD(inv_credential, 7, INV_INT, created_ms),
	FIELD(inv_credential, 8, INV_INT, expires_ms),
	FIELD(inv_credential, 9, INV_INT, last_used_ms),
	FIELD(inv_credential, 10, INV_INT, seen_ms),
	FIELD(inv_credential, 11, INV_INT, first_seen_ms),
	FIELD(inv_credential, 12, INV_INT, dead_ms),
	FIELD(inv_credential, 13, INV_UINT, missing),
	FIELD(inv_credential, 14, INV_STR, fingerprint),
	FIELD(inv_credential, 15, INV_STR, attributes),
	FIELD(inv_credential, 16, INV_STR, label),
	FIELD(inv_credential, 17, INV_INT, alive_ms),
	FIELD(inv_credential, 18, INV_BOOL, dead_record),
};
const struct inv_type inv_type_credential =
	TYPE(STORE_CREDENTIAL, inv_credential, credential_fields);

static const struct inv_field grant_fields[] = {
	FIELD(inv_grant, 1, INV_STR, connection),
	FIELD(inv_grant, 2, INV_STR, account),
	FIELD(inv_grant, 3, INV_STR, kind),
	FIELD(inv_grant, 4, INV_STR, id),
	FIELD(inv_grant, 5, INV_STATE, state),
	FIELD(inv_grant, 6, INV_INT, created_ms),
	FIELD(inv_grant, 7, INV_INT, seen_ms),
	FIELD(inv_grant, 8, INV_INT, first_seen_ms),
	FIELD(inv_grant, 9, INV_UINT, missing),
	FIELD(inv_grant, 10, INV_STR, attributes),
};
const struct inv_type inv_type_grant =
	TYPE(STORE_GRANT, inv_grant, grant_fields);

/* A member of a record, as its type. */
union place {
	void *any;
	char **str;
	int64_t *num;
	unsigned *small;
	bool *flag;
	enum inv_state *state;
};

static union place place_of(void *rec, const struct inv_field *f)
{
	union place p = { .any = (char *)rec + f->at };

	return p;
}

int inv_pack(const struct inv_type *t, const void *rec, struct buf *out,
	     struct err *e)
{
	void *r = (void *)(uintptr_t)rec; /* only read through */

	for (size_t i = 0; i < t->n; i++) {
		const struct inv_field *f = &t->fields[i];
		union place p = place_of(r, f);
		int rc = 0;

		switch (f->type) {
		case INV_STR:
			rc = pack_str(out, f->tag, *p.str, e);
			break;
		case INV_INT:
			rc = pack_int(out, f->tag, *p.num, e);
			break;
		case INV_UINT:
			rc = pack_int(out, f->tag, *p.small, e);
			break;
		case INV_BOOL:
			rc = pack_int(out, f->tag, *p.flag, e);
			break;
		case INV_STATE:
			rc = pack_int(out, f->tag, *p.state, e);
			break;
		}
		if (rc)
			return -1;
	}
	return 0;
}

static int take(struct unpack *u, const struct inv_field *f, void *rec,
		struct err *e)
{
	union place p = place_of(rec, f);
	int64_t x = f->type == INV_STR ? 0 : unpack_int(u);

	switch (f->type) {
	case INV_STR:
		mem_free(*p.str); /* a repeated tag: the last one counts */
		*p.str = unpack_str(u);
		return *p.str ? 0 : err_fail(e, ERR_NOMEM, NULL,
					     "out of memory");
	case INV_INT:
		*p.num = x;
		break;
	case INV_UINT:
		if (x < 0 || x > UINT32_MAX)
			u->bad = true;
		else
			*p.small = (unsigned)x;
		break;
	case INV_BOOL:
		*p.flag = x != 0;
		break;
	case INV_STATE:
		*p.state = x >= INV_ACTIVE && x <= INV_UNKNOWN ?
				   (enum inv_state)x :
				   INV_UNKNOWN;
		break;
	}
	return 0;
}

int inv_unpack(const struct inv_type *t, const void *p, size_t n, void *rec,
	       struct err *e)
{
	struct unpack u;

	memset(rec, 0, t->size);
	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		const struct inv_field *f = NULL;

		/* our own tags are 1..n without a gap */
		if (u.tag <= t->n)
			f = &t->fields[u.tag - 1];
		if (f && take(&u, f, rec, e))
			goto fail;
	}
	if (u.bad) {
		err_fail(e, ERR_FORMAT, NULL, "a record is malformed");
		goto fail;
	}
	for (size_t i = 0; t->fields && i < t->n; i++) {
		union place at;

		if (t->fields[i].type != INV_STR)
			continue;
		at = place_of(rec, &t->fields[i]);
		if (!*at.str)
			*at.str = mem_strdup("");
		if (!*at.str) {
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
			goto fail;
		}
	}
	return 0;
fail:
	inv_free(t, rec);
	return -1;
}

void inv_free(const struct inv_type *t, void *rec)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->fields[i].type == INV_STR)
			mem_free(*place_of(rec, &t->fields[i]).str);
	}
	memset(rec, 0, t->size);
}

void inv_connection_free(struct inv_connection *c)
{
	inv_free(&inv_type_connection, c);
}

void inv_account_free(struct inv_account *a)
{
	inv_free(&inv_type_account, a);
}

void inv_credential_free(struct inv_credential *c)
{
	inv_free(&inv_type_credential, c);
}

void inv_grant_free(struct inv_grant *g)
{
	inv_free(&inv_type_grant, g);
}
