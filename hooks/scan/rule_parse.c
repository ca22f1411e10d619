/*
 * rule_parse: one [[rules]] table and one allowlist, from TOML to structs.
 *
 * Owns the meaning of every key.  Promises: a key with a wrong type or value
 * is an error that names file and line, never a rule that silently does less.
 * Keys it does not know are skipped, as gitleaks does.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/toml.h"
#include "hooks/scan/rules.h"

#define LIST_MAX 65536u

const struct toml_node *rule_key(const struct toml_node *t, const char *key)
{
	const struct toml_node *n;

	if (!t || t->kind != TOML_TABLE)
		return NULL;
	for (n = t->child; n; n = n->next)
		if (n->key && strcasecmp(n->key, key) == 0)
			return n;
	return NULL;
}

static int wrong(const struct toml_node *n, const char *name, const char *key,
		 const char *want, struct err *e)
{
	return err_fail(e, ERR_CONFIG, name, "line %u: %s must be %s",
			n ? n->line : 0, key, want);
}

int strings_add(struct strings *s, const char *text, struct err *e)
{
	char **v;

	if (s->n >= LIST_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "a list over %u entries",
				LIST_MAX);
	v = mem_realloc(s->v, (s->n + 1) * sizeof(*v));
	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->v = v;
	v[s->n] = mem_strdup(text);
	if (!v[s->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->n++;
	return 0;
}

void strings_free(struct strings *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		mem_free(s->v[i]);
	mem_free(s->v);
	memset(s, 0, sizeof(*s));
}

int regexes_add(struct regexes *r, const char *pattern, bool lazy,
		struct err *e)
{
	struct regex **v = mem_realloc(r->v, (r->n + 1) * sizeof(struct regex *));

	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	r->v = v;
	v[r->n] = regex_new(pattern, lazy, e);
	if (!v[r->n])
		return -1;
	r->n++;
	return 0;
}

static void regexes_free(struct regexes *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		regex_free(&r->v[i]);
	mem_free(r->v);
	memset(r, 0, sizeof(*r));
}

void allowlists_release(struct allowlists *a)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		mem_free(a->v[i].description);
		strings_free(&a->v[i].commits);
		strings_free(&a->v[i].stopwords);
		strings_free(&a->v[i].rules);
		regexes_free(&a->v[i].paths);
		regexes_free(&a->v[i].regexes);
	}
	mem_free(a->v);
	memset(a, 0, sizeof(*a));
}

void rule_release(struct rule *r)
{
	size_t i;

	mem_free(r->id);
	mem_free(r->description);
	mem_free(r->provider);
	mem_free(r->kind);
	mem_free(r->source);
	regex_free(&r->regex);
	regex_free(&r->path);
	strings_free(&r->keywords);
	strings_free(&r->tags);
	strings_free(&r->matches);
	strings_free(&r->misses);
	allowlists_release(&r->allow);
	for (i = 0; i < r->n_required; i++)
		mem_free(r->required[i].id);
	mem_free(r->required);
	memset(r, 0, sizeof(*r));
}

/* ---- values -------------------------------------------------------------- */

static int get_text(const struct toml_node *t, const char *name,
		    const char *key, const char **out, struct err *e)
{
	const struct toml_node *n = rule_key(t, key);

	*out = "";
	if (!n)
		return 0;
	if (n->kind != TOML_STRING)
		return wrong(n, name, key, "a string", e);
	*out = n->str;
	return 0;
}

