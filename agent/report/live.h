/*
 * live: what a person sees of a kill: one line per credential while it runs (on
 * a terminal) and at the end.
 */
#ifndef AGENT_REPORT_LIVE_H
#define AGENT_REPORT_LIVE_H

#include "agent/app.h"
#include "agent/engine/facts.h"
#include "agent/engine/work.h"
#include "base/buf.h"
#include "base/json.h"

struct live {
	const struct app *app;
	int64_t drawn_ms;
	unsigned lines; /* drawn, to be drawn over */
};

/* A drive_options.view. */
void live_view(const struct work *w, const struct facts *facts, int64_t now,
	       bool last, void *arg);

/* The final lines and summary on stdout; returns the exit code. */
int live_final(const struct app *app, const struct work *w,
	       const struct facts *facts, int64_t now);
/* The same as one JSON object, pretty, on stdout. */
int live_json(const struct app *app, const struct work *w,
	      const struct facts *facts, int64_t now);
/* The plan, for --dry-run. */
int live_plan(const struct app *app, const struct work *w,
	      const struct facts *facts, int64_t now);
/* Its address for a terminal, in place of what b holds. */
int live_address(const struct work *w, const struct target *t, struct buf *b)
	__attribute__((warn_unused_result));
/* One target's state as a JSON object, for reports. */
struct json *live_target(const struct work *w, uint32_t target,
			 const struct facts *facts, int64_t now);

#endif
