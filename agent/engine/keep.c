/*
 * keep: the driver's transactions.  Intents before the first byte, answers
 * before the next step; what is stored and what is journalled commit together.
 * No secret and no raw body is ever written to the journal.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/drive_inner.h"
#include "agent/engine/knob.h"
#include "agent/engine/plan.h"
#include "agent/engine/record.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "vault/journal.h"

static const char *const status_words[] = {
	[LINK_OK] = "ok", [LINK_ABSENT] = "absent", [LINK_REFUSED] = "refused",
	[LINK_RETRY] = "retry", [LINK_UNKNOWN] = "unknown",
	[LINK_UNSUPPORTED] = "unsupported", [LINK_NOT_SENT] = "not sent",
};

static const char *const life_words[] = {
	[LIFE_UNKNOWN] = "unknown", [LIFE_ALIVE] = "alive",
	[LIFE_DEAD] = "dead",
};

static int entry(struct drive *d, enum journal_kind kind, const char *text,
		 const struct json *detail, struct err *e)
{
	struct journal_entry j = { .kind = kind, .at_ms = drive_now(d),
				   .incident = d->w->inc.id, .text = text };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (detail && json_print(detail, false, &b, e) < 0)
		goto out;
	j.detail = detail ? b.p : NULL;
	rc = journal_append(d->v, &j, NULL, e);
out:
	buf_release(&b);
	return rc;
}

static int told(struct drive *d, enum journal_kind kind, const struct action *a,
		const struct answer *in, struct err *e)
{
	const struct target *t = &d->w->targets[a->target];
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct json *j = json_object();
	const char *word = in ? status_words[in->status] : NULL;
	bool probe = in && a->verb == V_PROBE && in->status == LINK_OK;
	int rc = -1;

	if (probe)
		word = life_words[in->life];
	if (buf_printf(&text, e, "%s ", action_verb(d->w, a)) < 0 ||
	    plan_address(d->w, t, &text, e) < 0)
		goto out;
	if (!json_set_str(j, "address", text.p + strlen(action_verb(d->w, a)) + 1) ||
	    !json_set_str(j, "verb", action_verb(d->w, a)) ||
	    !json_set_int(j, "attempt", a->attempts) ||
	    (*t->kind && !json_set_str(j, "kind", t->kind)) ||
	    (word && !json_set_str(j, probe ? "life" : "status", word)) ||
	    (probe && in->life == LIFE_DEAD &&
	     !json_set_str(j, "proof", in->refusal ? "refusal" : "record")) ||
	    (in && in->text && !json_set_str(j, "note", in->text))) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (word && buf_printf(&text, e, ": %s", word) < 0)
		goto out;
	if (in && in->text && buf_printf(&text, e, " (%s)", in->text) < 0)
		goto out;
	rc = entry(d, kind, text.p, j, e);
out:
	json_free(&j);
	buf_release(&text);
	return rc;
}

#define LAZY_EACH 16 /* rows that have time, in each commit */

static int put_lazy(struct drive *d, size_t n, struct err *e)
{
	while (n-- && d->n_lazy) {
		uint32_t i = d->lazy[--d->n_lazy];

		if (record_put_action(d->v, d->w, &d->w->actions[i], e) < 0)
			return -1;
	}
	return 0;
}

/* Every row that changed, and every new one. */
static int put_rows(struct drive *d, struct err *e)
{
	for (size_t k = 0; k < d->n_dirty; k++) {
		struct action *a = &d->w->actions[d->dirty[k]];

		if (a->dirty && record_put_action(d->v, d->w, a, e) < 0)
			return -1;
	}
	for (uint32_t i = d->n_written; i < d->w->n_actions; i++)
		if (d->w->actions[i].dirty &&
		    record_put_action(d->v, d->w, &d->w->actions[i], e) < 0)
			return -1;
	return 0;
}

static void rows_written(struct drive *d)
{
	for (size_t k = 0; k < d->n_dirty; k++)
		d->w->actions[d->dirty[k]].dirty = false;
	for (uint32_t i = d->n_written; i < d->w->n_actions; i++)
		d->w->actions[i].dirty = false;
	d->n_dirty = 0;
	d->n_written = d->w->n_actions;
}

