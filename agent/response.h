/*
 * response: what the operator's policy says about a finding.
 */
#ifndef AGENT_RESPONSE_H
#define AGENT_RESPONSE_H

#include "agent/finding.h"
#include "agent/whose.h"

/* The mildest first. */
enum response {
	RESPONSE_NOTIFY,
	RESPONSE_ROTATE,
	RESPONSE_KILL,
	RESPONSE_KILL_IDENTITY,
};

/* Anybody can seal a file to the spool, so ending one needs the value itself (or
 * the private key to a listed one): who holds that may as well end it.  The
 * mildest of all its living owners.  *rule: the section that decided, or NULL. */
enum response response_for(const struct app *app, const struct finding *f,
			   const struct owners *o, const char **rule);
const char *response_word(enum response r); /* as finding.due; "" notify */

#endif
