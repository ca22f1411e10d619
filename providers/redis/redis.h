/*
 * redis: what the files of the Redis provider share.
 *
 * An account is an ACL user.  Each of its passwords is a credential of kind
 * `password`, whose id is a digest of the hash that the server keeps (`nopass`
 * stands for "any password will do").  A session is a client connection, kind
 * `session`, id CLIENT-RUN (RUN: the start of the server's run id, since client
 * numbers begin again when it restarts).  docs/providers/redis.md says what the
 * admin user needs.
 *
 * Users belong to one server: no replica, no node of a cluster takes them over.
 */
#ifndef PROVIDERS_REDIS_REDIS_H
#define PROVIDERS_REDIS_REDIS_H

#include "base/json.h"
#include "providers/kit/common.h"
#include "providers/redis/rd.h"

#define RDS_HASH 65 /* SHA-256 in hex, and a NUL */
#define RDS_ID 13   /* of a password, and a NUL */

/* One worker's connection as the admin user, opened again when lost. */
struct rds_session {
	struct rd *rd;
	char address[64]; /* of the last good login: the probe goes there */
	char run[9];	  /* start of the server's run id, "" when not told */
	char user[256];	  /* who we are */
	char own[48];	  /* our own session's id */
	char nodes[200];  /* "2 replicas (10.0.0.2:6379, ...)", or "" */
	enum { RDS_KEEP_UNKNOWN, RDS_KEEP_FILE, RDS_KEEP_CONFIG, RDS_KEEP_NONE } keep;
};

struct rds_user {
	const char *name; /* the caller's */
	bool exists, on, nopass;
	char (*hash)[RDS_HASH]; /* mem_alloc'ed */
	size_t n;
};

/* The kit's open and close, and the verbs. */
int rds_open(const struct kit_connection *c, void **session, struct err *e);
void rds_close(void *session);
typedef int rds_verb(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e);
rds_verb rds_list, rds_probe, rds_disable, rds_enable, rds_revoke, rds_set,
	rds_cut_sessions, rds_snapshot, rds_restore;

/* session.c ------------------------------------------------------------ */

int rds_place(const struct kit_connection *c, struct net_place *p, struct err *e)
	__attribute__((warn_unused_result));
/* Make the session usable.  False: r says why (nothing has been sent). */
bool rds_ready(struct rds_session *s, const struct kit_connection *c,
	       struct kit_reply *r);
/* Turn a failed command into the reply; `doing` completes "cannot ...". */
void rds_reply_fail(const struct rd_fail *f, bool writes, const char *doing,
		    struct kit_reply *r);
/* What an end on this server does not reach, for the evidence: "" or "; ...". */
void rds_reach(const struct rds_session *s, char out[static 300]);

/* user.c --------------------------------------------------------------- */

/* Look a user up; false: r is filled (a user that does not exist is true). */
bool rds_user(struct rds_session *s, const char *name, struct rds_user *u,
	      struct kit_reply *r);
void rds_user_release(struct rds_user *u);
/* Of a user's password: two users with the same password show two ids. */
void rds_id(const char *user, const char *hash, char id[static RDS_ID]);
/* The hash whose id that is, or NULL. */
const char *rds_hash_of(const struct rds_user *u, const char *id);
/* ACL SETUSER name rules..., and keep it over a restart.  Fills r, KIT_OK when
 * done.  Must be called for users that exist only: it would make one. */
void rds_alter(struct rds_session *s, const char *name,
	       const char *const *rules, struct kit_reply *r);
/* The user's line of ACL LIST without "user NAME ": mem_free it.  NULL: none, or
 * r is filled. */
char *rds_rules(struct rds_session *s, const char *name, struct kit_reply *r);

/* cut.c ---------------------------------------------------------------- */

/* One client of CLIENT LIST, borrowed from its line. */
struct rds_client {
	char id[24], user[512], addr[128], name[128], age[24], idle[24], flags[16], cmd[64];
};
typedef int (*rds_client_fn)(const struct rds_client *client, void *arg);
/* Each client but our own ones; fn's -1 stops.  -1: r is filled, or fn's. */
int rds_clients(struct rds_session *s, rds_client_fn fn, void *arg,
		struct kit_reply *r);
/* How many sessions of the user live; -1: r is filled. */
int rds_sessions_live(struct rds_session *s, const char *name, const char *only,
		      struct kit_reply *r);
/* CLIENT-RUN; false when the session is one of an earlier run of the server. */
bool rds_client_number(const struct rds_session *s, const char *id,
		       char number[static 24]);

#endif
