/*
 * cmd_restore: give back what an incident took, from its snapshots.
 *
 * Only accounts and credentials with a snapshot, or an account that was merely
 * disabled, can come back; for everything else it says why not.  What is
 * restored leaves the incident: `resume` will not end it again.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/engine/plan.h"
#include "agent/engine/record.h"
#include "agent/report/out.h"
#include "agent/restore_look.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"

struct restoring {
	struct app *app;
	struct work w;
	struct snapshot *snaps;
	size_t n_snaps;
	char **words;
	int n_words;
	struct link *link; /* of the connection worked on last */
	uint32_t done, failed;
	char said[400]; /* the provider's words to the last call, or why none */
};

static const struct snapshot *snapshot_of(const struct restoring *r,
					  const struct target *t)
{
	for (size_t i = 0; i < r->n_snaps; i++)
		if (strcmp(r->snaps[i].conn, work_conn_name(&r->w, t)) == 0 &&
		    strcmp(r->snaps[i].account, t->account) == 0 &&
		    strcmp(r->snaps[i].kind, t->kind) == 0 &&
		    strcmp(r->snaps[i].id, t->id) == 0)
			return &r->snaps[i];
	return NULL;
}

/* Accounts, and credentials that were killed on their own. */
static bool restorable(const struct target *t)
{
	return (t->what == T_ACCOUNT ||
		(t->what == T_CREDENTIAL && t->parent == NONE)) &&
	       !(t->flags & (TF_SKIPPED | TF_REPORTED));
}

static int wanted(const struct restoring *r, const struct target *t,
		  bool *yes, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = plan_address(&r->w, t, &b, e);

	*yes = r->n_words == 0;
	for (int i = 0; rc == 0 && i < r->n_words; i++)
		*yes = *yes || strcmp(r->words[i], b.p) == 0;
	buf_release(&b);
	return rc;
}

static int open_link(struct restoring *r, const char *conn, struct err *e)
{
	struct inv_connection c = { 0 };
	struct secret *admin = NULL;
	int rc;

	if (r->link && strcmp(link_name(r->link), conn) == 0)
		return 0;
	link_close(&r->link);
	rc = inv_connection_get(r->app->vault, conn, &c, &admin, e);
	if (rc == 0)
		err_fail(e, ERR_ABSENT, conn, "the connection is gone");
	if (rc > 0) {
		rc = link_open(r->app->launcher, conn, c.type, c.options, admin,
			       &r->link, e);
		inv_connection_free(&c);
	} else {
		rc = -1;
	}
	secret_free(&admin);
	return rc;
}

static int journal(struct restoring *r, enum journal_kind kind,
		   const struct target *t, const char *what, const char *how,
		   struct err *e)
{
	struct journal_entry j = { .kind = kind, .at_ms = clock_wall_ms(),
				   .incident = r->w.inc.id };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_printf(&b, e, "%s ", what) < 0 ||
	    plan_address(&r->w, t, &b, e) < 0 || buf_puts(&b, how, e) < 0)
		goto out;
	j.text = b.p;
	rc = journal_append(r->app->vault, &j, NULL, e);
out:
	buf_release(&b);
	return rc;
}

/* One call, its intent and its answer in transactions of their own. */
static int call(struct restoring *r, const struct target *t, const char *verb,
		const struct snapshot *s, enum link_status *status,
		struct err *e)
{
	struct json *q = json_object(), *snap = NULL, *body = NULL;
	const char *said;
	struct err why = ERR_INIT;
	bool ok = json_set_str(q, "verb", verb) &&
		  json_set_str(q, "account", t->account) &&
		  (!*t->kind || (json_set_str(q, "kind", t->kind) &&
				 json_set_str(q, "credential", t->id)));

