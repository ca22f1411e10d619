/*
 * check: a definition against the language, before anything is sent.
 *
 * Promises a message with line and column for the first thing that is wrong:
 * a key nobody knows (with the near one), a value of another type, a word that
 * is none of the possible ones, a template that cannot be read, a secret in a
 * URL, a way to sign in or a parent that is not there.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "providers/http/def.h"
#include "providers/http/stamp.h"
#include "providers/http/tmpl.h"

enum want { W_STR, W_NAME, W_TMPL, W_URL, W_INT, W_BOOL, W_STRS, W_WORD, W_TABLE,
	    W_TABLES, W_NAMED, W_MAP, W_URLMAP, W_TEXTMAP, W_BODY, W_STATUS, W_COND,
	    W_POINTER, W_AT, W_POINTERS, W_AUTH, W_NUMBER };

struct key {
	const char *name;
	enum want want;
	bool must;
	const void *more; /* words, or the keys of a table */
};

struct checker {
	const struct def *d;
	struct err *e;
	const struct toml_node *request; /* the table with a path that we are in */
};

static int keys_check(struct checker *k, const struct toml_node *t,
		      const struct key *keys);

static const char *const kind_words[] = { "string", "whole number", "number",
	"true or false", "date", "array", "table" };

/* ---- the language ---------------------------------------------------------- */

static const char *const outcomes[] = { "ok", "absent", "refused", "full", "retry",
	"unknown", "again", NULL };
static const char *const lives[] = { "alive", "dead", "unknown", "retry",
	"again", NULL };
static const char *const formats[] = { "json", "xml", "none", NULL };
static const char *const needs[] = { "required", "optional", "none", NULL };
static const char *const whats[] = { "account", "credential", "session", "grant", NULL };
static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE",
	"LIST", "HEAD", NULL };
/* what a JSON body may call itself (RFC 7396; AWS' JSON protocol) */
static const char *const types[] = { "application/merge-patch+json",
	"application/x-amz-json-1.1", NULL };
static const char *const auth_kinds[] = { "header", "basic", "digest", "sigv4",
	"jwt", "exchange", NULL };
static const char *const pagings[] = { "link", "next", "cursor", "page", "last", NULL };
static const char *const keys_made[] = { "rsa2048", "rsa3072", "p256", "p384", NULL };
static const char *const froms[] = { "caller", "provider", "none", NULL };

#define CONDITION \
	{ "status", W_STATUS, false, NULL }, { "at", W_AT, false, NULL }, \
	{ "header", W_STR, false, NULL }, { "equals", W_TMPL, false, NULL }, \
	{ "in", W_STRS, false, NULL }, { "exists", W_BOOL, false, NULL }, \
	{ "contains", W_TMPL, false, NULL }, { "matches", W_TMPL, false, NULL }, \
	{ "picked", W_BOOL, false, NULL }, { "all", W_COND, false, NULL }, \
	{ "any", W_COND, false, NULL }, { "not", W_COND, false, NULL }

static const struct key cond_keys[] = { CONDITION, { NULL, 0, false, NULL } };
static const struct key rule_keys[] = { CONDITION,
	{ "is", W_WORD, true, outcomes }, { "why", W_STR, false, NULL },
	{ "after_ms", W_INT, false, NULL }, { NULL, 0, false, NULL } };
static const struct key probe_rule_keys[] = { CONDITION,
	{ "is", W_WORD, true, lives }, { "why", W_STR, false, NULL },
	{ "after_ms", W_INT, false, NULL }, { NULL, 0, false, NULL } };
static const struct key pick_keys[] = {
	{ "items", W_POINTER, true, NULL }, { "at", W_POINTER, true, NULL },
	{ "equals", W_TMPL, true, NULL }, { NULL, 0, false, NULL } };

