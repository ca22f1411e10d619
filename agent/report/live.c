/*
 * live: the lines of a kill.  stdout gets the final lines only, so that a pipe
 * sees each target once; what moves goes to the terminal on stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/engine/drive.h"
#include "agent/engine/plan.h"
#include "agent/engine/verdict.h"
#include "agent/report/left.h"
#include "agent/report/live.h"
#include "agent/report/out.h"
#include "agent/report/twins.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define REDRAW_MS 250

/* "DYING (until 14:32)", without the address. */
static void state_text(const struct verdict *v, char *out, size_t cap)
{
	char t[CLOCK_TEXT];

	switch (v->word) {
	case VD_DEAD:
		if (v->before)
			(void)snprintf(out, cap, "DEAD (proved earlier)");
		else
			(void)snprintf(out, cap, "DEAD (%s)",
				       strcmp(v->why, "removed") == 0 ?
				       "removed" : verdict_proof(v->refusal));
		break;
	case VD_DYING:
		if (v->until_ms)
			(void)snprintf(out, cap, "DYING (until %s%s%s)",
				       clock_short(v->until_ms, t),
				       *v->why ? ": " : "", v->why);
		else
			(void)snprintf(out, cap, "DYING (%s)", v->why);
		break;
	default:
		(void)snprintf(out, cap, "%s (%s)", verdict_word(v->word),
			       v->why);
	}
}

int live_address(const struct work *w, const struct target *t, struct buf *b)
{
	struct err e = ERR_INIT;
	struct buf raw = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	buf_reset(b);
	if (plan_address(w, t, &raw, &e) == 0)
		rc = text_escape(b, raw.p, raw.len, &e);
	if (rc == 0 && t->what == T_GRANT)
		rc = buf_puts(b, " (grant)", &e);
	buf_release(&raw);
	return rc;
}

/* ---- while it runs ----------------------------------------------------------- */

static unsigned terminal_rows(void)
{
	struct winsize ws;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_row < 8)
		return 20;
	return ws.ws_row;
}

static unsigned draw(const struct work *w, const struct facts *facts,
		     int64_t now)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	unsigned room = terminal_rows() - 4, lines = 0;
	char text[200];

	for (uint32_t i = 0; i < w->n_targets && lines < room; i++) {
		struct verdict v = verdict_of(w, i, facts, now);

		if (v.word == VD_NONE || (v.word == VD_DEAD &&
					  w->n_targets > room))
			continue;
		if (live_address(w, &w->targets[i], &b) < 0)
			break;
		state_text(&v, text, sizeof(text));
		(void)fprintf(stderr, "%.60s  %.60s\n", b.p, text);
		lines++;
	}
	buf_release(&b);
	return lines;
}

void live_view(const struct work *w, const struct facts *facts, int64_t now,
	       bool last, void *arg)
{
	struct live *l = arg;
	struct tally t;

	if (!l->app->err_tty || l->app->quiet ||
	    (!last && now < l->drawn_ms + REDRAW_MS))
		return;
	l->drawn_ms = now;
	if (l->lines)
		(void)fprintf(stderr, "\033[%uA\033[J", l->lines);
	l->lines = 0;
	if (last)
		return;
	verdict_tally(w, facts, now, &t);
	l->lines = draw(w, facts, now) + 1;
	(void)fprintf(stderr, "%s: %u dead, %u dying, %u alive; Ctrl-C leaves "
		      "it to 'curfew resume'\n", w->inc.name, t.dead, t.dying,
		      t.alive + t.skipped);
	(void)fflush(stderr);
}

/* ---- at the end ---------------------------------------------------------------- */

/* How many of the things at connection c are alive? */
static uint32_t alive_at(const struct work *w, const struct facts *facts,
			 int64_t now, size_t c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n_targets; i++)
		n += w->targets[i].conn == c &&
		     verdict_of(w, i, facts, now).word == VD_ALIVE;
	return n;
}

/* Where something is alive, that is said already. */
static void sweeps_left(const struct work *w, const struct facts *facts,
			int64_t now)
{
	for (uint32_t i = 0; i < w->n_actions; i++) {
		const struct action *a = &w->actions[i];

		const struct target *t = &w->targets[a->target];

		if (a->verb != V_RESWEEP || !action_open(a) ||
		    alive_at(w, facts, now, t->conn))
			continue;
		out_text("listing of ");
		out_cell(work_conn_name(w, t), 0);
		if (t->what == T_ACCOUNT) {
			out_text("/");
			out_cell(t->account, 0);
		}
		out_text(" is not clean twice yet");
		if (a->note) {
			out_text(" (");
			out_cell(a->note, 0);
			out_text(")");
		}
		out_text("\n");
	}
}

