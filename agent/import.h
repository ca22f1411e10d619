/*
 * import: reports of other scanners, a finding at a time.
 *
 * Knows the published JSON of gitleaks v8, trufflehog v3 (a line each),
 * kingfisher 1 and 2, and SARIF 2.1.0 of anybody.  Nothing is built from the
 * text: values go straight into locked memory.
 */
#ifndef AGENT_IMPORT_H
#define AGENT_IMPORT_H

#include "agent/finding.h"
#include "base/buf.h"

#define IMPORT_MAX (128u * 1024 * 1024) /* bytes of a report */

enum import_form {
	IMPORT_UNKNOWN, IMPORT_GITLEAKS, IMPORT_TRUFFLEHOG, IMPORT_KINGFISHER,
	IMPORT_SARIF,
};

const char *import_word(enum import_form f);
bool import_form_parse(const char *word, enum import_form *f);

/* Takes both, also on failure; value NULL: the report left it out. */
typedef int (*import_fn)(struct finding *f, struct secret *value, void *arg,
			 struct err *e);
/* *form IMPORT_UNKNOWN: told from the text.  Errors name the line. */
int import_report(const struct buf *text, enum import_form *form, import_fn fn,
		  void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
