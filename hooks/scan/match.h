/*
 * match: where a rule may have matched, for all rules in one pass.
 *
 * One Vectorscan database holds every rule whose matches are bounded, and the
 * keywords of the others.  It answers with ends of possible matches: a
 * superset that the caller confirms with the rule's own regex.
 *
 * A struct matcher is shared by all threads; a struct match_thread belongs to
 * one.
 */
#ifndef SCAN_MATCH_H
#define SCAN_MATCH_H

#include <stdint.h>

#include "hooks/scan/breaks.h"
#include "hooks/scan/deadline.h"
#include "hooks/scan/joined.h"
#include "hooks/scan/rule_cache.h"
#include "hooks/scan/rules.h"
#include "hooks/scan/tokens.h"

/* A rule whose longest match is above this runs on whole texts instead. */
#define MATCH_REACH_MAX 512u
/* All that changed is matched with so much around it; so a few rules with
 * long matches would make every rule dear. */
#define MATCH_NEAR_MAX 330u

enum rule_class {
	RULE_NEAR,   /* in the database; hits are ends of matches */
	RULE_WIDE,   /* run whole where one of its keywords stands */
	RULE_ALWAYS, /* run whole on every text: unbounded, no keyword */
	RULE_PATH,   /* no regex at all */
	RULE_GATED,  /* run around changes where one of its keywords stands:
		      * bounded, but by more than MATCH_NEAR_MAX */
};

struct match_hit {
	uint32_t rule; /* index in the ruleset */
	uint32_t end;
};

struct match_thread {
	void *scratch;
	struct match_hit *hit; /* in order of their ends per scan */
	size_t n, cap;
	uint64_t *wide; /* bit per rule that is not RULE_NEAR: a keyword was
			 * seen, or RULE_ALWAYS */
	struct sights seen; /* in what was scanned, clipped there */
	struct joined dense; /* what is around dense runs */
	uint32_t shift; /* added to the ends of the scan that runs */
	bool failed;
	struct pace *pace; /* asked on the way, or NULL */
};

struct matcher;

/* A cache that cannot be read or written is not an error. */
struct matcher *matcher_new(const struct ruleset *rs,
			    const struct rule_cache *c, struct err *e);
void matcher_free(struct matcher **m);

const struct ruleset *matcher_rules(const struct matcher *m);
enum rule_class matcher_class(const struct matcher *m, size_t rule);
size_t matcher_width(const struct matcher *m, size_t rule); /* bounded ones */
size_t matcher_reach(const struct matcher *m);	/* the largest width */
size_t matcher_wide_words(const struct matcher *m); /* of the bit set */
const uint64_t *matcher_gated(const struct matcher *m); /* bit per rule */
/* What breaks (breaks.h) can be at; no hit of a match goes over one. */
const struct bytes *matcher_breaks(const struct matcher *m);
bool matcher_from_cache(const struct matcher *m);

int match_thread_init(const struct matcher *m, struct match_thread *t,
		      struct err *e) __attribute__((warn_unused_result));
void match_thread_release(struct match_thread *t);

/* Forget hits; `wide` back to RULE_ALWAYS only. */
void match_reset(const struct matcher *m, struct match_thread *t);
/* Scan text[from, to) and add hits with offsets of text. */
int match_scan(const struct matcher *m, struct match_thread *t,
	       const char *text, size_t from, size_t to, struct err *e)
	__attribute__((warn_unused_result));
/* Order hits by rule, then end, and drop doubles. */
void match_sort(struct match_thread *t);

#endif
