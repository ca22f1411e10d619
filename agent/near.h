/*
 * near: the addresses and identities that look like a word, for "not found".
 */
#ifndef AGENT_NEAR_H
#define AGENT_NEAR_H

#include "agent/app.h"

/* Adds "did you mean ...?" as a hint when something is near.  Walks the whole
 * inventory: only for a question that failed. */
void near_hint(const struct app *app, const char *word, struct err *e);

#endif
