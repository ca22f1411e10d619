/*
 * rot_keep: the rotation's transactions.  Intents before the first byte, answers
 * before the next step; a new value in the same commit as its id.  No secret
 * and no raw body is ever written to the journal.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/rot_inner.h"
#include "agent/engine/rot_policy.h"
#include "base/crash.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"

static const char *const status_words[] = {
	[LINK_OK] = "ok", [LINK_ABSENT] = "absent", [LINK_REFUSED] = "refused",
	[LINK_RETRY] = "retry", [LINK_UNKNOWN] = "unknown",
	[LINK_UNSUPPORTED] = "unsupported", [LINK_NOT_SENT] = "not sent",
};

/* ---- the journal ---------------------------------------------------------------- */

static int entry(struct rot_drive *d, enum journal_kind kind, const char *text,
		 struct err *e)
{
	const struct journal_entry j = { .kind = kind, .at_ms = rot_now(d),
					 .text = text };

	return journal_append(d->v, &j, NULL, e);
}

static int told(struct rot_drive *d, const struct rot_run *r, bool answer,
		struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const char *account, *cred;
	int rc = -1;

	if (buf_printf(&b, e, "rotation: %s ", rot_verb(r->step.call)) < 0)
		goto out;
	if (r->step.call == RC_DELIVER || r->step.call == RC_ADOPTED) {
		const struct rot_sink *s = &r->l.sinks[r->step.sink];

		if (buf_printf(&b, e, "%s/%s version %lld of ", s->conn,
			       s->place, (long long)r->l.version) < 0)
			goto out;
	}
	rot_subject(r, &account, &cred);
	if (inv_address(&b, r->l.conn, account, cred && *cred ? cred : NULL,
			e) < 0)
		goto out;
	if (answer &&
	    buf_printf(&b, e, ": %s%s%s%s", r->life == LIFE_DEAD ? "dead" :
		       r->life == LIFE_ALIVE ? "alive" :
		       status_words[r->status], r->text ? " (" : "",
		       r->text ? r->text : "", r->text ? ")" : "") < 0)
		goto out;
	if (answer && r->l.stuck_ms &&
	    buf_printf(&b, e, "; STUCK: %s", r->l.why) < 0)
		goto out;
	rc = entry(d, answer ? J_ANSWER : J_SEND, b.p, e);
out:
	buf_release(&b);
	return rc;
}

/* ---- rows ------------------------------------------------------------------------ */

static int fresh_credential(const struct rot_line *l, struct inv_credential *c,
			    int64_t now, struct err *e)
{
	*c = (struct inv_credential){ .state = INV_ACTIVE, .created_ms = now,
				      .first_seen_ms = now, .seen_ms = now };
	if (rot_text(&c->connection, l->conn, e) < 0 ||
	    rot_text(&c->account, rot_new_account(l), e) < 0 ||
	    rot_text(&c->kind, l->kind, e) < 0 ||
	    rot_text(&c->id, l->new_cred, e) < 0 ||
	    rot_text(&c->label, l->nonce, e) < 0 ||
	    rot_text(&c->fingerprint, "", e) < 0 ||
	    rot_text(&c->attributes, "", e) < 0) {
		inv_credential_free(c);
		return -1;
	}
	return 0;
}

int rot_put_new(struct vault *v, const struct rot_line *l,
		const struct secret *value, int64_t now, struct err *e)
{
	struct inv_credential c;
	int rc = inv_credential_get(v, l->conn, rot_new_account(l), l->kind,
				    l->new_cred, &c, NULL, e);

	if (rc < 0 || (rc == 0 && fresh_credential(l, &c, now, e) < 0))
		return -1;
	c.state = INV_ACTIVE;
	c.created_ms = now;
	c.dead_ms = c.alive_ms = 0;
	c.dead_record = false;
	rc = inv_credential_put(v, &c, value, e);
	inv_credential_free(&c);
	return rc;
}

struct change {
	enum inv_state state; /* 0: as it is */
	int64_t alive_ms, dead_ms;
	bool record; /* dead_ms: by that */
	bool drop;
};

