/*
 * rule: which answer means what.  Nothing matched means nothing is known.
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "providers/http/request.h"
#include "providers/http/stamp.h"

static bool status_in(const struct toml_node *n, long status)
{
	const struct toml_node *c = def_each(n);

	for (; c; c = n->kind == TOML_ARRAY ? c->next : NULL)
		if (c->kind == TOML_INT ? c->num == status :
		    c->str[0] - '0' == status / 100)
			return true;
	return false;
}

static bool text_meets(const struct toml_node *cond, const char *text,
		       const struct scope *s)
{
	const char *equals = toml_str(cond, "equals"), *part = toml_str(cond, "contains");
	const char *glob = toml_str(cond, "matches");
	const struct toml_node *in = toml_get(cond, "in");
	bool ok = true;

	if (equals || part) {
		char *want = tmpl_text(equals ? equals : part, s, NULL);

		/* it may be a secret that is compared */
		ok = want && (equals ? strlen(text) == strlen(want) &&
				       secret_equal_bytes(text, want, strlen(want)) :
				       *want && strstr(text, want) != NULL);
		mem_free(want);
	}
	if (ok && glob) {
		char *want = tmpl_text(glob, s, NULL);

		ok = want && text_glob(want, text);
		mem_free(want);
	}
	if (ok && in)
		ok = def_has(in, text);
	return ok;
}

/* `at` or `header` with its test.  What is not there meets only exists=false. */
static bool value_meets(const struct toml_node *cond, const struct answer *a,
			const struct scope *s, const struct json *doc)
{
	const char *at = toml_str(cond, "at"), *head = toml_str(cond, "header");
	const struct toml_node *exists = toml_get(cond, "exists");
	struct buf b = BUF_INIT(BUF_RECORD_MAX), where = BUF_INIT(BUF_TEXT_MAX);
	const struct json *n = NULL;
	bool there, text, ok;

	if (at && doc && !tmpl_render(at, s, TMPL_POINTER, &where, NULL))
		n = doc_at(doc, where.p ? where.p : "", where.len);
	buf_release(&where);
	if (head) {
		there = text = a && wire_header(&a->w, head, &b);
	} else {
		there = n && json_type(n) != JSON_NULL;
		text = there && doc_text(n, &b);
	}
	if (exists)
		ok = there == (exists->num != 0) &&
		     (!there || !text || text_meets(cond, b.p ? b.p : "", s));
	else
		ok = text && text_meets(cond, b.p ? b.p : "", s);
	buf_release(&b);
	return ok;
}

bool rule_match(const struct toml_node *cond, const struct answer *a,
		const struct scope *s, const struct json *doc)
{
	const struct toml_node *n;
	bool any = false;

	if ((n = toml_get(cond, "status")) && !(a && status_in(n, a->w.status)))
		return false;
	if ((n = toml_get(cond, "picked")) &&
	    !(a && a->readable && a->picked == (n->num ? PICK_FOUND : PICK_ABSENT)))
		return false;
	if ((toml_get(cond, "at") || toml_get(cond, "header")) &&
	    !value_meets(cond, a, s, doc))
		return false;
	if ((n = toml_get(cond, "all")))
		for (const struct toml_node *c = n->kind == TOML_ARRAY ? n->child : n; c;
		     c = n->kind == TOML_ARRAY ? c->next : NULL)
			if (!rule_match(c, a, s, doc))
				return false;
	if ((n = toml_get(cond, "any"))) {
		for (const struct toml_node *c = n->kind == TOML_ARRAY ? n->child : n; c;
		     c = n->kind == TOML_ARRAY ? c->next : NULL)
			any = any || rule_match(c, a, s, doc);
		if (!any)
			return false;
	}
	if ((n = toml_get(cond, "not")))
		for (const struct toml_node *c = n->kind == TOML_ARRAY ? n->child : n; c;
		     c = n->kind == TOML_ARRAY ? c->next : NULL)
			if (rule_match(c, a, s, doc))
				return false;
	return true;
}

/* A service in trouble, or a redirect, says nothing about a credential. */
bool def_status_tells(int64_t status)
{
	return (status >= 200 && status < 300) ||
	       (status >= 400 && status < 500 && status != 429);
}

struct outcome rule_outcome(const struct toml_node *rules, const struct answer *a,
			    const struct scope *s)
{
	/* a page of another make is no answer of the service's, whatever its status */
	for (const struct toml_node *r = rules && a->readable ? rules->child : NULL; r;
	     r = r->next)
		if ((strcmp(toml_str(r, "is"), "dead") != 0 ||
		     def_status_tells(a->w.status)) && rule_match(r, a, s, a->doc))
			return (struct outcome){ .is = toml_str(r, "is"),
				.why = toml_str(r, "why"),
				.after_ms = def_int(r, "after_ms", 0) };
	return (struct outcome){ .is = NULL };
}

int64_t rule_wait(const struct answer *a)
{
	static const char *const resets[] = { "X-RateLimit-Reset",
		"X-Rate-Limit-Reset", "RateLimit-Reset", NULL };
	static const char *const lefts[] = { "X-RateLimit-Remaining",
		"X-Rate-Limit-Remaining", "RateLimit-Remaining", NULL };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int64_t wait = -1, n;
	bool none_left = false;

	if (a->w.status != 429 && a->w.status != 403 && a->w.status != 503)
		return -1;
	if (wire_header(&a->w, "Retry-After", &b) && b.p)
		wait = stamp_retry_after(b.p);
	for (int i = 0; lefts[i] && wait < 0 && !none_left; i++) {
		buf_reset(&b);
		none_left = wire_header(&a->w, lefts[i], &b) && b.p && !strcmp(b.p, "0");
	}
	for (int i = 0; resets[i] && wait < 0 && (none_left || a->w.status == 429); i++) {
		buf_reset(&b);
		if (!wire_header(&a->w, resets[i], &b) || !b.p ||
		    !text_int(b.p, 0, 99999999999, &n))
			continue;
		wait = n < 1000000 ? n * 1000 : n * 1000 - clock_wall_ms();
		wait = wait < 1000 ? 1000 : wait; /* clocks differ */
	}
	buf_release(&b);
	if (wait < 0 && a->w.status == 429)
		wait = 1000;
	return wait > 3600000 ? 3600000 : wait;
}
