/*
 * patterns: what the matcher is compiled from, growing.  The arrays are those
 * that hs_compile_multi() takes.
 */
#ifndef SCAN_PATTERNS_H
#define SCAN_PATTERNS_H

#include <stddef.h>

#include "base/err.h"

struct patterns {
	char **text;
	unsigned *flags, *id;
	size_t n, cap;
};

void patterns_free(struct patterns *p);
int patterns_add(struct patterns *p, const char *text, unsigned flags,
		 size_t id, struct err *e) __attribute__((warn_unused_result));
/* A word instead of a regex: every byte as \xNN. */
int patterns_add_word(struct patterns *p, const char *word, unsigned flags,
		      size_t id, struct err *e)
	__attribute__((warn_unused_result));

#endif
