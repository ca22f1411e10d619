/*
 * postgres: what the files of the PostgreSQL provider share.
 *
 * An account is a role (login or not), its one credential is kind `password`,
 * id `password`.  A session is kind `session`, id PID:START (backend start in
 * microseconds since 1970).  docs/providers/postgres.md says what the admin
 * role needs.
 */
#ifndef PROVIDERS_POSTGRES_POSTGRES_H
#define PROVIDERS_POSTGRES_POSTGRES_H

#include "base/json.h"
#include "providers/kit/common.h"
#include "providers/postgres/pg.h"

#define PGP_STATEMENT_MS 25000 /* our deadline; the server's is 20 s */
#define PGP_LIST_MS 300000

/* One worker's connection as the admin role, opened again when lost. */
struct pgp_session {
	struct pg *pg; /* NULL until the first request */
	char user[PG_NAME];
	char hostaddr[64]; /* of the last good login: the probe goes there */
	bool super, createrole, reads_verifiers, standby;
};

/* One role as pg_roles tells it; found by exact name, never a truncated one. */
struct pgp_role {
	char name[PG_NAME * 2];
	char oid[16];
	bool exists, login, super, createrole, replication, builtin;
	bool has_password;   /* meaningful with password_known */
	bool password_known; /* pg_authid was readable */
	bool expired;	     /* VALID UNTIL has passed */
	bool ends;	     /* a VALID UNTIL was given, "infinity" too */
};

/* The kit's open and close, and the verbs. */
int pgp_open(const struct kit_connection *c, void **session, struct err *e);
void pgp_close(void *session);
typedef int pgp_verb(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e);
pgp_verb pgp_list, pgp_probe, pgp_disable, pgp_enable, pgp_revoke, pgp_set,
	pgp_cut_sessions, pgp_snapshot, pgp_restore;

/* session.c ---------------------------------------------------------- */

/* Check the options once and fill a target.  The strings live as long as c. */
int pgp_target(const struct kit_connection *c, struct pg_target *t,
	       struct err *e) __attribute__((warn_unused_result));
/* Make the session usable.  False: r says why (nothing has been sent). */
bool pgp_ready(struct pgp_session *s, const struct kit_connection *c,
	       struct kit_reply *r);
/* The same for a verb that changes things: a read-only replica is refused. */
bool pgp_ready_to_write(struct pgp_session *s, const struct kit_connection *c,
			struct kit_reply *r);
/* Turn a failed statement into the reply; `doing` completes "cannot ...". */
void pgp_reply_fail(const struct pg_fail *f, bool writes, const char *doing,
		    struct kit_reply *r);
/* role.c -------------------------------------------------------------- */

/* Look a role up; false: r is filled (not for a role that does not exist:
 * that is true with role->exists false). */
bool pgp_role(struct pgp_session *s, const char *name, struct pgp_role *role,
	      struct kit_reply *r);
/* As above for a verb that alters: fills r and returns false also for no role
 * (absent) and a built-in one (refused). */
bool pgp_role_to_alter(struct pgp_session *s, const struct kit_request *q,
		       struct pgp_role *role, struct kit_reply *r);
/* ALTER ROLE "name" <tail>; sessions of that role that hold a lock in the way
 * are ended.  Fills r, KIT_OK when done. */
void pgp_alter(struct pgp_session *s, const struct pgp_role *role,
	       const char *tail, struct kit_reply *r);

/* cut.c --------------------------------------------------------------- */

/* How many sessions of the role live (for a role that is gone: sessions whose
 * role is gone).  `only` is a session id or NULL.  -1: r is filled. */
int pgp_sessions_live(struct pgp_session *s, const struct pgp_role *role,
		      const char *only, struct kit_reply *r);

#endif
