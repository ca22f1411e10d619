/*
 * mysql: what the files of the MariaDB and MySQL provider share.
 *
 * An account is USER@HOST as the server keeps it (several hosts of one user are
 * several accounts); its one credential is kind `password`, id `password`.
 * Roles are no accounts: they cannot log in.  A session is kind `session`, id
 * the number of its connection.  docs/providers/mysql.md says what the admin
 * account needs.
 */
#ifndef PROVIDERS_MYSQL_MYSQL_H
#define PROVIDERS_MYSQL_MYSQL_H

#include "base/json.h"
#include "providers/kit/common.h"
#include "providers/mysql/my.h"

#define MYP_NAME 800 /* USER@HOST and its NUL: 128 and 255 characters of the server */
#define MYP_WAYS 4   /* ways to log in that one account may have */
#define MYP_HASH 300
/* A hash that no password has: how MariaDB itself shuts a password. */
#define MYP_NONE "invalid"

/* One worker's connection as the admin account, opened again when lost. */
struct myp_session {
	struct my *my;
	char address[64];   /* of the last good login: the probe goes there */
	char self[MYP_NAME]; /* CURRENT_USER() */
	char from[300];     /* the host that the server sees us come from */
	bool mariadb, read_only;
};

struct myp_way {
	char plugin[65];
	char hash[MYP_HASH];
	bool password; /* one that a password opens and we can compute */
};

struct myp_account {
	char name[MYP_NAME], user[520], host[260];
	bool exists, role, locked;
	int64_t ssl;	 /* 0 none asked for, 1 any TLS, more: a certificate */
	int64_t changed; /* seconds since 1970, 0 unknown */
	struct myp_way way[MYP_WAYS];
	size_t n;
	bool too_many; /* ways: then nothing of it is altered but the lock */
};

/* The kit's open and close, and the verbs. */
int myp_open(const struct kit_connection *c, void **session, struct err *e);
void myp_close(void *session);
typedef int myp_verb(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e);
myp_verb myp_list, myp_probe, myp_disable, myp_enable, myp_revoke, myp_set,
	myp_cut_sessions, myp_snapshot, myp_restore;

/* session.c ------------------------------------------------------------ */

int myp_place(const struct kit_connection *c, struct my_place *p, struct err *e)
	__attribute__((warn_unused_result));
bool myp_ready(struct myp_session *s, const struct kit_connection *c,
	       struct kit_reply *r);
/* The same for a verb that changes things: a read-only replica is refused. */
bool myp_ready_to_write(struct myp_session *s, const struct kit_connection *c,
			struct kit_reply *r);
void myp_reply_fail(const struct my_fail *f, bool writes, const char *doing,
		    struct kit_reply *r);

/* account.c ------------------------------------------------------------ */

/* The columns that myp_account_of reads: User, Host, what is known as JSON. */
const char *myp_columns(const struct myp_session *s);
const char *myp_table(const struct myp_session *s);
bool myp_account_of(const struct my_rows *row, struct myp_account *a);
/* Look an account up; false: r is filled (none of that name is true). */
bool myp_account(struct myp_session *s, const char *name, struct myp_account *a,
		 struct kit_reply *r);
/* As above for a verb that alters: r filled and false also for none (absent). */
bool myp_account_to_alter(struct myp_session *s, const struct kit_connection *c,
			  const struct kit_request *q, struct myp_account *a,
			  struct kit_reply *r);
/* Does a password open it (the empty one counts)?  Is it the empty one? */
bool myp_has_password(const struct myp_account *a);
bool myp_empty_password(const struct myp_account *a);
/* ALTER USER: its ways to log in if `ways`, and the lock: 'L', 'U' or 0 as it
 * is.  Fills r, KIT_OK when done. */
void myp_alter(struct myp_session *s, const struct myp_account *a, bool ways,
	       char lock, struct kit_reply *r);

/* host.c --------------------------------------------------------------- */

/* Might a client from `from` be that host of mysql.user? */
bool myp_host_matches(const char *host, const char *from);
/* Of two that match, which does the server ask first?  < 0: a. */
int myp_host_order(const char *a, const char *b);
/* The host whose account serves `user` from `from`; false: none, or r filled
 * when r->status is not KIT_OK. */
bool myp_served_by(struct myp_session *s, const char *user, const char *from,
		   char host[static 260], struct kit_reply *r);

/* hash.c --------------------------------------------------------------- */

/* What the server keeps of that password for the way's plugin. */
int myp_hash(struct myp_way *way, const struct secret *password)
	__attribute__((warn_unused_result));
bool myp_hashes(const char *plugin);

/* cut.c ---------------------------------------------------------------- */

/* How many sessions of the account live; -1: r is filled. */
int myp_sessions_live(struct myp_session *s, const struct myp_account *a,
		      const char *only, struct kit_reply *r);

#endif
