/*
 * allow: does an allowlist hold?
 *
 * Asked twice: on the text, as soon as there is a match (allow_text), and
 * when it is known where the text stands (allow_place).
 */
#ifndef SCAN_ALLOW_H
#define SCAN_ALLOW_H

#include "hooks/scan/rules.h"

struct allow_about {
	const char *secret, *match, *line;
	size_t n_secret, n_match, n_line;
	const char *path;   /* NULL: not known */
	const char *commit; /* 40 hex digits; NULL: none */
};

/* Of all lists that speak of the rule: one that needs no place holds. */
bool allow_text(const struct ruleset *rs, const struct rule *r,
		struct regex_thread *t, const struct allow_about *a);
/* ... one that needs the path or the commit holds. */
bool allow_place(const struct ruleset *rs, const struct rule *r,
		 struct regex_thread *t, const struct allow_about *a);
/* A global list drops the whole path, whatever is in it. */
bool allow_path(const struct ruleset *rs, struct regex_thread *t,
		const char *path);

#endif
