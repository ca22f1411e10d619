/*
 * rotate_run: lines that begin are written down; those that have begun are driven
 * and told.
 */
#include "agent/alarm.h"
#include "agent/engine/rot_clock.h"
#include "agent/engine/rot_drive.h"
#include "agent/report/rot_lines.h"
#include "agent/rotate.h"
#include "agent/rotate_replan.h"
#include "base/crash.h"
#include "vault/inventory.h"
#include "vault/journal.h"

static int put_begun(struct app *app, const struct rot_line *l, bool begins,
		     const char *why, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION,
				   .at_ms = rot_clock_ms() };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	size_t at;
	int rc = -1;

	if ((begins ? buf_printf(&b, e, "rotation begins (%s, policy %s): ",
				 why, l->policy) :
		      buf_puts(&b, "rotation delivers where its policy says "
			       "now: ", e)) < 0)
		goto out;
	at = b.len;
	if (inv_address(&b, l->conn, l->account, l->cred, e) < 0 ||
	    rot_put(app->vault, l, NULL, false, e) < 0)
		goto out;
	j.text = b.p;
	rc = journal_append(app->vault, &j, NULL, e);
	if (rc == 0 && begins) /* it was due, and refused */
		rc = alarm_clear(app, ALARM_STUCK, b.p + at, e);
out:
	buf_release(&b);
	return rc;
}

int rotate_commit(struct app *app, struct rotate_set *s, const char *why,
		  struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < s->n; i++)
		any = any || s->fresh[i] != ROW_KEPT;
	if (!any)
		return 0;
	crash_point("rot.before-plan-commit");
	if (store_begin(app->vault, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (s->fresh[i] != ROW_KEPT &&
		    put_begun(app, &s->p[i], s->fresh[i] == ROW_BEGINS, why,
			      e) < 0) {
			store_rollback(app->vault);
			return -1;
		}
	if (rot_clock_keep(app->vault, e) < 0) {
		store_rollback(app->vault);
		return -1;
	}
	crash_point("rot.in-plan-transaction");
	if (store_commit(app->vault, e) < 0)
		return -1;
	crash_point("rot.after-plan-commit");
	return 0;
}

int rotate_run(struct app *app, struct rotate_set *s, int64_t wait_ms, bool now,
	       bool silent)
{
	struct rot_view view = { .app = app };
	const struct rot_options o = { .wait_ms = wait_ms, .view = rot_view,
				       .arg = &view };
	struct rot_drive *d = NULL;
	struct err e = ERR_INIT;
	bool stopped = false;
	int code = -1;

	view.total = s->n;
	if (rot_drive_new(app, &o, &d, &e) < 0)
		goto out;
	for (size_t i = 0; i < s->n; i++)
		if (rot_drive_add(d, &s->p[i], now, &e) < 0)
			goto out;
	if (rot_drive_run(d, &stopped, &e) < 0) {
		err_state(&e, "what was sent and answered until then is kept");
		err_hint(&e, "'curfew rotate --resume' goes on");
		(void)err_ctx(&e, NULL, "go on with the rotation");
		goto out;
	}
	app_progress_done(app);
	if (view.ended && rotate_replanned(app, &e) < 0)
		goto out;
	if (alarm_deliver(app, NULL, &e) < 0)
		goto out;
	code = rot_final(app, d, silent);
	if (s->refused && code == EXIT_OK)
		code = EXIT_POLICY;
out:
	if (code < 0)
		code = app_fail(app, &e);
	rot_drive_free(&d);
	return code;
}
