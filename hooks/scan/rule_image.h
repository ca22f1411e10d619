/*
 * rule_image: the built-in rules as they are after reading, kept beside the
 * matcher's cache, because reading their TOML takes longer than a push.
 */
#ifndef SCAN_RULE_IMAGE_H
#define SCAN_RULE_IMAGE_H

#include "hooks/scan/rule_cache.h"
#include "hooks/scan/rules.h"

/* The built-in rules without their examples; from the cache when it has them,
 * else read and put there. */
struct ruleset *rules_quick(const struct rule_cache *c, struct err *e);

/* A digest of what the matcher is compiled from: patterns and keywords, in
 * order.  A ruleset out of its image brings it along. */
int rules_patterns(const struct ruleset *rs,
		   unsigned char out[static RULES_PATTERNS], struct err *e)
	__attribute__((warn_unused_result));

/* ---- for its test -------------------------------------------------------- */
int rules_image(const struct ruleset *rs, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* NULL: damaged, or out of memory. */
struct ruleset *rules_of_image(const void *p, size_t n);

#endif
