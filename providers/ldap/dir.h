/*
 * dir: what the files of the LDAP provider share.
 *
 * An account is an entry with a userPassword, its name the DN as the server
 * writes it.  Each value of userPassword is a credential of kind `password`,
 * whose id is a digest of the entry's UUID and the stored value.  A session is
 * a connection bound as that DN, as cn=Monitor tells; kind `session`, id
 * NUMBER-START.  docs/providers/ldap.md says what the admin's DN needs.
 *
 * A value that is disabled is a value that can never match: "{SCHEME}!curfew-off!"
 * and the rest.  The server knows the scheme, so it neither takes the value for
 * clear text nor hashes it anew, and no rest of it is a hash of that scheme.
 */
#ifndef PROVIDERS_LDAP_DIR_H
#define PROVIDERS_LDAP_DIR_H

#include "base/json.h"
#include "providers/kit/common.h"
#include "providers/ldap/ld.h"

#define DIR_OFF "!curfew-off!"
/* Where a schema wants a userPassword and the account shall have none. */
#define DIR_NONE "{SSHA}!curfew-none!"
#define DIR_VALUES 24
#define DIR_VALUE 512
#define DIR_ID 13

struct dir_session {
	struct ld *ld;
};

struct dir_value {
	char text[DIR_VALUE]; /* as stored */
	char id[DIR_ID];
	bool off;  /* marked by DIR_OFF */
	bool none; /* DIR_NONE */
};

struct dir_account {
	char dn[1024], uuid[64], policy[512], creator[512];
	char created[24], changed[24], used[24]; /* generalized time or "" */
	bool exists, locked; /* locked: pwdAccountLockedTime */
	struct dir_value value[DIR_VALUES];
	size_t n;
	bool whole; /* every value is here and is text */
};

int dir_open(const struct kit_connection *c, void **session, struct err *e);
void dir_close(void *session);
typedef int dir_verb(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e);
dir_verb dir_list, dir_probe, dir_disable, dir_enable, dir_revoke, dir_set,
	dir_cut_sessions, dir_snapshot, dir_restore;

/* session.c ------------------------------------------------------------ */

int dir_place(const struct kit_connection *c, struct ld_place *p, struct err *e)
	__attribute__((warn_unused_result));
bool dir_by_policy(const struct kit_connection *c); /* lock=ppolicy */
bool dir_ready(struct dir_session *s, const struct kit_connection *c,
	       struct kit_reply *r);
void dir_reply_fail(const struct ld_fail *f, bool writes, const char *doing,
		    struct kit_reply *r);

/* entry.c -------------------------------------------------------------- */

extern const char *const dir_attributes[];
void dir_account_of(const struct ld_entry *entry, struct dir_account *a);
/* Look an entry up; NULL: r is filled (none of that DN: ->exists is false).
 * mem_free it. */
struct dir_account *dir_account(struct dir_session *s, const char *dn,
				struct kit_reply *r);
/* Any value that a password opens? */
bool dir_open_value(const struct dir_account *a);
/* userPassword becomes these; *locked also set when not NULL.  Fills r. */
void dir_write(struct dir_session *s, const struct dir_account *a,
	       const char *const *values, const bool *locked, struct kit_reply *r);

/* value.c -------------------------------------------------------------- */

void dir_value_of(const char *uuid, const char *text, struct dir_value *v);
/* The stored text, marked so that it never matches, and back. */
bool dir_mark(const char *text, char out[static DIR_VALUE]);
void dir_unmark(const char *text, char out[static DIR_VALUE]);
/* "{SSHA}..." or "{SSHA512}..." of a password. */
int dir_hash(const struct secret *password, bool sha512, char out[static DIR_VALUE])
	__attribute__((warn_unused_result));
enum dir_match { DIR_NO, DIR_YES, DIR_CANNOT_TELL };
/* Does that password open that stored value? */
enum dir_match dir_matches(const struct secret *password, const char *text);

/* cut.c ---------------------------------------------------------------- */

/* Connections bound as that DN; -1: r is filled; -2: cn=Monitor tells nothing. */
int dir_bound(struct dir_session *s, const char *dn, const char *only,
	      struct kit_reply *r);
typedef int (*dir_conn_fn)(const struct ld_entry *entry, const char *dn, const char *id,
			   void *arg);
int dir_connections(struct dir_session *s, dir_conn_fn fn, void *arg, struct ld_fail *f);

#endif
