/*
 * incident_report: an incident as something to read: a list of them, one as
 * Markdown or JSON with its timeline.
 */
#ifndef AGENT_REPORT_INCIDENT_REPORT_H
#define AGENT_REPORT_INCIDENT_REPORT_H

#include "agent/app.h"
#include "agent/engine/work.h"
#include "base/buf.h"

/* Each appends to `out`; the vault gives journal and snapshots. */
int incident_markdown(struct app *app, const struct work *w, struct buf *out,
		      struct err *e) __attribute__((warn_unused_result));
int incident_json(struct app *app, const struct work *w, struct buf *out,
		  struct err *e) __attribute__((warn_unused_result));
/* Who opened it, from the journal: mem_free it; "" when nothing is there. */
char *incident_who(struct app *app, const struct work *w);
/* "open" or "closed: outcome". */
const char *incident_state(const struct incident *inc);

#endif
