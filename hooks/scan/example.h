/*
 * example: the matches and misses of rules, expanded and tried.
 *
 * Placeholders (docs/rules.md) become random text from a seed, so that no
 * token-like string has to stand in a rule file.
 */
#ifndef SCAN_EXAMPLE_H
#define SCAN_EXAMPLE_H

#include "hooks/scan/scan.h"

#define EXAMPLE_SEEDS 20u

/* *at and *len: what stands between <s> and </s>; *len 0 when nothing does. */
int example_expand(const char *text, unsigned seed, struct buf *out,
		   size_t *at, size_t *len, struct err *e)
	__attribute__((warn_unused_result));

/* Try all examples of a rule with all seeds; -1 with the first that is
 * wrong in e. */
int example_try(struct scan_thread *t, const struct rule *r, struct err *e)
	__attribute__((warn_unused_result));

#endif
