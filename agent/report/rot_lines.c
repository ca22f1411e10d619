/* rot_lines: see rot_lines.h. */
#include "agent/report/rot_lines.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/verdict.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "vault/inventory.h"

const char *rot_word(enum rot_word w)
{
	static const char *const words[] = { "DONE", "WAITING", "ABORTED",
					     "STUCK", "KILLED" };

	return words[w];
}

static int waiting(const struct rot_line *l, int64_t now, struct buf *b)
{
	char t[CLOCK_TEXT];

	switch (l->state) {
	case RS_OVERLAP:
		return buf_printf(b, NULL, "the new one is in use; the old one "
				  "is ended at %s",
				  clock_short(l->revoke_ms, t));
	case RS_DELIVERED:
		return buf_printf(b, NULL, "delivered; waits until its consumer "
				  "uses it%s", l->adopt == ADOPT_OPERATOR ?
				  ": then 'curfew rotate --adopted'" : "");
	case RS_OLD_DISABLED:
		return buf_printf(b, NULL, "the old one is switched off; it is "
				  "ended at %s",
				  clock_short(l->disabled_ms + l->soak_span, t));
	case RS_OLD_REVOKED:
		return buf_printf(b, NULL, "the old one was ended; its death is "
				  "being proved");
	case RS_ABORTING:
	case RS_ABORT_PROOF:
		return buf_printf(b, NULL, "the new one is being taken back");
	default:
		if (l->next_ms > now && l->next_ms < INT64_MAX)
			return buf_printf(b, NULL, "%s; goes on at %s",
					  rot_state_word(l->state),
					  clock_short(l->next_ms, t));
		return buf_printf(b, NULL, "%s; not finished",
				  rot_state_word(l->state));
	}
}

enum rot_word rot_stands(const struct rot_line *l, int64_t now, struct buf *text)
{
	enum rot_word w = RW_WAITING;
	int rc = 0;

	if (l->state == RS_KILLED) {
		w = RW_KILLED;
		rc = buf_printf(text, NULL, "%s took it over", l->incident);
	} else if (l->stuck_ms) {
		w = RW_STUCK;
		rc = buf_printf(text, NULL, "%s (in step %s)", l->why,
				rot_state_word(l->state));
	} else if (l->state == RS_IDLE && *l->why) {
		w = RW_ABORTED;
		rc = buf_printf(text, NULL, "%s", l->why);
	} else if (l->state == RS_IDLE) {
		w = RW_DONE;
		rc = buf_printf(text, NULL, "generation %lld; the old one %s",
				(long long)l->generation,
				l->flags & RF_UNPROVED ?
				"was replaced, which nobody can be asked to "
				"prove" : l->flags & RF_BY_RECORD ? "is dead: " :
				"is proved dead");
		if (rc == 0 && (l->flags & (RF_UNPROVED | RF_BY_RECORD)) ==
				       RF_BY_RECORD)
			rc = buf_puts(text, verdict_proof(false), NULL);
	} else {
		rc = waiting(l, now, text);
	}
	if (rc < 0)
		buf_reset(text);
	return w;
}

void rot_view(const struct rot_line *l, void *arg)
{
	struct rot_view *v = arg;

	v->ended += l->state == RS_IDLE;
	app_progress(v->app, "rotating: %zu of %zu are done", v->ended,
		     v->total);
}

struct json *rot_json(const struct rot_line *l, int64_t now)
{
	struct buf text = BUF_INIT(BUF_TEXT_MAX), at = BUF_INIT(BUF_TEXT_MAX);
	struct json *j = json_object(), *sinks = json_array();
	const enum rot_word w = rot_stands(l, now, &text);
	char t[CLOCK_TEXT];

	if (inv_address(&at, l->conn, l->account, l->cred, NULL) == 0)
		(void)json_set_str(j, "address", at.p);
	(void)json_set_str(j, "kind", l->kind);
	(void)json_set_str(j, "stands", rot_word(w));
	(void)json_set_str(j, "state", rot_state_word(l->state));
	(void)json_set_str(j, "text", text.p ? text.p : "");
	(void)json_set_str(j, "policy", l->policy);
	(void)json_set_int(j, "generation", l->generation);
	(void)json_set_str(j, "proof", w != RW_DONE || !l->done_ms ||
				   l->flags & RF_UNPROVED ?
			   NULL : l->flags & RF_BY_RECORD ? "record" : "refusal");
	(void)json_set_str(j, "coming", *l->new_cred ? l->new_cred : NULL);
	(void)json_set_str(j, "next", l->due_ms && l->state == RS_IDLE ?
			   clock_text(l->due_ms, t) : NULL);
	(void)json_set_str(j, "deadline", l->deadline_ms ?
			   clock_text(l->deadline_ms, t) : NULL);
	(void)json_set_str(j, "adopted", l->adopted_ms ?
			   clock_text(l->adopted_ms, t) : NULL);
	(void)json_set_str(j, "ends_old", l->revoke_ms ?
			   clock_text(l->revoke_ms, t) : NULL);
	for (size_t i = 0; i < l->n_sinks; i++) {
		struct json *s = json_object();

		(void)json_set_str(s, "sink", l->sinks[i].conn);
		(void)json_set_str(s, "place", l->sinks[i].place);
		(void)json_set_int(s, "version", l->sinks[i].version);
		(void)json_set_bool(s, "read_back", l->sinks[i].read_back);
		(void)json_set_bool(s, "acknowledged",
				    l->sinks[i].acknowledged);
		(void)json_push(sinks, s);
	}
	(void)json_set(j, "sinks", sinks);
	buf_release(&text);
	buf_release(&at);
	return j;
}

static int final_json(const struct app *app, const struct rot_drive *d,
		      int64_t now, int code)
{
	struct json *j = json_object(), *list = json_array();
	int rc;

	(void)json_set_int(j, "version", 1);
	for (size_t i = 0; i < rot_drive_lines(d); i++)
		(void)json_push(list, rot_json(rot_drive_line(d, i), now));
	(void)json_set(j, "rotations", list);
	(void)json_set_int(j, "exit", code);
	rc = out_json(app, j);
	json_free(&j);
	return rc == EXIT_OK ? code : rc;
}

static void print(FILE *to, const struct rot_line *l, enum rot_word w,
		  const char *text)
{
	struct buf at = BUF_INIT(BUF_TEXT_MAX), safe = BUF_INIT(BUF_TEXT_MAX);

	if (inv_address(&at, l->conn, l->account, l->cred, NULL) == 0 &&
	    out_safe(&safe, at.p, NULL) == 0)
		(void)fprintf(to, "%s  %s (%s)\n", safe.p, rot_word(w),
			      text ? text : "");
	buf_release(&at);
	buf_release(&safe);
}

int rot_final(const struct app *app, const struct rot_drive *d, bool silent)
{
	const int64_t now = clock_wall_ms();
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	const bool errors_only = silent || app->quiet;
	int code = EXIT_OK;

	for (size_t i = 0; i < rot_drive_lines(d); i++) {
		const struct rot_line *l = rot_drive_line(d, i);
		enum rot_word w;

		buf_reset(&text);
		w = rot_stands(l, now, &text);
		if (w == RW_STUCK)
			code = EXIT_ALIVE;
		if (app->json)
			continue;
		if (w == RW_STUCK && errors_only)
			print(stderr, l, w, text.p);
		else if (!errors_only)
			print(stdout, l, w, text.p);
	}
	buf_release(&text);
	return app->json && !silent ? final_json(app, d, now, code) : code;
}
