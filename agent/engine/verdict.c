/*
 * verdict: from rows to words.  Must never say DEAD without a finished proof.
 */
#include "agent/app.h"
#include "agent/engine/link.h"
#include "agent/engine/verdict.h"

static struct verdict say(enum life_word word, const char *why)
{
	return (struct verdict){ .word = word, .why = why ? why : "" };
}

static struct verdict dying(int64_t until, const char *why)
{
	struct verdict v = say(VD_DYING, why);

	v.until_ms = until;
	return v;
}

static struct verdict dead(const struct target *t, const struct action *p)
{
	struct verdict v = say(VD_DEAD, p->note);

	v.at_ms = p->done_ms;
	v.refusal = p->flags & AF_REFUSAL;
	v.before = t->flags & TF_BEFORE;
	return v;
}

static bool unheard(const struct action *a)
{
	return a && action_open(a) && link_trouble(a->status);
}

/* Why has nothing been sent for it?  Its account's own trouble tells, or that of
 * the snapshot which goes before its end. */
static const char *not_begun(const struct work *w, uint32_t i)
{
	const uint32_t up = w->targets[i].parent;

	return unheard(work_of(w, up, V_DISABLE)) ||
	       unheard(work_of(w, up, V_SNAPSHOT)) ||
	       unheard(work_of(w, i, V_SNAPSHOT)) ?
		       "not begun: its service does not answer" : "not begun";
}

/* Its value is refused, and why that is no proof. */
static const char *unproved(const struct work *w, uint32_t i)
{
	const struct action *r = work_of(w, i, V_REVOKE);
	bool cut = work_confirmed(w, i);

	if (!work_value_seen(w, i))
		return cut ? "the service took the revoke, but the value was "
			     "never seen to work: cannot tell a revoked value "
			     "from a wrong one; look there, then 'curfew "
			     "incident close'" :
			     "the value is refused, but was never seen to work, "
			     "and no end is confirmed";
	return r && r->status == LINK_REFUSED ?
		       "the value is refused, and so is curfew's own access: "
		       "nothing is proved" :
		       "the value is refused, but no end is confirmed";
}

/* The probe's word after the cut was confirmed at `cut_ms` (0: it was not). */
static struct verdict probed(const struct action *cut, const struct action *p,
			     int64_t cut_ms, int64_t lag_ms, int64_t now,
			     const char *idle)
{
	if (p && p->flags & AF_ALIVE) {
		if (cut_ms && now < cut_ms + lag_ms &&
		    !(p->flags & AF_SURVIVED))
			return dying(cut_ms + lag_ms, "still accepted");
		return say(VD_ALIVE, p->flags & AF_SURVIVED ?
				     "still accepted after the end was "
				     "confirmed" :
			   cut_ms ? "still accepted when last asked, before "
				    "its confirmed end was to show" :
			   cut && cut->note ? cut->note : "still accepted");
	}
	if (p && p->flags & AF_RECORD)
		return dying(0, "no refusal seen");
	if (p && p->flags & AF_CONFIRM)
		return dying(0, "listed again, asking once more");
	if (cut_ms && p && p->state == A_UNSUPPORTED)
		return dying(0, "cannot be proved: the provider has no probe "
				"for it");
	if (cut_ms && p && p->fails > 2 && p->note && now > cut_ms + lag_ms)
		return dying(0, p->note);
	if (cut_ms)
		return dying(cut_ms + lag_ms, "");
	if (p && p->count)
		return dying(0, "refused, but the end is not confirmed");
	return say(VD_ALIVE, cut && cut->note ? cut->note :
			     cut && cut->state == A_UNSUPPORTED ?
				     "the provider cannot end it" :
			     cut && cut->attempts ? "no answer yet" :
						    idle);
}

/* Were the sessions it may have made ended, after it could make no more: after
 * its own end at `since`, or after its account was shut? */
static bool sessions_cut(const struct work *w, uint32_t i, int64_t since)
{
	const struct action *own = work_of(w, i, V_CUT);
	const struct action *up = work_of(w, w->targets[i].parent, V_CUT);
	const struct action *x = work_of(w, w->targets[i].parent, V_DISABLE);

	if (x && x->state == A_DONE && x->done_ms < since)
		since = x->done_ms;
	return (own && own->state == A_DONE && own->done_ms >= since) ||
	       (up && up->state == A_DONE && up->done_ms >= since);
}

