/*
 * rot_take: what an answer means for its line.  In memory only; rot_keep.c
 * writes it down.  Promises that no step counts as done on an outcome that is
 * not known, that a key which was there before is never ended, and that a mint
 * is not tried again before the listing that follows a lost answer.
 */
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/rot_inner.h"
#include "base/mem.h"

#define TRIES 6	     /* answers in a row that get nowhere: a person is told */
#define ALIVE_COUNT 2 /* "alive" of the new one in a row */

static int again(struct rot_run *r, const struct rot_answer *a, int64_t now,
		 struct err *e)
{
	struct rot_line *l = &r->l;

	l->fails++;
	l->next_ms = now + (a->after_ms > 0 ? a->after_ms :
			    backoff_ms((unsigned)l->fails));
	if (l->fails < TRIES)
		return 0;
	return rot_stuck(l, now, e, "%s: %s", rot_verb(r->step.call),
			 a->text && *a->text ? a->text : "no answer that tells "
						       "the outcome");
}

static int refused(struct rot_run *r, const struct rot_answer *a, int64_t now,
		   struct err *e)
{
	r->l.fails++;
	return rot_stuck(&r->l, now, e, "%s %s: %s", rot_verb(r->step.call),
			 a->status == LINK_UNSUPPORTED ? "is not offered" :
			 a->status == LINK_ABSENT ? "finds nothing" : "refused",
			 a->text && *a->text ? a->text :
						"its provider says no more");
}

static bool certain(const struct rot_answer *a)
{
	return a->status == LINK_OK || a->status == LINK_ABSENT;
}

/* ---- making the new one ------------------------------------------------------ */

static void made(struct rot_run *r, int64_t now)
{
	struct rot_line *l = &r->l;

	l->made_ms = now;
	l->alive = l->dead = 0;
	rot_to(l, RS_MINTED, now);
}

static int take_set(struct rot_run *r, struct rot_answer *a, int64_t now,
		    struct err *e)
{
	struct rot_line *l = &r->l;
	const char *id = a->credential && *a->credential ? a->credential :
								l->cred;

	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (a->status != LINK_OK)
		return refused(r, a, now, e);
	if (!(l->flags & RF_ALTERNATE) && strcmp(id, l->cred) == 0)
		l->flags |= RF_IN_PLACE;
	else if (!(l->flags & RF_ALTERNATE) && rot_ids_has(&l->before, id) &&
		 l->sent < 2)
		return rot_stuck(l, now, e, "set answered with '%.60s', which "
				 "was there before", id);
	else
		l->flags &= (uint16_t)~RF_IN_PLACE;
	if (rot_text(&l->new_cred, id, e) < 0 ||
	    rot_text(&l->public, a->public ? a->public : "", e) < 0)
		return -1;
	if (l->flags & RF_IN_PLACE)
		r->swap = true;
	else
		r->put_new = true;
	made(r, now);
	return 0;
}

/* The outcome of a mint is not known: nothing is made before it is. */
static void lost(struct rot_run *r, int64_t now)
{
	r->l.state = RS_TRIED;
	r->l.lost_ms = now;
	r->l.next_ms = now;
	r->l.flags |= RF_RESWEEP;
}

static int take_mint(struct rot_run *r, struct rot_answer *a, int64_t now,
		     struct err *e)
{
	struct rot_line *l = &r->l;

	if (a->status == LINK_UNKNOWN ||
	    (a->status == LINK_OK && (!a->secret || !a->credential ||
				      !*a->credential))) {
		lost(r, now);
		if (knob_off(KNOB_RESWEEP))
			l->state = RS_INTENT;
		return 0;
	}
	if (a->status == LINK_OK) {
		if (rot_ids_has(&l->before, a->credential)) {
			lost(r, now);
			return rot_stuck(l, now, e, "mint answered with "
					 "'%.60s', which was there before",
					 a->credential);
		}
		if (rot_text(&l->new_cred, a->credential, e) < 0 ||
		    rot_text(&l->public, a->public ? a->public : "", e) < 0)
			return -1;
		r->value = a->secret;
		a->secret = NULL;
		r->put_new = true;
		made(r, now);
		return 0;
	}
	l->state = RS_INTENT; /* certain: nothing was made */
	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (a->quota)
		return rot_stuck(l, now, e, "no room for a new one: the service "
				 "allows no more of them; nothing is deleted to "
				 "make room");
	return refused(r, a, now, e);
}

