/*
 * kill_connections: a secret that the vault does not know, at the connections
 * that claim its shape and can end a secret by its value.
 */
#ifndef AGENT_KILL_CONNECTIONS_H
#define AGENT_KILL_CONNECTIONS_H

#include "agent/engine/target.h"
#include "agent/panic.h"

/* Each one that claims it: shown on stderr, the value sealed with it as a
 * credential of ACCOUNT_BY_VALUE, added to the selection; its link stays open
 * in app->warm.  `any` is the link of panic_begin; one connection may take it,
 * then it is NULL.  With app->dry_run nothing is sealed.  Their number, -1. */
int kill_connections(struct app *app, const struct panic_ask *ask,
		     const struct paste *paste, struct link **any,
		     struct selection *s, struct err *e)
	__attribute__((warn_unused_result));

/* The vault knows the secret: its connection takes the process over that was
 * begun early, if that can serve it. */
void kill_reuse(struct app *app, const struct selection *s, struct link **any);

#endif
