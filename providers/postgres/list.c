/*
 * list: roles, their passwords and their sessions, in one snapshot.
 *
 * Streams row by row, so that memory does not grow with the server.  A row that
 * is not UTF-8 is left out by the kit, which then does not say `complete`.
 */
#include "providers/postgres/postgres.h"

/* One row a role.  $1 is the one role asked for, or NULL for all.
 *   power  roles that can make roles, or take over the server and so make
 *          them: SUPERUSER, CREATEROLE, the two predefined roles that run
 *          programs and write files as the server, and all their members
 *   mine   the admin role and the roles that its rights come from
 */
#define ACCOUNTS_SQL(authid)                                                   \
	"WITH RECURSIVE power AS ("                                            \
	" SELECT oid FROM pg_roles WHERE rolsuper OR rolcreaterole"            \
	"  OR rolname IN ('pg_execute_server_program',"                        \
	"   'pg_write_server_files')"                                          \
	" UNION SELECT m.member FROM pg_auth_members m"                        \
	"  JOIN power p ON m.roleid = p.oid),"                                 \
	" mine AS (SELECT oid FROM pg_roles WHERE rolname = session_user"      \
	" UNION SELECT m.roleid FROM pg_auth_members m"                        \
	"  JOIN mine ON m.member = mine.oid),"                                 \
	" groups AS (SELECT m.member, string_agg(g.rolname, ', '"              \
	"  ORDER BY g.rolname) AS names FROM pg_auth_members m"                \
	"  JOIN pg_roles g ON g.oid = m.roleid GROUP BY m.member),"            \
	" owned AS (SELECT refobjid, count(*) AS n FROM pg_shdepend"           \
	"  WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o'"         \
	"  GROUP BY refobjid),"                                                \
	" definer AS (SELECT proowner, count(*) AS n FROM pg_proc"             \
	"  WHERE prosecdef GROUP BY proowner),"                                \
	" triggers AS (SELECT evtowner, count(*) AS n FROM pg_event_trigger"   \
	"  GROUP BY evtowner),"                                                \
	" prepared AS (SELECT owner, count(*) AS n FROM pg_prepared_xacts"     \
	"  GROUP BY owner)"                                                    \
	" SELECT r.rolname, r.rolcanlogin,"                                    \
	" coalesce(r.rolvaliduntil <= now(), false),"                          \
	" CASE WHEN isfinite(r.rolvaliduntil) THEN to_char("                   \
	"  r.rolvaliduntil AT TIME ZONE 'UTC',"                                \
	"  'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') END,"                             \
	" r.oid IN (SELECT oid FROM mine), r.oid IN (SELECT oid FROM power),"  \
	" r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication,"       \
	" r.rolbypassrls, nullif(r.rolconnlimit, -1), r.oid, groups.names,"    \
	" left(shobj_description(r.oid, 'pg_authid'), 500), owned.n,"          \
	" definer.n, triggers.n, prepared.n, " authid                          \
	" FROM pg_roles r"                                                     \
	" LEFT JOIN groups ON groups.member = r.oid"                           \
	" LEFT JOIN owned ON owned.refobjid = r.oid"                           \
	" LEFT JOIN definer ON definer.proowner = r.oid"                       \
	" LEFT JOIN triggers ON triggers.evtowner = r.oid"                     \
	" LEFT JOIN prepared ON prepared.owner = r.rolname"                    \
	" WHERE r.rolname !~ '^pg_'"                                           \
	" AND ($1::text IS NULL OR r.rolname = $1::text)"

enum { /* the columns of ACCOUNTS_SQL */
	A_NAME, A_LOGIN, A_EXPIRED, A_EXPIRES, A_SELF, A_POWER, A_SUPER,
	A_CREATEROLE, A_CREATEDB, A_REPLICATION, A_BYPASSRLS, A_CONNLIMIT,
	A_OID, A_MEMBER_OF, A_COMMENT, A_OWNS, A_DEFINER, A_TRIGGERS,
	A_PREPARED, A_VERIFIER
};

/* Kind of verifier, '' for none; NULL when pg_authid is not readable. */
#define VERIFIER_SQL                                                          \
	"(SELECT CASE WHEN a.rolpassword IS NULL THEN ''"                     \
	" WHEN a.rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256'"     \
	" WHEN a.rolpassword LIKE 'md5%' THEN 'md5' ELSE 'other' END"         \
	" FROM pg_authid a WHERE a.oid = r.oid)"

/* Sessions, also those of a dropped role ($1 NULL only).  backend_start and
 * more are hidden from an admin without pg_read_all_stats. */
#define SESSIONS_SQL                                                          \
	"SELECT coalesce(r.rolname, '(dropped role ' || a.usesysid || ')'),"  \
	" a.pid || ':' || coalesce((extract(epoch FROM a.backend_start)"      \
	"  * 1000000)::bigint, 0), to_char(a.backend_start"                   \
	"  AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"            \
	" host(a.client_addr), a.application_name, a.state, a.datname,"       \
	" nullif(a.backend_type, 'client backend')"                           \
	" FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid" \
	" WHERE coalesce(a.backend_type, 'client backend')"                   \
	"  IN ('client backend', 'walsender')"                                \
	" AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid()"           \
	" AND ($1::text IS NULL OR r.rolname = $1::text)"

struct listing {
	struct kit_stream *out;
	const struct pgp_session *s;
	struct err *e;
	int64_t roles;
};

