/*
 * drive_inner: what the driver's own files share (drive, round, answer,
 * resweep, keep).  Nobody else includes this.
 */
#ifndef AGENT_ENGINE_DRIVE_INNER_H
#define AGENT_ENGINE_DRIVE_INNER_H

#include "agent/engine/drive.h"
#include "agent/engine/proof.h"
#include "vault/inventory.h"

struct seen { /* 64-bit hashes of the account names known at a connection */
	uint64_t *p;
	size_t n, cap;
	bool loaded;
};

struct outage { /* what a lane's answers tell of its service: outage.c */
	int64_t silent_ms;  /* since when nothing but trouble comes back; 0 */
	int64_t reached_ms; /* since when it can be reached; 0: not tried yet */
};

struct lane { /* one connection */
	struct queue q;
	struct link *link;
	struct facts facts;   /* as in the vault */
	struct facts live;    /* as its hello told; when `told` */
	bool told;
	int64_t timeout_ms;
	int64_t last_cut_ms;  /* the last confirmed cut */
	int64_t evidence_ms;  /* the last snapshot, or what goes before it */
	struct outage outage;
	int64_t admin_ms;     /* the service last took curfew's own access */
	uint32_t open_cuts;   /* cutting actions not settled, self left out */
	uint32_t open_others; /* open actions of targets that are not self */
	bool has_self, makes; /* a killed account can make accounts */
	bool synced;	      /* the inventory has seen it whole once */
	bool borne;	      /* a row bears what was waited (evidence.c) */
	struct seen seen;
	uint32_t *staged;     /* committed, to be sent in this order */
	size_t n_staged, cap_staged, at_staged;
	uint32_t *sweeps;     /* its sweep actions */
	size_t n_sweeps;
};

struct sweep { /* a listing under way */
	uint32_t action;
	bool dirty;
	bool first_look; /* asked for before anything was cut */
	char why[160];
};

struct answer { /* of one poll round */
	uint32_t action;
	enum link_status status;
	enum life life;
	bool refusal, complete;
	bool known; /* revoke_value: the service took the value for its own */
	bool own; /* nobody was asked */
	int64_t after_ms;
	char *text;	/* error, evidence; may be NULL */
	char *snapshot; /* JSON text; may be NULL */
	size_t snapshot_len;
};

struct drive {
	struct app *app;
	struct vault *v;
	struct work *w;
	struct lane *lanes;
	struct link **links; /* those that are open, for links_poll */
	size_t n_links;
	struct sweep *sweeps;
	size_t n_sweeps;
	struct answer *round;
	size_t n_round, cap_round;
	uint32_t *dirty;
	size_t n_dirty, cap_dirty;
	uint32_t *lazy;     /* settled without a call: written when there is time */
	size_t n_lazy, cap_lazy;
	uint32_t n_open;    /* actions not settled */
	uint32_t n_written; /* actions from here on were never written */
	struct inv_account *fresh; /* accounts seen for the first time */
	size_t n_fresh;
	struct inv_credential *found; /* credentials seen for the first time */
	size_t n_found;
	uint32_t *batch;    /* popped, about to be sent */
	size_t n_batch, cap_batch;
	int64_t wall0, mono0;
	struct err *fault;  /* first fault inside a callback */
};

int64_t drive_now(const struct drive *d);
struct lane *drive_lane(const struct drive *d, const struct action *a);
/* Set the state; keeps the lane's counters; marks dirty. */
int drive_set(struct drive *d, uint32_t action, enum action_state s,
	      struct err *e) __attribute__((warn_unused_result));
/* Send (again) at `when`: state TRYING if it was sent before; queued. */
int drive_arm(struct drive *d, uint32_t action, int64_t when, struct err *e)
	__attribute__((warn_unused_result));
int drive_touch(struct drive *d, uint32_t action, struct err *e)
	__attribute__((warn_unused_result));
/* Settled without a call. */
int drive_settle(struct drive *d, uint32_t action, enum action_state s,
		 struct err *e) __attribute__((warn_unused_result));
