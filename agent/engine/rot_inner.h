/*
 * rot_inner: what the rotation driver's own files share (rot_step, rot_take,
 * rot_list, rot_call, rot_keep, rot_drive).  Nobody else includes this.
 */
#ifndef AGENT_ENGINE_ROT_INNER_H
#define AGENT_ENGINE_ROT_INNER_H

#include "agent/engine/facts.h"
#include "agent/engine/link.h"
#include "agent/engine/proof.h"
#include "agent/engine/queue.h"
#include "agent/engine/rot_drive.h"

enum rot_call {
	RC_NONE,	/* nothing to send: `at` says when to look again */
	RC_LIST,
	RC_MAKE,
	RC_SET,
	RC_MINT,
	RC_PROBE_BASE,	/* is the sealed old value any good? */
	RC_PROBE_NEW,
	RC_DELIVER,
	RC_ADOPTED,
	RC_DISABLE_OLD,
	RC_ENABLE_OLD,
	RC_REVOKE_OLD,
	RC_RESET_OLD,	/* no `revoke` for it: a value that nobody keeps */
	RC_PROBE_OLD,
	RC_REVOKE_NEW,	/* abort */
	RC_RESET_NEW,
	RC_SET_BACK,
	RC_PROBE_BACK,	/* abort in place: the old value works again */
	RC_PROBE_GONE,	/* abort: the new one is dead */
	RC_REVOKE_OURS, /* of a lost mint */
	RC_PROBE_OURS,
	RC_CALLS,
};

struct rot_step {
	enum rot_call call;
	size_t sink;	/* RC_DELIVER, RC_ADOPTED */
	int64_t at_ms;	/* not before; INT64_MAX: a person is awaited */
};

struct rot_seen { /* one credential of the account, as just listed */
	char *id, *label;
	int64_t last_used_ms;
};

struct rot_run { /* a line in the driver's hands */
	struct rot_line l;
	const struct kind_facts *facts;
	uint32_t lane;	      /* where its next step goes; NONE: nowhere */
	struct rot_step step;
	bool sending, dirty, finished;
	bool listed;	      /* PLANNED: `before` is whole */
	bool based;	      /* PLANNED: the old value was tried, or need not be */
	bool probed_ours;     /* SWEPT: ours[0] is revoked */
	bool again;	      /* SWEPT, OLD: the end did not hold */
	bool sink_asked;      /* DELIVERED: this round of questions is over */
	bool can_tell;	      /* ... and one of those asked is able to tell */
	size_t ask_sink;
	char *about;	      /* its address when it was taken up: its alarms' */
	bool was_stuck;	      /* an alarm stands */
	/* alarms of the commit under way */
	bool told_stuck, told_over, told_deadline;
	struct rot_ids told;
	struct secret *value; /* the new one, until the commit that seals it */
	bool swap;	      /* ... set took effect in place: change places */
	bool swap_back;	      /* ... and back again */
	bool put_new;	      /* the new one's credential row is due */
	bool alive_new;	      /* the service took the new value just now */
	bool base_alive;      /* ... the old one */
	bool revoked_row, dead_row; /* the old credential's row is due */
	bool gone_row;	      /* abort: the new credential's row is dead */
	bool broken;	      /* its answer could not be taken in */
	bool unkept;	      /* a minted key that is sealed nowhere: in `value` */
	struct rot_seen *seen; /* of the listing under way */
	size_t n_seen;
	/* at the end: what was the other one, whose value is to be wiped */
	char *was_account, *was_old, *was_new;
	/* the answer in hand, for the journal */
	bool status_new;
	char *text;
	enum link_status status;
	enum life life;
	bool refusal;
};

struct rot_lane { /* one connection, service or sink */
	struct rot_drive *d;
	uint32_t index;
	char *name;
	struct queue q;
	struct link *link;
	struct facts facts;
	int64_t timeout_ms;
	bool rate_set; /* by curfew.toml */
	bool absent;   /* the vault has no such connection */
	uint32_t *staged;
	size_t n_staged, cap_staged, at_staged;
};

struct rot_answer {
	uint32_t run;
	enum link_status status;
	enum life life;
	bool refusal, complete, quota, read_back, acknowledged, adopted;
	bool has_adopted;
	bool look; /* nobody was asked: only look what needs no call */
	bool aside; /* ... because of `text` it cannot go on */
	int64_t after_ms;
	int64_t stands; /* deliver: the newer version that is there; 0 */
	char *text, *credential, *their, *public;
	struct secret *secret;
};

struct rot_drive {
	struct app *app;
	struct vault *v;
	const struct rot_options *o;
	struct rot_lane **lanes;
	size_t n_lanes;
	struct link **links;
	size_t n_links;
	struct rot_run *runs;
	uint32_t n_runs, cap_runs;
	uint32_t *batch;
	size_t n_batch, cap_batch;
	struct rot_answer *round;
	size_t n_round, cap_round;
	int64_t wall0, mono0;
	struct err *fault;
	struct err *why; /* what the vault's disk does not do; nothing more is
			  * sent from then on */
	bool ending;
	size_t n_lifeboat; /* keys that went there */
};

int64_t rot_now(const struct rot_drive *d);