/* ---- proofs ------------------------------------------------------------------- */

static enum proof_out prove(struct rot_run *r, const struct rot_answer *a,
			    int64_t cut_ms, int64_t now)
{
	struct rot_line *l = &r->l;
	struct action p = { .count = (uint32_t)l->dead,
			    .first_ms = l->dead_first_ms,
			    .last_ms = l->dead_last_ms };
	const struct proof_in in = {
		.life = a->life, .refusal = a->refusal, .sent_ms = now,
		.now_ms = now, .cut_ms = cut_ms,
		.lag_ms = r->facts->revoke_lag_ms, .gap_ms = knob_gap_ms(),
	};
	enum proof_out out = proof_step(&p, &in);

	if (out == PROOF_AGAIN && knob_off(KNOB_PROOF))
		out = PROOF_DEAD;
	l->dead = p.count;
	l->dead_first_ms = p.first_ms;
	l->dead_last_ms = p.last_ms;
	l->next_ms = p.next_ms > now ? p.next_ms : now;
	if (out == PROOF_DEAD)
		l->dead = l->dead_first_ms = l->dead_last_ms = 0;
	if (out == PROOF_AGAIN || out == PROOF_RECUT)
		l->fails = a->life == LIFE_ALIVE ? l->fails + 1 : 0;
	return out;
}

static int survives(struct rot_run *r, int64_t now, struct err *e)
{
	if (r->l.fails < TRIES)
		return 0;
	return rot_stuck(&r->l, now, e, "it still works although the service "
			 "confirmed its end");
}

/* LINK_OK with life unknown is no better than no answer. */
static bool no_word(const struct rot_answer *a)
{
	return link_trouble(a->status) ||
	       (a->status == LINK_OK && a->life == LIFE_UNKNOWN);
}

static int take_probe_old(struct rot_run *r, const struct rot_answer *a,
			  int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (no_word(a))
		return again(r, a, now, e);
	if (a->status != LINK_OK) { /* nobody can ask */
		l->flags |= RF_UNPROVED;
		rot_to(l, RS_VERIFIED_DEAD, now);
		return 0;
	}
	switch (prove(r, a, l->revoked_ms, now)) {
	case PROOF_DEAD:
		l->flags &= (uint16_t)~(RF_UNPROVED | RF_BY_RECORD);
		/* a value that was never seen to work proves nothing when it is
		 * refused: what is left is that the service has no such id */
		if (!a->refusal || l->flags & RF_OLD_UNKNOWN)
			l->flags |= RF_BY_RECORD;
		r->dead_row = true;
		rot_to(l, RS_VERIFIED_DEAD, now);
		return 0;
	case PROOF_RECUT:
		if (l->flags & RF_IN_PLACE)
			return survives(r, now, e);
		l->state = l->soak_span > 0 ? RS_OLD_DISABLED : RS_OVERLAP;
		return survives(r, now, e);
	default:
		return 0;
	}
}

static int take_probe_gone(struct rot_run *r, const struct rot_answer *a,
			   int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (no_word(a))
		return again(r, a, now, e);
	if (a->status == LINK_OK) {
		const enum proof_out p = prove(r, a, l->revoked_ms, now);

		if (p == PROOF_RECUT) {
			l->state = RS_ABORTING;
			return survives(r, now, e);
		}
		if (p != PROOF_DEAD)
			return 0;
	}
	r->gone_row = true;
	return rot_give_up(r, now, l->flags & RF_NEW_DEAD ?
			   "the service refused the new one: taken back" :
			   "taken back", e);
}

static int take_probe_ours(struct rot_run *r, const struct rot_answer *a,
			   int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (a->status == LINK_OK && a->life != LIFE_UNKNOWN) {
		const enum proof_out p = prove(r, a, l->revoked_ms, now);

		if (p == PROOF_RECUT) {
			r->probed_ours = false;
			return survives(r, now, e);
		}
		if (p != PROOF_DEAD)
			return 0;
	} else if (link_trouble(a->status) && l->fails < 2) {
		return again(r, a, now, e);
	}
	/* Without a word of its own, the listing that follows tells. */
	mem_free(l->ours.p[--l->ours.n]);
	r->probed_ours = false;
	if (l->ours.n)
		return 0;
	rot_to(l, RS_TRIED, now);
	l->lost_ms = now;
	return 0;
}