static int copy_text(const struct toml_node *t, const char *name,
		     const char *key, char **out, struct err *e)
{
	const char *s;

	if (get_text(t, name, key, &s, e))
		return -1;
	*out = mem_strdup(s);
	return *out ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int get_strings(const struct toml_node *t, const char *name,
		       const char *key, bool lower, struct strings *out,
		       struct err *e)
{
	const struct toml_node *n = rule_key(t, key), *c;
	char *p;

	if (!n)
		return 0;
	if (n->kind != TOML_ARRAY)
		return wrong(n, name, key, "a list of strings", e);
	for (c = n->child; c; c = c->next) {
		if (c->kind != TOML_STRING)
			return wrong(c, name, key, "a list of strings", e);
		if (strings_add(out, c->str, e))
			return -1;
		for (p = out->v[out->n - 1]; lower && *p; p++)
			*p = (char)tolower((unsigned char)*p);
	}
	return 0;
}

static int get_regexes(const struct toml_node *t, const char *name,
		       const char *key, bool lazy, struct regexes *out,
		       struct err *e)
{
	const struct toml_node *n = rule_key(t, key), *c;

	if (!n)
		return 0;
	if (n->kind != TOML_ARRAY)
		return wrong(n, name, key, "a list of patterns", e);
	for (c = n->child; c; c = c->next) {
		if (c->kind != TOML_STRING)
			return wrong(c, name, key, "a list of patterns", e);
		if (regexes_add(out, c->str, lazy, e))
			return err_ctx(e, name, "read '%s' in line %u", key,
				       c->line);
	}
	return 0;
}

static int get_long(const struct toml_node *t, const char *name,
		    const char *key, long missing, long *out, struct err *e)
{
	const struct toml_node *n = rule_key(t, key);

	*out = missing;
	if (!n)
		return 0;
	if (n->kind != TOML_INT || n->num < 0 || n->num > 1000000)
		return wrong(n, name, key, "a number from 0 to 1000000", e);
	*out = (long)n->num;
	return 0;
}

/* ---- allowlists ---------------------------------------------------------- */

static int parse_condition(const struct toml_node *t, const char *name,
			   struct allowlist *a, struct err *e)
{
	const char *s;

	if (get_text(t, name, "condition", &s, e))
		return -1;
	if (!strcasecmp(s, "AND") || !strcmp(s, "&&"))
		a->all = true;
	else if (*s && strcasecmp(s, "OR") != 0 && strcmp(s, "||") != 0)
		return wrong(rule_key(t, "condition"), name, "condition",
			     "AND or OR", e);
	if (get_text(t, name, "regexTarget", &s, e))
		return -1;
	if (!strcasecmp(s, "match"))
		a->target = TARGET_MATCH;
	else if (!strcasecmp(s, "line"))
		a->target = TARGET_LINE;
	else if (*s && strcasecmp(s, "secret") != 0)
		return wrong(rule_key(t, "regexTarget"), name, "regexTarget",
			     "secret, match or line", e);
	return 0;
}

static void trim(char *s)
{
	size_t n = strlen(s), lead = strspn(s, " \t\r\n");

	memmove(s, s + lead, n - lead + 1);
	for (n -= lead; n && strchr(" \t\r\n", s[n - 1]); n--)
		s[n - 1] = '\0';
}

static int allowlist_parse(const struct toml_node *t, const char *name,
			   bool lazy, struct allowlists *out, struct err *e)
{
	struct allowlist *v, *a;
	size_t i;

	if (t->kind != TOML_TABLE)
		return wrong(t, name, "allowlist", "a table", e);
	v = mem_realloc(out->v, (out->n + 1) * sizeof(*v));
	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	out->v = v;
	a = &v[out->n++];
	memset(a, 0, sizeof(*a));
	if (copy_text(t, name, "description", &a->description, e) ||
	    parse_condition(t, name, a, e) ||
	    get_strings(t, name, "commits", true, &a->commits, e) ||
	    get_strings(t, name, "stopwords", true, &a->stopwords, e) ||
	    get_strings(t, name, "targetRules", false, &a->rules, e) ||
	    get_regexes(t, name, "paths", lazy, &a->paths, e) ||
	    get_regexes(t, name, "regexes", lazy, &a->regexes, e))
		return -1;
	for (i = 0; i < a->commits.n; i++)
		trim(a->commits.v[i]);
	if (!a->commits.n && !a->paths.n && !a->regexes.n && !a->stopwords.n)
		return err_fail(e, ERR_CONFIG, name,
				"line %u: an allowlist needs commits, paths, "
				"regexes or stopwords", t->line);
	return 0;
}

int allowlists_parse(const struct toml_node *table, const char *name, bool lazy,
		     struct allowlists *out, struct err *e)
{
	const struct toml_node *one = rule_key(table, "allowlist");
	const struct toml_node *many = rule_key(table, "allowlists"), *c;

	if (one && many)
		return err_fail(e, ERR_CONFIG, name,
				"line %u: allowlist and allowlists together",
				many->line);
	if (many && many->kind != TOML_ARRAY)
		return wrong(many, name, "allowlists", "[[allowlists]]", e);
	/* gitleaks also takes [[rules.allowlist]] under the old name */
	if (one && one->kind == TOML_ARRAY) {
		many = one;
		one = NULL;
	}
	if (one)
		return allowlist_parse(one, name, lazy, out, e);
	for (c = many ? many->child : NULL; c; c = c->next)
		if (allowlist_parse(c, name, lazy, out, e))
			return -1;
	return 0;
}

/* ---- a rule -------------------------------------------------------------- */

static int parse_required(const struct toml_node *t, const char *name,
			  struct rule *r, struct err *e)
{
	const struct toml_node *n = rule_key(t, "required"), *c;
	struct required *v;

	if (!n)
		return 0;
	if (n->kind != TOML_ARRAY)
		return wrong(n, name, "required", "[[rules.required]]", e);
	for (c = n->child; c; c = c->next) {
		v = mem_realloc(r->required, (r->n_required + 1) * sizeof(*v));
		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		r->required = v;
		v += r->n_required++;
		memset(v, 0, sizeof(*v));
		if (copy_text(c, name, "id", &v->id, e) ||
		    get_long(c, name, "withinLines", -1, &v->within_lines, e) ||
		    get_long(c, name, "withinColumns", -1, &v->within_columns, e))
			return -1;
		if (!*v->id)
			return wrong(c, name, "required.id", "given", e);
	}
	return 0;
}

static const char *const checksum_words[] = {
	[CHECKSUM_NONE] = "",
	[CHECKSUM_CRC62] = "crc62",
	[CHECKSUM_CRC36] = "crc36",
	[CHECKSUM_CRC32HEX] = "crc32hex",
	[CHECKSUM_BASE58CHECK] = "base58check",
	[CHECKSUM_BECH32] = "bech32",
	[CHECKSUM_STRKEY] = "strkey",
	[CHECKSUM_JWT] = "jwt",
	[CHECKSUM_BASE64] = "base64",
	[CHECKSUM_CRC62ALL] = "crc62all",
	[CHECKSUM_CRC32HEXALL] = "crc32hexall",
	[CHECKSUM_CRC62PARTS] = "crc62parts",
};

/* Who writes a rule wants to hear of what it finds, and hooks to refuse it. */
static int parse_confidence(const struct toml_node *t, const char *name,
			    bool builtin, struct rule *r, struct err *e)
{
	const char *s;

	if (get_text(t, name, "confidence", &s, e))
		return -1;
	r->confidence = builtin ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH;
	if (!builtin)
		r->says = *s ? SAYS_USER_WORD : SAYS_USER;
	if (*s && !confidence_parse(s, &r->confidence))
		return wrong(rule_key(t, "confidence"), name, "confidence",
			     "low, medium or high", e);
	return 0;
}

static int parse_words(const struct toml_node *t, const char *name,
		       struct rule *r, struct err *e)
{
	const struct toml_node *n = rule_key(t, "entropy");
	const char *s;
	size_t i;

	if (n && n->kind != TOML_FLOAT && n->kind != TOML_INT)
		return wrong(n, name, "entropy", "a number", e);
	if (n)
		r->entropy = n->kind == TOML_INT ? (double)n->num : n->real;
	n = rule_key(t, "skipReport");
	if (n && n->kind != TOML_BOOL)
		return wrong(n, name, "skipReport", "true or false", e);
	r->skip_report = n && n->num;
	n = rule_key(t, "scored");
	if (n && n->kind != TOML_BOOL)
		return wrong(n, name, "scored", "true or false", e);
	r->scored = n && n->num;
	n = rule_key(t, "drawn");
	if (n && n->kind != TOML_BOOL)
		return wrong(n, name, "drawn", "true or false", e);
	r->drawn = n && n->num;
	if (get_text(t, name, "checksum", &s, e))
		return -1;
	for (i = 0; i < sizeof(checksum_words) / sizeof(*checksum_words); i++)
		if (!strcmp(s, checksum_words[i]))
			break;
	if (i == sizeof(checksum_words) / sizeof(*checksum_words))
		return wrong(rule_key(t, "checksum"), name, "checksum",
			     "crc62, crc62all, crc62parts, crc36, crc32hex, "
			     "crc32hexall, jwt or base64", e);
	r->checksum = (enum checksum)i;
	return 0;
}

static int parse_patterns(const struct toml_node *t, const char *name,
			  bool lazy, struct rule *r, struct err *e)
{
	const char *regex, *path;
	long group;

	if (get_text(t, name, "regex", &regex, e) ||
	    get_text(t, name, "path", &path, e) ||
	    get_long(t, name, "secretGroup", 0, &group, e))
		return -1;
	if (*regex && !(r->regex = regex_new(regex, lazy, e)))
		return err_ctx(e, name, "read rule '%s' in line %u", r->id,
			       t->line);
	if (*path && !(r->path = regex_new(path, lazy, e)))
		return err_ctx(e, name, "read path of rule '%s' in line %u",
			       r->id, t->line);
	r->group = (size_t)group;
	return 0;
}

/* Asked when everything is put together: a rule may be laid over another and
 * say only what is new. */
int rule_check(const struct rule *r, const char *name, bool lazy, struct err *e)
{
	int groups;

	if (!r->regex && !r->path)
		return err_fail(e, ERR_CONFIG, name,
				"rule '%s' has neither regex nor path", r->id);
	if (!r->group || !r->regex || lazy)
		return 0;
	groups = regex_groups(r->regex, e);
	if (groups >= 0 &&
	    (r->group > (size_t)groups || r->group >= REGEX_GROUPS))
		return err_fail(e, ERR_CONFIG, name,
				"rule '%s': secretGroup %zu of %d groups", r->id,
				r->group, groups);
	return groups < 0 ? -1 : 0;
}

int rule_parse(const struct toml_node *t, const char *name, bool lazy,
	       struct rule *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	if (t->kind != TOML_TABLE)
		return wrong(t, name, "rules", "[[rules]]", e);
	if (copy_text(t, name, "id", &out->id, e))
		goto bad;
	if (!out->id[strspn(out->id, " \t")]) {
		wrong(t, name, "id", "given", e);
		goto bad;
	}
	if (copy_text(t, name, "description", &out->description, e) ||
	    copy_text(t, name, "provider", &out->provider, e) ||
	    copy_text(t, name, "kind", &out->kind, e) ||
	    copy_text(t, name, "source", &out->source, e) ||
	    parse_patterns(t, name, lazy, out, e) ||
	    parse_words(t, name, out, e) ||
	    parse_confidence(t, name, lazy, out, e) ||
	    get_strings(t, name, "keywords", true, &out->keywords, e) ||
	    get_strings(t, name, "tags", false, &out->tags, e) ||
	    get_strings(t, name, "matches", false, &out->matches, e) ||
	    get_strings(t, name, "misses", false, &out->misses, e) ||
	    allowlists_parse(t, name, lazy, &out->allow, e) ||
	    parse_required(t, name, out, e))
		goto bad;
	return 0;
bad:
	rule_release(out);
	return -1;
}