static struct json *account_attributes(const struct pg_rows *row)
{
	static const struct {
		int col;
		const char *key;
	} flags[] = {
		{ A_SUPER, "superuser" }, { A_CREATEROLE, "createrole" },
		{ A_CREATEDB, "createdb" }, { A_REPLICATION, "replication" },
		{ A_BYPASSRLS, "bypassrls" },
	}, texts[] = {
		{ A_CONNLIMIT, "connlimit" }, { A_OID, "oid" },
		{ A_MEMBER_OF, "member_of" }, { A_COMMENT, "comment" },
		{ A_OWNS, "owns" },
		/* What an intruder could come back through. */
		{ A_DEFINER, "security_definer_functions" },
		{ A_TRIGGERS, "event_triggers" },
		{ A_PREPARED, "prepared_transactions" },
	};
	struct json *a = json_object();
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (pg_yes(row, 0, flags[i].col))
			json_set_str(a, flags[i].key, "yes");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		kit_attr(a, texts[i].key, pg_cell(row, 0, texts[i].col));
	return a;
}

static int send_account(struct listing *l, const struct pg_rows *row)
{
	struct json *item = kit_item_new("account", pg_cell(row, 0, A_NAME),
					 NULL, NULL);
	bool ok = json_set_str(item, "state", pg_yes(row, 0, A_LOGIN)
						      ? "active"
						      : "disabled");
	/* Made since this process logged in: then this listing is when it was
	 * first seen. */
	if (ok && kit_made_since(pg_cell(row, 0, A_OID)))
		ok = kit_created_now(item);
	if (ok && pg_yes(row, 0, A_SELF))
		ok = json_set_bool(item, "self", true);
	if (ok && pg_yes(row, 0, A_POWER))
		ok = json_set_bool(item, "makes_accounts", true);
	return kit_item_send(l->out, item, account_attributes(row), ok, l->e);
}

/* A role has a password, has none, or nobody told us: then a role that can log
 * in is shown with one. */
static int send_password(struct listing *l, const struct pg_rows *row)
{
	const char *verifier = pg_cell(row, 0, A_VERIFIER);
	const char *expires = pg_cell(row, 0, A_EXPIRES);
	const char *state = "active";
	if (verifier ? !*verifier : !pg_yes(row, 0, A_LOGIN))
		return 0;
	if (!pg_yes(row, 0, A_LOGIN))
		state = "disabled";
	else if (pg_yes(row, 0, A_EXPIRED))
		state = "expired";
	struct json *a = json_object(), *item = kit_item_new("credential",
		pg_cell(row, 0, A_NAME), "password", "password");
	bool ok = json_set_str(item, "state", state);
	if (ok && expires)
		ok = json_set_str(item, "expires", expires);
	if (ok && pg_yes(row, 0, A_SELF))
		ok = json_set_bool(item, "self", true);
	if (verifier)
		kit_attr(a, "verifier", verifier);
	else
		kit_attr(a, "set", "unknown: pg_authid is not readable");
	return kit_item_send(l->out, item, a, ok, l->e);
}

static int on_account(const struct pg_rows *row, void *arg)
{
	struct listing *l = arg;
	l->roles++;
	return send_account(l, row) || send_password(l, row) ? -1 : 0;
}

static int on_session(const struct pg_rows *row, void *arg)
{
	static const char *const keys[] = { "since", "client_addr",
		"application", "state", "database", "backend" };
	struct listing *l = arg;
	struct json *a = json_object(), *item = kit_item_new("session",
		pg_cell(row, 0, 0), "session", pg_cell(row, 0, 1));
	for (int i = 0; i < 6; i++)
		kit_attr(a, keys[i], pg_cell(row, 0, i + 2));
	return kit_item_send(l->out, item, a, true, l->e);
}

/* BEGIN ... COMMIT; after a failure the transaction is rolled back. */
static int walk(struct pgp_session *s, const char *account, struct listing *l,
		struct pg_fail *f)
{
	static const char with[] = ACCOUNTS_SQL(VERIFIER_SQL);
	static const char without[] = ACCOUNTS_SQL("NULL::text");
	const char *params[] = { account };
	struct pg_fail ignored;
	if (pg_run(s->pg, PGP_STATEMENT_MS,
		   "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL,
		   NULL, f))
		return -1;
	if (pg_run(s->pg, PGP_STATEMENT_MS, "SET LOCAL statement_timeout = "
		   "'290s'", 0, NULL, NULL, f) ||
	    pg_each(s->pg, PGP_LIST_MS, s->reads_verifiers ? with : without, 1,
		    params, on_account, l, f) ||
	    pg_each(s->pg, PGP_LIST_MS, SESSIONS_SQL, 1, params, on_session, l,
		    f) ||
	    pg_run(s->pg, PGP_STATEMENT_MS, "COMMIT", 0, NULL, NULL, f)) {
		if (pg_usable(s->pg) &&
		    pg_run(s->pg, PGP_STATEMENT_MS, "ROLLBACK", 0, NULL, NULL,
			   &ignored))
			pg_close(&s->pg);
		return -1;
	}
	return 0;
}

int pgp_list(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *out,
	     struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct listing l = { .out = out, .s = s, .e = e };
	struct pg_fail f;
	const char *account = q->account[0] ? q->account : NULL;
	if (!pgp_ready(s, c, r))
		return 0;
	if (walk(s, account, &l, &f)) {
		if (f.cause == PG_OURS)
			return err_fail(e, ERR_NOMEM, NULL, "%s", f.text);
		pgp_reply_fail(&f, false, "list the roles", r);
		return 0;
	}
	r->status = account && l.roles == 0 ? KIT_ABSENT : KIT_OK;
	if (!json_set_bool(kit_body(r), "complete", true))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
