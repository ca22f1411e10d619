/*
 * keyring_client: the core's side of curfew-keyring (docs/keyring.md).
 *
 * One short-lived process per call, started by the launcher.
 */
#ifndef AGENT_KEYRING_CLIENT_H
#define AGENT_KEYRING_CLIENT_H

#include <stdbool.h>

#include "agent/launch.h"
#include "base/err.h"
#include "base/secret.h"

/* `ask`: the desktop may ask the person to unlock the keyring.
 * lookup: ERR_ABSENT when the keyring holds no such item, ERR_SEALED when it is
 * locked, ERR_UNSUPPORTED when there is no keyring or session bus. */
int keyring_lookup(struct launcher *l, const char *item, bool ask,
		   struct secret **out, struct err *e)
	__attribute__((warn_unused_result));
int keyring_store(struct launcher *l, const char *item, const char *label,
		  const struct secret *key, struct err *e)
	__attribute__((warn_unused_result));
int keyring_clear(struct launcher *l, const char *item, struct err *e)
	__attribute__((warn_unused_result));

#endif
