/*
 * check_whole: what of a definition no single key shows: tests that test
 * nothing, values that can never be there, pages without a next one.
 *
 * Runs after check.c, so every key is known and of its type.  Its aim is that
 * nothing which the language would pass over in silence can stand in a file:
 * above all no "dead" that a proxy's answer could bring about.
 */
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/text.h"
#include "providers/http/def.h"

#define LIST_DEPTH 3
#define CONFIRM_TIMES 5
#define CONFIRM_MS 3000

struct whole {
	const struct def *d;
	struct err *e;
};

static const struct toml_node *first(const struct toml_node *n, const char *key)
{
	const struct toml_node *c = n ? toml_get(n, key) : NULL;

	return c ? c->child : NULL;
}

/* ---- rules ------------------------------------------------------------------- */

/* Does a rule look at the answer itself?  `not` alone proves nothing. */
static bool looks(const struct toml_node *cond)
{
	const struct toml_node *any = toml_get(cond, "any");

	if (toml_get(cond, "at") || toml_get(cond, "header") || toml_get(cond, "picked"))
		return true;
	for (const struct toml_node *c = def_each(toml_get(cond, "all")); c;
	     c = toml_get(cond, "all")->kind == TOML_ARRAY ? c->next : NULL)
		if (looks(c))
			return true;
	for (const struct toml_node *c = def_each(any); c;
	     c = any->kind == TOML_ARRAY ? c->next : NULL)
		if (!looks(c))
			return false;
	return any != NULL;
}

static int cond_whole(struct whole *w, const struct toml_node *cond, bool pick, int depth)
{
	static const char *const tests[] = { "equals", "in", "exists", "contains",
		"matches", NULL };
	static const char *const inner[] = { "all", "any", "not", NULL };
	const struct toml_node *where = toml_get(cond, "at");
	bool test = false;

	if (!where)
		where = toml_get(cond, "header");
	else if (toml_get(cond, "header"))
		return def_wrong(w->d, where, w->e, "'at' and 'header' in one test: one "
				 "place, please");
	for (int i = 0; tests[i]; i++) {
		const struct toml_node *t = toml_get(cond, tests[i]);

		test = test || t;
		if (t && !where)
			return def_wrong(w->d, t, w->e, "'%s' needs an 'at' or a 'header': "
					 "what is looked at?", tests[i]);
	}
	if (where && !test)
		return def_wrong(w->d, where, w->e, "'%s' needs a test beside it: equals, "
				 "in, exists, contains or matches", where->key);
	if (toml_get(cond, "picked") && !pick)
		return def_wrong(w->d, toml_get(cond, "picked"), w->e, "'picked' needs a "
				 "'pick' in the same request");
	for (int i = 0; inner[i] && depth < 8; i++) {
		const struct toml_node *t = toml_get(cond, inner[i]);

		for (const struct toml_node *c = def_each(t); c;
		     c = t->kind == TOML_ARRAY ? c->next : NULL)
			if (cond_whole(w, c, pick, depth + 1))
				return -1;
	}
	return 0;
}

static int rules_whole(struct whole *w, const struct toml_node *request)
{
	const bool pick = toml_get(request, "pick") != NULL;

	for (const struct toml_node *r = first(request, "rules"); r; r = r->next) {
		const char *is = toml_str(r, "is");
		bool tests = toml_get(r, "status") || toml_get(r, "not") || looks(r);

		if (cond_whole(w, r, pick, 0))
			return -1;
		if (!tests && strcmp(is, "unknown") != 0 && strcmp(is, "refused") != 0)
			return def_wrong(w->d, r, w->e, "'%s' for any answer at all: a rule "
					 "for it needs a test", is);
		if (!strcmp(is, "absent") && !looks(r))
			return def_wrong(w->d, r, w->e, "'%s' by the status alone: a proxy "
					 "says that too; test the service's own words "
					 "with 'at' or 'header'", is);
	}
	return 0;
}

/* ---- templates: names where they can have a value ------------------------------ */

/* Where a string stands. */
struct place {
	bool list, parent, answer, restore, auth, value;
	const struct toml_node *saves; /* the entry whose steps may save, or all lists */
};

static bool saved(const struct toml_node *t, const char *name, size_t n, int depth)
{
	const char *save = t->kind == TOML_TABLE ? toml_str(t, "save") : NULL;

	if (save && strlen(save) == n && !strncmp(save, name, n))
		return true;
	for (const struct toml_node *c = t->child; c && depth < 8; c = c->next)
		if (c->child && saved(c, name, n, depth + 1))
			return true;
	return false;
}

