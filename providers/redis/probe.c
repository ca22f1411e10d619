/*
 * probe: is the user, or one of its passwords, dead?
 *
 * With the secret: AUTH on a connection of its own, at the address the admin
 * session has reached.  Only two answers count: OK, and WRONGPASS, which the
 * server gives alike for a wrong password, a user that is off and one that does
 * not exist (Redis 6.0 to 7.0, acl.c).  LOADING, DENIED (protected mode), "max
 * number of clients reached" and a closed connection tell nothing.
 * Without it: the server's own record.
 */
#include "providers/redis/redis.h"

#include <stdio.h>
#include <string.h>

#define PROBE_MS 10000

static void probe_login(const struct rds_session *s,
			const struct kit_connection *c,
			const struct kit_request *q, struct kit_reply *r)
{
	struct err e = ERR_INIT;
	struct rd *rd = NULL;
	struct net_place p;
	struct rd_fail f;
	char reach[300];

	if (rds_place(c, &p, &e)) {
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "%s", e.cause);
		return;
	}
	if (s->address[0])
		p.address = s->address;
	if (p.connect_ms > PROBE_MS)
		p.connect_ms = PROBE_MS;
	rds_reach(s, reach);
	if (rd_open(&p, &rd, &f) == 0 && rd_auth(rd, q->account, q->secret, &f) == 0)
		kit_tell(r, KIT_ALIVE, false, "the login was accepted");
	else if (f.cause == RD_SAID && strcmp(f.code, "WRONGPASS") == 0)
		kit_tell(r, KIT_DEAD, true, "login refused: WRONGPASS%s", reach);
	else
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "no answer about the secret: %s",
			 f.text);
	rd_close(&rd);
}

static void probe_session(struct rds_session *s, const struct kit_request *q,
			  struct kit_reply *r)
{
	char number[24];
	int n = 0;

	if (rds_client_number(s, q->credential, number))
		n = rds_sessions_live(s, q->account, number, r);
	if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "the session is open");
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, "the server has no such session");
}

/* The user's record alone. */
static void probe_record(struct rds_session *s, const struct kit_request *q,
			 const struct rds_user *u, struct kit_reply *r)
{
	bool one = q->credential[0] != '\0';
	const char *why = NULL;
	char reach[300];

	rds_reach(s, reach);
	if (!u->exists)
		why = "the user does not exist";
	else if (!u->on)
		why = "the user is off";
	else if (one && (strcmp(q->credential, "nopass") ? !rds_hash_of(u, q->credential)
							  : !u->nopass)) {
		/* Whose password a session came in with nobody knows: they are
		 * the account's. */
		kit_tell(r, KIT_DEAD, false, "the user does not have that password "
			 "any more%s", reach);
		return;
	} else if (!u->n && !u->nopass)
		why = "the user has no password";
	if (!why) {
		kit_tell(r, KIT_ALIVE, false, "the user is on");
		return;
	}
	int n = rds_sessions_live(s, q->account, NULL, r);
	if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "%s, but %d sessions are still open",
			 why, n);
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, "%s, and no session is open%s", why, reach);
}

int rds_probe(void *session, const struct kit_connection *c,
	      const struct kit_request *q, struct kit_stream *out,
	      struct kit_reply *r, struct err *e)
{
	struct rds_session *s = session;
	bool for_session = strcmp(q->kind, "session") == 0;
	struct rds_user u;

	(void)out;
	(void)e;
	if (!kit_named(q, r))
		return 0;
	if (q->secret && !for_session) {
		/* The admin session is not needed, but its address is. */
		if (s->address[0] || rds_ready(s, c, r))
			probe_login(s, c, q, r);
	} else if (rds_ready(s, c, r)) {
		if (for_session) {
			probe_session(s, q, r);
		} else if (rds_user(s, q->account, &u, r)) {
			probe_record(s, q, &u, r);
			rds_user_release(&u);
		}
	}
	if (r->status != KIT_OK) {
		/* Could not ask: that is an answer, and not `dead`. */
		r->status = KIT_OK;
		r->life = KIT_LIFE_UNKNOWN;
	}
	return 0;
}
