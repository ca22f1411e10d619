/*
 * show_incidents: what kills did, or still do, to a thing.
 */
#include <stdio.h>
#include <string.h>

#include "agent/incidents.h"
#include "agent/report/out.h"
#include "agent/show.h"
#include "base/clock.h"

struct telling {
	struct show *s;
	const char *id;
	char last[64]; /* the incident told before */
};

static void tell_json(struct show *s, const struct work *w,
		      const struct target *t, const struct action *a)
{
	struct json *arr = json_get(s->json, "actions");
	struct json *o = json_object();
	char at[CLOCK_TEXT];
	const int64_t when = a->done_ms != 0 ? a->done_ms : a->answered_ms;

	if (arr == NULL) {
		(void)json_set(s->json, "actions", json_array());
		arr = json_get(s->json, "actions");
	}
	(void)json_set_str(o, "incident", w->inc.name);
	(void)json_set_str(o, "connection", work_conn_name(w, t));
	(void)json_set_str(o, "account", t->account);
	(void)json_set_str(o, "id", t->id);
	(void)json_set_str(o, "verb", verb_word(a->verb));
	(void)json_set_str(o, "state", action_word(a->state));
	(void)json_set_str(o, "at", when != 0 ? clock_text(when, at) : NULL);
	(void)json_set_str(o, "note", a->note);
	if (arr != NULL)
		(void)json_push(arr, o);
	else
		json_free(&o);
}

static int tell_action(const struct work *w, const struct target *t,
		       const struct action *a, void *arg, struct err *e)
{
	struct telling *k = arg;
	const int64_t when = a->done_ms != 0 ? a->done_ms : a->answered_ms;
	char at[CLOCK_TEXT];

	(void)e;
	if (k->id != NULL && strcmp(t->id, k->id) != 0)
		return 0;
	if (k->s->app->json) {
		tell_json(k->s, w, t, a);
		return 0;
	}
	if (strcmp(k->last, w->inc.name) != 0) {
		(void)snprintf(k->last, sizeof k->last, "%s", w->inc.name);
		out_text("\nincident ");
		out_cell(w->inc.name, 0);
		out_text(w->inc.closed_ms != 0 ? " (closed)\n" : " (OPEN)\n");
	}
	out_text("  ");
	out_cell(verb_word(a->verb), 16);
	out_cell(action_word(a->state), 13);
	out_cell(when != 0 ? clock_text(when, at) : "", 22);
	out_cell(t->id[0] != '\0' ? t->id : t->account, 0);
	if (a->note != NULL && a->note[0] != '\0') {
		out_text("  ");
		out_cell(a->note, 0);
	}
	out_text("\n");
	return 0;
}

int show_incidents(struct show *s, const char *connection, const char *account,
		   const char *id, struct err *e)
{
	struct telling k = { .s = s, .id = id };

	/* an address names no kind: its id is compared here */
	return incidents_of(s->app->vault, connection, account,
			    tell_action, &k, e);
}
