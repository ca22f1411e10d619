/*
 * matrix: what the suites of the crash matrix share.
 */
#ifndef TESTS_FAULT_MATRIX_H
#define TESTS_FAULT_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define MATRIX_NOT_REACHED 2

struct suite {
	const char *name;
	size_t n; /* scripts */
	const char *(*title)(size_t script);
	/* The rig of a case; 0 or -1. */
	int (*make)(const char *dir, size_t script);
	/* The first command, undisturbed, its labels to `list`. */
	void (*rehearse)(const char *dir, size_t script, const char *list);
	/* Crash there, go on until nothing changes, check: findings, one a line.
	 * `label` NULL: no crash.  0, or MATRIX_NOT_REACHED. */
	int (*play)(const char *dir, size_t script, const char *label,
		    struct buf *findings);
	/* NULL or: take this label of the rehearsal? */
	bool (*wants)(size_t script, const char *label);
};

extern const struct suite suite_kill, suite_rotate;

/* curfew WORDS in the rig; its output is kept for the residue check. */
int matrix_run(const char *dir, const char *crash_at, const char *list,
	       const char *const *words);

#endif
