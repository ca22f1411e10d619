/*
 * drive: the event loop of a kill.  Owns the lanes (one per connection) and
 * the order of things in a round: pick, commit the intents, send, wait, apply
 * the answers, commit them.  Must never call outside while a transaction is
 * open, nor send what was not committed first.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "agent/engine/reply.h"
#include "agent/engine/plan.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define REDRAW_MS 250
#define IN_FLIGHT 16
#define TIMEOUT_MS 30000

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

bool drive_interrupted(void)
{
	return interrupted != 0;
}

void drive_catch(bool on)
{
	static struct sigaction old_int, old_term;
	struct sigaction sa = { .sa_handler = on_signal };

	sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGINT, on ? &sa : &old_int, on ? &old_int : NULL);
	(void)sigaction(SIGTERM, on ? &sa : &old_term, on ? &old_term : NULL);
}

/* Wall time that does not jump: taken once, then carried by the monotonic
 * clock, so that a clock set back cannot hold a kill up. */
int64_t drive_now(const struct drive *d)
{
	return d->wall0 + (clock_mono_ms() - d->mono0);
}

struct lane *drive_lane(const struct drive *d, const struct action *a)
{
	return &d->lanes[d->w->targets[a->target].conn];
}

int drive_in_flight(const struct config *c, const char *connection)
{
	const struct config_connection *cc =
		c ? config_connection(c, connection) : NULL;

	return cc && cc->in_flight > 0 ? cc->in_flight : IN_FLIGHT;
}

int drive_facts(struct vault *v, const struct work *w, struct facts **out,
		struct err *e)
{
	struct facts *f = mem_array(w->n_conns + 1, sizeof(*f));

	if (!f)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t i = 0; i < w->n_conns; i++) {
		struct inv_connection c = { 0 };
		int rc = inv_connection_get(v, w->conns[i], &c, NULL, e);

		if (rc < 0) {
			mem_free(f);
			return -1;
		}
		facts_parse(rc ? c.facts : NULL, &f[i]);
		if (rc)
			inv_connection_free(&c);
	}
	*out = f;
	return 0;
}

/* ---- actions ------------------------------------------------------------- */

static bool counts_self(const struct drive *d, const struct action *a)
{
	return d->w->targets[a->target].flags & TF_SELF;
}

static void count(struct drive *d, const struct action *a, int by)
{
	struct lane *l = drive_lane(d, a);

	if (!action_open(a))
		return;
	d->n_open += (uint32_t)by;
	if (counts_self(d, a))
		return;
	l->open_others += (uint32_t)by;
	if (verb_cuts(a->verb))
		l->open_cuts += (uint32_t)by;
}

int drive_touch(struct drive *d, uint32_t action, struct err *e)
{
	if (d->w->actions[action].dirty)
		return 0;
	if (list_add(&d->dirty, &d->n_dirty, &d->cap_dirty, action, e) < 0)
		return -1;
	d->w->actions[action].dirty = true;
	return 0;
}

static void set_state(struct drive *d, struct action *a, enum action_state s)
{
	count(d, a, -1);
	a->state = (uint8_t)s;
	count(d, a, 1);
}

int drive_settle(struct drive *d, uint32_t action, enum action_state s,
		 struct err *e)
{
	if (list_add(&d->lazy, &d->n_lazy, &d->cap_lazy, action, e) < 0)
		return -1;
	set_state(d, &d->w->actions[action], s);
	return 0;
}

int drive_set(struct drive *d, uint32_t action, enum action_state s,
	      struct err *e)
{
	set_state(d, &d->w->actions[action], s);
	return drive_touch(d, action, e);
}

int drive_arm(struct drive *d, uint32_t action, int64_t when, struct err *e)
{
	struct action *a = &d->w->actions[action];

	if (drive_set(d, action, a->attempts ? A_TRYING : A_INTENDED, e) < 0)
		return -1;
	a->next_ms = when;
	return queue_push(&drive_lane(d, a)->q, d->w, action, e);
}

static int lane_sweep(struct lane *l, uint32_t action, struct err *e)
{
	uint32_t *p = mem_realloc(l->sweeps, (l->n_sweeps + 1) * sizeof(*p));

	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	l->sweeps = p;
	p[l->n_sweeps++] = action;
	return 0;
}

static bool answered(const struct action *a)
{
	return a && (a->answered_ms || action_settled(a));
}

/* The counterpart of the releases in answer.c, for rows read again. */
static bool waits_for_nothing(const struct drive *d, const struct action *a)
{
	uint32_t up = d->w->targets[a->target].parent;
	const struct action *s = work_of(d->w, a->target, V_SNAPSHOT);

	switch (a->verb) {
	case V_REVOKE:
	case V_REMOVE_GRANT:
		if (!s)
			s = work_of(d->w, up, V_SNAPSHOT);
		return !s || action_settled(s);
	case V_CUT:
	case V_PROBE:
		return answered(work_of(d->w, a->target, V_DISABLE)) ||
		       answered(work_of(d->w, a->target, V_REVOKE));
	default:
		return false;
	}
}