	if (ok && s) {
		snap = json_parse(s->json, strlen(s->json), e);
		ok = snap && json_set(q, "snapshot", snap);
	}
	if (!ok) {
		json_free(&q);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	crash_point("restore.before-intent-commit");
	if (journal(r, J_SEND, t, verb, "", e) < 0) {
		json_free(&q);
		return -1;
	}
	crash_point("restore.before-send");
	if (link_ask(r->link, q, NULL, 30000, status, &body, &why) < 0 &&
	    why.code == ERR_NONE)
		*status = LINK_UNKNOWN;
	said = body ? json_str(body, "error") : NULL;
	(void)snprintf(r->said, sizeof(r->said), "%s", said ? said : why.cause);
	json_free(&body);
	crash_point("restore.after-reply");
	return 0;
}

static const char *status_text(enum link_status s)
{
	static const char *const words[] = {
		[LINK_OK] = ": ok", [LINK_ABSENT] = ": absent",
		[LINK_REFUSED] = ": refused", [LINK_RETRY] = ": busy",
		[LINK_UNKNOWN] = ": outcome unknown",
		[LINK_UNSUPPORTED] = ": unsupported",
		[LINK_NOT_SENT] = ": not sent",
	};

	return s < sizeof(words) / sizeof(*words) && words[s] ? words[s] : "";
}

/* ---- what the vault says afterwards -------------------------------------------- */

static int unknown_credential(struct restoring *r, const struct target *t,
			      struct err *e)
{
	struct inv_credential c = { 0 };
	int rc = inv_credential_get(r->app->vault, work_conn_name(&r->w, t),
				    t->account, t->kind, t->id, &c, NULL, e);

	if (rc <= 0)
		return rc;
	c.state = INV_UNKNOWN; /* the next sync knows */
	c.dead_ms = 0;
	c.dead_record = false;
	rc = inv_credential_put(r->app->vault, &c, NULL, e);
	inv_credential_free(&c);
	return rc;
}

static int active_account(struct restoring *r, const struct target *t,
			  struct err *e)
{
	struct inv_account a = { 0 };
	int rc = inv_account_get(r->app->vault, work_conn_name(&r->w, t),
				 t->account, &a, e);

	if (rc <= 0)
		return rc;
	a.state = INV_ACTIVE;
	rc = inv_account_put(r->app->vault, &a, e);
	inv_account_free(&a);
	return rc;
}

/* The target and what hangs below it leave the incident. */
static int leave(struct restoring *r, uint32_t i, bool keys, struct err *e)
{
	struct target *t = &r->w.targets[i];
	uint32_t note;

	t->flags |= TF_REPORTED;
	for (unsigned v = V_SNAPSHOT; v < V_NOTE; v++) {
		struct action *a = work_of(&r->w, i, (enum verb)v);

		if (!a)
			continue;
		if (action_open(a))
			a->state = A_MOOT;
		if (record_put_action(r->app->vault, &r->w, a, e) < 0)
			return -1;
	}
	if (work_action(&r->w, i, V_NOTE, 0, &note, e) < 0)
		return -1;
	r->w.actions[note].state = A_MOOT;
	if (action_note(&r->w.actions[note], "restored", e) < 0 ||
	    record_put_action(r->app->vault, &r->w, &r->w.actions[note], e) < 0)
		return -1;
	if (t->what == T_ACCOUNT)
		return active_account(r, t, e);
	return keys && t->what == T_CREDENTIAL ? unknown_credential(r, t, e) : 0;
}

static int keep(struct restoring *r, uint32_t i, bool whole,
		enum link_status status, const char *verb, struct err *e)
{
	uint32_t c;

	if (store_begin(r->app->vault, e) < 0)
		return -1;
	if (journal(r, J_ANSWER, &r->w.targets[i], verb, status_text(status),
		    e) < 0)
		goto fail;
	if (status == LINK_OK) {
		if (leave(r, i, whole, e) < 0)
			goto fail;
		for (c = r->w.targets[i].child; c != NONE && whole;
		     c = r->w.targets[c].sibling)
			if (!(r->w.targets[c].flags & TF_BEFORE) &&
			    leave(r, c, whole, e) < 0)
				goto fail;
	}
	crash_point("restore.before-result-commit");
	return store_commit(r->app->vault, e);
fail:
	store_rollback(r->app->vault);
	return -1;
}

static void tell(struct restoring *r, const struct target *t, const char *what)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (plan_address(&r->w, t, &b, NULL) == 0)
		out_cell(b.p, 0);
	out_text("  ");
	out_cell(what, 0);
	out_text("\n");
	buf_release(&b);
}