/* The service says, again and again, that what it made is dead.  A run that could
 * not write it down may have ended it, and its row was kept after all: taken
 * back, nothing is lost, and another one is made later.  Were the next one dead
 * too it would go on like that for ever: a person is told. */
static void dead_on_arrival(struct rot_run *r, int64_t now)
{
	struct rot_line *l = &r->l;

	if (!(l->flags & RF_CLASS_B) || l->flags & RF_NEW_DEAD ||
	    ++l->dead < TRIES || !rot_can_abort(l))
		return;
	l->flags |= RF_NEW_DEAD;
	l->dead = 0;
	rot_to(l, RS_ABORTING, now);
}

static int take_probe_new(struct rot_run *r, const struct rot_answer *a,
			  int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (a->status == LINK_UNSUPPORTED) {
		rot_to(l, RS_VERIFIED_NEW, now);
		return 0;
	}
	if (a->status != LINK_OK || a->life != LIFE_ALIVE) {
		l->alive = 0;
		if (again(r, a, now, e) < 0)
			return -1;
		if (a->status == LINK_OK && a->life == LIFE_DEAD)
			dead_on_arrival(r, now);
		else
			l->dead = 0;
		return 0;
	}
	r->alive_new = true;
	l->fails = l->dead = 0;
	l->flags &= (uint16_t)~RF_NEW_DEAD;
	if (++l->alive < ALIVE_COUNT) {
		l->next_ms = now + knob_gap_ms();
		return 0;
	}
	rot_to(l, RS_VERIFIED_NEW, now);
	return 0;
}

static int take_base(struct rot_run *r, const struct rot_answer *a, int64_t now,
		     struct err *e)
{
	if (link_trouble(a->status) && r->l.fails < 2)
		return again(r, a, now, e);
	r->based = true;
	r->base_alive = a->status == LINK_OK && a->life == LIFE_ALIVE;
	if (!r->base_alive)
		r->l.flags |= RF_OLD_UNKNOWN;
	r->l.next_ms = now;
	return 0;
}

/* ---- delivery and adoption ------------------------------------------------------ */

/* Somebody else delivers there, or this vault is a backup of what did.  Which
 * of the two is right only a person knows; his word holds for this rotation,
 * and the next older writer is refused by the same rule. */
static int newer_there(struct rot_run *r, const struct rot_answer *a,
		       int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (l->flags & RF_TAKE_OVER) {
		l->version = a->stands + 1;
		rot_to(l, RS_VERIFIED_NEW, now);
		return 0;
	}
	l->fails++;
	return rot_stuck(l, now, e, "deliver to %.40s/%.60s refused: %.90s; this "
			 "vault was restored, or another one delivers there: if "
			 "this one is right, 'curfew rotate --take-over'",
			 l->sinks[r->step.sink].conn,
			 l->sinks[r->step.sink].place, a->text ? a->text : "");
}

static int take_deliver(struct rot_run *r, struct rot_answer *a, int64_t now,
			struct err *e)
{
	struct rot_sink *s = &r->l.sinks[r->step.sink];

	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (a->status == LINK_REFUSED && a->stands >= r->l.version)
		return newer_there(r, a, now, e);
	if (a->status != LINK_OK)
		return refused(r, a, now, e);
	s->version = r->l.version;
	s->at_ms = now;
	s->acknowledged = a->acknowledged;
	s->read_back = a->read_back;
	if (a->their && rot_text(&s->their, a->their, e) < 0)
		return -1;
	rot_to(&r->l, RS_VERIFIED_NEW, now);
	return 0;
}

static int take_adopted(struct rot_run *r, const struct rot_answer *a,
			int64_t now, struct err *e)
{
	if (a->status == LINK_OK && a->has_adopted && a->adopted)
		r->l.sinks[r->step.sink].acknowledged = true;
	if (link_trouble(a->status)) {
		if (again(r, a, now, e) < 0)
			return -1;
	} else {
		r->l.fails = 0;
	}
	r->can_tell = r->can_tell || a->status != LINK_UNSUPPORTED;
	r->ask_sink = r->step.sink + 1;
	return 0;
}

