/*
 * left: what a kill leaves open, or does not cover.
 */
#ifndef AGENT_REPORT_LEFT_H
#define AGENT_REPORT_LEFT_H

#include "agent/engine/verdict.h"
#include "base/json.h"

/* Why the live sessions of the target were left, or NULL: they ended, or end
 * with the credential. */
const char *left_session(const struct work *w, uint32_t target);
/* What a proof of death does not cover is said beside it. */
void left_tell_sessions(const struct work *w);
struct json *left_sessions_json(const struct work *w);
/* Nothing dies any more, and it is not over: "; still open: listing of pg" */
void left_tell_open(const struct work *w, const struct tally *t);
struct json *left_open_json(const struct work *w);

#endif