static int change(struct rot_drive *d, const struct rot_run *r,
		  const char *account, const char *cred,
		  const struct change *to, struct err *e)
{
	struct inv_credential c;
	int rc = inv_credential_get(d->v, r->l.conn, account, r->l.kind, cred,
				    &c, NULL, e);

	if (rc <= 0)
		return rc;
	if (to->state)
		c.state = to->state;
	if (to->alive_ms)
		c.alive_ms = to->alive_ms;
	if (to->dead_ms) {
		c.dead_ms = to->dead_ms;
		c.dead_record = to->record;
	}
	rc = to->drop ? inv_credential_drop_secret(d->v, &c, e) :
			inv_credential_put(d->v, &c, NULL, e);
	inv_credential_free(&c);
	return rc;
}

/* What the answer says of the old and the new credential. */
static int put_credentials(struct rot_drive *d, const struct rot_run *r,
			   struct err *e)
{
	const struct rot_line *l = &r->l;
	const int64_t now = rot_now(d);
	const struct change alive = { .alive_ms = now };
	const struct change revoked = { .state = INV_REVOKED };
	const struct change dead = { .state = INV_DEAD, .dead_ms = now,
				     .record = l->flags & RF_BY_RECORD };
	const struct change gone = { .state = INV_DEAD, .dead_ms = now,
				     .record = !r->refusal, .drop = true };
	const bool place = l->flags & RF_IN_PLACE;

	if (r->base_alive && change(d, r, l->account, l->cred, &alive, e) < 0)
		return -1;
	if (r->alive_new &&
	    change(d, r, rot_new_account(l), l->new_cred, &alive, e) < 0)
		return -1;
	if (r->revoked_row && !place &&
	    change(d, r, l->account, l->cred, &revoked, e) < 0)
		return -1;
	if (r->dead_row && !place &&
	    change(d, r, l->account, l->cred, &dead, e) < 0)
		return -1;
	if (r->gone_row && r->was_new && *r->was_new &&
	    change(d, r, r->was_account, r->was_new, &gone, e) < 0)
		return -1;
	return 0;
}

/* In place: the credential's row gets the line's value, the line the old one;
 * and back. */
static int swap(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	struct secret *mine = NULL, *theirs = NULL;
	struct inv_credential c = { 0 };
	struct rot_line l = { 0 };
	int rc = -1;

	if (rot_get(d->v, &r->l.id, &l, &mine, e) <= 0)
		goto out;
	if (!mine) {
		err_fail(e, ERR_BUG, r->about, "the value is not sealed");
		goto out;
	}
	if (inv_credential_get(d->v, r->l.conn, r->l.account, r->l.kind,
			       r->l.cred, &c, &theirs, e) <= 0)
		goto out;
	c.alive_ms = 0;
	c.created_ms = rot_now(d);
	c.state = INV_ACTIVE;
	if (r->swap && !theirs) /* it went with its connection, say */
		r->l.flags |= RF_OLD_UNKNOWN;
	if (inv_credential_put(d->v, &c, mine, e) < 0 ||
	    rot_put(d->v, &r->l, r->swap ? theirs : NULL, true, e) < 0)
		goto out;
	rc = 0;
out:
	if (rc < 0 && !e->code) {
		(void)err_fail(e, ERR_ABSENT, r->about,
			       "it is not in the inventory any more");
		err_hint(e, "'curfew sync' looks again");
	}
	secret_free(&mine);
	secret_free(&theirs);
	inv_credential_free(&c);
	rot_free(&l);
	return rc;
}

static int put_line(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	struct secret *sealed = NULL;
	struct rot_line l = { 0 };
	int rc = -1;

	if (r->swap || r->swap_back)
		return swap(d, r, e);
	if (r->put_new && r->value) /* class B: it came with the answer */
		return rot_put_new(d->v, &r->l, r->value, rot_now(d), e) < 0 ||
		       rot_put(d->v, &r->l, NULL, true, e) < 0 ? -1 : 0;
	if (r->put_new) {
		if (rot_get(d->v, &r->l.id, &l, &sealed, e) > 0 && sealed &&
		    rot_put_new(d->v, &r->l, sealed, rot_now(d), e) == 0)
			rc = rot_put(d->v, &r->l, NULL, true, e);
		else
			(void)err_fail(e, ERR_BUG, r->about,
				       "the new value is not sealed");
		secret_free(&sealed);
		rot_free(&l);
		return rc;
	}
	if (r->l.state == RS_INTENT && r->value)
		return rot_put(d->v, &r->l, r->value, false, e);
	return rot_put(d->v, &r->l, NULL, r->finished, e);
}