#define REQUEST(rules) \
	{ "as", W_AUTH, false, NULL }, { "method", W_WORD, false, methods }, \
	{ "path", W_URL, true, NULL }, { "base", W_URL, false, NULL }, \
	{ "query", W_URLMAP, false, NULL }, { "headers", W_MAP, false, NULL }, \
	{ "json", W_BODY, false, NULL }, { "form", W_MAP, false, NULL }, \
	{ "text", W_TMPL, false, NULL }, { "json_base", W_STR, false, NULL }, \
	{ "seal_to", W_TMPL, false, NULL }, { "type", W_WORD, false, types }, \
	{ "json_pick", W_STRS, false, NULL }, { "json_set", W_TEXTMAP, false, NULL }, \
	{ "answers", W_WORD, false, formats }, { "pick", W_TABLE, false, pick_keys }, \
	{ "save", W_NAME, false, NULL }, { "rules", W_TABLES, false, rules }

static const struct key step_keys[] = { REQUEST(rule_keys), { NULL, 0, false, NULL } };
static const struct key probe_step_keys[] = { REQUEST(probe_rule_keys),
	{ NULL, 0, false, NULL } };
static const struct key confirm_keys[] = { { "times", W_INT, true, NULL },
	{ "every_ms", W_INT, true, NULL }, { NULL, 0, false, NULL } };

#define ENTRY(rules, steps) \
	{ "kind", W_STRS, false, NULL }, { "accounts", W_STR, false, NULL }, \
	{ "step", W_TABLES, false, steps }, \
	{ "give", W_MAP, false, NULL }, { "give_secret", W_TMPL, false, NULL }, \
	{ "keep", W_POINTER, false, NULL }

static const struct key verb_keys[] = { REQUEST(rule_keys),
	{ "read_back", W_TABLE, false, step_keys },
	ENTRY(rule_keys, step_keys), { NULL, 0, false, NULL } };
static const struct key probe_keys[] = { REQUEST(probe_rule_keys),
	ENTRY(probe_rule_keys, probe_step_keys),
	{ "confirm", W_TABLE, false, confirm_keys }, { NULL, 0, false, NULL } };

static const struct key paging_keys[] = {
	{ "kind", W_WORD, true, pagings }, { "at", W_POINTER, false, NULL },
	{ "param", W_STR, false, NULL }, { "more", W_POINTER, false, NULL },
	{ "size", W_INT, false, NULL }, { "size_param", W_STR, false, NULL },
	{ "first", W_INT, false, NULL }, { "total_pages", W_POINTER, false, NULL },
	{ "max_pages", W_INT, false, NULL }, { NULL, 0, false, NULL } };
static const struct key list_keys[] = { REQUEST(rule_keys),
	{ "name", W_NAME, false, NULL }, { "each", W_NAME, false, NULL },
	{ "what", W_WORD, false, whats }, { "kind", W_TMPL, false, NULL },
	{ "items", W_POINTER, true, NULL }, { "paging", W_TABLE, false, paging_keys },
	{ "account", W_TMPL, false, NULL }, { "id", W_TMPL, false, NULL },
	{ "state", W_TMPL, false, NULL }, { "state_map", W_TEXTMAP, false, NULL },
	{ "created", W_TMPL, false, NULL }, { "expires", W_TMPL, false, NULL },
	{ "last_used", W_TMPL, false, NULL }, { "times", W_WORD, false, stamp_formats },
	{ "fingerprint", W_TMPL, false, NULL }, { "label", W_TMPL, false, NULL },
	{ "attributes", W_MAP, false, NULL },
	{ "self_when", W_TABLE, false, cond_keys },
	{ "makes_accounts_when", W_TABLE, false, cond_keys },
	{ "only_when", W_TABLE, false, cond_keys },
	{ "if_option", W_STR, false, NULL },
	{ "step", W_TABLES, false, step_keys }, { NULL, 0, false, NULL } };

