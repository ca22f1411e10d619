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

extern const struct suite suite_kill, suite_rotate, suite_storage, suite_power;

/* The next matrix_run() takes this program instead of curfew, with NAME=value
 * ("" none) in its environment; until it is called with NULL. */
void matrix_instead(const char *program, const char *name, const char *value);

/* Of the rotate suite: what follows the first command, and the checks.  A script
 * that is not disturbed. */
int rotate_go_on(const char *dir, size_t script, struct buf *findings);
/* The first command of a script. */
int rotate_first(const char *dir, size_t script);
size_t rotate_script(const char *name);
/* As things are, before anything goes on. */
void rotate_between(const char *dir, size_t script, struct buf *findings);

/* curfew WORDS in the rig; its output is kept for the residue check. */
int matrix_run(const char *dir, const char *crash_at, const char *list,
	       const char *const *words);

#endif
