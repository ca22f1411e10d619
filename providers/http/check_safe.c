/*
 * check_safe: what a definition may never do, whoever wrote it: call something
 * dead that any answer could be, or put a line, a step upwards or a blank into
 * what is sent.
 *
 * Runs last, so every key is known and of its type, and each test is one.
 */
#include <string.h>
#include <strings.h>

#include "providers/http/def.h"

#define DEPTH_MAX 12

struct safe {
	const struct def *d;
	struct err *e;
};

/* ---- dead: only by what tells it --------------------------------------------- */

/* What stands in any answer, of a proxy's too. */
static bool common_header(const char *name)
{
	static const char *const all[] = { "Content-Length", "Content-Type", "Date",
		"Server", "Connection", "Cache-Control", "Vary", "Via", "Age",
		"Transfer-Encoding", "Content-Encoding", "Keep-Alive", "Expires",
		"Pragma", "Allow", "Location", NULL };

	for (int i = 0; all[i]; i++)
		if (!strcasecmp(all[i], name))
			return true;
	return false;
}

/* Letters of its own, beside those that stand for anything. */
static bool has_words(const char *text)
{
	return text && text[strspn(text, "*? ")] != '\0';
}

/* Only answers of 2xx: there `exists` speaks of the thing asked for. */
static bool only_2xx(const struct toml_node *rule)
{
	const struct toml_node *n = toml_get(rule, "status"), *c = def_each(n);

	for (; c; c = n->kind == TOML_ARRAY ? c->next : NULL)
		if (c->kind == TOML_INT ? c->num / 100 != 2 : c->str[0] != '2')
			return false;
	return n != NULL;
}

static bool value_tells(const struct toml_node *cond, bool good)
{
	const struct toml_node *exists = toml_get(cond, "exists"), *in = toml_get(cond, "in");
	const char *header = toml_str(cond, "header"), *at = toml_str(cond, "at");
	bool words = has_words(toml_str(cond, "equals")) ||
		     has_words(toml_str(cond, "contains")) ||
		     has_words(toml_str(cond, "matches"));

	if (exists && !exists->num)
		return false;
	for (const struct toml_node *c = def_each(in); c;
	     c = in->kind == TOML_ARRAY ? c->next : NULL) {
		if (!has_words(c->str))
			return false;
		words = true;
	}
	if (header)
		return words && !common_header(header);
	return at && (words || (good && exists && *at));
}

/* Is there something that only the service's own word can meet?  `not` never is,
 * and of `any` each has to be. */
static bool tells(const struct toml_node *cond, bool good, int depth)
{
	const struct toml_node *all = toml_get(cond, "all"), *any = toml_get(cond, "any");

	if (value_tells(cond, good) || (good && toml_get(cond, "picked")))
		return true;
	if (depth == DEPTH_MAX)
		return false;
	for (const struct toml_node *c = def_each(all); c;
	     c = all->kind == TOML_ARRAY ? c->next : NULL)
		if (tells(c, good, depth + 1))
			return true;
	for (const struct toml_node *c = def_each(any); c;
	     c = any->kind == TOML_ARRAY ? c->next : NULL)
		if (!tells(c, good, depth + 1))
			return false;
	return any && any->child;
}

static int dead_ok(struct safe *k, const struct toml_node *rule)
{
	const struct toml_node *n = toml_get(rule, "status"), *c = def_each(n);

	for (; c; c = n->kind == TOML_ARRAY ? c->next : NULL)
		if (c->kind == TOML_INT ? !def_status_tells(c->num) :
					  c->str[0] != '2' && c->str[0] != '4')
			return def_wrong(k->d, c, k->e, "'dead' by a status that says "
					 "nothing about a credential: 1xx, 3xx, 429 and "
					 "5xx never do");
	if (tells(rule, only_2xx(rule), 0))
		return 0;
	return def_wrong(k->d, rule, k->e, "'dead' by the status alone, or by what any "
			 "answer has or lacks: it needs a value that the service "
			 "itself says, 'at' or 'header' with equals, in, contains or "
			 "matches (with status 2xx exists = true or 'picked')");
}

/* ---- what is sent -------------------------------------------------------------- */

/* Text that may have lines: it is not sent, or in a body. */
static bool lines_welcome(const char *key)
{
	static const char *const all[] = { "json", "json_set", "text", "form", "help",
		"read", "why", "equals", "contains", "matches", "in", NULL };

	for (int i = 0; all[i]; i++)
		if (!strcmp(all[i], key))
			return true;
	return false;
}

static bool plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* "." and "..", written out or with percent-signs, up to a '?'. */
static bool climbs(const char *path)
{
	while (*path && *path != '?') {
		size_t dots = 0, rest = 0;

		for (path += *path == '/'; *path && !strchr("/?", *path); path++) {
			if (*path == '.') {
				dots++;
			} else if (!strncasecmp(path, "%2e", 3)) {
				dots++;
				path += 2;
			} else {
				rest++;
			}
		}
		if (!rest && (dots == 1 || dots == 2))
			return true;
	}
	return false;
}

static int path_safe(struct safe *k, const struct toml_node *n)
{
	const char *at = strstr(n->str, "://");

	if (climbs(at ? at + 3 : n->str) || strchr(n->str, '\\'))
		return def_wrong(k->d, n, k->e, "'%s' holds a step to another place "
				 "('.', '..' or '\\')", n->key);
	return 0;
}

static int text_safe(struct safe *k, const struct toml_node *n, const char *key)
{
	if (!plain(n->str))
		return def_wrong(k->d, n, k->e, "'%.60s' holds control characters (a line's "
				 "end among them): one plain line, please", key);
	if (n->key && (!strcmp(n->key, "path") || !strcmp(n->key, "base")))
		return path_safe(k, n);
	return 0;
}

static int walk(struct safe *k, const struct toml_node *t, const char *key, int depth)
{
	for (const struct toml_node *c = t->child; c && depth < DEPTH_MAX; c = c->next) {
		const char *name = c->key ? c->key : key;

		if (c->key && !plain(c->key))
			return def_wrong(k->d, c, k->e, "a name with control characters");
		if (c->kind == TOML_TABLE && toml_str(c, "is") &&
		    !strcmp(toml_str(c, "is"), "dead") && dead_ok(k, c))
			return -1;
		if (lines_welcome(name))
			continue;
		if (c->kind == TOML_STRING ? text_safe(k, c, name) :
					     walk(k, c, name, depth + 1))
			return -1;
	}
	return 0;
}

int def_check_safe(const struct def *d, struct err *e)
{
	struct safe k = { .d = d, .e = e };

	return walk(&k, d->root, "", 0);
}
