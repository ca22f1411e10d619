/*
 * proof: the counting behind DEAD.  Never counts what it is not sure of.
 */
#include "agent/engine/knob.h"
#include "agent/engine/proof.h"

static enum proof_out alive(struct action *a, const struct proof_in *in)
{
	bool was_dead = a->count > 0;

	a->count = 0;
	a->first_ms = a->last_ms = 0;
	a->flags &= (uint16_t)~(AF_CONFIRM | AF_REFUSAL | AF_RECORD);
	a->flags |= AF_ALIVE;
	a->next_ms = in->now_ms + in->gap_ms + in->lag_ms / 2;
	/* asked earlier, and answered late, it tells of earlier */
	if (in->cut_ms && in->sent_ms >= in->cut_ms + in->lag_ms)
		a->flags |= AF_SURVIVED;
	else if (!was_dead)
		return PROOF_AGAIN;
	return PROOF_RECUT;
}

enum proof_out proof_step(struct action *a, const struct proof_in *in)
{
	if (in->life == LIFE_UNKNOWN)
		return PROOF_UNSURE;
	if (in->life == LIFE_ALIVE)
		return alive(a, in);
	a->flags &= (uint16_t)~(AF_ALIVE | AF_SURVIVED);
	if (in->refusal)
		a->flags |= AF_REFUSAL;
	if (!a->count)
		a->first_ms = in->now_ms;
	if (a->count < 1000)
		a->count++;
	a->last_ms = in->now_ms;
	if (a->flags & AF_CONFIRM) {
		a->flags &= (uint16_t)~AF_CONFIRM;
		return PROOF_DEAD;
	}
	a->next_ms = in->now_ms + in->gap_ms + in->lag_ms / 2;
	if (a->count < PROOF_COUNT || in->sent_ms - a->first_ms < in->lag_ms)
		return PROOF_AGAIN;
	if (in->need_refusal && !(a->flags & AF_REFUSAL)) {
		a->flags |= AF_RECORD;
		return PROOF_UNSURE; /* go on asking, ever slower */
	}
	a->flags &= (uint16_t)~AF_RECORD;
	return PROOF_DEAD;
}
