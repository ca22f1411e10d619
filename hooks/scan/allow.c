/*
 * allow: does an allowlist hold?
 *
 * Owns the meaning of OR and AND lists.  In an OR list any part is enough; in
 * an AND list every part that is given must hold.  Each pattern stands alone,
 * so a flag of one does not reach the next (gitleaks joins them).
 */
#include "hooks/scan/allow.h"

#include <string.h>
#include <strings.h>

#include "hooks/scan/checks.h"

static bool needs_place(const struct allowlist *a)
{
	return a->commits.n || a->paths.n;
}

static bool any_regex(const struct regexes *r, struct regex_thread *t,
		      const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (regex_test(r->v[i], t, p, n))
			return true;
	return false;
}

static bool regexes_hold(const struct allowlist *l, struct regex_thread *t,
			 const struct allow_about *a)
{
	if (l->target == TARGET_LINE)
		return any_regex(&l->regexes, t, a->line, a->n_line);
	if (l->target == TARGET_MATCH)
		return any_regex(&l->regexes, t, a->match, a->n_match);
	return any_regex(&l->regexes, t, a->secret, a->n_secret);
}

static bool stopwords_hold(const struct allowlist *l,
			   const struct allow_about *a)
{
	size_t i;

	for (i = 0; i < l->stopwords.n; i++)
		if (check_find(a->secret, a->n_secret, l->stopwords.v[i]))
			return true;
	return false;
}

static bool paths_hold(const struct allowlist *l, struct regex_thread *t,
		       const struct allow_about *a)
{
	return a->path && any_regex(&l->paths, t, a->path, strlen(a->path));
}

static bool commits_hold(const struct allowlist *l, const struct allow_about *a)
{
	size_t i;

	for (i = 0; a->commit && i < l->commits.n; i++)
		if (!strcasecmp(l->commits.v[i], a->commit))
			return true;
	return false;
}

static bool all_hold(const struct allowlist *l, struct regex_thread *t,
		     const struct allow_about *a)
{
	return (!l->commits.n || commits_hold(l, a)) &&
	       (!l->paths.n || paths_hold(l, t, a)) &&
	       (!l->regexes.n || regexes_hold(l, t, a)) &&
	       (!l->stopwords.n || stopwords_hold(l, a));
}

static bool speaks_of(const struct allowlist *l, const struct rule *r)
{
	size_t i;

	if (!l->rules.n)
		return true;
	for (i = 0; i < l->rules.n; i++)
		if (!strcmp(l->rules.v[i], r->id))
			return true;
	return false;
}

static bool text_holds(const struct allowlist *l, struct regex_thread *t,
		       const struct allow_about *a)
{
	if (l->all)
		return !needs_place(l) && all_hold(l, t, a);
	return stopwords_hold(l, a) || regexes_hold(l, t, a);
}

static bool place_holds(const struct allowlist *l, struct regex_thread *t,
			const struct allow_about *a)
{
	if (!needs_place(l))
		return false;
	if (l->all)
		return all_hold(l, t, a);
	return commits_hold(l, a) || paths_hold(l, t, a);
}

typedef bool (*list_question)(const struct allowlist *l, struct regex_thread *t,
			      const struct allow_about *a);

static bool ask(const struct ruleset *rs, const struct rule *r,
		struct regex_thread *t, const struct allow_about *a,
		list_question holds)
{
	size_t i;

	for (i = 0; i < rs->allow.n; i++)
		if (speaks_of(&rs->allow.v[i], r) && holds(&rs->allow.v[i], t, a))
			return true;
	for (i = 0; i < r->allow.n; i++)
		if (holds(&r->allow.v[i], t, a))
			return true;
	return false;
}

bool allow_text(const struct ruleset *rs, const struct rule *r,
		struct regex_thread *t, const struct allow_about *a)
{
	return ask(rs, r, t, a, text_holds);
}

bool allow_place(const struct ruleset *rs, const struct rule *r,
		 struct regex_thread *t, const struct allow_about *a)
{
	return ask(rs, r, t, a, place_holds);
}

bool allow_path(const struct ruleset *rs, struct regex_thread *t,
		const char *path)
{
	size_t i;

	for (i = 0; i < rs->allow.n; i++) {
		const struct allowlist *l = &rs->allow.v[i];

		if (!l->all && !l->rules.n &&
		    any_regex(&l->paths, t, path, strlen(path)))
			return true;
	}
	return false;
}