static const struct key service_keys[] = {
	{ "name", W_NAME, true, NULL }, { "title", W_STR, true, NULL },
	{ "base", W_URL, true, NULL }, { "docs", W_STR, false, NULL },
	{ "read", W_STR, false, NULL }, { "answers", W_WORD, false, formats },
	{ "message", W_POINTERS, false, NULL }, { "xml_lists", W_STRS, false, NULL },
	{ "headers", W_MAP, false, NULL }, { "parallel", W_INT, false, NULL },
	{ NULL, 0, false, NULL } };
static const struct key admin_keys[] = {
	{ "secret", W_WORD, true, needs }, { "help", W_STR, false, NULL },
	{ "parts", W_STRS, false, NULL }, { NULL, 0, false, NULL } };
static const struct key option_keys[] = {
	{ "default", W_STR, false, NULL }, { "help", W_STR, true, NULL },
	{ "required", W_BOOL, false, NULL }, { NULL, 0, false, NULL } };
static const struct key auth_keys[] = {
	{ "kind", W_WORD, true, auth_kinds }, { "header", W_STR, false, NULL },
	{ "value", W_TMPL, false, NULL }, { "user", W_TMPL, false, NULL },
	{ "password", W_TMPL, false, NULL }, { "service", W_TMPL, false, NULL },
	{ "region", W_TMPL, false, NULL }, { "key_id", W_TMPL, false, NULL },
	{ "key", W_TMPL, false, NULL }, { "session", W_TMPL, false, NULL },
	{ "claims", W_MAP, false, NULL }, { "life_s", W_INT, false, NULL },
	{ "field", W_NAME, false, NULL },
	{ "with", W_AUTH, false, NULL }, { "method", W_WORD, false, methods },
	{ "base", W_URL, false, NULL }, { "path", W_URL, false, NULL },
	{ "form", W_MAP, false, NULL }, { "json", W_BODY, false, NULL },
	{ "headers", W_MAP, false, NULL }, { "token", W_POINTER, false, NULL },
	{ "expires_in", W_POINTER, false, NULL }, { "expires_at", W_POINTER, false, NULL },
	{ NULL, 0, false, NULL } };
static const struct key fact_keys[] = {
	{ "secret_from", W_WORD, false, froms }, { "max", W_INT, false, NULL },
	{ "overlap", W_BOOL, false, NULL }, { "disable", W_BOOL, false, NULL },
	{ "disable_cuts_sessions", W_BOOL, false, NULL },
	{ "revoke_cuts_sessions", W_BOOL, false, NULL },
	{ "mint_lag_ms", W_INT, false, NULL }, { "list_lag_ms", W_INT, false, NULL },
	{ "revoke_lag_ms", W_INT, false, NULL }, { "session_ms", W_INT, false, NULL },
	{ "rate_per_s", W_NUMBER, false, NULL }, { "by_value", W_BOOL, false, NULL },
	{ "revoke_leaves_value", W_BOOL, false, NULL },
	{ "self_revoke", W_BOOL, false, NULL }, { "may_cut_self", W_BOOL, false, NULL },
	{ "fixed_id", W_BOOL, false, NULL }, { "labels", W_BOOL, false, NULL },
	{ "last_used", W_BOOL, false, NULL }, { "last_used_lag_ms", W_INT, false, NULL },
	{ "length", W_INT, false, NULL }, { "makes", W_WORD, false, keys_made },
	{ NULL, 0, false, NULL } };
static const struct key secret_keys[] = {
	{ "kind", W_STR, true, NULL }, { "prefix", W_STR, true, NULL },
	{ "chars", W_STR, true, NULL }, { "min", W_INT, true, NULL },
	{ "max", W_INT, true, NULL }, { "host", W_STR, false, NULL },
	{ "option", W_STR, false, NULL }, { "revoke", W_BOOL, false, NULL },
	{ NULL, 0, false, NULL } };