int keep_intents(struct drive *d, struct err *e)
{
	if (knob_off(KNOB_INTENT))
		return 0;
	crash_point("kill.before-intent-commit");
	if (store_begin(d->v, e) < 0)
		return -1;
	if (put_rows(d, e) < 0)
		goto fail;
	for (size_t k = 0; k < d->n_batch; k++) {
		const struct action *a = &d->w->actions[d->batch[k]];

		if (told(d, J_SEND, a, NULL, e) < 0)
			goto fail;
		if (a->flags & AF_UNDO_LOST && a->attempts == 1 &&
		    verb_cuts(a->verb) &&
		    entry(d, J_DECISION, "went ahead without a snapshot: it "
			  "cannot be undone from here", NULL, e) < 0)
			goto fail;
	}
	crash_point("kill.in-intent-transaction");
	if (store_commit(d->v, e) < 0)
		return -1;
	rows_written(d);
	crash_point("kill.after-intent-commit");
	return 0;
fail:
	store_rollback(d->v);
	return -1;
}

/* ---- the inventory --------------------------------------------------------- */

static int account_state(struct drive *d, const struct target *t,
			 enum inv_state s, struct err *e)
{
	struct inv_account a = { 0 };
	int rc = inv_account_get(d->v, work_conn_name(d->w, t), t->account, &a,
				 e);

	if (rc <= 0)
		return rc;
	a.state = s;
	rc = inv_account_put(d->v, &a, e);
	inv_account_free(&a);
	return rc;
}

static int credential_state(struct drive *d, const struct target *t,
			    enum inv_state s, const struct action *proof,
			    struct err *e)
{
	struct inv_credential c = { 0 };
	int rc = inv_credential_get(d->v, work_conn_name(d->w, t), t->account,
				    t->kind, t->id, &c, NULL, e);

	if (rc <= 0)
		return rc;
	c.state = s;
	c.dead_ms = proof ? proof->done_ms : 0;
	c.dead_record = proof && !(proof->flags & AF_REFUSAL);
	rc = inv_credential_put(d->v, &c, NULL, e);
	inv_credential_free(&c);
	return rc;
}

/* The service took the value: from now on its refusal means something. */
static int value_seen(struct drive *d, const struct target *t, int64_t at,
		      struct err *e)
{
	struct inv_credential c = { 0 };
	int rc = inv_credential_get(d->v, work_conn_name(d->w, t), t->account,
				    t->kind, t->id, &c, NULL, e);

	if (rc <= 0)
		return rc;
	c.alive_ms = at;
	rc = inv_credential_put(d->v, &c, NULL, e);
	inv_credential_free(&c);
	return rc;
}

/* What the inventory should say after this answer. */
static int inventory(struct drive *d, const struct action *a, struct err *e)
{
	const struct target *t = &d->w->targets[a->target];
	bool account = t->what == T_ACCOUNT;

	if (a->verb == V_PROBE && a->value_ms && a->value_ms == a->answered_ms &&
	    value_seen(d, t, a->value_ms, e) < 0)
		return -1;
	if (a->verb == V_PROBE && a->state == A_DONE &&
	    work_unknown(d->w, a->target))
		return credential_state(d, t, INV_UNKNOWN, NULL, e);
	if (a->verb == V_PROBE && a->state == A_DONE)
		return account ? account_state(d, t, INV_DEAD, e) :
		       credential_state(d, t, INV_DEAD, a, e);
	if (a->verb == V_PROBE && a->flags & AF_ALIVE)
		return account ? account_state(d, t, INV_ACTIVE, e) :
		       credential_state(d, t, INV_ACTIVE, NULL, e);
	if (a->state != A_DONE)
		return 0;
	if (a->verb == V_DISABLE)
		return account_state(d, t, INV_DISABLED, e);
	if (a->verb == V_REVOKE)
		return credential_state(d, t, INV_REVOKED, NULL, e);
	if (a->verb == V_REMOVE_GRANT) {
		char *conn = d->w->conns[t->conn];
		struct inv_grant g = { .connection = conn,
			.account = t->account, .kind = t->kind, .id = t->id,
			.state = INV_REVOKED, .seen_ms = a->done_ms,
			.attributes = NULL };

		return inv_grant_put(d->v, &g, e);
	}
	return 0;
}

static int put_seen(struct drive *d, struct err *e)
{
	for (size_t i = 0; i < d->n_fresh; i++)
		if (inv_account_put(d->v, &d->fresh[i], e) < 0)
			return -1;
	for (size_t i = 0; i < d->n_found; i++)
		if (inv_credential_put(d->v, &d->found[i], NULL, e) < 0)
			return -1;
	return 0;
}

static void seen_written(struct drive *d)
{
	for (size_t i = 0; i < d->n_fresh; i++)
		inv_account_free(&d->fresh[i]);
	for (size_t i = 0; i < d->n_found; i++)
		inv_credential_free(&d->found[i]);
	d->n_fresh = d->n_found = 0;
}

