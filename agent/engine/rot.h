/*
 * rot: one line of credentials that is rotated, and where it stands.
 *
 * A line is what its consumer sees as "the password of ci_bot": the credential
 * changes, the line stays.  Its row (STORE_ROTATION) is written before the
 * first byte of each call and after each answer; `state` is the last step that
 * is certain (docs/rotation.md).  The row's sealed secret is the value that has
 * no credential row of its own: before `set` took effect the new one, after it
 * (where the credential keeps its id) the old one, until that is proved dead.
 *
 * Times are wall clock milliseconds, 0 = not yet.
 */
#ifndef AGENT_ENGINE_ROT_H
#define AGENT_ENGINE_ROT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "vault/store.h"

enum rot_state {
	RS_IDLE = 1,	  /* nothing is under way */
	RS_PLANNED,	  /* taken: what is there is being looked at */
	RS_INTENT,	  /* nonce, ids that are there; class A: the new value */
	RS_TRIED,	  /* class B: a mint is under way, or its answer lost */
	RS_MINTED,	  /* the new one is sealed with its id */
	RS_VERIFIED_NEW,  /* the service takes it; being delivered */
	RS_DELIVERED,	  /* every sink has it; adoption is being watched */
	RS_OVERLAP,	  /* adopted: both live until `revoke_ms` */
	RS_OLD_DISABLED,  /* soaking: the last step that can be undone */
	RS_OLD_REVOKED,	  /* the service's word; its death is being proved */
	RS_VERIFIED_DEAD, /* proved; its value is about to be wiped */
	RS_ABORTING,	  /* the new one is being taken back */
	RS_ABORT_PROOF,	  /* ... its death is being proved */
	RS_SWEPT,	  /* a key of a lost mint was revoked; being proved */
	RS_KILLED,	  /* an incident has taken the line over */
	RS_STATES,
};

enum rot_flag {
	RF_CLASS_B = 1,	   /* the service makes the value */
	RF_IN_PLACE = 2,   /* the new value took the old one's place */
	RF_ALTERNATE = 4,  /* the new one belongs to the partner account */
	RF_ABORT = 8,	   /* to be taken back as soon as that is safe */
	RF_UNPROVED = 16,  /* the last old one's death could not be asked */
	RF_ADOPTED_SAID = 32, /* an operator's word */
	RF_EXCLUSIVE = 64, /* policy: nobody else makes keys for that account */
	RF_RESWEEP = 128,  /* the listing after a lost mint is due */
	RF_OVERDUE_TOLD = 256, /* the alarm for its deadline was given */
	RF_NO_SINK = 512,  /* policy: an operator fetches it */
	RF_OLD_UNKNOWN = 1024, /* the old one's value is not sealed here */
	RF_TAKE_OVER = 4096, /* an operator's word: over what stands there */
	RF_BY_RECORD = 2048, /* the last old one's death: the service's record */
	RF_NEW_DEAD = 8192,  /* the last new one was dead on arrival: taken back */
};

struct rot_sink {
	char *conn, *place;
	int64_t version;   /* delivered and read back; 0 none */
	int64_t at_ms;
	bool acknowledged; /* by the consumer itself */
	bool read_back;
	char *their;	   /* the sink's own name for it */
};

struct rot_ids { /* a set of credential ids */
	char **p;
	size_t n;
};

struct rot_line {
	struct store_id id;
	char *conn, *account, *kind, *cred; /* the one in use */
	char *new_account, *new_cred;	    /* the coming one; "" not known yet */
	char *partner;			    /* alternate: the other account */
	char *policy;			    /* [rotation.NAME] */
	char *nonce, *why, *incident;
	char *public;	  /* goes with the new one: a chain of certificates; "" */
	struct rot_sink *sinks;
	size_t n_sinks;
	struct rot_ids before;	  /* listed before the new one was made */
	struct rot_ids ours;	  /* of a lost mint: to be revoked */
	struct rot_ids strangers; /* nobody can tell whose: told, not touched */
	enum rot_state state;
	uint16_t flags;
	int64_t generation;	  /* rotations that came to their end */
	int64_t version;	  /* of deliveries; grows with each attempt */
	int64_t attempt;	  /* mints tried in this rotation */
	int64_t last_ms;	  /* the one in use was made */
	int64_t due_ms;		  /* the next rotation begins; 0 never */
	int64_t deadline_ms;	  /* the one in use must be dead by then; 0 */
	int64_t next_ms;	  /* the next step may be taken */
	int64_t started_ms, made_ms, delivered_ms, adopted_ms, revoke_ms;
	int64_t disabled_ms, revoked_ms, done_ms;
	int64_t lost_ms;	  /* the outcome became unknown */
	int64_t stuck_ms;	  /* a person is needed since then; 0 not */
	int64_t used_ms;	  /* old one's last use, as told at delivery */
	int64_t quiet_ms;	  /* since when its last use stands still */
	int64_t alive;		  /* "alive" answers of the new one in a row */
	int64_t dead, dead_first_ms, dead_last_ms; /* proof.h's counters */
	int64_t epoch, taken;	  /* a kill raises epoch; taken at PLANNED */
	int64_t fails, sent;	  /* in a row; calls of this step so far */
	/* the policy as it was at the start: config may change meanwhile */
	int64_t overlap_span, quiet_span, soak_span;
	int64_t adopt;		  /* enum rotation_adopt */
	bool has_secret;
};