/* Times in a row come from an earlier run, perhaps with another clock. */
static void refresh(struct drive *d, struct action *a)
{
	int64_t now = drive_now(d);

	a->sending = false;
	if (a->state == A_SENT)
		a->state = A_TRYING; /* it may have been done: ask again */
	if (a->next_ms != INT64_MAX && a->next_ms > now + BACKOFF_MAX_MS)
		a->next_ms = now;
	outage_refresh(a, now); /* whoever begins a run wants to know */
	/* What it waited for may have been answered before: nobody would
	 * release it any more. */
	if (!a->attempts && a->next_ms > now && waits_for_nothing(d, a))
		a->next_ms = now;
}

int drive_adopt(struct drive *d, uint32_t from, struct err *e)
{
	for (uint32_t i = from; i < d->w->n_actions; i++) {
		struct action *a = &d->w->actions[i];
		struct target *t = &d->w->targets[a->target];
		struct lane *l = &d->lanes[t->conn];

		refresh(d, a);
		evidence_resume(d, a);
		count(d, a, 1);
		if (t->flags & TF_SELF)
			l->has_self = true;
		if (t->what == T_ACCOUNT && (t->flags & TF_MAKES) &&
		    !(t->flags & (TF_SKIPPED | TF_REPORTED)))
			l->makes = true;
		if (verb_cuts(a->verb) && a->done_ms > l->last_cut_ms &&
		    !(t->flags & TF_SELF))
			l->last_cut_ms = a->done_ms;
		if (a->verb == V_RESWEEP && lane_sweep(l, i, e) < 0)
			return -1;
		if (value_sealed_since(d, i, e) < 0)
			return -1;
		if (action_open(a) && !(t->flags & TF_SELF) &&
		    queue_push(&l->q, d->w, i, e) < 0)
			return -1;
	}
	return 0;
}

