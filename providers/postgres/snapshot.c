/*
 * snapshot: what disable, revoke and set change on a role, and back again.
 *
 * The snapshot is an object of format 1; curfew seals it and hands it back
 * unread.  With a superuser's rights it holds the password's verifier (a salted
 * hash, not the password), so that the old password works again after restore.
 *
 * Must never restore onto another role that took the name meanwhile.
 */
#include "providers/postgres/postgres.h"

#include <string.h>

#define FORMAT 1

#define SNAPSHOT_SQL(authid)                                               \
	"SELECT r.oid, r.rolcanlogin, r.rolsuper, r.rolcreaterole,"        \
	" r.rolconnlimit, r.rolvaliduntil,"                                \
	" (SELECT string_agg(g.rolname, ', ' ORDER BY g.rolname)"          \
	"  FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"     \
	"  WHERE m.member = r.oid),"                                       \
	" (SELECT string_agg(coalesce(d.datname, '*') || ' ' || cfg, '; ')" \
	"  FROM pg_db_role_setting x LEFT JOIN pg_database d"              \
	"  ON d.oid = x.setdatabase, unnest(x.setconfig) cfg"              \
	"  WHERE x.setrole = r.oid), " authid                              \
	" FROM pg_roles r WHERE r.rolname = $1::text"

enum { N_OID, N_LOGIN, N_SUPER, N_CREATEROLE, N_CONNLIMIT, N_UNTIL, N_GROUPS,
       N_SETTINGS, N_VERIFIER };

static struct json *describe_role(const struct pgp_session *s,
				  const struct pg_rows *rows, const char *name)
{
	struct json *j = json_object();
	bool ok = json_set_int(j, "format", FORMAT) &&
		  json_set_str(j, "role", name) &&
		  json_set_str(j, "oid", pg_cell(rows, 0, N_OID)) &&
		  json_set_bool(j, "login", pg_yes(rows, 0, N_LOGIN) ||
				kit_opened(pg_cell(rows, 0, N_OID))) &&
		  json_set_bool(j, "superuser", pg_yes(rows, 0, N_SUPER)) &&
		  json_set_bool(j, "createrole",
				pg_yes(rows, 0, N_CREATEROLE)) &&
		  json_set_str(j, "connlimit", pg_cell(rows, 0, N_CONNLIMIT)) &&
		  json_set_str(j, "valid_until", pg_cell(rows, 0, N_UNTIL)) &&
		  json_set_str(j, "member_of", pg_cell(rows, 0, N_GROUPS)) &&
		  json_set_str(j, "settings", pg_cell(rows, 0, N_SETTINGS)) &&
		  json_set_bool(j, "verifier_known", s->reads_verifiers) &&
		  json_set_str(j, "verifier", pg_cell(rows, 0, N_VERIFIER));
	if (!ok)
		json_free(&j);
	return j;
}

int pgp_snapshot(void *session, const struct kit_connection *c,
		 const struct kit_request *q, struct kit_stream *out,
		 struct kit_reply *r, struct err *e)
{
	static const char with[] = SNAPSHOT_SQL(
		"(SELECT a.rolpassword FROM pg_authid a WHERE a.oid = r.oid)");
	static const char without[] = SNAPSHOT_SQL("NULL::text");
	struct pgp_session *s = session;
	const char *params[] = { q->account };
	struct pg_rows *rows = NULL;
	struct pg_fail f;
	(void)out;
	if (!pgp_ready(s, c, r))
		return 0;
	if (pg_run(s->pg, PGP_STATEMENT_MS, s->reads_verifiers ? with : without,
		   1, params, &rows, &f)) {
		pgp_reply_fail(&f, false, "read the role", r);
		return 0;
	}
	int rc = 0;
	if (pg_count(rows) == 0) {
		r->status = KIT_ABSENT;
	} else {
		r->status = KIT_OK;
		if (!json_set(kit_body(r), "snapshot",
			      describe_role(s, rows, q->account)))
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	pg_rows_free(&rows);
	return rc;
}

static bool flag(const struct json *j, const char *key)
{
	bool v = false;
	return json_bool(j, key, &v) && v;
}

/* " LOGIN ... PASSWORD '...'" from a snapshot. */
static int restore_tail(struct pgp_session *s, const struct pgp_role *role,
			const struct json *snap, struct buf *tail,
			struct err *e)
{
	const char *until = json_str(snap, "valid_until");
	const char *verifier = json_str(snap, "verifier");
	if (buf_puts(tail, flag(snap, "login") ? " LOGIN" : " NOLOGIN", e))
		return -1;
	/* Only what differs: naming SUPERUSER at all takes a superuser. */
	if (flag(snap, "superuser") != role->super &&
	    buf_puts(tail, role->super ? " NOSUPERUSER" : " SUPERUSER", e))
		return -1;
	if (flag(snap, "createrole") != role->createrole &&
	    buf_puts(tail, role->createrole ? " NOCREATEROLE" : " CREATEROLE",
		     e))
		return -1;
	/* Nothing says "no end" but never having been given one: a role that has
	 * none now is left so. */
	if ((until || role->ends) &&
	    (buf_puts(tail, " VALID UNTIL ", e) ||
	     pg_literal(s->pg, tail, until ? until : "infinity", e)))
		return -1;
	if (!flag(snap, "verifier_known"))
		return 0;
	if (!verifier)
		return buf_puts(tail, " PASSWORD NULL", e);
	return buf_puts(tail, " PASSWORD ", e) ||
	       pg_literal(s->pg, tail, verifier, e) ? -1 : 0;
}

int pgp_restore(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	const struct json *snap = json_get(q->args, "snapshot");
	const char *oid = json_str(snap, "oid"), *name = json_str(snap, "role");
	struct buf tail = BUF_INIT(BUF_TEXT_MAX);
	struct pgp_role role;
	int64_t format = 0;
	int rc = -1;
	(void)out;
	if (!snap || !json_int(snap, "format", &format) || format != FORMAT ||
	    !oid || !name || strcmp(name, q->account) != 0) {
		kit_say(r, KIT_REFUSED, "the snapshot is not one of this role");
		return 0;
	}
	if (!pgp_ready_to_write(s, c, r) || !pgp_role_to_alter(s, q, &role, r))
		return 0;
	if (strcmp(role.oid, oid) != 0) {
		kit_say(r, KIT_REFUSED, "a role made later bears that name "
			"(oid %s, the snapshot's is %.12s)", role.oid, oid);
		return 0;
	}
	if (restore_tail(s, &role, snap, &tail, e))
		goto out;
	pgp_alter(s, &role, tail.p, r);
	if (r->status == KIT_OK && !flag(snap, "verifier_known"))
		kit_say(r, KIT_OK, "the old password was not readable when the "
			"snapshot was taken: set a new one if it was revoked");
	rc = 0;
out:
	buf_release(&tail);
	return rc;
}
