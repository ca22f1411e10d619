/*
 * proof: when is something dead?  Pure.
 *
 * Dead is PROOF_COUNT "dead" answers in a row that span the revoke lag, with no
 * "alive" between.  "unknown" counts for nothing and forgets nothing.  An
 * "alive" after a "dead", or after the lag has passed, means that the cut did
 * not hold: it starts anew and the cut is sent again.
 */
#ifndef AGENT_ENGINE_PROOF_H
#define AGENT_ENGINE_PROOF_H

#include "agent/engine/work.h"

enum life { LIFE_UNKNOWN, LIFE_ALIVE, LIFE_DEAD };

struct proof_in {
	enum life life;
	bool refusal;	  /* the service refused the secret itself */
	bool need_refusal; /* policy: records alone prove nothing */
	int64_t sent_ms, now_ms;
	int64_t cut_ms;	  /* when the last cut was confirmed; 0 never */
	int64_t lag_ms;	  /* the declared revoke lag */
	int64_t gap_ms;	  /* least time between probes */
};

enum proof_out {
	PROOF_AGAIN,  /* ask again at next_ms */
	PROOF_DEAD,   /* proved */
	PROOF_RECUT,  /* it lives on: cut again, then ask again */
	PROOF_UNSURE, /* no answer worth counting: back off */
};

/* Steps the probe action: count, first_ms, last_ms, flags, next_ms. */
enum proof_out proof_step(struct action *a, const struct proof_in *in);

#endif
