/*
 * probe: is the role, or its password, dead?
 *
 * With the secret: a login as that role at the address the admin session has
 * reached, so that another server's word does not count.  Without it: the
 * server's own record.  `dead` is said for three positive answers only:
 *   28P01                              the server's password check said no
 *   28000 from InitializeSessionUserId the role may not log in, or is gone
 *   the catalog: no login, no password or no role, and no live session
 * The routine's name is what tells the second from pg_hba.conf's "no entry for
 * this host" (28000 too): the words are translated by lc_messages, it is not.
 * Read in PostgreSQL's miscinit.c and auth.c, versions 10 to 17.
 */
#include "providers/postgres/postgres.h"

#include <stdio.h>
#include <string.h>

#define PROBE_MS 10000

static void judge_refusal(const struct pg_fail *f, struct kit_reply *r)
{
	bool at_role = strcmp(f->routine, "InitializeSessionUserId") == 0;
	if (strcmp(f->sqlstate, "28P01") == 0)
		kit_tell(r, KIT_DEAD, true, "login refused: %s (28P01)", f->text);
	else if (strcmp(f->sqlstate, "28000") == 0 && at_role)
		kit_tell(r, KIT_DEAD, true, "login refused: %s (28000)", f->text);
	else if (strncmp(f->sqlstate, "28", 2) == 0)
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "turned away before or "
			"beside the password check (pg_hba.conf, or another "
			"login method): %s (%s)", f->text, f->sqlstate);
	else if (strcmp(f->sqlstate, "53300") == 0 && at_role)
		kit_tell(r, KIT_ALIVE, false, "the secret was accepted, the "
			"role's connection limit turned the session away: %s",
			f->text);
	else if (strcmp(f->sqlstate, "42501") == 0 ||
		 strcmp(f->sqlstate, "3D000") == 0)
		kit_tell(r, KIT_ALIVE, false, "the secret was accepted, the "
			"database was not: %s (%s)", f->text, f->sqlstate);
	else
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "no answer about the "
			"secret: %s (%s)", f->text, f->sqlstate);
}

static void probe_login(const struct pgp_session *s,
			const struct kit_connection *c,
			const struct kit_request *q, struct kit_reply *r)
{
	struct pg_target t;
	struct pg_fail f;
	struct pg *pg = NULL;
	struct err e = ERR_INIT;
	if (pgp_target(c, &t, &e)) {
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "%s", e.cause);
		return;
	}
	if (s->hostaddr[0])
		t.hostaddr = s->hostaddr;
	t.application = "curfew probe";
	t.options = NULL; /* what a plain client of that role would send */
	if (t.connect_ms > PROBE_MS)
		t.connect_ms = PROBE_MS;
	if (pg_connect(&t, q->account, q->secret, &pg, &f) == 0) {
		if (pg_used_password(pg))
			kit_tell(r, KIT_ALIVE, false, "the login was accepted");
		else
			kit_tell(r, KIT_ALIVE, false, "the server let the role in "
				"without asking for a password (trust, peer or "
				"certificate in pg_hba.conf)");
		pg_close(&pg);
	} else if (f.cause == PG_SAID) {
		judge_refusal(&f, r);
	} else {
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "no answer about the "
			"secret: %s", f.text);
	}
}

static void probe_session(struct pgp_session *s, const struct pgp_role *role,
			  const struct kit_request *q, struct kit_reply *r)
{
	int n = pgp_sessions_live(s, role, q->credential, r);
	if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "the session is open");
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, "the server has no such session");
}

/* The catalog alone. */
static void probe_record(struct pgp_session *s, const struct pgp_role *role,
			 bool password, struct kit_reply *r)
{
	const char *why = NULL;
	if (!role->exists)
		why = "the role does not exist";
	else if (!role->login)
		why = "the role may not log in (NOLOGIN)";
	else if (password && role->password_known && !role->has_password)
		why = "the role has no password";
	else if (password && role->expired)
		why = "the password's VALID UNTIL has passed";
	if (!why) {
		kit_tell(r, KIT_ALIVE, false, "the role may log in");
		return;
	}
	int n = pgp_sessions_live(s, role, NULL, r);
	if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "%s, but %d sessions are still "
			"open", why, n);
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, "%s, and no session is open", why);
}

int pgp_probe(void *session, const struct kit_connection *c,
	      const struct kit_request *q, struct kit_stream *out,
	      struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct pgp_role role;
	(void)out;
	(void)e;
	bool for_session = strcmp(q->kind, "session") == 0;
	if (!kit_named(q, r))
		return 0;
	if (q->secret && !for_session) {
		/* The admin session is not needed, but its address is. */
		if (s->hostaddr[0] || pgp_ready(s, c, r))
			probe_login(s, c, q, r);
	} else if (pgp_ready(s, c, r) && pgp_role(s, q->account, &role, r)) {
		if (for_session)
			probe_session(s, &role, q, r);
		else
			probe_record(s, &role,
				     strcmp(q->kind, "password") == 0, r);
	}
	if (r->status != KIT_OK) {
		/* Could not ask: that is an answer, and not `dead`. */
		r->status = KIT_OK;
		r->life = KIT_LIFE_UNKNOWN;
	}
	return 0;
}
