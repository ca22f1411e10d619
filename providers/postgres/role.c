/*
 * role: finding a role by its exact name and altering it.
 *
 * Owns the only place that builds ALTER ROLE.  Must never act on a role whose
 * name merely begins like the one asked for (the server cuts identifiers at 63
 * bytes), and never waits for a lock that the role's own sessions hold.
 */
#include "providers/postgres/postgres.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ALTER_TRIES 4

#define ROLE_SQL(authid)                                                     \
	"SELECT r.oid, r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole," \
	" r.rolreplication, r.rolname ~ '^pg_',"                               \
	" coalesce(r.rolvaliduntil <= now(), false), " authid ","               \
	" r.rolvaliduntil IS NOT NULL"                                         \
	" FROM pg_roles r WHERE r.rolname = $1::text"

bool pgp_role(struct pgp_session *s, const char *name, struct pgp_role *role,
	      struct kit_reply *r)
{
	static const char with[] = ROLE_SQL(
		"(SELECT a.rolpassword IS NOT NULL FROM pg_authid a"
		" WHERE a.oid = r.oid)");
	static const char without[] = ROLE_SQL("NULL::boolean");
	const char *params[] = { name };
	struct pg_rows *rows = NULL;
	struct pg_fail f;
	memset(role, 0, sizeof *role);
	snprintf(role->name, sizeof role->name, "%s", name);
	if (pg_run(s->pg, PGP_STATEMENT_MS, s->reads_verifiers ? with : without,
		   1, params, &rows, &f)) {
		pgp_reply_fail(&f, false, "look the role up", r);
		return false;
	}
	if (pg_count(rows) == 1) {
		role->exists = true;
		snprintf(role->oid, sizeof role->oid, "%s", pg_cell(rows, 0, 0));
		role->login = pg_yes(rows, 0, 2);
		role->super = pg_yes(rows, 0, 3);
		role->createrole = pg_yes(rows, 0, 4);
		role->replication = pg_yes(rows, 0, 5);
		role->builtin = pg_yes(rows, 0, 6);
		role->expired = pg_yes(rows, 0, 7);
		role->password_known = pg_cell(rows, 0, 8) != NULL;
		role->has_password = pg_yes(rows, 0, 8);
		role->ends = pg_yes(rows, 0, 9);
	}
	pg_rows_free(&rows);
	return true;
}

bool pgp_role_to_alter(struct pgp_session *s, const struct kit_request *q,
		       struct pgp_role *role, struct kit_reply *r)
{
	if (!pgp_role(s, q->account, role, r))
		return false;
	if (!role->exists) {
		r->status = KIT_ABSENT;
		return false;
	}
	if (role->builtin) {
		kit_say(r, KIT_REFUSED, "a role whose name begins with pg_ is "
			"part of the server and cannot be altered");
		return false;
	}
	return true;
}

/* What the admin role lacks, in words a DBA can act on. */
static void tell_rights(const struct pgp_session *s,
			const struct pgp_role *role, const struct pg_fail *f,
			struct kit_reply *r)
{
	const char *need;
	if (role->super)
		need = "the role is a superuser: only a superuser can alter it";
	else if (role->replication)
		need = "the role has REPLICATION: up to version 15 only a "
		       "superuser can alter it, later a role that has "
		       "REPLICATION itself";
	else if (!s->createrole)
		need = "the admin role needs CREATEROLE";
	else
		need = "from version 16 on CREATEROLE is not enough: GRANT the "
		       "role to the admin role WITH ADMIN OPTION";
	kit_say(r, KIT_REFUSED, "cannot alter the role: %s (%s); %s", f->text,
		f->sqlstate, need);
}

/*
 * A session of the killed role can hold the row of pg_authid (an ALTER ROLE in
 * a transaction that never ends) or the table, and so keep anyone from
 * disabling it.  End those; other roles' sessions are left alone.
 */
static void end_lock_holders(struct pgp_session *s,
			     const struct pgp_role *role)
{
	const char *params[] = { role->oid };
	struct pg_fail f;
	if (pg_run(s->pg, PGP_STATEMENT_MS,
		   "SELECT pg_terminate_backend(a.pid)"
		   " FROM pg_stat_activity a WHERE a.usesysid = $1::oid"
		   " AND a.pid <> pg_backend_pid() AND EXISTS"
		   " (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid"
		   "  AND l.granted AND l.mode <> 'AccessShareLock'"
		   "  AND l.locktype IN ('relation', 'tuple')"
		   "  AND l.relation IN ('pg_authid'::regclass,"
		   "   'pg_auth_members'::regclass))",
		   1, params, NULL, &f))
		return; /* the next try tells what stands in the way */
}

static bool is_lock_trouble(const struct pg_fail *f)
{
	return f->cause == PG_SAID &&
	       (strcmp(f->sqlstate, "55P03") == 0 ||
		strcmp(f->sqlstate, "40P01") == 0 ||
		strcmp(f->sqlstate, "XX000") == 0);
}

void pgp_alter(struct pgp_session *s, const struct pgp_role *role,
	       const char *tail, struct kit_reply *r)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	struct pg_fail f = { .cause = PG_FINE };
	char name[PG_NAME * 2 + 8];
	if (buf_puts(&sql, "ALTER ROLE ", &e) ||
	    pg_ident(s->pg, &sql, role->name, &e) ||
	    buf_puts(&sql, tail, &e)) {
		err_format(&e, name, sizeof name);
		kit_say(r, KIT_RETRY, "cannot alter the role: %s", name);
		goto out;
	}
	for (int i = 0; i < ALTER_TRIES; i++) {
		if (pg_run(s->pg, PGP_STATEMENT_MS, sql.p, 0, NULL, NULL,
			   &f) == 0) {
			r->status = KIT_OK;
			goto out;
		}
		if (!is_lock_trouble(&f))
			break;
		end_lock_holders(s, role);
	}
	if (f.cause == PG_SAID && strcmp(f.sqlstate, "42501") == 0)
		tell_rights(s, role, &f, r);
	else if (f.cause == PG_SAID && strcmp(f.sqlstate, "42704") == 0)
		r->status = KIT_ABSENT;
	else
		pgp_reply_fail(&f, true, "alter the role", r);
out:
	buf_release(&sql);
}
