/*
 * rot_call: one round's calls: pick what may go, commit the intents, send; and
 * on the way back read the answers and hand them to rot_take.  What a provider
 * says is taken as text and numbers, never as an instruction.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/reply.h"
#include "agent/engine/rot_inner.h"
#include "base/crash.h"
#include "base/mem.h"
#include "vault/inventory.h"

#define STANDS_MAX INT64_C(1000000000000)

const char *rot_verb(enum rot_call c)
{
	static const char *const words[RC_CALLS] = {
		[RC_NONE] = "nothing", [RC_LIST] = "list", [RC_MAKE] = "make",
		[RC_SET] = "set", [RC_MINT] = "mint", [RC_PROBE_BASE] = "probe",
		[RC_PROBE_NEW] = "probe", [RC_DELIVER] = "deliver",
		[RC_ADOPTED] = "adopted", [RC_DISABLE_OLD] = "disable",
		[RC_ENABLE_OLD] = "enable", [RC_REVOKE_OLD] = "revoke",
		[RC_RESET_OLD] = "set", [RC_PROBE_OLD] = "probe",
		[RC_REVOKE_NEW] = "revoke", [RC_RESET_NEW] = "set",
		[RC_SET_BACK] = "set", [RC_PROBE_BACK] = "probe",
		[RC_PROBE_GONE] = "probe", [RC_REVOKE_OURS] = "revoke",
		[RC_PROBE_OURS] = "probe",
	};

	return words[c];
}

void rot_subject(const struct rot_run *r, const char **account,
		 const char **cred)
{
	const struct rot_line *l = &r->l;

	*account = l->account;
	*cred = l->cred;
	switch (r->step.call) {
	case RC_SET:
		*account = rot_new_account(l);
		*cred = *l->new_cred ? l->new_cred : l->cred;
		break;
	case RC_MINT:
		*cred = NULL;
		break;
	case RC_PROBE_NEW:
	case RC_DELIVER:
	case RC_REVOKE_NEW:
	case RC_RESET_NEW:
	case RC_PROBE_GONE:
		*account = rot_new_account(l);
		*cred = l->new_cred;
		break;
	case RC_REVOKE_OURS:
	case RC_PROBE_OURS:
		*cred = l->ours.n ? l->ours.p[l->ours.n - 1] : NULL;
		break;
	default:
		break;
	}
}

/* ---- requests ---------------------------------------------------------------- */

static bool fields(struct json *r, const struct rot_line *l)
{
	struct buf from = BUF_INIT(BUF_TEXT_MAX);
	struct json *f = json_object();
	bool ok = inv_address(&from, l->conn, rot_new_account(l), l->new_cred,
			      NULL) == 0 &&
		  json_set_str(f, "user", rot_new_account(l)) &&
		  json_set_str(f, "credential", l->new_cred) &&
		  json_set_str(f, "connection", l->conn) &&
		  json_set_str(r, "from", from.p) &&
		  (!*l->public || json_set_str(f, "public", l->public));

	buf_release(&from);
	if (!ok) {
		json_free(&f);
		return false;
	}
	return json_set(r, "fields", f);
}

static bool label(struct json *r, const struct rot_run *run)
{
	char text[80];

	if (run->step.call != RC_MINT)
		return json_set_str(r, "label", run->l.nonce);
	(void)snprintf(text, sizeof(text), "%.60s-%lld", run->l.nonce,
		       (long long)run->l.attempt);
	return json_set_str(r, "label", text);
}

static bool to_sink(struct json *r, const struct rot_run *run)
{
	const struct rot_sink *s = &run->l.sinks[run->step.sink];

	return json_set_str(r, "account", s->place) &&
	       json_set_int(r, "version", run->l.version) &&
	       (run->step.call != RC_DELIVER || fields(r, &run->l));
}

static bool to_service(struct json *r, const struct rot_run *run)
{
	const enum rot_call c = run->step.call;
	const bool sets = c == RC_SET || c == RC_RESET_OLD ||
			  c == RC_RESET_NEW || c == RC_SET_BACK;
	const bool add = c == RC_SET && !(run->l.flags & (RF_IN_PLACE |
							  RF_ALTERNATE));
	const char *account, *cred;
	bool ok = true;

	rot_subject(run, &account, &cred);
	if (c != RC_MAKE)
		ok = json_set_str(r, "account", account);
	if (c != RC_LIST)
		ok = ok && json_set_str(r, "kind", run->l.kind);
	if (sets || c == RC_MINT)
		ok = ok && label(r, run);
	if (sets)
		ok = ok && json_set_bool(r, "add", add);
	if (cred && !add && c != RC_LIST && c != RC_MAKE && c != RC_MINT)
		ok = ok && json_set_str(r, "credential", cred);
	return ok;
}