#define VERB(v) { v, W_TABLES, false, verb_keys }
static const struct key root_keys[] = {
	{ "language", W_INT, true, NULL }, { "service", W_TABLE, true, service_keys },
	{ "admin", W_TABLE, true, admin_keys }, { "option", W_NAMED, false, option_keys },
	{ "auth", W_NAMED, false, auth_keys }, { "facts", W_NAMED, false, fact_keys },
	{ "secret", W_TABLES, false, secret_keys }, { "list", W_TABLES, false, list_keys },
	{ "probe", W_TABLES, false, probe_keys }, VERB("disable"), VERB("enable"),
	VERB("revoke"), VERB("revoke_value"), VERB("cut_sessions"), VERB("snapshot"),
	VERB("restore"), VERB("remove_grant"), VERB("last_used"), VERB("mint"),
	VERB("set"), VERB("deliver"), VERB("freeze"), VERB("unfreeze"),
	{ NULL, 0, false, NULL } };

/* ---- values ------------------------------------------------------------------ */

static int expected(struct checker *k, const struct toml_node *n, const char *what)
{
	return def_wrong(k->d, n, k->e, "'%s' takes %s, found a %s",
			 n->key ? n->key : "array", what, kind_words[n->kind]);
}

static int word_check(struct checker *k, const struct toml_node *n,
		      const char *const *words)
{
	struct buf all = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	for (int i = 0; words[i]; i++) {
		if (n->kind == TOML_STRING && !strcmp(words[i], n->str)) {
			rc = 0;
			goto out;
		}
		if (buf_printf(&all, NULL, "%s%s", i ? ", " : "", words[i]))
			goto out;
	}
	(void)def_wrong(k->d, n, k->e, "'%s' is one of %s; found '%.60s'",
			n->key ? n->key : "", all.p,
			n->str ? n->str : kind_words[n->kind]);
out:
	buf_release(&all);
	return rc;
}

static int tmpl_ok(struct checker *k, const struct toml_node *n, bool url)
{
	struct tmpl_use use = { .why = "" };

	if (n->kind != TOML_STRING)
		return expected(k, n, "a string");
	if (!tmpl_check(n->str, k->d, &use))
		return def_wrong(k->d, n, k->e, "%s", use.why);
	if (use.sealed && !(k->request && toml_get(k->request, "seal_to")))
		return def_wrong(k->d, n, k->e, "'sealed_box' needs a 'seal_to' in the "
				 "same request: whose public key?");
	if (url && (use.secret || use.admin || use.token))
		return def_wrong(k->d, n, k->e, "a secret may not stand in a URL");
	return 0;
}

/* A fixed beginning: what a template starts with decides where it leads. */
static int url_ok(struct checker *k, const struct toml_node *n)
{
	const char *t = n->str;
	const bool base = n->key && !strcmp(n->key, "base");

	if (tmpl_ok(k, n, true))
		return -1;
	if (base && *t != '{' && strncmp(t, "https://", 8) != 0 && strncmp(t, "http://", 7) != 0)
		return def_wrong(k->d, n, k->e, "'base' begins with https://, http:// "
				 "or a template; found '%.60s'", t);
	if (!base && *t != '/')
		return def_wrong(k->d, n, k->e, "'path' begins with '/'; found '%.60s'", t);
	return 0;
}

static int pointer_ok(struct checker *k, const struct toml_node *n)
{
	if (n->kind != TOML_STRING)
		return expected(k, n, "a JSON pointer");
	if (n->str[0] && n->str[0] != '/')
		return def_wrong(k->d, n, k->e, "a JSON pointer begins with '/' "
				 "(\"\" is the whole answer); found '%.60s'", n->str);
	return 0;
}

/* ... with templates in it. */
static int at_ok(struct checker *k, const struct toml_node *n)
{
	struct tmpl_use use = { .why = "" };

	if (pointer_ok(k, n))
		return -1;
	if (!tmpl_check(n->str, k->d, &use))
		return def_wrong(k->d, n, k->e, "%s", use.why);
	if (use.secret || use.admin || use.token)
		return def_wrong(k->d, n, k->e, "a secret may not be a name");
	return 0;
}

