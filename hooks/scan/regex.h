/*
 * regex: RE2-syntax patterns run in PCRE2 with bounded work.
 *
 * Rules come in RE2 syntax (no look-around, no back-references); what that
 * syntax does not have is refused when the pattern is made, so that a pattern
 * means the same here, in Vectorscan and in gitleaks.  Text is bytes.
 *
 * A struct regex is shared by all threads; a struct regex_thread belongs to
 * one.  Compiling is put off to the first use when asked, because a hook that
 * finds nothing should not pay for two hundred patterns.
 */
#ifndef SCAN_REGEX_H
#define SCAN_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define REGEX_GROUPS 32 /* captures kept, group 0 included */

struct regex;
struct regex_thread;

struct regex_hit {
	size_t start, end;
	size_t groups; /* captures in the pattern, 0..REGEX_GROUPS-1 */
	size_t at[REGEX_GROUPS][2]; /* (size_t)-1: group took no part */
};

enum regex_answer { REGEX_NONE, REGEX_FOUND, REGEX_LIMIT };

/* `lazy`: only the syntax check now.  Patterns of users are compiled here. */
struct regex *regex_new(const char *pattern, bool lazy, struct err *e);
/* A pattern that regex_new() has taken before; not looked at again. */
struct regex *regex_known(const char *pattern);
void regex_free(struct regex **r);
const char *regex_pattern(const struct regex *r);
/* Number of capture groups; compiles if need be; -1 with e. */
int regex_groups(struct regex *r, struct err *e);

struct regex_thread *regex_thread_new(struct err *e);
void regex_thread_free(struct regex_thread **t);

/*
 * The leftmost match that starts in [from, last_start], with all of text as
 * context.  REGEX_LIMIT: the work limit was hit, nothing is known; the caller
 * counts it.
 */
enum regex_answer regex_find(struct regex *r, struct regex_thread *t,
			     const char *text, size_t n, size_t from,
			     size_t last_start, struct regex_hit *hit);

/* Is there any match? */
bool regex_test(struct regex *r, struct regex_thread *t, const char *text,
		size_t n);

/* NULL when RE2 has all of it, else what it uses that RE2 has not. */
const char *regex_not_re2(const char *pattern);

#endif