/* Whatever joined the incident is told with its reason. */
static int tell_joined(struct drive *d, struct err *e)
{
	uint32_t last = NONE;

	for (uint32_t i = d->n_written; i < d->w->n_actions; i++) {
		const struct action *a = &d->w->actions[i];
		const struct target *t = &d->w->targets[a->target];
		struct buf text = BUF_INIT(BUF_TEXT_MAX);
		int rc = 0;

		if (a->target == last)
			continue;
		last = a->target;
		if (plan_address(d->w, t, &text, e) < 0 ||
		    buf_printf(&text, e, "%s", a->verb == V_NOTE && a->note ?
			       ": " : " joined: found by a listing") < 0 ||
		    (a->verb == V_NOTE && a->note &&
		     buf_puts(&text, a->note, e) < 0) ||
		    entry(d, J_DECISION, text.p, NULL, e) < 0)
			rc = -1;
		buf_release(&text);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int keep_one(struct drive *d, const struct answer *in, struct err *e)
{
	const struct action *a = &d->w->actions[in->action];
	const struct target *t = &d->w->targets[a->target];

	if (in->snapshot && record_put_snapshot(d->v, d->w, t, drive_now(d),
						in->snapshot, in->snapshot_len,
						e) < 0)
		return -1;
	if (!in->own && told(d, J_ANSWER, a, in, e) < 0)
		return -1;
	return inventory(d, a, e);
}

int keep_answers(struct drive *d, struct err *e)
{
	crash_point("kill.before-result-commit");
	if (store_begin(d->v, e) < 0)
		return -1;
	if (tell_joined(d, e) < 0 || put_seen(d, e) < 0)
		goto fail;
	for (size_t i = 0; i < d->n_round; i++)
		if (keep_one(d, &d->round[i], e) < 0)
			goto fail;
	if (put_rows(d, e) < 0 || put_lazy(d, LAZY_EACH, e) < 0)
		goto fail;
	crash_point("kill.in-result-transaction");
	if (store_commit(d->v, e) < 0)
		return -1;
	rows_written(d);
	seen_written(d);
	crash_point("kill.after-result-commit");
	return 0;
fail:
	store_rollback(d->v);
	return -1;
}

int keep_rest(struct drive *d, struct err *e)
{
	if (!d->n_lazy)
		return 0;
	if (store_begin(d->v, e) < 0)
		return -1;
	if (put_lazy(d, d->n_lazy, e) < 0) {
		store_rollback(d->v);
		return -1;
	}
	return store_commit(d->v, e);
}

/* ---- the end ---------------------------------------------------------------- */

/* The proof needed them; now nothing does.  Their fingerprints stay. */
static int drop_secrets(struct drive *d, struct err *e)
{
	for (uint32_t i = 0; i < d->w->n_targets; i++) {
		const struct target *t = &d->w->targets[i];
		const struct action *p = work_of(d->w, i, V_PROBE);
		struct inv_credential c = { 0 };
		int rc;

		if (t->what != T_CREDENTIAL || !p || p->state != A_DONE)
			continue;
		rc = inv_credential_get(d->v, work_conn_name(d->w, t),
					t->account, t->kind, t->id, &c, NULL,
					e);
		if (rc > 0) {
			if (c.has_secret && (c.state == INV_DEAD ||
					     target_by_value(t)))
				rc = inv_credential_drop_secret(d->v, &c, e);
			inv_credential_free(&c);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

int keep_close(struct drive *d, struct err *e)
{
	struct incident *inc = &d->w->inc;
	char *outcome = mem_strdup("all that was targeted is proved dead");

	for (uint32_t i = 0; i < d->w->n_targets && outcome; i++) {
		const struct action *p = work_of(d->w, i, V_PROBE);

		if (d->w->targets[i].flags & TF_SKIPPED || work_missing(d->w, i) ||
		    (work_unknown(d->w, i) && !work_elsewhere(d->w, i)) ||
		    (p && p->state == A_UNSUPPORTED)) {
			mem_free(outcome);
			outcome = mem_strdup("ended with things left alive or "
					     "without proof");
			break;
		}
	}
	if (!outcome)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (inc->closed_ms) {
		mem_free(outcome);
		return 0;
	}
	mem_free(inc->outcome);
	inc->outcome = outcome;
	inc->closed_ms = drive_now(d);
	crash_point("kill.before-close-commit");
	if (store_begin(d->v, e) < 0)
		return -1;
	if (record_put_incident(d->v, inc, e) < 0 ||
	    entry(d, J_INCIDENT, outcome, NULL, e) < 0 ||
	    drop_secrets(d, e) < 0) {
		store_rollback(d->v);
		return -1;
	}
	if (store_commit(d->v, e) < 0)
		return -1;
	crash_point("kill.after-close-commit");
	return 0;
}
