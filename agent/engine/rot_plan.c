/*
 * rot_plan: a rotation played through with answers that are all well, so that
 * --dry-run prints what the very same code would do.  Sends nothing, seals
 * nothing.
 */
#include "agent/engine/rot_plan.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/rot_inner.h"
#include "base/clock.h"
#include "base/mem.h"
#include "vault/inventory.h"

#define STEPS_MAX 400
#define NEW_ID "(the new one)"

static bool can_ask(const void *of, size_t sink)
{
	(void)of;
	(void)sink;
	return true;
}

static int well(struct rot_run *r, struct rot_answer *a, struct err *e)
{
	*a = (struct rot_answer){ .status = LINK_OK, .complete = true,
				  .has_adopted = true, .adopted = true,
				  .read_back = true, .refusal = true };
	switch (r->step.call) {
	case RC_LIST:
		return rot_ids_add(&r->l.before, r->l.cred, e);
	case RC_SET:
		if (!(r->l.flags & RF_IN_PLACE) && !*r->l.new_cred)
			a->credential = mem_strdup(NEW_ID);
		else if (*r->l.new_cred)
			a->credential = mem_strdup(r->l.new_cred);
		return 0;
	case RC_MINT:
		a->credential = mem_strdup(NEW_ID);
		return rot_generate(r->facts, &a->secret, e);
	case RC_MAKE:
		return rot_generate(r->facts, &a->secret, e);
	case RC_PROBE_NEW:
	case RC_PROBE_BASE:
	case RC_PROBE_BACK:
		a->life = LIFE_ALIVE;
		return 0;
	case RC_PROBE_OLD:
	case RC_PROBE_OURS:
	case RC_PROBE_GONE:
		a->life = LIFE_DEAD;
		return 0;
	default:
		return 0;
	}
}

/* A listing's consequences without a listing. */
static int take(struct rot_run *r, struct rot_answer *a, int64_t now,
		struct err *e)
{
	if (r->step.call != RC_LIST)
		return rot_take(r, a, now, e);
	if (r->l.state == RS_DELIVERED)
		rot_adopted(&r->l, now);
	else if (r->l.state == RS_TRIED)
		rot_to(&r->l, RS_INTENT, now);
	r->listed = true;
	return 0;
}

static const char *purpose(enum rot_call c)
{
	static const char *const words[RC_CALLS] = {
		[RC_LIST] = "what is there",
		[RC_MAKE] = "a fresh value",
		[RC_SET] = "the new value, sealed before it is sent",
		[RC_MINT] = "the new one, sealed with its id",
		[RC_PROBE_BASE] = "is the value sealed here the right one?",
		[RC_PROBE_NEW] = "the new one works",
		[RC_DELIVER] = "to where it is needed",
		[RC_ADOPTED] = "is the new one in use?",
		[RC_DISABLE_OLD] = "the old one off, can be undone",
		[RC_ENABLE_OLD] = "the old one on again",
		[RC_REVOKE_OLD] = "the end of the old one",
		[RC_RESET_OLD] = "the old one, to a value that nobody keeps",
		[RC_PROBE_OLD] = "the old one is dead",
		[RC_REVOKE_NEW] = "the end of the new one",
		[RC_RESET_NEW] = "the new one, to a value that nobody keeps",
		[RC_SET_BACK] = "the old value again",
		[RC_PROBE_BACK] = "the old one works again",
		[RC_PROBE_GONE] = "the new one is dead",
	};

	return words[c] ? words[c] : "";
}

static int describe(const struct rot_run *r, int64_t began, struct buf *out,
		    struct err *e)
{
	const enum rot_call c = r->step.call;
	const char *account, *cred;
	char t[CLOCK_TEXT];

	rot_subject(r, &account, &cred);
	if (buf_printf(out, e, "  %-8s ", rot_verb(c)) < 0)
		return -1;
	if (c == RC_DELIVER || c == RC_ADOPTED) {
		if (buf_printf(out, e, "%s/%s", r->l.sinks[r->step.sink].conn,
			       r->l.sinks[r->step.sink].place) < 0)
			return -1;
	} else if (inv_address(out, r->l.conn, account,
			       c == RC_LIST || c == RC_MAKE || !cred || !*cred ?
			       NULL : cred, e) < 0) {
		return -1;
	}
	if (r->step.at_ms > began + 1000 &&
	    buf_printf(out, e, "  after %s",
		       clock_span(r->step.at_ms - began, t)) < 0)
		return -1;
	return buf_printf(out, e, "  %s\n", purpose(c));
}

static int play(struct rot_run *r, int64_t now, struct buf *out, struct err *e)
{
	const struct rot_sinks sinks = { can_ask, NULL };
	const int64_t began = now;
	enum rot_call last = RC_NONE;
	bool changed;

	for (int i = 0; i < STEPS_MAX && !r->finished; i++) {
		struct rot_answer a;
		int rc;

		if (rot_advance(r, now, &changed, e) < 0)
			return -1;
		if (changed)
			continue;
		r->step = rot_next(r, &sinks, now);
		if (r->step.at_ms == INT64_MAX) {
			if (buf_puts(out, "  (waits for 'curfew rotate "
				     "--adopted')\n", e) < 0)
				return -1;
			r->l.flags |= RF_ADOPTED_SAID;
			continue;
		}
		if (r->step.call == RC_NONE) /* nothing here could tell */
			return buf_puts(out, "  (waits for a person: nothing "
					"tells whether it is in use)\n", e);
		if (r->step.at_ms > now)
			now = r->step.at_ms;
		if (r->step.call != last && describe(r, began, out, e) < 0)
			return -1;
		last = r->step.call;
		rc = well(r, &a, e) < 0 ? -1 : take(r, &a, now, e);
		r->l.sent++;
		mem_free(a.credential);
		secret_free(&a.secret);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int rot_plan(struct rot_line *l, const struct kind_facts *k, bool old_sealed,
	     bool old_tried, int64_t now, struct buf *out, struct err *e)
{
	struct rot_run r = { .l = *l, .facts = k,
			     .based = !old_sealed || old_tried };
	int rc;

	*l = (struct rot_line){ .state = 0 };
	if (!old_sealed)
		r.l.flags |= RF_OLD_UNKNOWN;
	rc = play(&r, now, out, e);
	rot_free(&r.l);
	rot_seen_clear(&r);
	secret_free(&r.value);
	mem_free(r.was_account);
	mem_free(r.was_old);
	mem_free(r.was_new);
	return rc;
}