/* A name as it stands between braces, `n` bytes without pointer and functions. */
static const char *misplaced(const struct place *p, const char *name, size_t n)
{
	if (n == 4 && !strncmp(name, "item", n) && !p->list)
		return "'item' has a value in [[list]] only";
	if (((n == 2 && !strncmp(name, "up", n)) || (n == 3 && !strncmp(name, "up2", n))) &&
	    !p->parent)
		return "'up' has a value only in a [[list]] that hangs on another "
		       "(each = …)";
	if (n == 3 && !strncmp(name, "doc", n) && !p->answer)
		return "'doc', the answer, has a value in 'give', 'give_secret' and "
		       "rules only";
	if (n == 8 && !strncmp(name, "snapshot", n) && !p->restore)
		return "'snapshot' has a value in [[restore]] only";
	if (n == 5 && !strncmp(name, "token", n) && !p->value)
		return "'token' has a value only in the 'value' of a way to sign in of "
		       "kind jwt or exchange";
	if (n > 5 && !strncmp(name, "step.", 5) &&
	    !(p->saves && saved(p->saves, name + 5, n - 5, 0)))
		return "no step here has saved that (save = …)";
	return NULL;
}

static int text_whole(struct whole *w, const struct toml_node *n, const struct place *p)
{
	for (const char *s = n->str; *s; s++) {
		const char *why;
		size_t len;

		if (*s != '{')
			continue;
		if (*++s == '{')
			continue;
		len = strcspn(s, "/|}");
		why = misplaced(p, s, len);
		if (why)
			return def_wrong(w->d, n, w->e, "{%.*s}: %s", (int)strcspn(s, "}"), s,
					 why);
		s += strcspn(s, "}");
		if (!*s)
			break;
	}
	return 0;
}

static int names_whole(struct whole *w, const struct toml_node *t, struct place p,
		       int depth)
{
	for (const struct toml_node *c = t->child; c && depth < 10; c = c->next) {
		struct place in = p;

		if (c->key && (!strcmp(c->key, "give") || !strcmp(c->key, "give_secret") ||
			       !strcmp(c->key, "rules")))
			in.answer = true;
		/* the steps before a list know its parent as their item, too */
		if (p.auth && c->key && !strcmp(c->key, "value"))
			in.value = true;
		if (c->kind == TOML_STRING ? text_whole(w, c, &in) :
					     names_whole(w, c, in, depth + 1))
			return -1;
	}
	return 0;
}

static int all_names(struct whole *w)
{
	for (const struct toml_node *v = w->d->root->child; v; v = v->next) {
		struct place p = { .list = !strcmp(v->key, "list"),
				   .restore = !strcmp(v->key, "restore"),
				   .auth = false };
		const bool auth = !strcmp(v->key, "auth");

		if (!strcmp(v->key, "secret") || !strcmp(v->key, "facts"))
			continue;
		for (const struct toml_node *n = v->child; n; n = n->next) {
			p.parent = p.list && toml_get(n, "each");
			p.saves = p.list ? v : n;
			p.auth = auth && (!strcmp(toml_str(n, "kind"), "jwt") ||
					  !strcmp(toml_str(n, "kind"), "exchange"));
			if (v->kind == TOML_ARRAY || auth ? names_whole(w, n, p, 0) :
			    n->kind == TOML_STRING && text_whole(w, n, &p))
				return -1;
		}
	}
	return 0;
}

/* ---- requests --------------------------------------------------------------------- */

static int request_whole(struct whole *w, const struct toml_node *n)
{
	static const char *const bodies[] = { "json", "form", "text", "json_base", NULL };
	const char *method = toml_str(n, "method"), *from = toml_str(n, "json_base");
	const struct toml_node *had = NULL;

	for (int i = 0; bodies[i]; i++) {
		const struct toml_node *b = toml_get(n, bodies[i]);

		if (b && had)
			return def_wrong(w->d, b, w->e, "'%s' and '%s': a request has one "
					 "body", had->key, b->key);
		had = b ? b : had;
	}
	if (had && (!method || !strcmp(method, "GET") || !strcmp(method, "HEAD")))
		return def_wrong(w->d, had, w->e, "a %s has no body: which 'method' is "
				 "meant?", method ? method : "GET");
	if (from && strncmp(from, "step.", 5) != 0 && strncmp(from, "snapshot/", 9) != 0)
		return def_wrong(w->d, toml_get(n, "json_base"), w->e, "'json_base' takes "
				 "\"step.NAME/…\" or \"snapshot/kept/…\"; found '%.60s'", from);
	for (int i = 0; !from && i < 2; i++) {
		const char *key = i ? "json_set" : "json_pick";

		if (toml_get(n, key))
			return def_wrong(w->d, toml_get(n, key), w->e, "'%s' needs a "
					 "'json_base': what is changed?", key);
	}
	return rules_whole(w, n);
}

