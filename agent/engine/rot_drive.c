/*
 * rot_drive: the event loop of a rotation.  Owns the lanes (one per connection,
 * service or sink) and the order of things in a round: pick, commit the
 * intents, send, wait, take the answers, commit them.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/drive.h"
#include "agent/engine/knob.h"
#include "agent/engine/rot_clock.h"
#include "agent/engine/rot_inner.h"
#include "agent/engine/rot_policy.h"
#include "agent/urgent.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/inventory.h"

#define TIMEOUT_MS 30000
#define HELLO_MS 10000
#define REDRAW_MS 250
#define DRAIN_MS 5000 /* for answers on their way, when it is to end */

int64_t rot_now(const struct rot_drive *d)
{
	return d->wall0 + (clock_mono_ms() - d->mono0);
}

const struct rot_line *rot_drive_line(const struct rot_drive *d, size_t i)
{
	return &d->runs[i].l;
}

size_t rot_drive_lines(const struct rot_drive *d)
{
	return d->n_runs;
}

/* ---- lanes ----------------------------------------------------------------------- */

static struct queue_item look(const void *of, uint32_t i)
{
	const struct rot_lane *lane = of;
	const struct rot_run *r = &lane->d->runs[i];

	return (struct queue_item){
		.next_ms = r->step.at_ms,
		/* what is begun is brought to its end first */
		.rank = (int64_t)(RS_STATES - r->l.state) << 40 | i,
		.idle = r->sending || r->finished || r->lane != lane->index,
		.over = r->finished,
		.ahead = r->step.call != RC_NONE,
	};
}

static struct rot_lane *lane_of(const struct rot_drive *d, const char *name)
{
	for (size_t i = 0; i < d->n_lanes; i++)
		if (strcmp(d->lanes[i]->name, name) == 0)
			return d->lanes[i];
	return NULL;
}

static int lane_link(struct rot_drive *d, struct rot_lane *l, struct err *e)
{
	struct inv_connection c = { 0 };
	struct secret *admin = NULL;
	struct err why = ERR_INIT;
	int rc = inv_connection_get(d->v, l->name, &c, &admin, e);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		log_line(LOG_ERROR, "connection %s is not in the vault", l->name);
		l->absent = true;
		return 0;
	}
	facts_parse(c.facts, &l->facts);
	if (link_open(d->app->launcher, l->name, c.type, c.options, admin,
		      &l->link, &why) < 0) {
		log_err(LOG_ERROR, &why);
	} else {
		link_set_hello_timeout(l->link, HELLO_MS);
		d->links[d->n_links++] = l->link;
		if (link_begin(l->link, &why) < 0)
			log_err(LOG_WARNING, &why);
	}
	secret_free(&admin);
	inv_connection_free(&c);
	return 0;
}

static int lane_add(struct rot_drive *d, const char *name, struct rot_lane **out,
		    struct err *e)
{
	const struct config_connection *cc =
		d->app->config ? config_connection(d->app->config, name) : NULL;
	struct rot_lane **p, *l;
	struct link **links;