/* " (pg 2, mail 1)" */
static void alive_where(const struct work *w, const struct facts *facts,
			int64_t now)
{
	const char *sep = " (";
	char n[24];

	for (size_t c = 0; c < w->n_conns; c++) {
		uint32_t alive = alive_at(w, facts, now, c);

		if (!alive)
			continue;
		out_text(sep);
		out_cell(w->conns[c], 0);
		(void)snprintf(n, sizeof(n), " %u", alive);
		out_text(n);
		sep = ", ";
	}
	out_text(")");
}

static void summary(const struct work *w, const struct tally *t,
		    const struct facts *facts, int64_t now)
{
	char line[300], at[CLOCK_TEXT];

	(void)snprintf(line, sizeof(line), "%s: %u dead, %u dying, %u alive",
		       w->inc.name, t->dead, t->dying, t->alive);
	out_text(line);
	if (t->alive)
		alive_where(w, facts, now);
	if (t->skipped) {
		(void)snprintf(line, sizeof(line), ", %u skipped", t->skipped);
		out_text(line);
	}
	if (t->missing) {
		(void)snprintf(line, sizeof(line), ", %u not found",
			       t->missing);
		out_text(line);
	}
	if (verdict_exit(t) == EXIT_OK) {
		out_text(t->dead ? "; all proved dead\n" : "\n");
		return;
	}
	if (t->until_ms) {
		(void)snprintf(line, sizeof(line), "; the last until %s",
			       clock_short(t->until_ms, at));
		out_text(line);
	}
	if (!t->dying && !t->alive)
		left_tell_open(w, t);
	out_text("\n");
	if (w->inc.closed_ms)
		return;
	(void)snprintf(line, sizeof(line), "go on with: curfew resume %s\n",
		       w->inc.name);
	out_text(line);
}

static size_t width_of(const struct work *w, const struct facts *facts,
		       int64_t now, struct buf *b)
{
	size_t width = 0;

	for (uint32_t i = 0; i < w->n_targets; i++) {
		struct verdict v = verdict_of(w, i, facts, now);

		if (v.word != VD_NONE &&
		    live_address(w, &w->targets[i], b) == 0 &&
		    text_width(b->p) > width && text_width(b->p) <= 110)
			width = text_width(b->p);
	}
	return width;
}

/* The same key in another account is another door: nobody may believe it shut.
 * A walk that fails is said, the kill's own end stands. */
static void tell_twins(const struct app *app, const struct work *w)
{
	struct twins t;
	struct err e = ERR_INIT;

	if (twins_find(app, w, &t, &e) < 0)
		log_err(LOG_WARNING, &e);
	twins_print(&t);
	twins_free(&t);
}

static void set_twins(const struct app *app, const struct work *w,
		      struct json *j)
{
	struct twins t;
	struct err e = ERR_INIT;

	if (twins_find(app, w, &t, &e) < 0)
		log_err(LOG_WARNING, &e);
	(void)json_set(j, "also_opens", twins_json(&t));
	twins_free(&t);
}

struct line { /* of the final list */
	const struct work *w;
	uint32_t target;
	struct verdict v;
	unsigned rank;
};

/* What still has to be looked after stands last, where it is seen. */
static unsigned rank_of(enum life_word word)
{
	static const enum life_word order[] = { VD_DEAD, VD_TOLD, VD_DYING,
						VD_SKIPPED, VD_MISSING, VD_ALIVE };
	unsigned r = 0;

	while (r < sizeof(order) / sizeof(*order) && order[r] != word)
		r++;
	return r;
}

static int by_rank(const void *pa, const void *pb)
{
	const struct line *a = pa, *b = pb;
	const struct target *x = &a->w->targets[a->target];
	const struct target *y = &b->w->targets[b->target];
	int rc;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	rc = strcmp(work_conn_name(a->w, x), work_conn_name(b->w, y));
	if (!rc)
		rc = strcmp(x->account, y->account);
	if (!rc)
		rc = (int)x->what - (int)y->what;
	return rc ? rc : strcmp(x->id, y->id);
}