/* ---- rot_step.c: pure: what comes next --------------------------------------- */
struct rot_sinks { /* which sinks' programs can be asked for adoption */
	bool (*can_ask)(const void *of, size_t sink);
	const void *of;
};
struct rot_step rot_next(const struct rot_run *r, const struct rot_sinks *s,
			 int64_t now);
/* After a lost mint: until what it made is seen everywhere. */
int64_t rot_settle_ms(const struct kind_facts *k);

/* ---- rot_take.c, rot_end.c: what an answer means ---------------------------------------- */
int rot_take(struct rot_run *r, struct rot_answer *a, int64_t now, struct err *e)
	__attribute__((warn_unused_result));
/* Steps that need no call; true when something changed. */
int rot_advance(struct rot_run *r, int64_t now, bool *changed, struct err *e)
	__attribute__((warn_unused_result));
/* A row as it was read: what was under way has no known outcome. */
void rot_recover(struct rot_run *r, int64_t now);
int rot_stuck(struct rot_line *l, int64_t now, struct err *e, const char *fmt,
	      ...) __attribute__((format(printf, 4, 5), warn_unused_result));
/* The rotation is over without a new one. */
int rot_give_up(struct rot_run *r, int64_t now, const char *why, struct err *e)
	__attribute__((warn_unused_result));
/* Its consumer uses the new one: the overlap begins. */
void rot_adopted(struct rot_line *l, int64_t now);
/* A value that curfew makes, of the length the facts tell. */
int rot_generate(const struct kind_facts *k, struct secret **out, struct err *e)
	__attribute__((warn_unused_result));
void rot_to(struct rot_line *l, enum rot_state s, int64_t now);

/* ---- rot_list.c: what a listing shows ---------------------------------------- */
int rot_item(struct rot_run *r, const struct json *item, struct err *e)
	__attribute__((warn_unused_result));
void rot_seen_clear(struct rot_run *r);
int rot_listed(struct rot_run *r, const struct rot_answer *a, int64_t now,
	       struct err *e) __attribute__((warn_unused_result));

/* ---- rot_call.c ---------------------------------------------------------------- */
const char *rot_verb(enum rot_call c);
/* Which credential the run's call is about; *cred may become NULL. */
void rot_subject(const struct rot_run *r, const char **account,
		 const char **cred);
int rot_send(struct rot_drive *d, struct err *e)
	__attribute__((warn_unused_result));
void rot_answered(struct link *l, const struct link_answer *in, void *arg);
int rot_collect(struct rot_drive *d, struct err *e)
	__attribute__((warn_unused_result));
/* A look at what needs no call, with the next rot_collect(). */
int rot_look(struct rot_drive *d, uint32_t run, struct err *e)
	__attribute__((warn_unused_result));
/* A place that cannot get anything stops the line: all of them before the
 * service is changed, those without the new value before the delivery. */
int rot_sinks_stand(struct rot_drive *d, struct rot_run *r, bool *changed,
		    struct err *e) __attribute__((warn_unused_result));
/* Work out the next step and queue it. */
int rot_arm(struct rot_drive *d, uint32_t run, struct err *e)
	__attribute__((warn_unused_result));

/* ---- rot_keep.c: the commits ---------------------------------------------------- */
int rot_keep_intents(struct rot_drive *d, struct err *e)
	__attribute__((warn_unused_result));
/* *bad: the run whose part failed, NULL when it was the vault's. */
int rot_keep_results(struct rot_drive *d, struct rot_run **bad, struct err *e)
	__attribute__((warn_unused_result));
/* The coming credential's row, with its value. */
int rot_put_new(struct vault *v, const struct rot_line *l,
		const struct secret *value, int64_t now, struct err *e)
	__attribute__((warn_unused_result));

/* ---- rot_full.c: the disk is full, or fails ----------------------------------------- */
/* Before anything is sent: what the lifeboat holds is in the vault, and there is
 * room for what a mint may bring. */
int rot_room(struct rot_drive *d, struct err *e)
	__attribute__((warn_unused_result));
/* rot_keep_results(), with the room that was kept back if need be; when nothing
 * can be committed, minted keys go to the lifeboat.  Sets d->why. */
int rot_keep_or_save(struct rot_drive *d, struct err *e)
	__attribute__((warn_unused_result));
/* At the very end, with no call open: a key that could not be sealed anywhere
 * is revoked while its id is known, and told.  Makes e of d->why. */
void rot_rescue(struct rot_drive *d, struct err *e);

/* ---- rot_aside.c: one line's failure ---------------------------------------------- */
/* Is it, or is the vault broken, or the memory short? */
bool rot_its_own(const struct err *e);
/* Its row says why it is stuck; what the run knew is dropped.  In no
 * transaction. */
int rot_aside(struct rot_drive *d, struct rot_run *r, const struct err *why,
	      struct err *e) __attribute__((warn_unused_result));

/* ---- rot_alarm.c: inside the commit of a result ------------------------------------ */
int rot_alarm(struct rot_drive *d, struct rot_run *r, struct err *e)
	__attribute__((warn_unused_result));
/* ... which was rolled back. */
void rot_alarm_undo(struct rot_run *r);

#endif