/* ... and its steps.  *last: whose rules are the verb's. */
static int entry_whole(struct whole *w, const struct toml_node *n,
		       const struct toml_node **last)
{
	*last = n;
	for (const struct toml_node *s = first(n, "step"); s; s = s->next) {
		if (request_whole(w, s))
			return -1;
		*last = s;
	}
	return request_whole(w, n);
}

/* ---- lists ------------------------------------------------------------------------- */

static int paging_whole(struct whole *w, const struct toml_node *p)
{
	static const struct { const char *kind, *must[2]; } need[] = {
		{ "next", { "at" } }, { "cursor", { "at", "param" } },
		{ "page", { "param" } }, { "last", { "at", "param" } } };
	const char *kind = toml_str(p, "kind");

	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		for (int m = 0; !strcmp(need[i].kind, kind) && m < 2 && need[i].must[m]; m++)
			if (!toml_get(p, need[i].must[m]))
				return def_wrong(w->d, p, w->e, "paging of kind '%s' needs "
						 "'%s'", kind, need[i].must[m]);
	if (def_int(p, "max_pages", 1) < 1 || def_int(p, "max_pages", 1) > 2000)
		return def_wrong(w->d, toml_get(p, "max_pages"), w->e, "'max_pages' takes "
				 "1 to 2000");
	if (def_int(p, "size", 1) < 1)
		return def_wrong(w->d, toml_get(p, "size"), w->e, "'size' takes a number "
				 "from 1");
	return 0;
}

/* How deep an entry hangs; -1 + e when its parent is not there. */
static int depth_of(struct whole *w, const struct toml_node *n)
{
	const struct toml_node *each = toml_get(n, "each");
	int depth = 0;

	while (each && depth <= LIST_DEPTH) {
		const struct toml_node *p = first(w->d->root, "list");

		/* only an earlier one can be the parent, so none is its own */
		while (p && p != n && !(toml_str(p, "name") &&
					!strcmp(toml_str(p, "name"), each->str)))
			p = p->next;
		if (!p || p == n)
			return def_wrong(w->d, each, w->e, "no [[list]] above is named '%s'",
					 each->str);
		n = p;
		each = toml_get(n, "each");
		depth++;
	}
	return depth;
}

static int list_whole(struct whole *w, const struct toml_node *n)
{
	const char *what = toml_str(n, "what"), *option = toml_str(n, "if_option");
	const struct toml_node *last, *paging = toml_get(n, "paging");
	int depth = depth_of(w, n);

	if (depth < 0)
		return -1;
	if (depth > LIST_DEPTH)
		return def_wrong(w->d, toml_get(n, "each"), w->e, "lists hang on one "
				 "another %d deep at most", LIST_DEPTH);
	if (option && !toml_get(toml_get(w->d->root, "option"), option))
		return def_wrong(w->d, toml_get(n, "if_option"), w->e,
				 "there is no [option.%s]", option);
	if (!what && !toml_get(n, "name"))
		return def_wrong(w->d, n, w->e, "a list with neither 'what' nor 'name' "
				 "tells nothing and nothing can hang on it");
	if (what && !toml_get(n, "account"))
		return def_wrong(w->d, n, w->e, "'account' is missing here");
	if (what && strcmp(what, "account") != 0 &&
	    (!toml_get(n, "id") || !toml_get(n, "kind")))
		return def_wrong(w->d, n, w->e, "a %s needs 'kind' and 'id'", what);
	for (const struct toml_node *s = first(n, "state_map"); s; s = s->next)
		if (s->kind != TOML_STRING || (strcmp(s->str, "active") != 0 &&
		    strcmp(s->str, "disabled") != 0 && strcmp(s->str, "expired") != 0))
			return def_wrong(w->d, s, w->e, "'state_map' maps to active, "
					 "disabled or expired");
	return (paging && paging_whole(w, paging)) || entry_whole(w, n, &last) ? -1 : 0;
}