static void print_line(const struct line *l, size_t width, struct buf *b)
{
	char text[500];

	if (live_address(l->w, &l->w->targets[l->target], b) < 0)
		return;
	state_text(&l->v, text, sizeof(text));
	(void)printf("%s%*s  %s\n", b->p, text_width(b->p) < width ?
		     (int)(width - text_width(b->p)) : 0, "", text);
}

static int print_lines(const struct work *w, const struct facts *facts,
		       int64_t now, struct buf *b, struct err *e)
{
	struct line *all = mem_array(w->n_targets + 1, sizeof(*all));
	size_t width = width_of(w, facts, now, b), n = 0;

	if (!all)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (uint32_t i = 0; i < w->n_targets; i++) {
		struct verdict v = verdict_of(w, i, facts, now);

		if (v.word != VD_NONE)
			all[n++] = (struct line){ w, i, v, rank_of(v.word) };
	}
	qsort(all, n, sizeof(*all), by_rank);
	for (size_t i = 0; i < n; i++)
		print_line(&all[i], width, b);
	mem_free(all);
	return 0;
}

int live_final(const struct app *app, const struct work *w,
	       const struct facts *facts, int64_t now)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	struct tally t;

	verdict_tally(w, facts, now, &t);
	if (print_lines(w, facts, now, &b, &e) < 0)
		log_err(LOG_ERROR, &e); /* the summary stands */
	left_tell_sessions(w);
	sweeps_left(w, facts, now);
	tell_twins(app, w);
	summary(w, &t, facts, now);
	buf_release(&b);
	return verdict_exit(&t);
}

struct json *live_target(const struct work *w, uint32_t i,
			 const struct facts *facts, int64_t now)
{
	static const char *const whats[] = { "", "account", "credential",
					     "grant", "connection" };
	struct verdict v = verdict_of(w, i, facts, now);
	const struct target *t = &w->targets[i];
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct json *j = json_object();
	char at[CLOCK_TEXT];
	bool ok;

	ok = plan_address(w, t, &b, NULL) == 0 &&
	     json_set_str(j, "address", b.p) &&
	     json_set_str(j, "what", whats[t->what]) &&
	     (!*t->kind || json_set_str(j, "kind", t->kind)) &&
	     json_set_str(j, "state", verdict_word(v.word)) &&
	     (!*v.why || json_set_str(j, "why", v.why));
	if (ok && v.word == VD_DEAD)
		ok = json_set_str(j, "proof", strcmp(v.why, "removed") == 0 ?
				  "removed" : v.refusal ? "refusal" : "record") &&
		     json_set_bool(j, "earlier", v.before) &&
		     json_set_str(j, "dead_at", clock_text(v.at_ms, at));
	if (ok && v.until_ms)
		ok = json_set_str(j, "until", clock_text(v.until_ms, at));
	if (ok && left_session(w, i))
		ok = json_set_str(j, "sessions_not_cut", left_session(w, i));
	buf_release(&b);
	if (!ok)
		json_free(&j);
	return j;
}

int live_json(const struct app *app, const struct work *w,
	      const struct facts *facts, int64_t now)
{
	struct json *j = json_object(), *list = json_array();
	struct tally t;
	char at[CLOCK_TEXT];
	int code;

	verdict_tally(w, facts, now, &t);
	code = verdict_exit(&t);
	(void)json_set_int(j, "version", 1);
	(void)json_set_str(j, "incident", w->inc.name);
	(void)json_set_str(j, "opened", clock_text(w->inc.opened_ms, at));
	(void)json_set_str(j, "closed", w->inc.closed_ms ?
			   clock_text(w->inc.closed_ms, at) : NULL);
	(void)json_set_int(j, "dead", t.dead);
	(void)json_set_int(j, "dying", t.dying);
	(void)json_set_int(j, "alive", t.alive);
	(void)json_set_int(j, "skipped", t.skipped);
	(void)json_set_int(j, "not_found", t.missing);
	(void)json_set_int(j, "open_listings", t.open_sweeps);
	(void)json_set_int(j, "exit", code);
	for (uint32_t i = 0; i < w->n_targets; i++)
		if (verdict_of(w, i, facts, now).word != VD_NONE)
			(void)json_push(list, live_target(w, i, facts, now));
	(void)json_set(j, "targets", list);
	(void)json_set(j, "open", left_open_json(w));
	(void)json_set(j, "sessions_not_cut", left_sessions_json(w));
	set_twins(app, w, j);
	if (out_json(app, j) != EXIT_OK)
		code = EXIT_STORE;
	json_free(&j);
	return code;
}

