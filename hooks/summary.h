/*
 * summary: what a scan says about itself on standard error.
 */
#ifndef HOOKS_SUMMARY_H
#define HOOKS_SUMMARY_H

#include "hooks/scan/engine.h"

struct summary {
	const struct engine *engine;
	const struct tally *tally;
	size_t found;	   /* rows of the report */
	int64_t ms;	   /* of the clock */
	int64_t threads;
};

/* One line: found or not, and in how much. */
void summary_line(const struct summary *s);
/* --stats: what was read, and the shares of the time. */
void summary_stats(const struct summary *s);
/* Rules that nobody named on the command line: whose they are. */
void summary_rules(const struct engine *g, const char *from);

#endif
