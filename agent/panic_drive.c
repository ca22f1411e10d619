/*
 * panic_drive: one secret, two actions.  The same proof as any kill's
 * (engine/proof.h), without a vault: what is known lies in the incident's file,
 * and the secret nowhere, so that whoever is interrupted gives it again.
 *
 * The first probe goes out beside the revoke: where a service takes any text
 * for an answer "accepted", only this tells that it ever knew the value.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/drive.h"
#include "agent/engine/knob.h"
#include "agent/engine/proof.h"
#include "agent/engine/queue.h"
#include "agent/panic.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define CALL_MS 30000
#define AGAIN_MAX_MS 5000 /* a person waits */
#define GIVE_UP 3	  /* refusals in a row, while it is alive */

struct running {
	struct panic *p;
	int64_t wall0, mono0;
	struct err *fault;
};

struct action *panic_action(const struct panic *p, enum verb v)
{
	return work_of(&p->w, 0, v);
}

static int64_t now_of(const struct running *r)
{
	return r->wall0 + (clock_mono_ms() - r->mono0);
}

static const char *verb_sent(unsigned v)
{
	return v == V_REVOKE ? "revoke_value" : verb_word(v);
}

static int send(struct running *r, uint32_t i, struct err *e)
{
	struct action *a = &r->p->w.actions[i];
	struct json *q = json_object();

	if (!json_set_str(q, "verb", verb_sent(a->verb)) ||
	    !json_set_str(q, "kind", r->p->claim.kind)) {
		json_free(&q);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	a->sending = true;
	a->attempts++;
	a->sent_ms = now_of(r);
	a->state = A_SENT;
	return link_call(r->p->link, i, q, r->p->value, CALL_MS, e);
}

static void again(struct running *r, struct action *a, int64_t after_ms)
{
	int64_t wait;

	if (a->fails < 1000)
		a->fails++;
	wait = after_ms > 0 ? after_ms : backoff_ms(a->fails);
	if (after_ms <= 0 && wait > AGAIN_MAX_MS)
		wait = AGAIN_MAX_MS;
	a->state = A_TRYING;
	a->next_ms = now_of(r) + wait;
}

static void revoke_answered(struct running *r, struct action *a,
			    const struct link_answer *in)
{
	bool known = false;

	switch (in->status) {
	case LINK_OK:
		if (in->body && json_bool(in->body, "known", &known) && known)
			a->flags |= AF_KNOWN;
		/* fall through */
	case LINK_ABSENT:
		a->state = A_DONE;
		a->done_ms = now_of(r);
		a->fails = 0;
		break;
	case LINK_UNSUPPORTED:
		a->state = A_UNSUPPORTED;
		break;
	default:
		again(r, a, in->after_ms);
	}
}

/* Whatever still hung on the revoke no longer matters. */
static void proved(struct running *r, struct action *a)
{
	struct action *cut = panic_action(r->p, V_REVOKE);

	a->state = A_DONE;
	a->done_ms = now_of(r);
	if (!action_settled(cut))
		cut->state = A_MOOT;
}

static void probe_answered(struct running *r, struct action *a,
			   const struct link_answer *in)
{
	struct action *cut = panic_action(r->p, V_REVOKE);
	const char *life = in->body ? json_str(in->body, "life") : NULL;
	const char *proof = in->body ? json_str(in->body, "proof") : NULL;
	const struct kind_facts *k = facts_of(&r->p->facts, r->p->claim.kind);
	struct proof_in in_proof = {
		.life = in->status != LINK_OK || !life ? LIFE_UNKNOWN :
			strcmp(life, "dead") == 0 ? LIFE_DEAD :
			strcmp(life, "alive") == 0 ? LIFE_ALIVE : LIFE_UNKNOWN,
		.refusal = proof && strcmp(proof, "refusal") == 0,
		.sent_ms = a->sent_ms, .now_ms = now_of(r),
		.cut_ms = cut->state == A_DONE && cut->done_ms < a->sent_ms ?
				  cut->done_ms : 0,
		.lag_ms = k->revoke_lag_ms, .gap_ms = knob_gap_ms(),
	};

	if (in->status == LINK_UNSUPPORTED) {
		a->state = A_UNSUPPORTED;
		return;
	}
	if (in_proof.life == LIFE_ALIVE)
		cut->flags |= AF_KNOWN;
	a->state = A_TRYING;
	switch (proof_step(a, &in_proof)) {
	case PROOF_DEAD:
		proved(r, a);
		break;
	case PROOF_AGAIN:
		a->fails = 0;
		break;
	case PROOF_RECUT:
		if (cut->state == A_DONE)
			again(r, cut, 0);
		break;
	case PROOF_UNSURE:
		again(r, a, in->after_ms);
		break;
	}
}

/* Evidence and errors, as far as a person may see them. */
static void answered(struct link *l, const struct link_answer *in, void *arg)
{
	static const char *const words[] = {
		[LINK_OK] = "ok", [LINK_ABSENT] = "absent",
		[LINK_REFUSED] = "refused", [LINK_RETRY] = "retry",
		[LINK_UNKNOWN] = "unknown", [LINK_UNSUPPORTED] = "unsupported",
		[LINK_NOT_SENT] = "not sent",
	};
	struct running *r = arg;
	struct action *a = &r->p->w.actions[in->tag];
	const char *said = in->body ? json_str(in->body, "evidence") : NULL;
	const char *life = in->body ? json_str(in->body, "life") : NULL;
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	bool sent = true;
	size_t len;

	(void)l;
	if (in->status == LINK_ITEM)
		return;
	if (in->error && *in->error)
		said = in->error;
	if (said && text_escape(&text, said, strnlen(said, 400), NULL) == 0) {
		len = text.len;
		(void)secret_redact(text.p, &len);
		text.p[len] = '\0';
	}
	if (in->status != LINK_NOT_SENT && in->status != LINK_UNSUPPORTED &&
	    !(in->body && json_bool(in->body, "sent", &sent) && !sent))
		r->p->heard = true;
	a->sending = false;
	a->answered_ms = now_of(r);
	a->status = (uint8_t)in->status;
	if (text.len && action_note(a, text.p, r->fault) < 0)
		goto out;
	if (a->verb == V_PROBE)
		probe_answered(r, a, in);
	else
		revoke_answered(r, a, in);
	panic_note(r->p, verb_sent(a->verb), a->verb == V_PROBE &&
		   in->status == LINK_OK && life ? life : words[in->status],
		   text.len ? text.p : NULL);
out:
	buf_release(&text);
}

/* The service says no, again and again, and takes the value as ever. */
static bool hopeless(const struct panic *p)
{
	const struct action *cut = panic_action(p, V_REVOKE);
	const struct action *probe = panic_action(p, V_PROBE);

	return (cut->state == A_UNSUPPORTED || (cut->status == LINK_REFUSED &&
						cut->fails >= GIVE_UP)) &&
	       (probe->flags & AF_ALIVE || action_settled(probe));
}

static bool done(const struct panic *p)
{
	const struct action *probe = panic_action(p, V_PROBE);

	if (probe->state == A_DONE)
		return true;
	return action_settled(probe) && action_settled(panic_action(p, V_REVOKE));
}

static int round_once(struct running *r, int64_t deadline, struct err *e)
{
	struct panic *p = r->p;
	int64_t next = deadline, now = now_of(r);
	/* what signs in with the secret tells by itself that it was known */
	const bool probe_first =
		!facts_of(&p->facts, p->claim.kind)->self_revoke;

	for (uint32_t n = 0; n < p->w.n_actions; n++) {
		const uint32_t i = probe_first ? p->w.n_actions - 1 - n : n;
		struct action *a = &p->w.actions[i];

		if (!action_open(a) || a->sending)
			continue;
		if (a->next_ms <= now && send(r, i, e) < 0)
			return -1;
		if (!a->sending && a->next_ms < next)
			next = a->next_ms;
	}
	if (p->new_file)
		panic_file_write(p);
	if (links_poll(&p->link, 1, next > now ? next - now : 0, answered, r,
		       e) < 0)
		return -1;
	if (r->fault->code != ERR_NONE) {
		*e = *r->fault;
		return -1;
	}
	return 0;
}

int panic_drive(struct panic *p, struct err *e)
{
	const struct kind_facts *k = facts_of(&p->facts, p->claim.kind);
	struct err fault = ERR_INIT;
	struct running r = { .p = p, .fault = &fault, .wall0 = clock_wall_ms(),
			     .mono0 = clock_mono_ms() };
	const int64_t patience = p->ask->wait_ms >= 0 ? p->ask->wait_ms :
				 2 * k->revoke_lag_ms + DRIVE_WAIT_MS;
	const int64_t deadline = r.wall0 + patience;
	size_t told = 0;

	while (!done(p) && !hopeless(p)) {
		const size_t n = json_count(p->timeline);

		if (n != told)
			panic_file_write(p);
		told = n;
		if (now_of(&r) >= deadline)
			break;
		app_progress(p->app, "%s: %u asked to end it, %u probes, %u of "
			     "them dead in a row", p->hint,
			     panic_action(p, V_REVOKE)->attempts,
			     panic_action(p, V_PROBE)->attempts,
			     panic_action(p, V_PROBE)->count);
		if (round_once(&r, deadline, e) < 0)
			return -1;
	}
	app_progress_done(p->app);
	return 0;
}