/* ---- the old one --------------------------------------------------------------- */

static int take_end(struct rot_run *r, const struct rot_answer *a,
		    enum rot_state to, int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (!certain(a))
		return refused(r, a, now, e);
	rot_to(l, to, now);
	l->revoked_ms = now;
	l->dead = l->dead_first_ms = l->dead_last_ms = 0;
	r->revoked_row = to == RS_OLD_REVOKED;
	return 0;
}

static int take_disable(struct rot_run *r, const struct rot_answer *a,
			int64_t now, struct err *e)
{
	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (!certain(a)) {
		r->l.soak_span = 0; /* then without this step */
		return 0;
	}
	rot_to(&r->l, RS_OLD_DISABLED, now);
	r->l.disabled_ms = now;
	return 0;
}

static int take_enable(struct rot_run *r, const struct rot_answer *a,
		       int64_t now, struct err *e)
{
	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (a->status != LINK_OK)
		return refused(r, a, now, e);
	rot_to(&r->l, RS_DELIVERED, now);
	r->l.adopt = ADOPT_OPERATOR; /* whoever stopped it says when to go on */
	r->l.flags &= (uint16_t)~(RF_ABORT | RF_ADOPTED_SAID);
	r->l.disabled_ms = 0;
	return 0;
}

static int take_set_back(struct rot_run *r, const struct rot_answer *a,
			 int64_t now, struct err *e)
{
	if (link_trouble(a->status))
		return again(r, a, now, e);
	if (a->status != LINK_OK)
		return refused(r, a, now, e);
	r->swap_back = true;
	rot_to(&r->l, RS_ABORT_PROOF, now);
	return 0;
}

static int take_probe_back(struct rot_run *r, const struct rot_answer *a,
			   int64_t now, struct err *e)
{
	if (a->status != LINK_UNSUPPORTED &&
	    (a->status != LINK_OK || a->life != LIFE_ALIVE))
		return again(r, a, now, e);
	return rot_give_up(r, now, "taken back", e);
}

static int take_make(struct rot_run *r, struct rot_answer *a, int64_t now,
		     struct err *e)
{
	if (a->status == LINK_OK && a->secret) {
		r->value = a->secret;
		a->secret = NULL;
		r->l.fails = 0;
		r->l.next_ms = now;
		return 0;
	}
	return link_trouble(a->status) || a->status == LINK_OK ?
		       again(r, a, now, e) : refused(r, a, now, e);
}

int rot_take(struct rot_run *r, struct rot_answer *a, int64_t now, struct err *e)
{
	switch (r->step.call) {
	case RC_LIST: return rot_listed(r, a, now, e);
	case RC_MAKE: return take_make(r, a, now, e);
	case RC_SET: return take_set(r, a, now, e);
	case RC_MINT: return take_mint(r, a, now, e);
	case RC_PROBE_BASE: return take_base(r, a, now, e);
	case RC_PROBE_NEW: return take_probe_new(r, a, now, e);
	case RC_DELIVER: return take_deliver(r, a, now, e);
	case RC_ADOPTED: return take_adopted(r, a, now, e);
	case RC_DISABLE_OLD: return take_disable(r, a, now, e);
	case RC_ENABLE_OLD: return take_enable(r, a, now, e);
	case RC_REVOKE_OLD:
	case RC_RESET_OLD: return take_end(r, a, RS_OLD_REVOKED, now, e);
	case RC_PROBE_OLD: return take_probe_old(r, a, now, e);
	case RC_REVOKE_NEW:
	case RC_RESET_NEW: return take_end(r, a, RS_ABORT_PROOF, now, e);
	case RC_SET_BACK: return take_set_back(r, a, now, e);
	case RC_PROBE_BACK: return take_probe_back(r, a, now, e);
	case RC_PROBE_GONE: return take_probe_gone(r, a, now, e);
	case RC_REVOKE_OURS:
		if (take_end(r, a, RS_SWEPT, now, e) < 0)
			return -1;
		r->probed_ours = certain(a);
		return 0;
	case RC_PROBE_OURS: return take_probe_ours(r, a, now, e);
	case RC_NONE:
	case RC_CALLS:
		break;
	}
	return err_fail(e, ERR_BUG, NULL, "an answer to no call");
}
