/*
 * kill_value: the secret on standard input, and what it leads to: a credential
 * the vault knows, connections that can end it by value, or, with neither, the
 * service that issued it (panic.h).
 */
#ifndef AGENT_KILL_VALUE_H
#define AGENT_KILL_VALUE_H

#include "agent/engine/target.h"
#include "agent/panic.h"

/* 0: the selection holds it; 1: all is done, *code is the exit code; -1. */
int kill_value(struct app *app, const struct panic_ask *ask, struct selection *s,
	       int *code, struct err *e) __attribute__((warn_unused_result));
/* The secret on standard input; too long is a mistake of usage. */
int kill_value_read(struct secret **out, struct err *e)
	__attribute__((warn_unused_result));

#endif