/* curfew's own access goes last: when nothing else is open on its lane. */
static int release_self(struct drive *d, struct err *e)
{
	for (size_t c = 0; c < d->w->n_conns; c++) {
		struct lane *l = &d->lanes[c];

		if (!l->has_self || l->open_others)
			continue;
		l->has_self = false;
		for (uint32_t i = 0; i < d->w->n_actions; i++) {
			const struct action *a = &d->w->actions[i];
			const struct target *t = &d->w->targets[a->target];

			if (t->conn == c && (t->flags & TF_SELF) &&
			    action_open(a) &&
			    queue_push(&l->q, d->w, i, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* ---- the loop ------------------------------------------------------------ */

/* Things that are only noted need no provider. */
static bool lane_needed(const struct drive *d, size_t c)
{
	for (uint32_t i = 0; i < d->w->n_actions; i++)
		if (d->w->targets[d->w->actions[i].target].conn == c &&
		    d->w->actions[i].verb != V_NOTE)
			return true;
	return false;
}

/* A link to that connection which is open already. */
static struct link *warm(struct app *app, const char *name)
{
	for (size_t i = 0; i < app->n_warm; i++) {
		struct link *l = app->warm[i];

		if (strcmp(link_name(l), name) != 0)
			continue;
		app->warm[i] = app->warm[--app->n_warm];
		return l;
	}
	return NULL;
}

static int lane_open(struct drive *d, size_t c, struct err *e)
{
	struct lane *l = &d->lanes[c];
	const char *name = d->w->conns[c];
	const struct config_connection *cc =
		d->app->config ? config_connection(d->app->config, name) : NULL;
	struct inv_connection conn = { 0 };
	struct secret *admin = NULL;
	struct err why = ERR_INIT;
	double rate;
	int rc;

	rc = inv_connection_get(d->v, name, &conn, &admin, e);
	if (rc < 0)
		return -1;
	facts_parse(rc ? conn.facts : NULL, &l->facts);
	l->synced = rc && conn.synced_ms;
	rate = cc && cc->rate_per_s > 0 ? cc->rate_per_s :
					  l->facts.all.rate_per_s;
	l->timeout_ms = cc && cc->timeout_ms > 0 ? cc->timeout_ms : TIMEOUT_MS;
	l->evidence_ms = drive_now(d);
	queue_init(&l->q, rate, drive_in_flight(d->app->config, name),
		   drive_now(d));
	if (!lane_needed(d, c)) {
		inv_connection_free(&conn); /* nothing to ask there */
	} else if (rc > 0) {
		l->link = warm(d->app, name);
		if (!l->link &&
		    link_open(d->app->launcher, name, conn.type, conn.options,
			      admin, &l->link, &why) < 0)
			log_err(LOG_ERROR, &why);
		else
			d->links[d->n_links++] = l->link;
		inv_connection_free(&conn);
	} else {
		log_line(LOG_ERROR, "connection %s is no longer in the vault",
			 name);
	}
	secret_free(&admin);
	return 0;
}

static int drive_open(struct drive *d, struct err *e)
{
	d->lanes = mem_array(d->w->n_conns + 1, sizeof(*d->lanes));
	d->links = mem_array(d->w->n_conns + 1, sizeof(*d->links));
	if (!d->lanes || !d->links)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t c = 0; c < d->w->n_conns; c++)
		if (lane_open(d, c, e) < 0)
			return -1;
	d->n_written = d->w->n_actions;
	for (uint32_t i = 0; i < d->w->n_actions; i++)
		d->w->actions[i].dirty = false;
	return drive_adopt(d, 0, e);
}

static void drive_close(struct drive *d)
{
	for (size_t c = 0; d->lanes && c < d->w->n_conns; c++) {
		link_close(&d->lanes[c].link);
		queue_free(&d->lanes[c].q);
		mem_free(d->lanes[c].seen.p);
		mem_free(d->lanes[c].sweeps);
		mem_free(d->lanes[c].staged);
	}
	for (size_t i = 0; i < d->n_fresh; i++)
		inv_account_free(&d->fresh[i]);
	for (size_t i = 0; i < d->n_found; i++)
		inv_credential_free(&d->found[i]);
	mem_free(d->fresh);
	mem_free(d->found);
	mem_free(d->lanes);
	mem_free(d->links);
	mem_free(d->sweeps);
	mem_free(d->round);
	mem_free(d->dirty);
	mem_free(d->lazy);
	mem_free(d->batch);
}

/* How long to wait for an answer: until something else can be done.  -1: there
 * is nothing to wait for before the deadline. */
static int64_t wait_for(struct drive *d, int64_t deadline, int *under_way)
{
	int64_t now = drive_now(d), next = INT64_MAX;

	*under_way = 0;
	for (size_t c = 0; c < d->w->n_conns; c++) {
		struct lane *l = &d->lanes[c];
		int64_t at = queue_next(&l->q, d->w, now);

		*under_way += l->q.in_flight + l->q.staged;
		if (at < next)
			next = at;
	}
	if (!*under_way && next > deadline)
		return -1;
	if (next > deadline)
		next = deadline;
	next = next > now ? next - now : 0;
	return next < REDRAW_MS ? next : REDRAW_MS;
}

static int round_once(struct drive *d, int64_t wait, struct err *e)
{
	if (links_poll(d->links, d->n_links, wait, call_answered, d, e) < 0)
		return -1;
	if (d->fault->code) {
		*e = *d->fault;
		return -1;
	}
	if (call_take(d, e) < 0)
		return -1;
	return release_self(d, e);
}

static void view(const struct drive *d, const struct drive_options *o,
		 struct facts *f, bool last)
{
	if (!o->view)
		return;
	for (size_t c = 0; c < d->w->n_conns; c++)
		f[c] = d->lanes[c].facts;
	o->view(d->w, f, drive_now(d), last, o->arg);
}

static int64_t patience(struct drive *d, const struct drive_options *o,
			struct facts *f, struct err *e)
{
	int *in_flight = mem_array(d->w->n_conns + 1, sizeof(*in_flight));
	struct plan_eta eta;

	if (!in_flight)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t c = 0; c < d->w->n_conns; c++) {
		f[c] = d->lanes[c].facts;
		if (d->lanes[c].q.rate > 0)
			f[c].all.rate_per_s = d->lanes[c].q.rate;
		in_flight[c] = d->lanes[c].q.limit;
	}
	plan_estimate(d->w, f, in_flight, DRIVE_CALL_MS, &eta);
	mem_free(in_flight);
	return drive_now(d) +
	       (o->wait_ms >= 0 ? o->wait_ms : eta.busy_ms + DRIVE_WAIT_MS);
}

static int loop(struct drive *d, const struct drive_options *o, struct facts *f,
		bool *stopped, struct err *e)
{
	int64_t deadline = patience(d, o, f, e), wait;
	int under_way;

	if (deadline < 0)
		return -1;
	for (;;) {
		if (!d->n_open)
			return keep_rest(d, e) < 0 ? -1 : keep_close(d, e);
		if (interrupted || drive_now(d) >= deadline)
			break;
		if (call_send(d, e) < 0)
			return -1;
		wait = d->n_round ? 0 : wait_for(d, deadline, &under_way);
		if (wait < 0)
			break;
		if (round_once(d, wait, e) < 0)
			return -1;
		view(d, o, f, false);
	}
	*stopped = true;
	return evidence_leave(d, e) < 0 ? -1 : keep_rest(d, e);
}

int drive_run(struct app *app, struct work *w, const struct drive_options *o,
	      bool *stopped, struct err *e)
{
	struct err fault = ERR_INIT;
	struct drive d = { .app = app, .v = app->vault, .w = w,
			   .fault = &fault, .wall0 = clock_wall_ms(),
			   .mono0 = clock_mono_ms() };
	struct facts *f = mem_array(w->n_conns + 1, sizeof(*f));
	int rc = -1;

	*stopped = false;
	if (!f)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	drive_catch(true);
	if (drive_open(&d, e) < 0)
		goto out;
	rc = loop(&d, o, f, stopped, e);
	view(&d, o, f, true);
out:
	drive_catch(false);
	drive_close(&d);
	mem_free(f);
	return rc;
}