static int pointers_ok(struct checker *k, const struct toml_node *n)
{
	for (const struct toml_node *c = def_each(n); c;
	     c = n->kind == TOML_ARRAY ? c->next : NULL)
		if (pointer_ok(k, c))
			return -1;
	return 0;
}

static int scalar_ok(struct checker *k, const struct toml_node *n)
{
	if (n->kind == TOML_STRING)
		return tmpl_ok(k, n, false);
	return n->kind == TOML_INT || n->kind == TOML_BOOL ? 0 :
		       expected(k, n, "a string, a whole number, true or false");
}

/* A body: any TOML value, strings are templates. */
static int body_ok(struct checker *k, const struct toml_node *n, int depth)
{
	if (depth > 8)
		return def_wrong(k->d, n, k->e, "nested deeper than 8");
	if (n->kind == TOML_STRING)
		return tmpl_ok(k, n, false);
	for (const struct toml_node *c = n->child; c; c = c->next) {
		struct tmpl_use use = { .why = "" };

		if (c->key && !tmpl_check(c->key, k->d, &use))
			return def_wrong(k->d, c, k->e, "%s", use.why);
		if (use.secret || use.admin || use.token)
			return def_wrong(k->d, c, k->e, "a secret may not be a name");
		if (body_ok(k, c, depth + 1))
			return -1;
	}
	return 0;
}

static int status_ok(struct checker *k, const struct toml_node *n)
{
	const struct toml_node *c = def_each(n);

	for (; c; c = n->kind == TOML_ARRAY ? c->next : NULL) {
		if (c->kind == TOML_INT && c->num >= 100 && c->num <= 599)
			continue;
		if (c->kind == TOML_STRING && strlen(c->str) == 3 &&
		    c->str[0] >= '1' && c->str[0] <= '5' && !strcmp(c->str + 1, "xx"))
			continue;
		return def_wrong(k->d, c, k->e, "'status' takes numbers from 100 "
				 "to 599 and \"2xx\" to \"5xx\"");
	}
	return 0;
}

static int map_ok(struct checker *k, const struct toml_node *n, enum want want)
{
	if (n->kind != TOML_TABLE)
		return expected(k, n, "a table");
	for (const struct toml_node *c = n->child; c; c = c->next)
		if (want == W_TEXTMAP ? scalar_ok(k, c) : tmpl_ok(k, c, want == W_URLMAP))
			return -1;
	return 0;
}

static int tables_ok(struct checker *k, const struct toml_node *n,
		     const struct key *keys, bool named)
{
	if (n->kind != (named ? TOML_TABLE : TOML_ARRAY))
		return expected(k, n, named ? "a table of tables" : "an array of tables");
	for (const struct toml_node *c = n->child; c; c = c->next)
		if (keys_check(k, c, keys))
			return -1;
	return 0;
}

static int cond_ok(struct checker *k, const struct toml_node *n)
{
	if (n->kind == TOML_TABLE)
		return keys_check(k, n, cond_keys);
	return tables_ok(k, n, cond_keys, false);
}

static int auth_ok(struct checker *k, const struct toml_node *n)
{
	if (n->kind != TOML_STRING)
		return expected(k, n, "the name of an [auth.NAME]");
	if (!strcmp(n->str, "none") || def_auth(k->d, n->str))
		return 0;
	return def_wrong(k->d, n, k->e, "there is no [auth.%.60s], and it is not "
			 "\"none\"", n->str);
}

static int strs_ok(struct checker *k, const struct toml_node *n)
{
	const struct toml_node *c = def_each(n);

	for (; c; c = n->kind == TOML_ARRAY ? c->next : NULL)
		if (c->kind != TOML_STRING)
			return expected(k, n, "a string or an array of strings");
	return 0;
}

