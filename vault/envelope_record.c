/*
 * envelope_record: inventory records as fields of the envelope.
 *
 * The tags below are file format; the store's own record form may change
 * without touching them.  A member is added by a new tag, never by reuse.
 */
#include <stddef.h>

#include "base/mem.h"
#include "base/pack.h"
#include "vault/envelope_file.h"

enum kind { STR, I64, UINT, STATE, BOOL };

struct field {
	unsigned tag;
	enum kind kind;
	size_t off;
};

#define F(type, tag, kind, member) { tag, kind, offsetof(struct type, member) }

static const struct field connection_fields[] = {
	F(inv_connection, 1, STR, name),
	F(inv_connection, 2, STR, type),
	F(inv_connection, 3, STR, options),
	F(inv_connection, 4, STR, facts),
	F(inv_connection, 5, I64, created_ms),
	F(inv_connection, 6, I64, synced_ms),
	F(inv_connection, 7, I64, failed_ms),
	F(inv_connection, 8, STR, failure),
	F(inv_connection, 9, BOOL, has_secret),
	{ 0, STR, 0 },
};

static const struct field account_fields[] = {
	F(inv_account, 1, STR, connection),
	F(inv_account, 2, STR, name),
	F(inv_account, 3, STATE, state),
	F(inv_account, 4, BOOL, self),
	F(inv_account, 5, BOOL, makes_accounts),
	F(inv_account, 6, I64, created_ms),
	F(inv_account, 7, I64, last_used_ms),
	F(inv_account, 8, I64, seen_ms),
	F(inv_account, 9, I64, first_seen_ms),
	F(inv_account, 10, UINT, missing),
	F(inv_account, 11, STR, attributes),
	{ 0, STR, 0 },
};

/* Not has_secret: a credential's own value is never in the envelope. */
static const struct field credential_fields[] = {
	F(inv_credential, 1, STR, connection),
	F(inv_credential, 2, STR, account),
	F(inv_credential, 3, STR, kind),
	F(inv_credential, 4, STR, id),
	F(inv_credential, 5, STATE, state),
	F(inv_credential, 6, BOOL, self),
	F(inv_credential, 7, I64, created_ms),
	F(inv_credential, 8, I64, expires_ms),
	F(inv_credential, 9, I64, last_used_ms),
	F(inv_credential, 10, I64, seen_ms),
	F(inv_credential, 11, I64, first_seen_ms),
	F(inv_credential, 12, I64, dead_ms),
	F(inv_credential, 13, UINT, missing),
	F(inv_credential, 14, STR, fingerprint),
	F(inv_credential, 15, STR, attributes),
	{ 0, STR, 0 },
};

static const struct field grant_fields[] = {
	F(inv_grant, 1, STR, connection),
	F(inv_grant, 2, STR, account),
	F(inv_grant, 3, STR, kind),
	F(inv_grant, 4, STR, id),
	F(inv_grant, 5, STATE, state),
	F(inv_grant, 6, I64, created_ms),
	F(inv_grant, 7, I64, seen_ms),
	F(inv_grant, 8, I64, first_seen_ms),
	F(inv_grant, 9, UINT, missing),
	F(inv_grant, 10, STR, attributes),
	{ 0, STR, 0 },
};

static const struct field *fields_of(enum envelope_type t)
{
	switch (t) {
	case ENV_CONNECTION:
		return connection_fields;
	case ENV_ACCOUNT:
		return account_fields;
	case ENV_CREDENTIAL:
		return credential_fields;
	case ENV_GRANT:
		return grant_fields;
	case ENV_SECRET:
	case ENV_CONFIG:
	case ENV_END:
		break;
	}
	return NULL;
}

static int64_t number_of(const struct field *f, const void *at)
{
	switch (f->kind) {
	case I64:
		return *(const int64_t *)at;
	case UINT:
		return *(const unsigned *)at;
	case STATE:
		return (int64_t)*(const enum inv_state *)at;
	case BOOL:
		return *(const bool *)at;
	case STR:
		break;
	}
	return 0;
}

int envelope_pack(enum envelope_type t, const void *record, struct buf *out,
		  struct err *e)
{
	const struct field *f = fields_of(t);

	if (!f)
		return err_fail(e, ERR_BUG, NULL, "type %d is not a record", (int)t);
	buf_reset(out);
	for (; f->tag; f++) {
		const void *at = (const char *)record + f->off;
		int rc;

		if (f->kind == STR)
			rc = pack_str(out, f->tag, *(char *const *)at, e);
		else
			rc = pack_int(out, f->tag, number_of(f, at), e);
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* false: the number does not fit its member */
static bool set_number(const struct field *f, void *at, int64_t v)
{
	switch (f->kind) {
	case I64:
		*(int64_t *)at = v;
		return true;
	case UINT:
		*(unsigned *)at = (unsigned)v;
		return v >= 0 && v <= UINT32_MAX;
	case STATE:
		*(enum inv_state *)at = (enum inv_state)v;
		return v >= INV_ACTIVE && v <= INV_UNKNOWN;
	case BOOL:
		*(bool *)at = v != 0;
		return v == 0 || v == 1;
	case STR:
		break;
	}
	return false;
}

/* Absent strings are "", as after every read of the inventory. */
static int fill_strings(const struct field *f, void *into, struct err *e)
{
	for (; f->tag; f++) {
		char **s = (char **)((char *)into + f->off);

		if (f->kind == STR && !*s && !(*s = mem_strdup("")))
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return 0;
}

int envelope_unpack(enum envelope_type t, const void *p, size_t n, void *into,
		    struct err *e)
{
	const struct field *fields = fields_of(t), *f;
	struct unpack u;

	if (!fields)
		return err_fail(e, ERR_BUG, NULL, "type %d is not a record", (int)t);
	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		void *at;

		for (f = fields; f->tag && f->tag != u.tag; f++)
			;
		if (!f->tag)
			continue;
		at = (char *)into + f->off;
		if (f->kind == STR) {
			mem_free(*(char **)at);
			if (!(*(char **)at = unpack_str(&u)))
				return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		} else if (!set_number(f, at, unpack_int(&u))) {
			u.bad = true;
		}
		if (u.bad)
			break;
	}
	if (u.bad)
		return err_fail(e, ERR_FORMAT, NULL,
				"a record of the envelope is malformed");
	return fill_strings(fields, into, e);
}
