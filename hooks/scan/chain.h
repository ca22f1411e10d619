/*
 * chain: one rule through one text, whole or as a delta of a marked text.
 */
#ifndef SCAN_CHAIN_H
#define SCAN_CHAIN_H

#include "hooks/scan/scan.h"

/* The walk of one rule through one text. */
struct chain {
	struct scan_thread *t;
	const char *text;
	size_t n;
	const struct delta *d;
	const struct gap *gap;
	size_t gaps;
	const struct busy *busy;
	struct regex *regex;
	uint32_t rule;
	size_t width;
	bool all; /* no ends were seen: every start is tried */
	const struct match_hit *hit, *hit_end; /* of this rule */
	const struct mark *mark, *mark_end;	/* of this rule, in the base */
	size_t f;				/* free here */
	struct marks *out;
};

/* All of a rule that can be told from hits, marks of the base and gaps. */
int chain_walk(struct chain *c, struct err *e)
	__attribute__((warn_unused_result));
/* Starts [from, last] by the regex alone; *found tells.  A match goes into
 * c->out, and c->f behind it. */
int chain_try(struct chain *c, size_t from, size_t last, bool *found,
	      struct err *e) __attribute__((warn_unused_result));

#endif
