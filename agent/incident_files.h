/*
 * incident_files: incidents of kills without a vault, in DIR/incidents
 * (docs/incident-file.md).
 */
#ifndef AGENT_INCIDENT_FILES_H
#define AGENT_INCIDENT_FILES_H

#include "agent/engine/record.h"

/* Each of them as a row; what is no such file is passed over.  0 also when there
 * is no such folder. */
int incident_files(const char *dir, record_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Where that incident lies: a path as it stands, a name below DIR/incidents;
 * NULL: there is none of that name.  mem_free() it. */
char *incident_file(const char *dir, const char *word);

#endif