static int restore_one(struct restoring *r, uint32_t i, struct err *e)
{
	const struct target *t = &r->w.targets[i];
	const struct snapshot *s = snapshot_of(r, t);
	const struct action *x = work_of(&r->w, i, V_DISABLE);
	enum link_status status = LINK_UNSUPPORTED;
	bool whole = s != NULL;

	if (!s && !(x && x->state == A_DONE)) {
		tell(r, t, "cannot be restored: no snapshot was taken");
		r->failed++;
		return 0;
	}
	if (open_link(r, work_conn_name(&r->w, t), e) < 0)
		return -1;
	if (s) {
		if (call(r, t, "restore", s, &status, e) < 0 ||
		    keep(r, i, true, status, "restore", e) < 0)
			return -1;
	}
	/* The snapshot ran beside disabling, so it may show the account as we
	 * left it; one that was off before stays off. */
	if (t->what == T_ACCOUNT && status == LINK_OK && x &&
	    x->state == A_DONE && !(t->flags & TF_WAS_OFF)) {
		if (call(r, t, "enable", NULL, &status, e) < 0 ||
		    keep(r, i, false, status, "enable", e) < 0)
			return -1;
		if (status == LINK_UNSUPPORTED || status == LINK_ABSENT)
			status = LINK_OK;
	} else if (status == LINK_UNSUPPORTED && t->what == T_ACCOUNT) {
		whole = false;
		if (call(r, t, "enable", NULL, &status, e) < 0 ||
		    keep(r, i, false, status, "enable", e) < 0)
			return -1;
	}
	if (status == LINK_OK) {
		char text[700];
		bool good;

		(void)snprintf(text, sizeof(text), "%s", whole ? "restored" :
			       "enabled");
		good = restore_look(r->link, &r->w, i, whole, text,
				    sizeof(text));
		if (!whole)
			(void)snprintf(text + strlen(text),
				       sizeof(text) - strlen(text),
				       "; its revoked credentials stay dead");
		tell(r, t, text);
		r->done++;
		r->failed += !good;
	} else {
		char text[500];

		(void)snprintf(text, sizeof(text), "not restored%s%s%s",
			       status_text(status), *r->said ? ": " : "",
			       r->said);
		tell(r, t, text);
		r->failed++;
	}
	return 0;
}

static int ask(struct restoring *r, uint32_t n, struct err *e)
{
	char question[200];

	if (!n) {
		err_fail(e, ERR_USAGE, r->w.inc.name, "nothing of it matches");
		err_hint(e, "'curfew incident show %s' lists the addresses",
			 r->w.inc.name);
		return -1;
	}
	(void)snprintf(question, sizeof(question), "This gives access back to %u "
		       "thing%s that were ended for a reason.", n,
		       n == 1 ? "" : "s");
	return app_confirm(r->app, question, r->w.inc.name, e);
}

static int restore_all(struct restoring *r, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION, .at_ms = clock_wall_ms(),
				   .incident = r->w.inc.id,
				   .text = "restore was asked for" };
	uint32_t n = 0, last = r->w.n_targets;
	bool yes;

	for (uint32_t i = 0; i < last; i++) {
		if (wanted(r, &r->w.targets[i], &yes, e) < 0)
			return -1;
		n += yes && restorable(&r->w.targets[i]);
	}
	if (ask(r, n, e) < 0 ||
	    journal_append(r->app->vault, &j, NULL, e) < 0)
		return -1;
	for (uint32_t i = 0; i < last; i++) {
		if (wanted(r, &r->w.targets[i], &yes, e) < 0 ||
		    (yes && restorable(&r->w.targets[i]) &&
		     restore_one(r, i, e) < 0))
			return -1;
	}
	return 0;
}

int cmd_restore(struct app *app, int argc, char **argv)
{
	struct restoring r = { .app = app };
	const struct arg args[] = {
		{ "yes", ARG_FLAG, &app->yes, 'y' },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT;
	int n, rc = -1;
	char **rest;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n < 1) {
		(void)err_fail(&e, ERR_USAGE, NULL, "give an incident");
		err_hint(&e, "'curfew incident list' shows them");
		goto out;
	}
	r.words = rest + 1;
	r.n_words = n - 1;
	rc = record_load(app->vault, rest[0], &r.w, &e);
	if (rc == 0)
		(void)err_fail(&e, ERR_ABSENT, rest[0],
			       "there is no such incident");
	if (rc > 0)
		rc = record_snapshots(app->vault, &r.w.inc, &r.snaps,
				      &r.n_snaps, &e) < 0 ||
		     restore_all(&r, &e) < 0 ? -1 : 1;
out:
	link_close(&r.link);
	record_free_snapshots(&r.snaps, r.n_snaps);
	work_free(&r.w);
	if (rc <= 0) {
		(void)err_ctx(&e, NULL, "restore");
		return app_fail(app, &e);
	}
	if (r.done)
		out_text("'curfew sync' shows what is alive now\n");
	return r.failed ? EXIT_PROVIDER : EXIT_OK;
}
