/*
 * call: one round's calls: pick what may go, commit the intents, send; and on
 * the way back read the answers, apply them, commit them.  What a provider
 * says is taken as text and numbers, never as an instruction.
 */
#include "agent/engine/drive_inner.h"
#include "agent/engine/reply.h"
#include "base/crash.h"
#include "base/mem.h"

/* ---- sending ------------------------------------------------------------- */

static struct json *request_of(const struct drive *d, const struct action *a)
{
	const struct target *t = &d->w->targets[a->target];
	/* the value says it all, and account and id may be our own */
	const bool value = action_by_value(d->w, a) || target_by_value(t);
	struct json *r = json_object();
	bool ok = json_set_str(r, "verb", action_verb(d->w, a));

	if (*t->account && !value)
		ok = ok && json_set_str(r, "account", t->account);
	if (*t->kind)
		ok = ok && json_set_str(r, "kind", t->kind);
	if (*t->id && !value)
		ok = ok && json_set_str(r, "credential", t->id);
	if (!ok)
		json_free(&r);
	return r;
}

/*
 * A sealed value may be the wrong one, and then its refusal says nothing of the
 * credential: the first "dead" of a row is asked of the service's record, and
 * so is the one that settles a listing which still shows the credential.
 */
static bool goes_bare(const struct drive *d, const struct action *a,
		      bool went_bare)
{
	const struct action *r = work_of(d->w, a->target, V_REVOKE);

	if (a->beside)
		return false;
	/* A value that was to end itself proves itself by having been accepted
	 * before (AF_KNOWN). */
	if (r && action_by_value(d->w, r) &&
	    !(a->flags & AF_CONFIRM || r->flags & AF_DOUBT))
		return false;
	/* the value proves nothing: ask for the record every other time */
	if (a->flags & AF_NO_BARE && a->flags & AF_REFUSAL && !a->count)
		return !went_bare;
	return !(a->flags & AF_NO_BARE) &&
	       (a->count == 0 || a->flags & AF_CONFIRM);
}

/* A probe of a credential goes with its secret when the vault has it; so does
 * its end by value. */
static int secret_of(struct drive *d, struct action *a,
		     struct secret **out, struct err *e)
{
	const struct target *t = &d->w->targets[a->target];
	struct inv_credential c = { 0 };
	const bool went_bare = a->bare;
	int rc;

	*out = NULL;
	a->bare = a->with_value = false;
	if ((a->verb != V_PROBE || t->what != T_CREDENTIAL) &&
	    !action_by_value(d->w, a))
		return 0;
	rc = inv_credential_get(d->v, work_conn_name(d->w, t), t->account,
				t->kind, t->id, &c, out, e);
	if (rc > 0) {
		if (*out && a->verb == V_PROBE)
			a->value_ms = c.alive_ms; /* of this very value */
		inv_credential_free(&c);
	}
	if (*out && a->verb == V_PROBE && !target_by_value(t) &&
	    goes_bare(d, a, went_bare)) {
		secret_free(out);
		a->bare = true;
	}
	a->with_value = *out && a->verb == V_PROBE;
	return rc < 0 ? -1 : 0;
}

static int send_one(struct drive *d, uint32_t i, struct err *e)
{
	struct action *a = &d->w->actions[i];
	struct lane *l = drive_lane(d, a);
	struct secret *secret = NULL;
	struct json *r = request_of(d, a);
	int rc = -1;

	if (!r)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (secret_of(d, a, &secret, e) < 0) {
		json_free(&r);
		goto out;
	}
	crash_point("kill.before-send");
	a->sent_ms = drive_now(d);
	l->q.in_flight++;
	rc = link_call(l->link, i, r, secret, l->timeout_ms, e);
	crash_point("kill.after-send");
out:
	secret_free(&secret);
	return rc;
}

