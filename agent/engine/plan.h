/*
 * plan: what has to be called to end a target.  Pure: inventory and facts in,
 * actions in the work out; no vault, no clock, no provider names.
 *
 * Per account: disable, revoke each credential, cut sessions unless the facts
 * say that disabling cuts them, remove each grant, sweep, probe.  A snapshot
 * is an action of its own: only what destroys evidence (revoke, remove_grant)
 * waits for it, and not longer than the bound.  An action that waits for
 * another has the bound as its next_ms; the driver releases it earlier.
 */
#ifndef AGENT_ENGINE_PLAN_H
#define AGENT_ENGINE_PLAN_H

#include "agent/engine/facts.h"
#include "agent/engine/work.h"
#include "base/buf.h"

struct plan_thing {
	const char *conn, *account, *kind, *id; /* kind, id "" for an account */
	unsigned flags;	 /* enum target_flag */
	bool dead;	 /* proved dead earlier: only watched */
	bool confirm;	 /* ... and asked again once, now */
	bool sealed;	 /* a credential whose value the vault has */
	bool untried;	 /* its sealed value was never seen to work */
};

/* Each returns the target in *out.  `now` is when it may start. */
int plan_account(struct work *w, const struct plan_thing *p,
		 const struct facts *f, int64_t now, uint32_t *out,
		 struct err *e) __attribute__((warn_unused_result));
/* No sync has shown the account of this target: whether there is one, the
 * service's answer and the listings tell. */
void plan_unseen(struct work *w, uint32_t target);
/* By id where the kind's `revoke` ends it, else by its sealed value, else a
 * note that says what is missing. */
int plan_credential(struct work *w, const struct plan_thing *p,
		    const struct facts *f, int64_t now, uint32_t *out,
		    struct err *e) __attribute__((warn_unused_result));
int plan_grant(struct work *w, const struct plan_thing *p, int64_t now,
	       uint32_t *out, struct err *e)
	__attribute__((warn_unused_result));
/* The listings: of the connection, and of each account while they are few. */
int plan_sweeps(struct work *w, int64_t now, struct err *e)
	__attribute__((warn_unused_result));
/* A thing that is left alone, with the reason. */
int plan_note(struct work *w, enum target_what what, const struct plan_thing *p,
	      const char *why, uint32_t *out, struct err *e)
	__attribute__((warn_unused_result));

struct plan_eta {
	uint32_t cuts;	   /* calls that cut */
	int64_t cut_ms;	   /* until the last of them is answered */
	int64_t busy_ms;   /* until there is nothing more to ask */
	int64_t proved_ms; /* until all can be proved: sessions that cannot be
			    * cut end by themselves */
};
/* f and in_flight by connection index; call_ms: one call's time. */
void plan_estimate(const struct work *w, const struct facts *f,
		   const int *in_flight, int64_t call_ms, struct plan_eta *out);

/* "<why>: its value is not sealed here; 'curfew learn ...'", as the note of
 * the revoke action. */
int plan_value_missing(struct work *w, uint32_t action, const char *why,
		       struct err *e) __attribute__((warn_unused_result));
/* The address of a target, appended. */
int plan_address(const struct work *w, const struct target *t, struct buf *out,
		 struct err *e) __attribute__((warn_unused_result));

#endif