static struct json *request(const struct rot_run *run)
{
	struct json *r = json_object();
	const enum rot_call c = run->step.call;
	bool ok = json_set_str(r, "verb", rot_verb(c));

	ok = ok && (c == RC_DELIVER || c == RC_ADOPTED ? to_sink(r, run) :
							 to_service(r, run));
	if (!ok)
		json_free(&r);
	return r;
}

static int line_secret(struct rot_drive *d, const struct rot_run *r,
		       struct secret **out, struct err *e)
{
	struct rot_line l;
	int rc = rot_get(d->v, &r->l.id, &l, out, e);

	if (rc > 0)
		rot_free(&l);
	return rc < 0 ? -1 : 0;
}

static int credential_secret(struct rot_drive *d, const struct rot_run *r,
			     struct secret **out, struct err *e)
{
	struct inv_credential c;
	const char *account, *cred;
	int rc;

	rot_subject(r, &account, &cred);
	rc = inv_credential_get(d->v, r->l.conn, account, r->l.kind, cred, &c,
				out, e);
	if (rc > 0)
		inv_credential_free(&c);
	return rc < 0 ? -1 : 0;
}

/* The value that goes along, if any. */
static int secret_of(struct rot_drive *d, const struct rot_run *r,
		     struct secret **out, struct err *e)
{
	*out = NULL;
	switch (r->step.call) {
	case RC_SET:
	case RC_SET_BACK:
		return line_secret(d, r, out, e);
	case RC_PROBE_OLD:
		if (r->l.flags & RF_OLD_UNKNOWN)
			return 0;
		return r->l.flags & RF_IN_PLACE ?
			       line_secret(d, r, out, e) :
			       credential_secret(d, r, out, e);
	case RC_PROBE_BASE:
	case RC_PROBE_NEW:
	case RC_PROBE_GONE:
	case RC_PROBE_BACK:
	case RC_DELIVER:
		return credential_secret(d, r, out, e);
	case RC_RESET_OLD:
	case RC_RESET_NEW:
		return rot_generate(r->facts, out, e);
	default:
		return 0;
	}
}

static bool needs_secret(const struct rot_run *r)
{
	switch (r->step.call) {
	case RC_SET:
	case RC_SET_BACK:
	case RC_PROBE_NEW:
	case RC_DELIVER:
		return true;
	default:
		return false;
	}
}

/* ---- sending ------------------------------------------------------------------- */

static void crash_verb(const char *when, const struct rot_run *r)
{
#ifdef CURFEW_TEST
	char text[80];

	(void)snprintf(text, sizeof(text), "rot.%s.%s", when,
		       rot_verb(r->step.call));
	crash_point(text);
#else
	(void)when;
	(void)r;
#endif
}

