/*
 * dovecot: what the files of the Dovecot provider share.
 *
 * An account is a mailbox user; its one credential is kind `password`, id
 * `password` (all that logs in by a passdb: main and application passwords).
 * Sessions are kind `session`.  Grants are kind `sieve` (a script, id = its
 * name) and kind `acl` (rights given on one mailbox, id "MAILBOX ACL-ID").
 * docs/providers/dovecot.md says what the server needs.
 *
 * Everything is asked over the doveadm HTTP API of Dovecot 2.3, except the
 * deny file, which is ours to write, the IMAP login that proves, and Dovecot's
 * own sockets, which tell whether the deny file works (chain.c).
 */
#ifndef PROVIDERS_DOVECOT_DOVECOT_H
#define PROVIDERS_DOVECOT_DOVECOT_H

#include "base/json.h"
#include "providers/kit/kit.h"
#include "providers/net/net.h"

#define DOVE_API_MS 25000L
#define DOVE_BODY_MAX (16u * 1024 * 1024)
#define DOVE_IMAP 300

/* One worker: its own connections to the API. */
struct dove {
	struct net *net;
	char imap[DOVE_IMAP];
	bool has_sieve, has_acl;
};

/* sysexits codes as doveadm answers them (2.3.19, seen) */
enum {
	DOVE_EX_NOUSER = 67,
	DOVE_EX_NOTFOUND = 68, /* no such script, mailbox; nobody to kick */
	DOVE_EX_TEMPFAIL = 75,
};

int dove_open(const struct kit_connection *c, void **session, struct err *e);
void dove_close(void *session);
typedef int dove_verb(void *session, const struct kit_connection *c,
		      const struct kit_request *q, struct kit_stream *out,
		      struct kit_reply *r, struct err *e);
dove_verb dove_list, dove_probe, dove_disable, dove_enable, dove_cut,
	dove_snapshot, dove_restore, dove_remove_grant;

/* api.c ---------------------------------------------------------------- */

/* Add [cmd, params, tag] to a batch; takes params.  Both may be NULL: out of
 * memory is then told by dove_call. */
void dove_cmd(struct json *batch, const char *cmd, struct json *params);
/* {"user": user}, or with a second member. */
struct json *dove_user(const char *user, const char *key, const char *value);
/* {key: [value]} */
struct json *dove_mask(const char *key, const char *value);

/* DOVE_SAID_NO: nothing was done, r says why; DOVE_BROKE: it may have been done
 * in part. */
enum dove_sent { DOVE_ANSWERED, DOVE_SAID_NO, DOVE_BROKE };
/* Send n commands, printed; *answer has one element for each. */
enum dove_sent dove_send(struct dove *d, const struct kit_connection *c,
			 const struct buf *text, size_t n, bool writes,
			 long timeout_ms, struct json **answer,
			 struct kit_reply *r);

/* The rows that command `i` answered, or NULL with its exit code. */
const struct json *dove_rows(const struct json *answer, size_t i, int *code);
/* What an exit code means for `doing` ("cannot ..."), as the reply. */
void dove_told(int code, const char *doing, struct kit_reply *r);
/* May this account be named to doveadm?  Its masks know wildcards: false and
 * refused for a name that would reach other people's mailboxes. */
bool dove_account(const struct kit_request *q, struct kit_reply *r);

/* share.c -------------------------------------------------------------- */

/*
 * Send the batch (taken), together with what other workers ask.  False: r says
 * why: retry (nothing was done, or it only read), unknown (a write, outcome not
 * known) or refused.
 */
bool dove_call(struct dove *d, const struct kit_connection *c,
	       struct json *batch, bool writes, struct json **answer,
	       struct kit_reply *r);

/* act.c ---------------------------------------------------------------- */

/* Forget what the server remembers of this user's logins. */
bool dove_flush(struct dove *d, const struct kit_connection *c, const char *user,
		struct kit_reply *r);
/* Into the deny file or out of it, and flush.  Fills r. */
void dove_set_denied(struct dove *d, const struct kit_connection *c,
		     const char *user, bool denied, struct kit_reply *r);

/* who.c ---------------------------------------------------------------- */

/* All logged in sessions, as [{username, service, pid, ip}]; json_free it. */
struct json *dove_who(struct dove *d, const struct kit_connection *c,
		      struct kit_reply *r);
/* How many of them are this user's (imap, pop3, sieve, ...). */
size_t dove_sessions(const struct json *who, const char *user);
/* End all sessions of one user; -1: r says why. */
int dove_kick(struct dove *d, const struct kit_connection *c, const char *user,
	      struct kit_reply *r);

/* deny.c --------------------------------------------------------------- */

/* Put the user into the deny file, or take him out; *was tells how it stood. */
int deny_set(const char *path, const char *user, bool denied, bool *was,
	     struct err *e) __attribute__((warn_unused_result));

struct deny {
	struct buf text;
	int64_t changed_ms; /* wall time of the file's last change */
	int64_t stamp_s;    /* the time it shows, which deny_set() may move */
};
int deny_read(const char *path, struct deny *d, struct err *e)
	__attribute__((warn_unused_result));
bool deny_has(const struct deny *d, const char *user);
void deny_free(struct deny *d);

/* chain.c -------------------------------------------------------------- */

#define CHAIN_WHY 300
#define DOVE_ORDER_HINT "move it into /etc/dovecot/conf.d/05-curfew-deny.conf, " \
	"restart Dovecot (doveconf -n shows the order)"
/* Is the deny file's passdb before all others?  UNSEEN: cannot be told.  `why`
 * when not FIRST; what was seen is kept for a minute. */
enum chain { CHAIN_FIRST, CHAIN_WRONG, CHAIN_UNSEEN };
enum chain chain_order(const struct kit_connection *c, char why[CHAIN_WHY]);
/* Does Dovecot find the user in its passdbs?  A user that no passdb can look
 * up is SHUT_OUT too, so this proves nothing unless the order is FIRST. */
enum chain_user { CHAIN_LET_IN, CHAIN_SHUT_OUT, CHAIN_NO_WORD };
enum chain_user chain_lookup(const struct kit_connection *c, const char *user,
			     char why[CHAIN_WHY]);

/* box.c ---------------------------------------------------------------- */

/* What lies on a mailbox: scripts [{name, active, text}] and rights given
 * away [{mailbox, id, rights, global}].  json_free both. */
struct box {
	struct json *scripts, *acls;
};
bool box_read(struct dove *d, const struct kit_connection *c, const char *user,
	      struct box *b, struct kit_reply *r);
/* Several at once. */
struct box_ask {
	const char *user;
	struct box box;		/* when ok; box_free it in any case */
	struct kit_reply reply; /* when not */
	bool ok;
};
void box_read_all(struct dove *d, const struct kit_connection *c,
		  struct box_ask *asks, size_t n);
/* The rights alone. */
bool box_acls(struct dove *d, const struct kit_connection *c, const char *user,
	      struct box *b, struct kit_reply *r);
void box_free(struct box *b);
/* The id of an acl grant: "MAILBOX ACL-ID". */
int box_acl_id(const struct json *acl, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* The user that an ACL id names, or NULL (a group, anyone, authenticated). */
const char *box_acl_user(const char *id);

/* sieve.c -------------------------------------------------------------- */

struct sieve {
	struct buf redirects;	/* addresses, comma separated */
	bool discards, files, notifies, replies, runs, includes;
};
/* What a script can do, read leniently: never an error for odd text. */
int sieve_read(const char *script, struct sieve *s, struct err *e)
	__attribute__((warn_unused_result));
void sieve_free(struct sieve *s);

#endif