static struct verdict credential(const struct work *w, uint32_t i,
				 const struct facts *f, int64_t now)
{
	const struct target *t = &w->targets[i];
	const struct kind_facts *k = facts_of(f, t->kind);
	const struct action *r = work_of(w, i, V_REVOKE);
	const struct action *p = work_of(w, i, V_PROBE);
	const struct action *x = work_of(w, t->parent, V_DISABLE);
	int64_t cut = r && r->state == A_DONE ? r->done_ms :
		      x && x->state == A_DONE ? x->done_ms : 0;

	if (p && p->state == A_DONE && work_elsewhere(w, i))
		return say(VD_TOLD, "refused here: another server issued it");
	if (p && p->state == A_DONE && work_unknown(w, i) &&
	    !target_by_value(t))
		return say(VD_MISSING, "refused from the first: dead before, or "
			   "the value sealed here is not its own");
	if (r && r->state == A_DONE && k->leaves_value && !action_by_value(w, r) &&
	    !(p && p->state == A_DONE && p->flags & AF_REFUSAL) &&
	    !(t->flags & TF_BEFORE))
		return say(VD_ALIVE, r->note ? r->note : "ended by id, which leaves "
			   "the value good elsewhere, and it is not sealed here: "
			   "'curfew learn' it, then 'curfew resume'");
	if (p && p->state == A_DONE && work_unknown(w, i))
		return say(VD_MISSING, "refused from the first: it was dead "
			   "before, or another host issued it");
	if (work_unproved(w, i))
		return say(VD_ALIVE, unproved(w, i));
	if (!p || p->state != A_DONE)
		return probed(r ? r : x, p, cut, k->revoke_lag_ms, now,
			      not_begun(w, i));
	if (p->flags & AF_SHOWN)
		return dying(0, "refused, but still listed as active");
	if (cut && k->session_ms && !k->revoke_cuts &&
	    !sessions_cut(w, i, cut) && now < cut + k->session_ms &&
	    !(t->flags & TF_BEFORE))
		return dying(cut + k->session_ms,
			     "refused; sessions made before may last");
	return dead(t, p);
}

/* An account is no deader than what opens it. */
static bool credentials_dead(const struct work *w, const struct target *account,
			     const struct facts *f, int64_t now)
{
	for (uint32_t i = account->child; i != NONE; i = w->targets[i].sibling)
		if (w->targets[i].what == T_CREDENTIAL &&
		    !(w->targets[i].flags & (TF_SKIPPED | TF_REPORTED)) &&
		    credential(w, i, f, now).word != VD_DEAD)
			return false;
	return true;
}

static struct verdict account(const struct work *w, uint32_t i,
			      const struct facts *f, int64_t now)
{
	const struct target *t = &w->targets[i];
	const struct action *x = work_of(w, i, V_DISABLE);
	const struct action *p = work_of(w, i, V_PROBE);

	if (p && p->state == A_DONE && p->flags & AF_SHOWN)
		return dying(0, "still listed as active");
	if (p && p->state == A_DONE)
		return credentials_dead(w, t, f, now) ? dead(t, p) :
		       dying(0, "a credential of it is not proved dead");
	if (x && (x->state == A_UNSUPPORTED || x->state == A_MOOT))
		return say(VD_NONE, "");
	return probed(x, p, x && x->state == A_DONE ? x->done_ms : 0,
		      f->all.revoke_lag_ms, now, "not begun");
}

struct verdict verdict_of(const struct work *w, uint32_t i,
			  const struct facts *facts, int64_t now)
{
	const struct target *t = &w->targets[i];
	const struct facts *f = &facts[t->conn];
	const struct action *note = work_of(w, i, V_NOTE), *g;

	if (work_missing(w, i))
		return say(VD_MISSING, note && note->note ? note->note :
			   "the service shows no such account");
	if (note && t->flags & TF_SKIPPED)
		return say(VD_SKIPPED, note->note);
	if (note && t->flags & TF_REPORTED)
		return say(VD_TOLD, note->note);
	switch (t->what) {
	case T_ACCOUNT:
		return account(w, i, f, now);
	case T_CREDENTIAL:
		return credential(w, i, f, now);
	case T_GRANT:
		g = work_of(w, i, V_REMOVE_GRANT);
		if (g && g->state == A_DONE) {
			struct verdict v = say(VD_DEAD, "removed");

			v.at_ms = g->done_ms;
			return v;
		}
		return say(VD_ALIVE, g && g->note ? g->note :
				     g && g->state == A_UNSUPPORTED ?
				     "the provider cannot remove it" :
				     g && !g->attempts ? not_begun(w, i) :
				     "not removed yet");
	default:
		return say(VD_NONE, "");
	}
}

void verdict_tally(const struct work *w, const struct facts *facts, int64_t now,
		   struct tally *out)
{
	*out = (struct tally){ 0 };
	for (uint32_t i = 0; i < w->n_targets; i++) {
		struct verdict v = verdict_of(w, i, facts, now);

		out->dead += v.word == VD_DEAD;
		out->dying += v.word == VD_DYING;
		out->alive += v.word == VD_ALIVE;
		out->skipped += v.word == VD_SKIPPED;
		out->told += v.word == VD_TOLD;
		out->missing += v.word == VD_MISSING;
		if (v.word == VD_DYING && v.until_ms > out->until_ms)
			out->until_ms = v.until_ms;
	}
	for (uint32_t i = 0; i < w->n_actions; i++) {
		const struct action *a = &w->actions[i];

		if (!action_open(a))
			continue;
		out->open_sweeps += a->verb == V_RESWEEP;
		out->open_cuts += verb_cuts(a->verb);
	}
}

int verdict_exit(const struct tally *t)
{
	if (t->alive || t->skipped || t->missing)
		return EXIT_ALIVE;
	if (t->dying || t->open_sweeps || t->open_cuts)
		return EXIT_DYING;
	return EXIT_OK;
}

const char *verdict_proof(bool refusal)
{
	return refusal ? "proved" : "proved by the service's record";
}

const char *verdict_word(enum life_word w)
{
	static const char *const words[] = { "", "DEAD", "DYING", "ALIVE",
					     "SKIPPED", "NOTED", "NOT FOUND" };

	return words[w];
}