static int answer_push(struct drive *d, const struct answer *in, struct err *e)
{
	if (d->n_round == d->cap_round) {
		size_t cap = d->cap_round ? d->cap_round * 2 : 64;
		struct answer *p = mem_realloc(d->round, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->round = p;
		d->cap_round = cap;
	}
	d->round[d->n_round++] = *in;
	return 0;
}

/* What the program has said of the verb and the kind. */
static bool offers(const struct drive *d, struct lane *l, const struct action *a)
{
	const char *verb = action_verb(d->w, a);
	const char *kind = d->w->targets[a->target].kind;

	if (!link_facts(l->link))
		return true; /* it has not been asked yet */
	if (!l->told)
		facts_read(link_facts(l->link), &l->live);
	l->told = true;
	return link_has_verb(l->link, verb) &&
	       (!*kind || facts_offers(facts_of(&l->live, kind), verb));
}

/* Take what may go out on one lane.  What the program has said it cannot do
 * needs no call. */
static int pick(struct drive *d, struct lane *l, struct err *e)
{
	int64_t now = drive_now(d);
	struct action *a;
	uint32_t i;

	for (;;) {
		if (queue_pop(&l->q, d->w, now, &i, e) < 0)
			return -1;
		if (i == NONE)
			return 0;
		a = &d->w->actions[i];
		if (evidence_awaited(d, l, a, now)) {
			if (queue_push(&l->q, d->w, i, e) < 0)
				return -1;
			continue;
		}
		a->sending = true;
		if (!l->link || !offers(d, l, a)) {
			struct answer no = { .action = i, .own = true,
				.status = l->link ? LINK_UNSUPPORTED :
						    LINK_NOT_SENT };

			queue_refund(&l->q);
			if (answer_push(d, &no, e) < 0)
				return -1;
			if (!l->link)
				return 0;
			continue;
		}
		if (evidence_lost(d, a, e) < 0 || value_beside(d, i, e) < 0 ||
		    drive_set(d, i, A_SENT, e) < 0 ||
		    list_add(&d->batch, &d->n_batch, &d->cap_batch, i, e) < 0)
			return -1;
		a->beside = work_try_value(d->w, a);
		a->attempts++;
		a->sent_ms = now;
		if ((verb_cuts(a->verb) || a->verb == V_SNAPSHOT) && !a->first_ms)
			a->first_ms = now;
		l->q.staged++;
		if (a->verb == V_RESWEEP && resweep_start(d, i, e) < 0)
			return -1;
	}
}

static int stage(struct drive *d, uint32_t i, struct err *e)
{
	struct lane *l = drive_lane(d, &d->w->actions[i]);

	return list_add(&l->staged, &l->n_staged, &l->cap_staged, i, e);
}

/* Send what is committed and has a place. */
static int flush(struct drive *d, struct lane *l, struct err *e)
{
	while (l->at_staged < l->n_staged && queue_room(&l->q, drive_now(d))) {
		uint32_t i = l->staged[l->at_staged++];

		l->q.staged--;
		if (action_settled(&d->w->actions[i]))
			d->w->actions[i].sending = false; /* no longer wanted */
		else if (send_one(d, i, e) < 0)
			return -1;
	}
	if (l->at_staged == l->n_staged)
		l->at_staged = l->n_staged = 0;
	return 0;
}

int call_send(struct drive *d, struct err *e)
{
	d->n_batch = 0;
	for (size_t c = 0; c < d->w->n_conns; c++)
		if (pick(d, &d->lanes[c], e) < 0)
			return -1;
	if (d->n_batch && keep_intents(d, e) < 0)
		return -1;
	for (size_t k = 0; k < d->n_batch; k++)
		if (stage(d, d->batch[k], e) < 0)
			return -1;
	for (size_t c = 0; c < d->w->n_conns; c++)
		if (flush(d, &d->lanes[c], e) < 0)
			return -1;
	return 0;
}

/* ---- receiving ----------------------------------------------------------- */

static void read_body(const struct drive *d, struct answer *r,
		      const struct json *body)
{
	const struct action *a = &d->w->actions[r->action];

	if (!body)
		return;
	if (a->verb == V_REVOKE) {
		r->known = reply_flag(body, "known");
	} else if (a->verb == V_PROBE) {
		r->life = reply_life(body, &r->refusal);
		if (!r->text)
			r->text = reply_text(body, "evidence");
	} else if (a->verb == V_RESWEEP) {
		r->complete = reply_flag(body, "complete");
		if (!r->complete)
			r->complete = sweep_elsewhere(d, r->action, body);
		if (!r->complete && !r->text)
			r->text = reply_text(body, "incomplete");
	} else if (a->verb == V_SNAPSHOT && r->status == LINK_OK) {
		struct json *snap = json_get(body, "snapshot");
		struct buf b = BUF_INIT(BUF_RECORD_MAX / 2);

		if (snap && json_type(snap) == JSON_OBJECT &&
		    json_print(snap, false, &b, NULL) == 0) {
			r->snapshot = mem_strndup(b.p, b.len);
			r->snapshot_len = b.len;
		}
		buf_release(&b);
	}
}

void call_answered(struct link *l, const struct link_answer *in, void *arg)
{
	struct drive *d = arg;
	struct answer r = { .action = (uint32_t)in->tag, .status = in->status,
			    .after_ms = in->after_ms };

	struct lane *lane;

	if (d->fault->code || in->tag >= d->w->n_actions)
		return;
	lane = drive_lane(d, &d->w->actions[in->tag]);
	if (in->status == LINK_ITEM) {
		struct json *item = json_get(in->body, "item");

		if (item && resweep_item(d, r.action, item, d->fault) < 0)
			(void)err_fail(d->fault, ERR_BUG, NULL,
				       "an item could not be taken in");
		return;
	}
	if (in->error && *in->error)
		r.text = mem_strdup(in->error);
	read_body(d, &r, in->body);
	if (answer_push(d, &r, d->fault) < 0) {
		mem_free(r.text);
		mem_free(r.snapshot);
		return;
	}
	/* The place is free: what is committed already goes out at once, and
	 * this answer is committed meanwhile. */
	lane->q.in_flight--;
	if (in->status == LINK_UNSUPPORTED)
		queue_refund(&lane->q); /* the service was not asked */
	if (in->status != LINK_NOT_SENT && flush(d, lane, d->fault) < 0)
		(void)err_ctx(d->fault, link_name(l), "send");
}

int call_take(struct drive *d, struct err *e)
{
	int rc = -1;

	if (!d->n_round && d->n_written == d->w->n_actions && !d->n_dirty &&
	    !d->n_fresh && !d->n_found)
		return 0;
	crash_point("kill.after-reply");
	for (size_t i = 0; i < d->n_round; i++) {
		struct action *a = &d->w->actions[d->round[i].action];

		a->sending = false;
		if (answer_apply(d, &d->round[i], e) < 0)
			goto out;
	}
	rc = keep_answers(d, e);
out:
	for (size_t i = 0; i < d->n_round; i++) {
		mem_free(d->round[i].text);
		mem_free(d->round[i].snapshot);
	}
	d->n_round = 0;
	return rc;
}
