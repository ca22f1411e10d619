/*
 * cut: end the live sessions of a role, and be sure that they ended.
 *
 * pg_stat_activity tells a session by the role that logged in (usesysid), so
 * SET ROLE and SET SESSION AUTHORIZATION hide nothing.  A login that passed
 * the NOLOGIN check just before it was set is not in pg_stat_activity yet, but
 * its start-up transaction is in pg_locks: a look counts as clean only when
 * there is no such process either, and two clean looks in a row are needed.
 *
 * Must never report an end that was not seen.
 */
#include "providers/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* From the NOLOGIN check to being seen a login takes milliseconds, unless it
 * waits for a lock (on the database, say).  A client that dawdles before the
 * check is of no interest: it will be refused.  So after this time only those
 * that wait for a lock count. */
#define CUT_LOGIN_MS 1500

/* Sessions of the role $1 (oid), or of no existing role when $1 is empty.
 * $2: one session's id, or empty.  Servers' own workers that run for a role
 * (a subscription's) start again by themselves: not sessions of a holder.
 * Without pg_read_all_stats backend_type is NULL: that counts as a session. */
#define WHOSE                                                                \
	" FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid()"           \
	" AND coalesce(a.backend_type, 'client backend')"                    \
	"  IN ('client backend', 'walsender')"                               \
	" AND CASE WHEN $1 = '' THEN a.usesysid IS NOT NULL AND"             \
	"   NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.oid = a.usesysid)"  \
	"  ELSE a.usesysid = nullif($1, '')::oid END"                        \
	" AND ($2 = '' OR $2 = a.pid || ':' || " START ")"
#define START                                                        \
	"coalesce((extract(epoch FROM a.backend_start) * 1000000)::bigint, 0)"

static const char terminate_sql[] =
	"SELECT a.pid || ':' || " START ", pg_terminate_backend(a.pid)" WHOSE;
static const char count_sql[] =
	"SELECT count(*)" WHOSE;
/* Processes that hold a transaction and are in no view of sessions are logging
 * in: how many, how many of them wait for a lock, and whether the role may log
 * in, now. */
static const char starting_sql[] =
	"WITH starting AS (SELECT l.pid, bool_or(NOT l.granted) AS waits"
	"  FROM pg_locks l WHERE l.pid IS NOT NULL AND NOT EXISTS (SELECT 1"
	"   FROM pg_stat_activity a WHERE a.pid = l.pid) GROUP BY l.pid)"
	" SELECT (SELECT count(*) FROM starting),"
	" (SELECT count(*) FROM starting WHERE waits),"
	" coalesce((SELECT r.rolcanlogin FROM pg_roles r"
	"  WHERE r.oid = nullif($1, '')::oid), false)";

struct cut {
	struct pgp_session *s;
	const struct pgp_role *role;
	const char *only;	/* "" for all */
	char (*seen)[40];	/* ids already ended */
	size_t n, cap;
	int64_t begin;
};

static int number(const struct pg_rows *rows, int col)
{
	const char *v = pg_cell(rows, 0, col);
	return v ? (int)strtol(v, NULL, 10) : 0;
}

int pgp_sessions_live(struct pgp_session *s, const struct pgp_role *role,
		      const char *only, struct kit_reply *r)
{
	const char *params[] = { role->oid, only ? only : "" };
	struct pg_rows *rows = NULL;
	struct pg_fail f;
	if (pg_run(s->pg, PGP_STATEMENT_MS, count_sql, 2, params, &rows, &f)) {
		pgp_reply_fail(&f, false, "count the sessions", r);
		return -1;
	}
	int n = number(rows, 0);
	pg_rows_free(&rows);
	return n;
}

/* Remember an id; false when memory is short. */
static bool note(struct cut *k, const char *id)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->seen[i], id) == 0)
			return true;
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 16, bytes;
		if (!mem_mul(cap, sizeof *k->seen, &bytes))
			return false;
		void *p = mem_realloc(k->seen, bytes);
		if (!p)
			return false;
		k->seen = p;
		k->cap = cap;
	}
	snprintf(k->seen[k->n++], sizeof *k->seen, "%s", id);
	return true;
}

static void tell_fail(const struct cut *k, const struct pg_fail *f,
		      struct kit_reply *r)
{
	if (f->cause != PG_SAID || strcmp(f->sqlstate, "42501") != 0) {
		pgp_reply_fail(f, true, "end the sessions", r);
		return;
	}
	kit_say(r, KIT_REFUSED, "cannot end the sessions: %s (%s); %s", f->text,
		f->sqlstate, k->role->super
			? "only a superuser can end a superuser's session"
			: "GRANT pg_signal_backend to the admin role");
}

/* One look: end what is there.  Returns how many were found, -1 + r. */
static int look(struct cut *k, struct kit_reply *r)
{
	const char *params[] = { k->role->oid, k->only };
	struct pg_rows *rows = NULL;
	struct pg_fail f;
	if (pg_run(k->s->pg, PGP_STATEMENT_MS, terminate_sql, 2, params, &rows,
		   &f)) {
		tell_fail(k, &f, r);
		return -1;
	}
	int n = pg_count(rows);
	for (int i = 0; i < n; i++)
		if (!note(k, pg_cell(rows, i, 0))) {
			kit_say(r, KIT_RETRY, "out of memory");
			n = -1;
			break;
		}
	pg_rows_free(&rows);
	return n;
}

/* Is anyone on the way in?  When the role was closed and one of its own
 * sessions has opened it again meanwhile, close it.  -1 + r. */
static int starting(struct cut *k, struct kit_reply *r)
{
	const char *params[] = { k->role->oid };
	struct pg_rows *rows = NULL;
	struct pg_fail f;
	if (pg_run(k->s->pg, PGP_STATEMENT_MS, starting_sql, 1, params, &rows,
		   &f)) {
		pgp_reply_fail(&f, true, "end the sessions", r);
		return -1;
	}
	bool early = clock_mono_ms() - k->begin < CUT_LOGIN_MS;
	int n = number(rows, early ? 0 : 1);
	bool opened = k->role->exists && !k->role->login && pg_yes(rows, 0, 2);
	pg_rows_free(&rows);
	if (!opened)
		return n;
	pgp_alter(k->s, k->role, " NOLOGIN", r);
	return r->status == KIT_OK || r->status == KIT_ABSENT ? n + 1 : -1;
}

static int look_again(void *arg, struct kit_reply *r)
{
	struct cut *k = arg;
	int coming = starting(k, r), found = coming < 0 ? -1 : look(k, r);
	return found < 0 ? -1 : found + coming;
}

int pgp_cut_sessions(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct pgp_role role;
	struct cut k = { .s = s, .role = &role, .only = "" };
	(void)out;
	if (strcmp(q->kind, "session") == 0)
		k.only = q->credential;
	if (!pgp_ready_to_write(s, c, r) || !pgp_role(s, q->account, &role, r))
		return 0;
	k.begin = clock_mono_ms();
	int done = kit_cut(look_again, &k, r);
	mem_free(k.seen);
	if (done == 0)
		r->status = role.exists || k.n ? KIT_OK : KIT_ABSENT;
	if (!json_set_int(kit_body(r), "count", (int64_t)k.n))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