/* Take in the actions that planning just added to the work. */
int drive_adopt(struct drive *d, uint32_t from, struct err *e)
	__attribute__((warn_unused_result));

/* call.c */
int call_send(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));
void call_answered(struct link *l, const struct link_answer *in, void *arg);
int call_take(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));

/* answer.c: one answer's consequences in memory. */
int answer_apply(struct drive *d, const struct answer *a, struct err *e)
	__attribute__((warn_unused_result));

/* evidence.c */
/* Must it wait for the snapshot of what it destroys?  Its next_ms is set then.
 * Asked of everything that is about to go. */
bool evidence_awaited(struct drive *d, struct lane *l, struct action *a,
		      int64_t now);
/* It goes: a snapshot that is still missing is lost, and that is written down. */
int evidence_lost(struct drive *d, struct action *a, struct err *e)
	__attribute__((warn_unused_result));
/* A row read again: what was waited in earlier runs. */
void evidence_resume(struct drive *d, const struct action *a);
/* The run is broken off: what was waited in all, for keep_rest(). */
int evidence_leave(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));

/* outage.c */
/* Something is about to go out: from now on it counts as reached. */
void outage_look(struct lane *l, int64_t now);
/* Every answer, before it is applied (the action still has its last status). */
int outage_heard(struct drive *d, struct lane *l, const struct answer *in,
		 struct err *e) __attribute__((warn_unused_result));
/* A row read again: try what only an outage held back. */
void outage_refresh(struct action *a, int64_t now);

/* value.c: by id, or by the sealed value. */
/* This way does not do: take the other one, if there is one.  The caller sends. */
int value_turn(struct drive *d, uint32_t action, bool *turned, struct err *e)
	__attribute__((warn_unused_result));
/* The value was never seen to be any good: its refusals prove nothing.  Ended
 * by id if that can be; else the service's record may still tell. */
int value_useless(struct drive *d, uint32_t probe, bool *turned, struct err *e)
	__attribute__((warn_unused_result));
/* The service's own record says that it is dead: the value matters no more. */
int value_recorded(struct drive *d, uint32_t probe, struct err *e)
	__attribute__((warn_unused_result));
/* It is about to be ended by value: ask beside it whether that is any good. */
int value_beside(struct drive *d, uint32_t action, struct err *e)
	__attribute__((warn_unused_result));
/* It has ended: what was asked before it need not be waited for. */
int value_ended(struct drive *d, uint32_t action, struct err *e)
	__attribute__((warn_unused_result));
/* Rows read again: was the missing value sealed meanwhile? */
int value_sealed_since(struct drive *d, uint32_t action, struct err *e)
	__attribute__((warn_unused_result));

/* resweep.c */
int resweep_start(struct drive *d, uint32_t action, struct err *e)
	__attribute__((warn_unused_result));
int resweep_item(struct drive *d, uint32_t action, const struct json *item,
		 struct err *e) __attribute__((warn_unused_result));
int resweep_answer(struct drive *d, const struct answer *a, struct err *e)
	__attribute__((warn_unused_result));
/* resweep_new.c: the listing shows something that must not be. */
void sweep_dirty(struct sweep *s, const char *what, const char *account,
		 const char *kind);
struct plan_thing;
/* An account that is no target. */
/* Is what the whole connection's listing leaves out said to belong to accounts
 * that are not of this incident?  Their own listings are not asked for. */
bool sweep_elsewhere(const struct drive *d, uint32_t action,
		     const struct json *body);
int sweep_unknown(struct drive *d, struct lane *l, struct sweep *s,
		  const struct plan_thing *p, const struct json *item,
		  struct err *e) __attribute__((warn_unused_result));
/* Something was cut on this lane: listings count from now. */
int resweep_again(struct drive *d, struct lane *l, struct err *e)
	__attribute__((warn_unused_result));

/* keep.c: the commits. */
int keep_intents(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));
int keep_answers(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));
/* What was put off. */
int keep_rest(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));
int keep_close(struct drive *d, struct err *e)
	__attribute__((warn_unused_result));

#endif
