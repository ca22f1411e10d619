/*
 * known: findings somebody has looked at already: .gitleaksignore and a
 * baseline report.
 */
#ifndef SCAN_KNOWN_H
#define SCAN_KNOWN_H

#include "hooks/scan/findings.h"

struct known {
	struct strings ignore; /* fingerprints, sorted after known_ready() */
	struct known_row *row; /* of the baseline, sorted */
	size_t rows;
};

/* A .gitleaksignore, or the folder it lies in; a missing one is fine unless
 * `must`. */
int known_ignore(struct known *k, const char *path, bool must, struct err *e)
	__attribute__((warn_unused_result));
/* An earlier JSON report. */
int known_baseline(struct known *k, const char *path, struct err *e)
	__attribute__((warn_unused_result));
/* Drop what is known from the list.  Returns how many. */
size_t known_drop(struct known *k, struct findings *list);
void known_release(struct known *k);

#endif
