/*
 * rot_end: the steps that need no call: a line taken up, one step to the next,
 * the end of a rotation, and what a row means that a crash left behind.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/rot_inner.h"
#include "base/mem.h"
#include "base/text.h"

#define NONCE_BYTES 8
#define VALUE_LENGTH 40 /* of 62 characters: 238 bits */
#define ASK_AGAIN_MS 60000 /* adoption, when nobody could tell so far */

void rot_to(struct rot_line *l, enum rot_state s, int64_t now)
{
	l->state = s;
	l->next_ms = now;
	l->fails = l->sent = 0;
	l->stuck_ms = 0;
	if (l->why && *l->why)
		l->why[0] = '\0';
}

int rot_stuck(struct rot_line *l, int64_t now, struct err *e, const char *fmt,
	      ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!l->stuck_ms)
		l->stuck_ms = now;
	l->next_ms = now + knob_stuck_ms();
	return rot_text(&l->why, text, e);
}

/* ---- the end of a rotation ------------------------------------------------- */

static void forget_attempt(struct rot_run *r, int64_t now)
{
	struct rot_line *l = &r->l;

	rot_to(l, RS_IDLE, now);
	l->flags &= RF_UNPROVED | RF_BY_RECORD | RF_NEW_DEAD;
	l->started_ms = l->made_ms = l->delivered_ms = l->adopted_ms = 0;
	l->revoke_ms = l->disabled_ms = l->revoked_ms = l->lost_ms = 0;
	l->used_ms = l->quiet_ms = l->alive = 0;
	l->dead = l->dead_first_ms = l->dead_last_ms = l->attempt = 0;
	rot_ids_clear(&l->before);
	rot_ids_clear(&l->ours);
	r->finished = true;
}

int rot_give_up(struct rot_run *r, int64_t now, const char *why, struct err *e)
{
	struct rot_line *l = &r->l;

	if (rot_text(&r->was_account, rot_new_account(l), e) < 0 ||
	    rot_text(&r->was_new, l->new_cred, e) < 0)
		return -1;
	forget_attempt(r, now);
	if (rot_text(&l->new_cred, "", e) < 0 ||
	    rot_text(&l->new_account, "", e) < 0 ||
	    rot_text(&l->nonce, "", e) < 0)
		return -1;
	if (l->epoch != l->taken)
		l->state = RS_KILLED;
	/* not again at once: a person has looked, or will */
	l->due_ms = l->due_ms > now + knob_stuck_ms() ? l->due_ms :
							now + knob_stuck_ms();
	return rot_text(&l->why, why, e);
}

/* The coming one is the one in use from now on. */
static int finish(struct rot_run *r, int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;
	const int64_t adopted = l->adopted_ms;
	char *was = NULL;

	if (rot_text(&r->was_account, l->account, e) < 0 ||
	    (!(l->flags & RF_IN_PLACE) && rot_text(&r->was_old, l->cred, e) < 0))
		return -1;
	if ((l->flags & RF_ALTERNATE) &&
	    (rot_text(&was, l->account, e) < 0 ||
	     rot_text(&l->account, l->new_account, e) < 0 ||
	     rot_text(&l->partner, was, e) < 0)) {
		mem_free(was);
		return -1;
	}
	mem_free(was);
	if (*l->new_cred && rot_text(&l->cred, l->new_cred, e) < 0)
		return -1;
	l->generation++;
	l->last_ms = l->made_ms;
	l->done_ms = now;
	forget_attempt(r, now);
	l->adopted_ms = adopted; /* of the one in use, from now on */
	if (rot_text(&l->new_cred, "", e) < 0 ||
	    rot_text(&l->new_account, "", e) < 0 ||
	    rot_text(&l->nonce, "", e) < 0)
		return -1;
	l->due_ms = 0; /* rot_keep asks the policy for the next one */
	return 0;
}

/* ---- from step to step ------------------------------------------------------- */

static int fill_value(unsigned char *p, size_t n, void *arg)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char r;

	(void)arg;
	for (size_t i = 0; i < n;) {
		secret_random(&r, 1);
		if (r >= 4 * 62) /* no value more likely than another */
			continue;
		p[i++] = (unsigned char)set[r % 62];
	}
	return 0;
}

int rot_generate(const struct kind_facts *k, struct secret **out, struct err *e)
{
	*out = secret_blank(k->length ? k->length : VALUE_LENGTH, e);
	if (!*out)
		return -1;
	return secret_fill(*out, fill_value, NULL);
}

static int new_nonce(struct rot_line *l, struct err *e)
{
	unsigned char r[NONCE_BYTES];
	char text[8 + 2 * NONCE_BYTES + 1] = "curfew-";

	secret_random(r, sizeof(r));
	text_hex(r, sizeof(r), text + 7);
	return rot_text(&l->nonce, text, e);
}

/* Everything is known that has to be: the new value is sealed before anything
 * is sent. */
static int to_intent(struct rot_run *r, int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (!(l->flags & RF_CLASS_B) && !r->value &&
	    rot_generate(r->facts, &r->value, e) < 0)
		return -1;
	if (new_nonce(l, e) < 0)
		return -1;
	l->version++;
	rot_to(l, RS_INTENT, now);
	return 0;
}

