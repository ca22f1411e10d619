/*
 * finding_end: findings whose credential is proved dead lose their value.
 */
#ifndef AGENT_FINDING_END_H
#define AGENT_FINDING_END_H

#include "agent/app.h"
#include "agent/finding.h"
#include "agent/whose.h"

/* After a kill: every kept value whose owners are all proved dead is wiped,
 * with an entry in the audit chain.  0 also when there was none. */
int findings_end(struct app *app, struct err *e)
	__attribute__((warn_unused_result));
/* One that belonged to nobody here, and whose service proved it dead. */
int finding_end(struct app *app, struct finding *f, const char *whose,
		struct err *e) __attribute__((warn_unused_result));
/* Sets f->ended or f->lives, as its owners are. */
int finding_owners(struct finding *f, const struct owners *o, struct err *e)
	__attribute__((warn_unused_result));

#endif