static int answer_push(struct rot_drive *d, const struct rot_answer *in,
		       struct err *e)
{
	if (d->n_round == d->cap_round) {
		size_t cap = d->cap_round ? d->cap_round * 2 : 64;
		struct rot_answer *p = mem_realloc(d->round, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->round = p;
		d->cap_round = cap;
	}
	d->round[d->n_round++] = *in;
	return 0;
}

int rot_look(struct rot_drive *d, uint32_t i, struct err *e)
{
	const struct rot_answer a = { .run = i, .look = true };

	d->runs[i].sending = true;
	return answer_push(d, &a, e);
}

/* Its connection was forgotten meanwhile, say. */
static int no_value(struct rot_drive *d, uint32_t i, struct err *e)
{
	const struct rot_run *r = &d->runs[i];
	const bool here = r->step.call == RC_SET || r->step.call == RC_SET_BACK;
	struct rot_answer a = { .run = i, .aside = true };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const char *account, *cred;

	rot_subject(r, &account, &cred);
	if (buf_printf(&b, e, "the value to %s is not sealed here%s",
		       rot_verb(r->step.call), here ? "" : ": 'curfew learn ") < 0 ||
	    (!here && (inv_address(&b, r->l.conn, account, cred, e) < 0 ||
		       buf_puts(&b, "' seals it", e) < 0)) ||
	    !(a.text = mem_strdup(b.p))) {
		buf_release(&b);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	buf_release(&b);
	return answer_push(d, &a, e);
}

static int send_one(struct rot_drive *d, struct rot_lane *lane, uint32_t i,
		    struct err *e)
{
	struct rot_run *r = &d->runs[i];
	struct secret *secret = NULL;
	struct json *req = request(r);
	int rc = -1;

	if (!req)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (secret_of(d, r, &secret, e) < 0)
		goto out;
	if (!secret && needs_secret(r)) {
		queue_refund(&lane->q);
		rc = no_value(d, i, e);
		goto out;
	}
	if (r->step.call == RC_MAKE)
		queue_refund(&lane->q); /* the service is not asked */
	crash_verb("before-send", r);
	lane->q.in_flight++;
	rc = link_call(lane->link, i, req, secret, lane->timeout_ms, e);
	req = NULL;
	crash_verb("after-send", r);
out:
	json_free(&req);
	secret_free(&secret);
	return rc;
}

/* What is committed, as far as there is room. */
static int flush(struct rot_lane *l, struct err *e)
{
	struct rot_drive *d = l->d;

	if (d->ending)
		return 0; /* the next run sends it, or looks for its trace */
	while (l->at_staged < l->n_staged && queue_room(&l->q, rot_now(d))) {
		l->q.staged--;
		if (send_one(d, l, l->staged[l->at_staged++], e) < 0)
			return -1;
	}
	if (l->at_staged == l->n_staged)
		l->at_staged = l->n_staged = 0;
	return 0;
}

static int no_link(struct rot_drive *d, uint32_t i, struct err *e)
{
	struct rot_answer a = { .run = i, .status = LINK_NOT_SENT,
		.text = mem_strdup("its connection cannot be opened") };

	d->runs[i].sending = true;
	return answer_push(d, &a, e);
}

static int pick(struct rot_drive *d, struct rot_lane *l, struct err *e)
{
	const int64_t now = rot_now(d);
	uint32_t i;

	for (;;) {
		struct rot_run *r;

		if (queue_pop(&l->q, l, now, &i, e) < 0)
			return -1;
		if (i == NONE)
			return 0;
		r = &d->runs[i];
		if (r->step.call == RC_NONE) { /* a pause is over */
			queue_refund(&l->q);
			if (rot_look(d, i, e) < 0)
				return -1;
			continue;
		}
		if (!l->link) {
			queue_refund(&l->q);
			return no_link(d, i, e);
		}
		r->sending = true;
		r->l.sent++;
		if (r->step.call == RC_MINT) {
			r->l.state = RS_TRIED;
			r->l.attempt++;
		}
		rot_seen_clear(r);
		l->q.staged++;
		if (list_add(&d->batch, &d->n_batch, &d->cap_batch, i, e) < 0 ||
		    list_add(&l->staged, &l->n_staged, &l->cap_staged, i, e) < 0)
			return -1;
	}
}

int rot_send(struct rot_drive *d, struct err *e)
{
	d->n_batch = 0;
	for (size_t i = 0; i < d->n_lanes; i++)
		if (pick(d, d->lanes[i], e) < 0)
			return -1;
	if (d->n_batch && rot_keep_intents(d, e) < 0)
		return -1;
	for (size_t i = 0; i < d->n_lanes; i++)
		if (flush(d->lanes[i], e) < 0)
			return -1;
	return 0;
}

/* ---- receiving ------------------------------------------------------------------- */

static void read_body(struct rot_answer *a, const struct json *body)
{
	const char *back = json_str(body, "read_back");

	a->life = reply_life(body, &a->refusal);
	a->complete = reply_flag(body, "complete");
	a->quota = reply_flag(body, "quota");
	a->acknowledged = reply_flag(body, "acknowledged");
	a->read_back = back && strcmp(back, "same") == 0;
	a->has_adopted = json_bool(body, "adopted", &a->adopted);
	if (!json_int(body, "stands", &a->stands) || a->stands < 0 ||
	    a->stands > STANDS_MAX)
		a->stands = 0;
	if (json_str(body, "credential"))
		a->credential = mem_strdup(json_str(body, "credential"));
	if (json_str(body, "public") &&
	    strlen(json_str(body, "public")) <= BUF_TEXT_MAX)
		a->public = mem_strdup(json_str(body, "public"));
	if (json_str(body, "place_version"))
		a->their = mem_strdup(json_str(body, "place_version"));
	if (!a->text)
		a->text = reply_text(body, "evidence");
}

void rot_answered(struct link *link, const struct link_answer *in, void *arg)
{
	struct rot_drive *d = arg;
	struct rot_answer a = { .run = (uint32_t)in->tag, .status = in->status,
				.after_ms = in->after_ms };
	struct rot_lane *lane;
	struct rot_run *r;

	if (in->tag >= d->n_runs)
		return;
	r = &d->runs[in->tag];
	lane = d->lanes[r->lane];
	if (in->status == LINK_ITEM) {
		const struct json *item = json_get(in->body, "item");

		if (item && r->step.call == RC_LIST &&
		    rot_item(r, item, d->fault) < 0)
			(void)err_ctx(d->fault, lane->name, "take an item in");
		return;
	}
	if (in->error && *in->error)
		a.text = mem_strdup(in->error);
	if (in->body)
		read_body(&a, in->body);
	if (in->secret && !(a.secret = secret_dup(in->secret, d->fault)))
		return;
	if (answer_push(d, &a, d->fault) < 0)
		return;
	lane->q.in_flight--;
	if (in->status == LINK_UNSUPPORTED)
		queue_refund(&lane->q);
	if (in->status == LINK_NOT_SENT)
		queue_down(&lane->q, rot_now(d), in->after_ms);
	else
		lane->q.fails = 0;
	crash_verb("after-reply", r);
	if (in->status != LINK_NOT_SENT && flush(lane, d->fault) < 0)
		(void)err_ctx(d->fault, link_name(link), "send");
}

/* Ids whose value is sealed here are known, whoever listed them. */
static int protect_known(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	for (size_t i = 0; i < r->n_seen; i++) {
		struct inv_credential c;
		int rc;

		if (rot_ids_has(&r->l.before, r->seen[i].id))
			continue;
		rc = inv_credential_get(d->v, r->l.conn, r->l.account,
					r->l.kind, r->seen[i].id, &c, NULL, e);
		if (rc < 0)
			return -1;
		if (rc > 0 && c.has_secret &&
		    rot_ids_add(&r->l.before, r->seen[i].id, e) < 0)
			rc = -1;
		if (rc)
			inv_credential_free(&c);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int take_one(struct rot_drive *d, struct rot_answer *a, struct err *e)
{
	struct rot_run *r = &d->runs[a->run];
	const int64_t now = rot_now(d);

	r->sending = false;
	if (a->look)
		return 0;
	if (a->aside)
		return err_fail(e, ERR_ABSENT, r->about, "%s", a->text);
	r->dirty = r->status_new = true;
	r->status = a->status;
	r->life = a->life;
	r->refusal = a->refusal;
	mem_free(r->text);
	r->text = a->text ? mem_strdup(a->text) : NULL;
	if (r->step.call == RC_LIST && r->l.state == RS_TRIED &&
	    protect_known(d, r, e) < 0)
		return -1;
	return rot_take(r, a, now, e);
}

/* One that cannot go on must not hold up the others, nor cost one its new key:
 * 0 when it was set aside, and e is clear again. */
static int set_aside(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	const struct err why = *e;
	int rc = -1;

	if (rot_its_own(&why)) {
		err_clear(e);
		rc = rot_aside(d, r, &why, e);
	}
	if (rc < 0)
		r->broken = true;
	r->dirty = false;
	return rc;
}

/* From step to step without a call, each with a commit of its own. */
static int advance_all(struct rot_drive *d, struct err *e)
{
	bool any = true, changed, stuck;

	while (any) {
		any = false;
		for (size_t i = 0; i < d->n_round; i++) {
			struct rot_run *r = &d->runs[d->round[i].run];

			if (r->finished || r->sending || r->broken)
				continue;
			stuck = r->l.stuck_ms != 0;
			if (rot_sinks_stand(d, r, &changed, e) < 0) {
				if (set_aside(d, r, e) < 0)
					return -1;
				continue;
			}
			if (changed) { /* it waits for a person */
				r->dirty = r->dirty || !stuck;
				any = any || !stuck;
				continue;
			}
			if (rot_advance(r, rot_now(d), &changed, e) < 0) {
				if (set_aside(d, r, e) < 0)
					return -1;
				continue;
			}
			r->dirty = r->dirty || changed;
			any = any || changed;
		}
		if (any && rot_keep_or_save(d, e) < 0)
			return -1;
		if (d->why)
			return 0;
	}
	return 0;
}

static void answer_free(struct rot_answer *a)
{
	mem_free(a->text);
	mem_free(a->credential);
	mem_free(a->their);
	mem_free(a->public);
	secret_free(&a->secret);
}

int rot_collect(struct rot_drive *d, struct err *e)
{
	int rc = -1;

	if (!d->n_round)
		return 0;
	for (size_t i = 0; i < d->n_round; i++) {
		struct rot_run *r = &d->runs[d->round[i].run];
		struct err why = ERR_INIT;

		if (take_one(d, &d->round[i], &why) < 0 &&
		    set_aside(d, r, &why) < 0 && !e->code)
			*e = why;
	}
	if (rot_keep_or_save(d, e) < 0 || e->code)
		goto out;
	if (!d->why && !d->ending && advance_all(d, e) < 0)
		goto out;
	for (size_t i = 0; i < d->n_round; i++) {
		struct rot_run *r = &d->runs[d->round[i].run];

		if (rot_arm(d, d->round[i].run, e) < 0)
			goto out;
		if (d->o->view)
			d->o->view(&r->l, d->o->arg);
	}
	rc = 0;
out:
	for (size_t i = 0; i < d->n_round; i++)
		answer_free(&d->round[i]);
	d->n_round = 0;
	return rc;
}
