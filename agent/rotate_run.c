/*
 * rotate_run: lines that have begun are driven and told.
 */
#include "agent/alarm.h"
#include "agent/engine/rot_drive.h"
#include "agent/report/rot_lines.h"
#include "agent/rotate.h"
#include "agent/rotate_replan.h"

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
