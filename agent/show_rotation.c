/*
 * show_rotation: what is known of a credential's rotation, from its line and,
 * where it has none yet, from its policy.
 */
#include "agent/show_int.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/rot.h"
#include "agent/engine/rot_policy.h"
#include "agent/report/rot_lines.h"
#include "base/clock.h"

static bool is_coming(const struct rot_line *l, const struct inv_credential *c)
{
	return l->new_cred != NULL && l->new_cred[0] != '\0' &&
	       strcmp(l->new_cred, c->id) == 0 && strcmp(l->cred, c->id) != 0;
}

static void tell_sinks(struct telling *t, const struct rot_line *l)
{
	char text[600], at[CLOCK_TEXT];

	for (size_t i = 0; i < l->n_sinks; i++) {
		const struct rot_sink *s = &l->sinks[i];

		if (s->version == 0)
			(void)snprintf(text, sizeof text, "%s/%s: not yet",
				       s->conn, s->place);
		else
			(void)snprintf(text, sizeof text, "%s/%s: version %lld "
				       "at %s%s%s", s->conn, s->place,
				       (long long)s->version,
				       clock_text(s->at_ms, at),
				       s->read_back ? ", read back" : "",
				       s->acknowledged ? ", acknowledged" : "");
		show_tell(t, "delivered", i == 0 ? "delivered to" : "", text);
	}
}

/* Until when the old one lives on beside the new one. */
static int64_t old_ends(const struct rot_line *l)
{
	if (l->state == RS_OVERLAP)
		return l->revoke_ms;
	if (l->state == RS_OLD_DISABLED)
		return l->disabled_ms + l->soak_span;
	return 0;
}

static void tell_line(struct telling *t, const struct rot_line *l,
		      const struct inv_credential *c)
{
	struct buf how = BUF_INIT(BUF_TEXT_MAX);
	const bool coming = is_coming(l, c);
	const int64_t made = coming ? l->made_ms :
			     l->last_ms != 0 ? l->last_ms : c->created_ms;
	char text[700];

	(void)snprintf(text, sizeof text, "policy %s, generation %lld%s",
		       l->policy, (long long)l->generation + coming,
		       coming ? ", the coming one" :
		       rot_busy(l) ? ", being replaced" : "");
	show_tell(t, "", "rotation", text);
	show_tell_time(t, "", "made", made);
	if (rot_busy(l) || l->stuck_ms != 0) {
		const enum rot_word w = rot_stands(l, t->s->now_ms, &how);

		(void)snprintf(text, sizeof text, "%s: %s", rot_word(w),
			       how.p != NULL ? how.p : "");
		show_tell(t, "", "stands", text);
	} else {
		show_tell_time(t, "", "next rotation", l->due_ms);
	}
	show_tell_time(t, "", "dead by", l->deadline_ms);
	tell_sinks(t, l);
	show_tell_time(t, "", "adopted since", l->adopted_ms);
	show_tell_time(t, "", coming ? "old one ends" : "ends", old_ends(l));
	buf_release(&how);
}

/* No line yet: what its policy will do. */
static int tell_policy(struct telling *t, const struct inv_credential *c,
		       struct err *e)
{
	const struct config_rotation *p = NULL;
	struct rot_line l;
	int rc = rot_policy_of(t->s->app->config, c, &p, e);

	if (rc < 0 || p == NULL || c->state == INV_DEAD)
		return rc;
	if (rot_begin_line(t->s->app->vault, c->connection, c->account, c->kind,
			   c->id, &l, e) < 0)
		return -1;
	rot_policy_due(&l, p, c, t->s->now_ms);
	if (t->s->app->json) {
		struct json *j = json_object();

		(void)json_set_str(j, "policy", p->name);
		(void)json_set_int(j, "generation", 0);
		(void)json_set(t->obj, "rotation", j);
	} else {
		char text[200];

		(void)snprintf(text, sizeof text, "policy %.64s, never rotated "
			       "by curfew", p->name);
		show_tell(t, "", "rotation", text);
	}
	show_tell_time(t, "next_rotation", "next rotation", l.due_ms);
	show_tell_time(t, "dead_by", "dead by", l.deadline_ms);
	rot_free(&l);
	return 0;
}

int show_rotation(struct telling *t, const struct inv_credential *c, struct err *e)
{
	struct rot_line l;
	int rc = rot_index_find(&t->s->lines, t->s->app->vault, c->connection,
				c->account, c->kind, c->id, &l, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return tell_policy(t, c, e);
	if (t->s->app->json) {
		(void)json_set(t->obj, "rotation", rot_json(&l, t->s->now_ms));
		show_tell_time(t, "next_rotation", "", rot_busy(&l) ? 0 :
								      l.due_ms);
		show_tell_time(t, "dead_by", "", l.deadline_ms);
		show_tell_time(t, "old_ends", "", old_ends(&l));
	} else {
		tell_line(t, &l, c);
	}
	rot_free(&l);
	return 0;
}