	*out = lane_of(d, name);
	if (*out)
		return 0;
	p = mem_realloc(d->lanes, (d->n_lanes + 1) * sizeof(struct rot_lane *));
	if (p)
		d->lanes = p;
	links = mem_realloc(d->links, (d->n_lanes + 1) * sizeof(struct link *));
	if (links)
		d->links = links;
	l = mem_zalloc(sizeof(*l));
	if (!p || !links || !l) {
		mem_free(l);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	l->d = d;
	l->index = (uint32_t)d->n_lanes;
	d->lanes[d->n_lanes++] = l;
	l->name = mem_strdup(name);
	if (!l->name)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	l->timeout_ms = cc && cc->timeout_ms > 0 ? cc->timeout_ms : TIMEOUT_MS;
	if (lane_link(d, l, e) < 0)
		return -1;
	l->rate_set = cc && cc->rate_per_s > 0;
	queue_init(&l->q, cc && cc->rate_per_s > 0 ? cc->rate_per_s :
						     l->facts.all.rate_per_s,
		   drive_in_flight(d->app->config, name), rot_now(d));
	queue_look(&l->q, look);
	*out = l;
	return 0;
}

/* What the programs say now goes before what was written down at connect. */
static void lanes_ready(struct rot_drive *d)
{
	for (size_t i = 0; i < d->n_lanes; i++) {
		struct rot_lane *l = d->lanes[i];
		struct err why = ERR_INIT;

		if (!l->link || link_facts(l->link))
			continue;
		if (link_start(l->link, &why) == 0 && link_facts(l->link))
			facts_read(link_facts(l->link), &l->facts);
		if (!l->rate_set)
			l->q.rate = l->facts.all.rate_per_s;
	}
}

/* ---- lines ----------------------------------------------------------------------- */

struct asking {
	const struct rot_drive *d;
	const struct rot_run *r;
};

static bool can_ask(const void *of, size_t sink)
{
	const struct asking *k = of;
	const struct rot_lane *l = lane_of(k->d, k->r->l.sinks[sink].conn);

	return l && l->link && link_has_verb(l->link, "adopted");
}

static const char *not_a_sink(const struct rot_lane *l, bool must_answer)
{
	if (!l || l->absent)
		return "is not connected";
	if (!l->link)
		return "cannot be opened";
	if (link_facts(l->link) && !link_has_verb(l->link, "deliver"))
		return "is no sink: its provider has no `deliver`";
	return must_answer && !link_facts(l->link) ? "does not answer" : NULL;
}

int rot_sinks_stand(struct rot_drive *d, struct rot_run *r, bool *changed,
		    struct err *e)
{
	const bool planned = r->l.state == RS_PLANNED;

