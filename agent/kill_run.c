/*
 * kill_run: one incident, driven and told.
 */
#include "agent/kill_run.h"

#include "agent/engine/drive.h"
#include "agent/engine/verdict.h"
#include "agent/finding_end.h"
#include "agent/report/live.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

int kill_tell(struct app *app, struct work *w)
{
	struct facts *facts = NULL;
	struct err e = ERR_INIT;
	int code;

	if (drive_facts(app->vault, w, &facts, &e) < 0)
		return app_fail(app, &e);
	code = app->json ? live_json(app, w, facts, clock_wall_ms()) :
			   live_final(app, w, facts, clock_wall_ms());
	mem_free(facts);
	return code;
}

int kill_run(struct app *app, struct work *w, int64_t wait_ms)
{
	struct live l = { .app = app };
	struct drive_options o = { .wait_ms = wait_ms, .view = live_view,
				   .arg = &l };
	struct err e = ERR_INIT;
	bool stopped = false;
	int code;

	if (drive_run(app, w, &o, &stopped, &e) < 0) {
		err_state(&e, "what was sent and answered until then is kept");
		err_hint(&e, "'curfew resume %s' goes on", w->inc.name);
		(void)err_ctx(&e, w->inc.name, "go on with the kill");
		(void)app_fail(app, &e);
		return EXIT_STORE;
	}
	code = kill_tell(app, w);
	/* told first; and that a dead value is kept is not worth an exit code */
	if (findings_end(app, &e) < 0)
		log_err(LOG_WARNING, &e);
	return code;
}