/* ---- verbs ------------------------------------------------------------------------- */

static int kinds_whole(struct whole *w, const struct toml_node *kinds)
{
	const struct toml_node *facts = toml_get(w->d->root, "facts");

	for (const struct toml_node *k = def_each(kinds); k;
	     k = kinds->kind == TOML_ARRAY ? k->next : NULL) {
		const char *near = NULL;

		if (toml_get(facts, k->str))
			continue;
		for (const struct toml_node *f = facts ? facts->child : NULL; f && !near;
		     f = f->next)
			near = text_distance(f->key, k->str, 3) < 3 ? f->key : NULL;
		return near ? def_wrong(w->d, k, w->e, "there is no [facts.%.60s]; did "
					"you mean '%s'?", k->str, near) :
			      def_wrong(w->d, k, w->e, "there is no [facts.%.60s]: what is "
					"true of that kind?", k->str);
	}
	return 0;
}

static int give_whole(struct whole *w, const struct toml_node *n)
{
	static const char *const words[] = { "credential", "account", "kind",
		"last_used", "count", "created", "expires", "read_back",
		"place_version", NULL };

	for (const struct toml_node *g = first(n, "give"); g; g = g->next) {
		int i = 0;

		while (words[i] && strcmp(words[i], g->key) != 0)
			i++;
		if (!words[i])
			return def_wrong(w->d, g, w->e, "'give' takes credential, account, "
					 "kind, last_used, count, created, expires, "
					 "read_back, place_version; found "
					 "'%.60s'", g->key);
	}
	return 0;
}

