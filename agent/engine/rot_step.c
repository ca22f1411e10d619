/*
 * rot_step: what a line's next call is.  Pure: row, facts and time in, one step
 * out.  The same code answers for a run, a dry run and a line read again after
 * a crash.
 */
#include "agent/engine/knob.h"
#include "agent/engine/rot_inner.h"

static struct rot_step step(enum rot_call c, int64_t at)
{
	return (struct rot_step){ .call = c, .at_ms = at };
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t rot_settle_ms(const struct kind_facts *k)
{
	const int64_t ms = later(later(k->mint_lag_ms, k->list_lag_ms),
				 k->revoke_lag_ms);

	if (knob_off(KNOB_SETTLE))
		return 0;
	return ms + ms / 16 + knob_gap_ms();
}

/* What was there before is listed whenever the new one has an id of its own: a
 * lost answer is made good by comparing. */
static bool needs_list(const struct rot_run *r)
{
	return r->l.flags & RF_CLASS_B || !r->facts->fixed_id;
}

static struct rot_step planned(const struct rot_run *r)
{
	const int64_t at = r->l.next_ms;

	if (!r->listed && needs_list(r))
		return step(RC_LIST, at);
	if (!r->based && facts_offers(r->facts, "probe"))
		return step(RC_PROBE_BASE, at);
	if (!(r->l.flags & RF_CLASS_B) && r->facts->makes && !r->value)
		return step(RC_MAKE, at);
	return step(RC_NONE, at);
}

static struct rot_step undelivered(const struct rot_run *r)
{
	struct rot_step s = step(RC_NONE, r->l.next_ms);

	for (s.sink = 0; s.sink < r->l.n_sinks; s.sink++)
		if (r->l.sinks[s.sink].version != r->l.version) {
			s.call = RC_DELIVER;
			break;
		}
	return s;
}

static bool evidence_by_use(const struct rot_run *r)
{
	return r->l.adopt == ADOPT_EVIDENCE && r->facts->tells_used &&
	       !r->facts->fixed_id && !(r->l.flags & RF_IN_PLACE);
}

/* Ask each sink that can tell, then the service; then pause. */
static struct rot_step adoption(const struct rot_run *r,
				const struct rot_sinks *sinks)
{
	struct rot_step s = step(RC_NONE, r->l.next_ms);

	if (r->l.adopt == ADOPT_OPERATOR)
		return step(RC_NONE, INT64_MAX);
	for (s.sink = r->ask_sink; s.sink < r->l.n_sinks; s.sink++)
		if (!r->l.sinks[s.sink].acknowledged &&
		    sinks->can_ask(sinks->of, s.sink)) {
			s.call = RC_ADOPTED;
			return s;
		}
	if (!r->sink_asked && evidence_by_use(r))
		s.call = RC_LIST;
	return s;
}

static enum rot_call end_old(const struct rot_run *r)
{
	return facts_offers(r->facts, "revoke") ? RC_REVOKE_OLD : RC_RESET_OLD;
}

static struct rot_step overlap(const struct rot_run *r)
{
	const int64_t at = later(r->l.next_ms, r->l.revoke_ms);

	return step(r->l.soak_span > 0 ? RC_DISABLE_OLD : end_old(r), at);
}

static struct rot_step aborting(const struct rot_run *r)
{
	if (r->l.flags & RF_IN_PLACE)
		return step(RC_SET_BACK, r->l.next_ms);
	return step(facts_offers(r->facts, "revoke") ? RC_REVOKE_NEW :
						       RC_RESET_NEW,
		    r->l.next_ms);
}

struct rot_step rot_next(const struct rot_run *r, const struct rot_sinks *s,
			 int64_t now)
{
	const struct rot_line *l = &r->l;

	switch (l->state) {
	case RS_PLANNED:
		return planned(r);
	case RS_INTENT:
		return step(l->flags & RF_CLASS_B ? RC_MINT : RC_SET,
			    l->next_ms);
	case RS_TRIED:
		return step(RC_LIST, later(l->next_ms,
					   l->lost_ms + rot_settle_ms(r->facts)));
	case RS_SWEPT:
		return step(r->probed_ours ? RC_PROBE_OURS : RC_REVOKE_OURS,
			    l->next_ms);
	case RS_MINTED:
		return step(RC_PROBE_NEW,
			    later(l->next_ms,
				  l->made_ms + r->facts->mint_lag_ms));
	case RS_VERIFIED_NEW:
		return undelivered(r);
	case RS_DELIVERED:
		return adoption(r, s);
	case RS_OVERLAP:
		return overlap(r);
	case RS_OLD_DISABLED:
		return step(l->flags & RF_ABORT ? RC_ENABLE_OLD : end_old(r),
			    l->flags & RF_ABORT ? now :
			    later(l->next_ms, l->disabled_ms + l->soak_span));
	case RS_OLD_REVOKED:
		return step(RC_PROBE_OLD, l->next_ms);
	case RS_ABORTING:
		return aborting(r);
	case RS_ABORT_PROOF:
		return step(l->flags & RF_IN_PLACE ? RC_PROBE_BACK :
						     RC_PROBE_GONE,
			    l->next_ms);
	case RS_VERIFIED_DEAD:
	case RS_IDLE:
	case RS_KILLED:
	case RS_STATES:
		break;
	}
	return step(RC_NONE, l->next_ms);
}