/* The end: the old value is wiped, its fingerprint stays. */
static int wipe_old(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	const struct change wipe = { .drop = true };

	if (!r->finished || !r->was_old || r->l.flags & RF_UNPROVED)
		return 0;
	return change(d, r, r->was_account, r->was_old, &wipe, e);
}

static int keep_one(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	if (r->finished && r->l.state == RS_IDLE && !r->l.due_ms &&
	    rot_policy_next(d->app, &r->l, rot_now(d), e) < 0)
		return -1;
	if (rot_alarm(d, r, e) < 0 || put_line(d, r, e) < 0 || put_credentials(d, r, e) < 0 ||
	    wipe_old(d, r, e) < 0)
		return -1;
	return 0;
}

static void kept(struct rot_run *r)
{
	r->dirty = false;
	r->told_deadline = r->told_stuck = r->told_over = false;
	rot_ids_clear(&r->told);
	r->swap = r->swap_back = r->put_new = false;
	r->alive_new = r->base_alive = false;
	r->revoked_row = r->dead_row = r->gone_row = false;
	/* PLANNED holds a made value until its intent is committed */
	if (r->l.state != RS_PLANNED)
		secret_free(&r->value);
}

/* ---- commits ----------------------------------------------------------------------- */

static void crash_at(const char *when, const struct rot_run *r)
{
#ifdef CURFEW_TEST
	char text[80];

	(void)snprintf(text, sizeof(text), "rot.%s.%s", when,
		       rot_state_word(r->l.state));
	crash_point(text);
#else
	(void)when;
	(void)r;
#endif
}

int rot_keep_intents(struct rot_drive *d, struct err *e)
{
	const struct rot_run *first = &d->runs[d->batch[0]];

	if (knob_off(KNOB_INTENT))
		return 0;
	crash_at("before-intent-commit", first);
	if (store_begin(d->v, e) < 0)
		return -1;
	for (size_t i = 0; i < d->n_batch; i++) {
		struct rot_run *r = &d->runs[d->batch[i]];

		if (rot_put(d->v, &r->l, NULL, false, e) < 0 ||
		    told(d, r, false, e) < 0) {
			store_rollback(d->v);
			return -1;
		}
	}
	crash_at("in-intent-transaction", first);
	if (store_commit(d->v, e) < 0)
		return -1;
	crash_at("after-intent-commit", first);
	return 0;
}

/* The alarms went with the transaction: they are due as before. */
static int unkept(struct rot_drive *d)
{
	for (size_t i = 0; i < d->n_round; i++)
		rot_alarm_undo(&d->runs[d->round[i].run]);
	return -1;
}

int rot_keep_results(struct rot_drive *d, struct rot_run **bad, struct err *e)
{
	const struct rot_run *first = NULL;

	*bad = NULL;
	for (size_t i = 0; i < d->n_round && !first; i++)
		if (d->runs[d->round[i].run].dirty)
			first = &d->runs[d->round[i].run];
	if (!first)
		return 0;
	crash_at("before-commit", first);
	if (store_begin(d->v, e) < 0)
		return -1;
	for (size_t i = 0; i < d->n_round; i++) {
		struct rot_run *r = &d->runs[d->round[i].run];

		if (!r->dirty)
			continue;
		if (keep_one(d, r, e) < 0 ||
		    (r->status_new && told(d, r, true, e) < 0)) {
			store_rollback(d->v);
			*bad = r;
			return unkept(d);
		}
	}
	crash_at("in-transaction", first);
	if (store_commit(d->v, e) < 0)
		return unkept(d);
	crash_at("after-commit", first);
	for (size_t i = 0; i < d->n_round; i++) {
		struct rot_run *r = &d->runs[d->round[i].run];

		r->status_new = false;
		kept(r);
	}
	return 0;
}