void rot_free(struct rot_line *l);
const char *rot_state_word(enum rot_state s);
/* Is a rotation of it under way? */
bool rot_busy(const struct rot_line *l);
/* May it still be taken back? */
bool rot_can_abort(const struct rot_line *l);
/* ... or is that the only thing in the way: the old value is unknown? */
bool rot_lost_old(const struct rot_line *l);
/* The account of the coming one. */
const char *rot_new_account(const struct rot_line *l);
/* When the row next needs somebody: what `curfew due` and a sweep go by. */
int64_t rot_wake_ms(const struct rot_line *l);

/* The clock was set forward by that much (or back again): whatever is being
 * waited for waits as long as before.  Deadlines stay. */
void rot_move(struct rot_line *l, int64_t by_ms);

/* Replace a text or a set; out of memory is the only failure. */
int rot_text(char **to, const char *s, struct err *e)
	__attribute__((warn_unused_result));
int rot_ids_add(struct rot_ids *s, const char *id, struct err *e)
	__attribute__((warn_unused_result));
bool rot_ids_has(const struct rot_ids *s, const char *id);
void rot_ids_clear(struct rot_ids *s);

/* ---- rows (rot_record.c) --------------------------------------------------- */

int rot_pack(const struct rot_line *l, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int rot_unpack(struct rot_line *l, const void *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* A fresh line for that credential, not yet stored. */
int rot_begin_line(struct vault *v, const char *conn, const char *account,
		   const char *kind, const char *cred, struct rot_line *out,
		   struct err *e) __attribute__((warn_unused_result));
/* `secret` replaces the sealed one; NULL keeps it, unless `drop`. */
int rot_put(struct vault *v, const struct rot_line *l,
	    const struct secret *secret, bool drop, struct err *e)
	__attribute__((warn_unused_result));
/* 1 found, 0 absent, -1; `secret` may be NULL. */
int rot_get(struct vault *v, const struct store_id *id, struct rot_line *out,
	    struct secret **secret, struct err *e)
	__attribute__((warn_unused_result));
/* Lent for the call; fn as store_fn. */
typedef int (*rot_fn)(const struct rot_line *l, void *arg, struct err *e);
int rot_each(struct vault *v, rot_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* The lines that touch an account, whichever credential of it. */
int rot_each_account(struct vault *v, const char *conn, const char *account,
		     rot_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Those whose time has come, the earliest first, at most `max`. */
int rot_each_due(struct vault *v, int64_t now_ms, size_t max, rot_fn fn,
		 void *arg, struct err *e) __attribute__((warn_unused_result));

/* ---- one account's lines (rot_index.c) -------------------------------------- */

/* Read when an account is first asked about, kept until another is; *x begins
 * as NULL.  It does not see lines that are written meanwhile. */
struct rot_index;
void rot_index_free(struct rot_index **x);
/* The line that this credential belongs to: in use, coming, or going.  1, 0,
 * -1. */
int rot_index_find(struct rot_index **x, struct vault *v, const char *conn,
		   const char *account, const char *kind, const char *cred,
		   struct rot_line *out, struct err *e)
	__attribute__((warn_unused_result));
/* Is it the partner of a line, whose turn comes?  1, 0, -1. */
int rot_index_partner(struct rot_index **x, struct vault *v, const char *conn,
		      const char *account, const char *kind, struct err *e)
	__attribute__((warn_unused_result));

#endif