static bool planned_whole(const struct rot_run *r)
{
	const struct rot_sinks none = { NULL, NULL };

	return r->l.state == RS_PLANNED && !r->l.stuck_ms &&
	       rot_next(r, &none, 0).call == RC_NONE;
}

static bool all_acknowledged(const struct rot_line *l)
{
	for (size_t i = 0; i < l->n_sinks; i++)
		if (!l->sinks[i].acknowledged)
			return false;
	return l->n_sinks > 0;
}

void rot_adopted(struct rot_line *l, int64_t now)
{
	l->adopted_ms = now;
	if (l->flags & RF_IN_PLACE) { /* the old one went when it came */
		rot_to(l, RS_OLD_REVOKED, now);
		l->revoked_ms = l->made_ms;
		return;
	}
	rot_to(l, RS_OVERLAP, now);
	l->revoke_ms = now + l->overlap_span;
	if (l->deadline_ms && l->revoke_ms > l->deadline_ms)
		l->revoke_ms = l->deadline_ms;
	l->next_ms = l->revoke_ms;
}

static int delivered(struct rot_run *r, int64_t now, bool *changed,
		     struct err *e)
{
	struct rot_line *l = &r->l;

	if (l->flags & RF_ADOPTED_SAID ||
	    (l->adopt != ADOPT_OPERATOR && all_acknowledged(l))) {
		rot_adopted(l, now);
	} else if (r->step.call != RC_NONE || r->step.at_ms > now ||
		   l->stuck_ms) {
		return 0;
	} else if (r->can_tell) {
		/* everybody was asked once, and somebody may say yes later */
		r->ask_sink = 0;
		r->sink_asked = r->can_tell = false;
		r->step.at_ms = INT64_MAX; /* over: rot_arm() makes the next */
		l->next_ms = now + (knob_gap_ms() == GAP_MS ? ASK_AGAIN_MS :
				    knob_gap_ms());
	} else if (rot_stuck(l, now, e, "delivered, and nothing here can tell "
			     "whether its consumer uses it: when it does, "
			     "'curfew rotate --adopted'") < 0) {
		return -1;
	}
	*changed = true;
	return 0;
}

static bool all_delivered(const struct rot_line *l)
{
	for (size_t i = 0; i < l->n_sinks; i++)
		if (l->sinks[i].version != l->version)
			return false;
	return true;
}

/* An abort that is safe now; true when it was taken up. */
static int abort_now(struct rot_run *r, int64_t now, bool *changed,
		     struct err *e)
{
	struct rot_line *l = &r->l;

	if (l->epoch != l->taken)
		l->flags |= RF_ABORT; /* an incident has taken it over */
	if (!(l->flags & RF_ABORT) || !rot_can_abort(l))
		return 0;
	if (l->state == RS_PLANNED ||
	    (l->state == RS_INTENT && (l->flags & RF_CLASS_B || !l->sent))) {
		*changed = true;
		return rot_give_up(r, now, "aborted before anything was made", e);
	}
	if (l->state == RS_MINTED || l->state == RS_VERIFIED_NEW) {
		*changed = true;
		rot_to(l, RS_ABORTING, now);
	}
	return 0; /* what is under way is waited for */
}

int rot_advance(struct rot_run *r, int64_t now, bool *changed, struct err *e)
{
	struct rot_line *l = &r->l;

	*changed = false;
	if (abort_now(r, now, changed, e) < 0 || *changed)
		return *changed ? 0 : -1;
	switch (l->state) {
	case RS_PLANNED:
		*changed = planned_whole(r);
		return *changed ? to_intent(r, now, e) : 0;
	case RS_MINTED:
		*changed = !facts_offers(r->facts, "probe");
		if (*changed)
			rot_to(l, RS_VERIFIED_NEW, now);
		return 0;
	case RS_VERIFIED_NEW:
		*changed = all_delivered(l);
		if (*changed) {
			rot_to(l, RS_DELIVERED, now);
			l->delivered_ms = now;
		}
		return 0;
	case RS_DELIVERED:
		return delivered(r, now, changed, e);
	case RS_OLD_REVOKED:
		*changed = (l->flags & (RF_IN_PLACE | RF_OLD_UNKNOWN)) ==
				   (RF_IN_PLACE | RF_OLD_UNKNOWN) ||
			   !facts_offers(r->facts, "probe");
		if (*changed) {
			l->flags |= RF_UNPROVED;
			rot_to(l, RS_VERIFIED_DEAD, now);
		}
		return 0;
	case RS_VERIFIED_DEAD:
		*changed = true;
		return finish(r, now, e);
	default:
		return 0;
	}
}

void rot_recover(struct rot_run *r, int64_t now)
{
	struct rot_line *l = &r->l;

	if (l->state == RS_PLANNED) /* nothing was sent that changes anything */
		rot_ids_clear(&l->before);
	/* The mint may still be on its way: its lags count from now. */
	if (l->state == RS_TRIED) {
		l->flags |= RF_RESWEEP;
		if (l->lost_ms < now)
			l->lost_ms = now;
	}
	/* with another clock, perhaps */
	if (l->next_ms != INT64_MAX && l->next_ms > now + knob_stuck_ms() &&
	    l->state != RS_OVERLAP)
		l->next_ms = now;
}