static int value_ok(struct checker *k, const struct toml_node *n, const struct key *key)
{
	switch (key->want) {
	case W_STR: return n->kind == TOML_STRING ? 0 : expected(k, n, "a string");
	case W_NAME:
		return n->kind == TOML_STRING && text_name(n->str) ? 0 :
			expected(k, n, "a name (letters, digits, '.', '_', '-')");
	case W_TMPL: return tmpl_ok(k, n, false);
	case W_URL: return url_ok(k, n);
	case W_POINTERS: return pointers_ok(k, n);
	case W_INT:
		return n->kind == TOML_INT && n->num >= 0 ? 0 :
			expected(k, n, "a whole number from 0");
	case W_NUMBER:
		return n->kind == TOML_INT ? (n->num >= 0 ? 0 : expected(k, n, "a number from 0")) :
		       n->kind == TOML_FLOAT && n->real >= 0 && n->real < 1e9 ? 0 :
			expected(k, n, "a number from 0");
	case W_BOOL: return n->kind == TOML_BOOL ? 0 : expected(k, n, "true or false");
	case W_STRS: return strs_ok(k, n);
	case W_WORD: return word_check(k, n, key->more);
	case W_TABLE:
		return n->kind == TOML_TABLE ? keys_check(k, n, key->more) :
					       expected(k, n, "a table");
	case W_TABLES: return tables_ok(k, n, key->more, false);
	case W_NAMED: return tables_ok(k, n, key->more, true);
	case W_MAP: case W_URLMAP: case W_TEXTMAP: return map_ok(k, n, key->want);
	case W_BODY: return body_ok(k, n, 0);
	case W_STATUS: return status_ok(k, n);
	case W_COND: return cond_ok(k, n);
	case W_POINTER: return pointer_ok(k, n);
	case W_AT: return at_ok(k, n);
	case W_AUTH: return auth_ok(k, n);
	}
	return 0;
}

static int unknown_key(struct checker *k, const struct toml_node *n,
		       const struct key *keys)
{
	const char *near = NULL;
	size_t best = 4;

	for (const struct key *i = keys; i->name; i++) {
		size_t far = text_distance(i->name, n->key, 4);

		if (far < best) {
			best = far;
			near = i->name;
		}
	}
	return near ? def_wrong(k->d, n, k->e, "there is no key '%.60s' here; did "
				"you mean '%s'?", n->key, near) :
		      def_wrong(k->d, n, k->e, "there is no key '%.60s' here", n->key);
}

static int keys_check(struct checker *k, const struct toml_node *t,
		      const struct key *keys)
{
	bool steps = t->kind == TOML_TABLE && toml_get(t, "step") && !toml_get(t, "items");
	const struct toml_node *outer = k->request;

	if (t->kind != TOML_TABLE)
		return expected(k, t, "a table");
	if (toml_get(t, "path"))
		k->request = t;
	for (const struct toml_node *n = t->child; n; n = n->next) {
		const struct key *i = keys;

		while (i->name && strcmp(i->name, n->key) != 0)
			i++;
		if (!i->name)
			return unknown_key(k, n, keys);
		if (value_ok(k, n, i))
			return -1;
	}
	k->request = outer;
	for (const struct key *i = keys; i->name; i++)
		if (i->must && !toml_get(t, i->name) &&
		    !(steps && !strcmp(i->name, "path")))
			return def_wrong(k->d, t, k->e, "'%s' is missing here%s", i->name,
					 strcmp(i->name, "path") ? "" :
					 toml_get(t, "rules") ? ": what is asked for?" : "");
	return 0;
}

int def_check(const struct def *d, struct err *e)
{
	struct checker k = { .d = d, .e = e };
	const struct toml_node *lang = toml_get(d->root, "language");

	if (lang && (lang->kind != TOML_INT || lang->num != 1))
		return def_wrong(d, lang, e, "this program reads language 1");
	return keys_check(&k, d->root, root_keys) || def_check_whole(d, e) ?
		       -1 : def_check_safe(d, e);
}
