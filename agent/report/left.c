/*
 * left: what is left open or uncovered beside the verdicts.  Says, never acts.
 */
#include <stdio.h>

#include "agent/engine/plan.h"
#include "agent/report/left.h"
#include "agent/report/live.h"
#include "agent/report/out.h"

#define OPEN_SHOWN 4

/* Why the live sessions of target i were left, or NULL: they ended, or end with
 * the credential. */
const char *left_session(const struct work *w, uint32_t i)
{
	const struct action *a = work_of(w, i, V_CUT);

	if (!a || a->state != A_UNSUPPORTED)
		return NULL;
	return a->note ? a->note : "the provider cannot cut them";
}

/* What a proof of death does not cover is said beside it. */
void left_tell_sessions(const struct work *w)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (uint32_t i = 0; i < w->n_targets; i++) {
		const char *why = left_session(w, i);

		if (!why || live_address(w, &w->targets[i], &b) < 0)
			continue;
		out_text("sessions already open through ");
		out_text(b.p);
		out_text(" were not cut (");
		out_cell(why, 0);
		out_text(")\n");
	}
	buf_release(&b);
}

static bool is_left(const struct action *a)
{
	return action_open(a) && (a->verb == V_RESWEEP || verb_cuts(a->verb));
}

/* Nothing dies any more, and it is not over: "; still open: listing of pg" */
void left_tell_open(const struct work *w, const struct tally *t)
{
	const char *sep = "; still open: ";
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	uint32_t n = 0;
	char more[40];

	for (uint32_t i = 0; i < w->n_actions; i++) {
		const struct action *a = &w->actions[i];

		if (!is_left(a) ||
		    live_address(w, &w->targets[a->target], &b) < 0)
			continue;
		if (n++ >= OPEN_SHOWN)
			continue;
		out_text(sep);
		out_text(a->verb == V_RESWEEP ? "listing" : action_verb(w, a));
		out_text(" of ");
		out_text(b.p);
		sep = ", ";
	}
	if (n > OPEN_SHOWN) {
		(void)snprintf(more, sizeof(more), " and %u more",
			       t->open_sweeps + t->open_cuts - OPEN_SHOWN);
		out_text(more);
	}
	buf_release(&b);
}

struct json *left_open_json(const struct work *w)
{
	struct json *list = json_array();
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (uint32_t i = 0; i < w->n_actions; i++) {
		const struct action *a = &w->actions[i];
		struct json *j;

		buf_reset(&b);
		if (!is_left(a) ||
		    plan_address(w, &w->targets[a->target], &b, NULL) < 0)
			continue;
		j = json_object();
		(void)json_set_str(j, "call", action_verb(w, a));
		(void)json_set_str(j, "address", b.p);
		if (a->note)
			(void)json_set_str(j, "why", a->note);
		(void)json_push(list, j);
	}
	buf_release(&b);
	return list;
}

struct json *left_sessions_json(const struct work *w)
{
	struct json *list = json_array();
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (uint32_t i = 0; i < w->n_targets; i++) {
		const char *why = left_session(w, i);
		struct json *j;

		buf_reset(&b);
		if (!why || plan_address(w, &w->targets[i], &b, NULL) < 0)
			continue;
		j = json_object();
		(void)json_set_str(j, "address", b.p);
		(void)json_set_str(j, "why", why);
		(void)json_push(list, j);
	}
	buf_release(&b);
	return list;
}