/* ---- the plan ------------------------------------------------------------------- */

static void plan_line(const struct work *w, uint32_t i)
{
	const struct target *t = &w->targets[i];
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const char *sep = "  ";

	if (live_address(w, t, &b) < 0)
		return;
	out_text(b.p);
	for (unsigned v = V_SNAPSHOT; v < V_VERBS; v++) {
		const struct action *a = work_of(w, i, (enum verb)v);

		if (!a)
			continue;
		out_text(sep);
		if (v == V_NOTE)
			out_text(work_missing(w, i) ? "NOT FOUND: " :
				 t->flags & TF_SKIPPED ? "SKIPPED: " : "");
		out_text(v == V_NOTE && a->note ? a->note : action_verb(w, a));
		if (v == V_REVOKE && a->note) {
			out_text(" (");
			out_text(a->note);
			out_text(")");
		}
		if (a->state == A_DONE)
			out_text(" (dead already)");
		sep = ", ";
	}
	out_text("\n");
	buf_release(&b);
}

static struct json *plan_target(const struct work *w, uint32_t i)
{
	const struct target *t = &w->targets[i];
	struct json *j = json_object(), *calls = json_array();
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const struct action *note = work_of(w, i, V_NOTE);
	const struct action *revoke = work_of(w, i, V_REVOKE);

	if (plan_address(w, t, &b, NULL) == 0)
		(void)json_set_str(j, "address", b.p);
	if (*t->kind)
		(void)json_set_str(j, "kind", t->kind);
	for (unsigned v = V_SNAPSHOT; v < V_NOTE; v++) {
		const struct action *a = work_of(w, i, (enum verb)v);

		if (a && a->state != A_DONE)
			(void)json_push_str(calls, action_verb(w, a));
	}
	if (revoke && revoke->note)
		(void)json_set_str(j, "needs", revoke->note);
	(void)json_set(j, "calls", calls);
	if (note && t->flags & TF_SKIPPED)
		(void)json_set_str(j, work_missing(w, i) ? "not_found" :
				   "skipped", note->note);
	buf_release(&b);
	return j;
}

static int plan_json(const struct app *app, const struct work *w,
		     const struct plan_eta *eta)
{
	struct json *j = json_object(), *list = json_array();
	int code;

	(void)json_set_int(j, "version", 1);
	(void)json_set_bool(j, "dry_run", true);
	(void)json_set_int(j, "cuts", eta->cuts);
	(void)json_set_int(j, "cut_ms", eta->cut_ms);
	(void)json_set_int(j, "proved_ms", eta->proved_ms);
	for (uint32_t i = 0; i < w->n_targets; i++)
		(void)json_push(list, plan_target(w, i));
	(void)json_set(j, "targets", list);
	set_twins(app, w, j);
	code = out_json(app, j);
	json_free(&j);
	return code;
}

int live_plan(const struct app *app, const struct work *w,
	      const struct facts *facts, int64_t now)
{
	int *in_flight = mem_array(w->n_conns + 1, sizeof(*in_flight));
	char line[200], a[CLOCK_TEXT], b[CLOCK_TEXT];
	struct plan_eta eta;

	(void)now;
	if (!in_flight)
		return EXIT_STORE;
	for (size_t c = 0; c < w->n_conns; c++)
		in_flight[c] = drive_in_flight(app->config, w->conns[c]);
	plan_estimate(w, facts, in_flight, DRIVE_CALL_MS, &eta);
	mem_free(in_flight);
	if (app->json)
		return plan_json(app, w, &eta);
	for (uint32_t i = 0; i < w->n_targets; i++)
		plan_line(w, i);
	tell_twins(app, w);
	(void)snprintf(line, sizeof(line), "%u calls that cut, about %s; proved "
		       "after about %s\n", eta.cuts, clock_span(eta.cut_ms, a),
		       clock_span(eta.proved_ms, b));
	out_text(line);
	return EXIT_OK;
}