/* Reads what was delivered and says whether it is that. */
static int read_back_whole(struct whole *w, const struct toml_node *n)
{
	const struct toml_node *rb = toml_get(n, "read_back");
	const char *method = rb ? toml_str(rb, "method") : NULL;
	bool ok = false;

	if (!rb)
		return 0;
	for (const struct toml_node *v = first(w->d->root, "deliver"); v; v = v->next)
		ok = ok || v == n;
	if (!ok)
		return def_wrong(w->d, rb, w->e, "'read_back' stands in a [[deliver]] only");
	if (!toml_get(rb, "rules"))
		return def_wrong(w->d, rb, w->e, "'rules' is missing here: which answer says "
				 "that it is the same?");
	if (method && strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
		return def_wrong(w->d, toml_get(rb, "method"), w->e, "what only reads is a GET "
				 "or a POST");
	return request_whole(w, rb);
}

static int verb_whole(struct whole *w, const struct toml_node *n)
{
	const struct toml_node *last, *confirm = toml_get(n, "confirm");

	if (toml_get(n, "step") && toml_get(n, "path"))
		return def_wrong(w->d, toml_get(n, "path"), w->e, "either 'path' or "
				 "'step': with steps, the last one is the verb's");
	if (toml_get(n, "kind") && kinds_whole(w, toml_get(n, "kind")))
		return -1;
	if (confirm && (def_int(confirm, "times", 1) < 1 ||
			def_int(confirm, "times", 1) > CONFIRM_TIMES ||
			def_int(confirm, "every_ms", 0) > CONFIRM_MS))
		return def_wrong(w->d, confirm, w->e, "'confirm' takes times from 1 to %d, "
				 "every_ms up to %d", CONFIRM_TIMES, CONFIRM_MS);
	if (entry_whole(w, n, &last) || give_whole(w, n) || read_back_whole(w, n))
		return -1;
	/* a changing request says itself which answer is a yes */
	if (!toml_get(last, "rules"))
		return def_wrong(w->d, last, w->e, "'rules' is missing here: which answer "
				 "means what?");
	return 0;
}

/* ---- the rest ------------------------------------------------------------------------ */

static int auth_whole(struct whole *w, const struct toml_node *a)
{
	static const struct { const char *kind, *must[3]; } need[] = {
		{ "header", { "header", "value" } }, { "basic", { "user", "password" } },
		{ "digest", { "user", "password" } }, { "jwt", { "key", "claims" } },
		{ "sigv4", { "service", "key_id", "key" } },
		{ "exchange", { "path", "token", "value" } } };
	const char *kind = toml_str(a, "kind");
	const struct toml_node *with = toml_get(a, "with"), *key = toml_get(a, "key");

	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		for (int m = 0; !strcmp(need[i].kind, kind) && m < 3 && need[i].must[m]; m++)
			if (!toml_get(a, need[i].must[m]))
				return def_wrong(w->d, a, w->e, "a way to sign in of kind "
						 "'%s' needs '%s'", kind, need[i].must[m]);
	if (!strcmp(kind, "jwt") && strcmp(key->str, "{admin}") != 0 && strcmp(key->str, "{secret}") != 0)
		return def_wrong(w->d, key, w->e, "the 'key' of a jwt is \"{admin}\" or "
				 "\"{secret}\"");
	if (with && def_auth(w->d, with->str) &&
	    !strcmp(toml_str(def_auth(w->d, with->str), "kind"), "exchange"))
		return def_wrong(w->d, with, w->e, "an exchange may not hang on another "
				 "exchange");
	return 0;
}

static int shape_whole(struct whole *w, const struct toml_node *s)
{
	const struct toml_node *host = toml_get(s, "host"), *option = toml_get(s, "option");
	struct err why = ERR_INIT;
	char at[300];
	const int64_t min = def_int(s, "min", 0), max = def_int(s, "max", 0);

	if (min > max || min < (int64_t)strlen(toml_str(s, "prefix")))
		return def_wrong(w->d, toml_get(s, "min"), w->e, "'min' is more than 'max', "
				 "or less than the prefix is long");
	if (!host && !option)
		return def_wrong(w->d, s, w->e, "'host' or 'option' is missing here: where "
				 "may such a secret be sent?");
	if (host && (!strstr(host->str, "://") ||
		     host_address(host->str, at, sizeof(at), &why)))
		return def_wrong(w->d, host, w->e, "'host' is https://HOST (http:// "
				 "is for an address of this machine, 127.…)%s%s",
				 why.cause[0] ? ": " : "", why.cause);
	if (option && !toml_get(toml_get(w->d->root, "option"), option->str))
		return def_wrong(w->d, option, w->e, "there is no [option.%.60s]", option->str);
	return 0;
}

static int service_whole(struct whole *w)
{
	const struct toml_node *service = toml_get(w->d->root, "service");
	const struct toml_node *parallel = toml_get(service, "parallel");
	const struct toml_node *admin = toml_get(w->d->root, "admin");
	const struct toml_node *sign = def_auth(w->d, "admin");

	if (parallel && (parallel->num < 1 || parallel->num > 16))
		return def_wrong(w->d, parallel, w->e, "'parallel' takes 1 to 16");
	if (sign && !strcmp(toml_str(admin, "secret"), "none"))
		return def_wrong(w->d, toml_get(admin, "secret"), w->e, "'secret' is none, "
				 "but [auth.admin] signs in with it");
	return 0;
}

/* HTTP's own letters, and nothing that would end the line. */
static int headers_whole(struct whole *w, const struct toml_node *t, int depth)
{
	for (const struct toml_node *c = t->child; c && depth < 6; c = c->next) {
		const bool names = c->key && c->kind == TOML_TABLE && !strcmp(c->key, "headers");

		for (const struct toml_node *h = names ? c->child : NULL; h; h = h->next)
			if (!*h->key || h->key[strcspn(h->key, " \t\r\n:\"(),/;<=>?@[\\]{}")])
				return def_wrong(w->d, h, w->e, "'%.60s' is no header: a name "
						 "without blanks and colons, a value of one "
						 "line", h->key);
		if (!names && c->child && headers_whole(w, c, depth + 1))
			return -1;
	}
	return 0;
}

int def_check_whole(const struct def *d, struct err *e)
{
	struct whole w = { .d = d, .e = e };

	if (service_whole(&w) || headers_whole(&w, d->root, 0))
		return -1;
	for (const struct toml_node *a = first(d->root, "auth"); a; a = a->next)
		if (auth_whole(&w, a))
			return -1;
	for (const struct toml_node *s = first(d->root, "secret"); s; s = s->next)
		if (shape_whole(&w, s))
			return -1;
	for (const struct toml_node *n = first(d->root, "list"); n; n = n->next)
		if (list_whole(&w, n))
			return -1;
	for (int v = 0; def_verbs[v]; v++)
		for (const struct toml_node *n = first(d->root, def_verbs[v]); n; n = n->next)
			if (verb_whole(&w, n))
				return -1;
	return all_names(&w);
}
