/*
 * confine: the sandbox of the server's hook.
 */
#ifndef HOOKS_CONFINE_H
#define HOOKS_CONFINE_H

#include "hooks/gate.h"

/* After gate_open(), before anything of the push is read: from here on the
 * process reads the repository's folder, its object folders and the ignore
 * list, writes the spool, and reaches nothing else. */
int confine(const struct gate *g, const struct quarantine *q, struct err *e)
	__attribute__((warn_unused_result));

#endif