	*changed = false;
	if (!planned && r->l.state != RS_VERIFIED_NEW)
		return 0;
	if (r->l.flags & RF_ABORT || r->l.epoch != r->l.taken)
		return 0;
	for (size_t i = 0; i < r->l.n_sinks; i++) {
		const struct rot_sink *s = &r->l.sinks[i];
		const char *why;

		if (!planned && s->version == r->l.version)
			continue;
		why = not_a_sink(lane_of(d, s->conn), planned);
		if (!why)
			continue;
		*changed = true;
		return rot_stuck(&r->l, rot_now(d), e, "'%.60s' %s: connect it, "
				 "or mend 'deliver' of [rotation.%.60s]",
				 s->conn, why, r->l.policy);
	}
	return 0;
}

int rot_arm(struct rot_drive *d, uint32_t i, struct err *e)
{
	struct rot_run *r = &d->runs[i];
	const struct asking k = { d, r };
	const struct rot_sinks s = { can_ask, &k };
	const char *name = r->l.conn;
	struct rot_lane *l;

	if (r->finished || r->l.state == RS_KILLED) {
		r->finished = true;
		return 0;
	}
	r->step = rot_next(r, &s, rot_now(d));
	if (r->step.call == RC_DELIVER || r->step.call == RC_ADOPTED)
		name = r->l.sinks[r->step.sink].conn;
	l = lane_of(d, name);
	if (!l)
		return err_fail(e, ERR_BUG, name, "a line without its connection");
	r->lane = l->index;
	return queue_push(&l->q, l, i, e);
}

static int run_add(struct rot_drive *d, struct err *e)
{
	if (d->n_runs == d->cap_runs) {
		uint32_t cap = d->cap_runs ? d->cap_runs * 2 : 16;
		struct rot_run *p = mem_realloc(d->runs, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->runs = p;
		d->cap_runs = cap;
	}
	d->runs[d->n_runs] = (struct rot_run){ .lane = NONE };
	return 0;
}

/* Is the old value known to be right?  Only then its refusal proves anything. */
static int look_at_old(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	struct inv_credential c;
	int rc = inv_credential_get(d->v, r->l.conn, r->l.account, r->l.kind,
				    r->l.cred, &c, NULL, e);

	if (rc < 0)
		return -1;
	r->based = rc == 0 || !c.has_secret || c.alive_ms > 0;
	if (r->l.state == RS_PLANNED && (rc == 0 || !c.has_secret))
		r->l.flags |= RF_OLD_UNKNOWN;
	if (rc > 0)
		inv_credential_free(&c);
	return 0;
}

static int address(const struct rot_line *l, char **out, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = inv_address(&b, l->conn, l->account, l->cred, e);

	if (rc == 0)
		rc = rot_text(out, b.p, e);
	buf_release(&b);
	return rc;
}

int rot_drive_add(struct rot_drive *d, struct rot_line *l, bool due_now,
		  struct err *e)
{
	struct rot_lane *lane, *sink;
	struct rot_run *r;

	if (run_add(d, e) < 0 || lane_add(d, l->conn, &lane, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n_sinks; i++)
		if (lane_add(d, l->sinks[i].conn, &sink, e) < 0)
			return -1;
	r = &d->runs[d->n_runs++];
	r->l = *l;
	*l = (struct rot_line){ .state = 0 };
	r->facts = facts_of(&lane->facts, r->l.kind);
	r->was_stuck = r->l.stuck_ms != 0;
	if (address(&r->l, &r->about, e) < 0)
		return -1;
	rot_recover(r, rot_now(d));
	if (due_now && r->l.next_ms != INT64_MAX && r->l.state != RS_OVERLAP) {
		r->l.next_ms = rot_now(d);
		r->l.stuck_ms = 0;
	}
	return look_at_old(d, r, e);
}

/* ---- the loop -------------------------------------------------------------------- */

/* Every line has one look at what needs no call, then waits for its turn. */
static int begin(struct rot_drive *d, struct err *e)
{
	lanes_ready(d);
	for (uint32_t i = 0; i < d->n_runs; i++) {
		struct rot_run *r = &d->runs[i];

		r->facts = facts_of(&lane_of(d, r->l.conn)->facts, r->l.kind);
		if (rot_arm(d, i, e) < 0 || rot_look(d, i, e) < 0)
			return -1;
	}
	return rot_collect(d, e);
}

/* Until something can be done; -1: there is nothing before the deadline. */
static int64_t wait_for(struct rot_drive *d, int64_t deadline)
{
	const int64_t now = rot_now(d);
	int64_t next = INT64_MAX;
	int under_way = 0;

	for (size_t i = 0; i < d->n_lanes; i++) {
		struct rot_lane *l = d->lanes[i];
		const int64_t at = queue_next(&l->q, l, now);

		under_way += l->q.in_flight + l->q.staged;
		if (at < next)
			next = at;
	}
	if (!under_way && (next > deadline || next == INT64_MAX))
		return -1;
	if (next > deadline)
		next = deadline;
	next = next > now ? next - now : 0;
	return next < REDRAW_MS ? next : REDRAW_MS;
}

static bool all_finished(const struct rot_drive *d)
{
	for (uint32_t i = 0; i < d->n_runs; i++)
		if (!d->runs[i].finished)
			return false;
	return true;
}

/* Ctrl-C, or a kill that waits for the vault. */
static bool to_end(const struct rot_drive *d, int64_t *asked)
{
	if (drive_interrupted())
		return true;
	if (rot_now(d) < *asked + REDRAW_MS)
		return false;
	*asked = rot_now(d);
	if (!urgent_wanted(d->app->dir))
		return false;
	log_line(LOG_NOTICE, "a kill waits for the vault: the rotation lets go "
		 "of it; the next sweep goes on");
	return true;
}

/* The vault does not take more, or something broke: nothing is sent, answers on
 * their way are taken in, because one may bring a key. */
static void drain(struct rot_drive *d)
{
	const int64_t begun = clock_mono_ms();
	int64_t patience = DRAIN_MS;
	struct err late = ERR_INIT;
	int under_way = 1;

	d->ending = true;
	while (under_way && clock_mono_ms() - begun < patience) {
		struct err e = ERR_INIT;

		if (rot_collect(d, &e) < 0 && !d->why)
			log_err(LOG_ERROR, &e);
		err_clear(&e);
		under_way = 0;
		for (size_t i = 0; i < d->n_lanes; i++) {
			under_way += d->lanes[i]->q.in_flight;
			if (d->lanes[i]->timeout_ms + DRAIN_MS > patience)
				patience = d->lanes[i]->timeout_ms + DRAIN_MS;
		}
		if (under_way && links_poll(d->links, d->n_links, REDRAW_MS,
					    rot_answered, d, &e) < 0) {
			log_err(LOG_ERROR, &e);
			under_way = 0;
		}
		err_clear(d->fault);
	}
	if (d->n_round && rot_collect(d, &late) < 0 && !d->why)
		log_err(LOG_ERROR, &late);
}

int rot_drive_run(struct rot_drive *d, bool *stopped, struct err *e)
{
	int64_t deadline = rot_now(d) + d->o->wait_ms, asked = 0, over = 0, wait;

	int rc = -1;

	*stopped = false;
	drive_catch(true);
	if (rot_room(d, e) < 0)
		goto out;
	if (begin(d, e) < 0)
		goto broken;
	for (;;) {
		/* to be ended: nothing more is sent, answers are waited for */
		if (!over && to_end(d, &asked))
			over = deadline = rot_now(d);
		if (over && rot_now(d) > over + DRAIN_MS)
			break;
		if (rot_now(d) < deadline && rot_send(d, e) < 0)
			goto broken;
		wait = d->n_round ? 0 : wait_for(d, deadline);
		if (wait < 0)
			break;
		if (links_poll(d->links, d->n_links, wait, rot_answered, d,
			       e) < 0)
			goto broken;
		if (d->fault->code) {
			*e = *d->fault;
			err_clear(d->fault);
			goto broken;
		}
		if (rot_collect(d, e) < 0 || d->why)
			goto broken;
	}
	*stopped = !all_finished(d);
	rc = 0;
	goto out;
broken:
	drain(d);
	rot_rescue(d, e);
out:
	drive_catch(false);
	return rc;
}

int rot_drive_new(struct app *app, const struct rot_options *o,
		  struct rot_drive **out, struct err *e)
{
	struct rot_drive *d = mem_zalloc(sizeof(*d));

	*out = d;
	if (d)
		d->fault = mem_zalloc(sizeof(*d->fault));
	if (!d || !d->fault) {
		mem_free(d);
		*out = NULL;
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	d->app = app;
	d->v = app->vault;
	d->o = o;
	d->wall0 = rot_clock_ms();
	d->mono0 = clock_mono_ms();
	return 0;
}

static void run_free(struct rot_run *r)
{
	rot_free(&r->l);
	rot_seen_clear(r);
	secret_free(&r->value);
	rot_ids_clear(&r->told);
	mem_free(r->about);
	mem_free(r->was_account);
	mem_free(r->was_old);
	mem_free(r->was_new);
	mem_free(r->text);
}

void rot_drive_free(struct rot_drive **dp)
{
	struct rot_drive *d = *dp;

	if (!d)
		return;
	for (size_t i = 0; i < d->n_lanes; i++) {
		link_close(&d->lanes[i]->link);
		queue_free(&d->lanes[i]->q);
		mem_free(d->lanes[i]->staged);
		mem_free(d->lanes[i]->name);
		mem_free(d->lanes[i]);
	}
	for (uint32_t i = 0; i < d->n_runs; i++)
		run_free(&d->runs[i]);
	mem_free(d->lanes);
	mem_free(d->links);
	mem_free(d->runs);
	mem_free(d->batch);
	mem_free(d->round);
	mem_free(d->fault);
	mem_free(d->why);
	mem_free(d);
	*dp = NULL;
}
