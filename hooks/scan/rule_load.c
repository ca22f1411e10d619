/*
 * rule_load: whole rule files, [extend] and the built-in set.
 *
 * Owns how sets are merged (as gitleaks merges them, see docs/rules.md) and
 * the order of rules (by id).  Never reads a file that the user did not name.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/toml.h"
#include "hooks/scan/rules.h"

#define CONTRACT_MAJOR 8 /* the gitleaks whose files are read */
#define CONTRACT_MINOR 30

static struct ruleset *parse_at(const char *text, size_t n, const char *name,
				bool lazy, int depth, struct err *e);

static const char *const confidence_words[] = { "low", "medium", "high" };

const char *confidence_word(enum confidence c)
{
	return confidence_words[c];
}

bool rule_stands(const struct rule *r)
{
	return r->says == SAYS_USER_WORD ||
	       (r->says == SAYS_USER && !r->scored);
}

bool confidence_parse(const char *word, enum confidence *c)
{
	int i;

	for (i = 0; i < 3; i++)
		if (!strcmp(word, confidence_words[i])) {
			*c = (enum confidence)i;
			return true;
		}
	return false;
}

void rules_free(struct ruleset **rsp)
{
	struct ruleset *rs = *rsp;
	size_t i;

	if (!rs)
		return;
	for (i = 0; i < rs->n; i++)
		rule_release(&rs->rule[i]);
	mem_free(rs->rule);
	allowlists_release(&rs->allow);
	strings_free(&rs->warnings);
	mem_free(rs);
	*rsp = NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* Linear until the set is sorted; loading is the only user before that. */
static struct rule *find(const struct ruleset *rs, const char *id)
{
	size_t i;

	for (i = 0; i < rs->n; i++)
		if (!strcmp(rs->rule[i].id, id))
			return &rs->rule[i];
	return NULL;
}

const struct rule *rules_get(const struct ruleset *rs, const char *id)
{
	struct rule key = { .id = (char *)(uintptr_t)id };

	return rs->n ? bsearch(&key, rs->rule, rs->n, sizeof(*rs->rule), by_id)
		     : NULL;
}

static int warn(struct ruleset *rs, const char *text, const char *what,
		struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_printf(&b, e, "%s: %s", text, what);

	if (!rc)
		rc = strings_add(&rs->warnings, b.p, e);
	buf_release(&b);
	return rc;
}

/* Takes *r. */
static int push(struct ruleset *rs, struct rule *r, struct err *e)
{
	struct rule *v;

	if (rs->n >= RULES_MAX) {
		rule_release(r);
		return err_fail(e, ERR_TOOBIG, NULL, "over %d rules", RULES_MAX);
	}
	v = mem_realloc(rs->rule, (rs->n + 1) * sizeof(*v));
	if (!v) {
		rule_release(r);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	rs->rule = v;
	v[rs->n++] = *r;
	memset(r, 0, sizeof(*r));
	return 0;
}

static int take_strings(struct strings *to, struct strings *from, struct err *e)
{
	size_t i;

	for (i = 0; i < from->n; i++)
		if (strings_add(to, from->v[i], e))
			return -1;
	strings_free(from);
	return 0;
}

static int take_allow(struct allowlists *to, struct allowlists *from,
		      struct err *e)
{
	struct allowlist *v;

	if (!from->n)
		return 0;
	v = mem_realloc(to->v, (to->n + from->n) * sizeof(*v));
	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	to->v = v;
	memcpy(v + to->n, from->v, from->n * sizeof(*v));
	to->n += from->n;
	mem_free(from->v);
	memset(from, 0, sizeof(*from));
	return 0;
}

static void swap_text(char **a, char **b)
{
	char *t = *a;

	*a = *b;
	*b = t;
}

static void swap_regex(struct regex **a, struct regex **b)
{
	struct regex *t = *a;

	*a = *b;
	*b = t;
}

/* The child's rule `c` is laid over the base's `b`: what gitleaks replaces is
 * replaced, lists are appended, `required` and skipReport stay the base's. */
static int overlay(struct rule *b, struct rule *c, struct err *e)
{
	if (*c->description)
		swap_text(&b->description, &c->description);
	if (c->entropy > 0)
		b->entropy = c->entropy;
	if (c->group)
		b->group = c->group;
	/* who says what is looked for says how sure it is */
	if (c->says == SAYS_USER_WORD ||
	    (c->says == SAYS_USER && c->regex && b->says == SAYS_BUILT_IN)) {
		b->confidence = c->confidence;
		b->says = c->says;
	}
	if (c->regex) {
		swap_regex(&b->regex, &c->regex);
		b->scored = c->scored; /* another regex is no anchor */
		b->drawn = c->drawn;
	}
	if (c->path)
		swap_regex(&b->path, &c->path);
	return take_strings(&b->tags, &c->tags, e) ||
	       take_strings(&b->keywords, &c->keywords, e) ||
	       take_allow(&b->allow, &c->allow, e);
}

static bool listed(const struct toml_node *list, const char *id)
{
	const struct toml_node *c;

	for (c = list ? list->child : NULL; c; c = c->next)
		if (c->kind == TOML_STRING && !strcmp(c->str, id))
			return true;
	return false;
}

/* Move base's rules and allowlists below rs's own. */
static int merge(struct ruleset *rs, struct ruleset *base,
		 const struct toml_node *disabled, struct err *e)
{
	const struct toml_node *c;
	size_t i;

	for (c = disabled ? disabled->child : NULL; c; c = c->next)
		if (c->kind == TOML_STRING && !find(base, c->str) &&
		    warn(rs, c->str, "disabledRules names no such rule", e))
			return -1;
	for (i = 0; i < base->n; i++) {
		struct rule *b = &base->rule[i], *own;

		if (listed(disabled, b->id))
			continue;
		own = find(rs, b->id);
		if (own) {
			struct rule t;

			if (overlay(b, own, e))
				return -1;
			t = *own;
			*own = *b;
			*b = t;
		} else if (push(rs, b, e)) {
			return -1;
		}
	}
	return take_allow(&rs->allow, &base->allow, e) ||
	       take_strings(&rs->warnings, &base->warnings, e);
}

static int extend(struct ruleset *rs, const struct toml_node *x,
		  const char *name, int depth, struct err *e)
{
	const struct toml_node *use = rule_key(x, "useDefault");
	const struct toml_node *path = rule_key(x, "path");
	struct ruleset *base = NULL;
	struct buf text = BUF_INIT(RULES_FILE_MAX);
	bool builtin = use && use->kind == TOML_BOOL && use->num;
	int rc = -1;

	if (builtin && path)
		return err_fail(e, ERR_CONFIG, name,
				"[extend] has both useDefault and path");
	if (depth >= RULES_EXTEND_DEPTH)
		return warn(rs, name, "[extend] nested too deep, not followed", e);
	if (rule_key(x, "url"))
		return err_fail(e, ERR_CONFIG, name,
				"[extend] url is not supported: curfew-scan "
				"never uses the network");
	if (builtin) {
		base = rules_builtin(e);
	} else if (path && path->kind == TOML_STRING && *path->str) {
		if (io_read_file(path->str, IO_ANY, RULES_FILE_MAX, &text, e))
			goto out;
		base = parse_at(text.p, text.len, path->str, false, depth + 1, e);
	} else {
		return 0;
	}
	if (!base || merge(rs, base, rule_key(x, "disabledRules"), e))
		goto out;
	rc = 0;
out:
	buf_release(&text);
	rules_free(&base);
	return rc;
}

/* Allowlists with targetRules belong to those rules. */
static int hand_out_allow(struct ruleset *rs, struct allowlists *targeted,
			  const char *name, struct err *e)
{
	size_t i, k;

	for (i = 0; i < targeted->n; i++) {
		struct allowlist *a = &targeted->v[i];

		for (k = 0; k < a->rules.n; k++)
			if (!find(rs, a->rules.v[k]))
				return err_fail(e, ERR_CONFIG, name,
						"targetRules names '%s', which "
						"is no rule", a->rules.v[k]);
	}
	/* kept in the global list: who reads it asks allowlist.rules first */
	return take_allow(&rs->allow, targeted, e);
}

/* gitleaks looks for required rules in the same file, before extending. */
static int check_required(const struct ruleset *rs, const char *name,
			  struct err *e)
{
	size_t i, k;

	for (i = 0; i < rs->n; i++)
		for (k = 0; k < rs->rule[i].n_required; k++)
			if (!find(rs, rs->rule[i].required[k].id))
				return err_fail(e, ERR_CONFIG, name,
						"rule '%s' requires '%s', which "
						"is no rule of this file",
						rs->rule[i].id,
						rs->rule[i].required[k].id);
	return 0;
}

/* Splits off the allowlists that have targetRules. */
static int split_allow(struct allowlists *all, struct allowlists *targeted,
		       struct err *e)
{
	size_t i, kept = 0;

	for (i = 0; i < all->n; i++) {
		if (!all->v[i].rules.n) {
			all->v[kept++] = all->v[i];
			continue;
		}
		struct allowlist *v = mem_realloc(targeted->v,
						  (targeted->n + 1) * sizeof(*v));

		if (!v) {
			memmove(all->v + kept, all->v + i,
				(all->n - i) * sizeof(*v));
			all->n -= i - kept;
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		}
		targeted->v = v;
		v[targeted->n++] = all->v[i];
	}
	all->n = kept;
	return 0;
}

static int parse_rules(struct ruleset *rs, const struct toml_node *list,
		       const char *name, bool lazy, struct err *e)
{
	const struct toml_node *c;

	if (list && list->kind != TOML_ARRAY)
		return err_fail(e, ERR_CONFIG, name, "rules must be [[rules]]");
	for (c = list ? list->child : NULL; c; c = c->next) {
		struct rule r;

		if (rule_parse(c, name, lazy, &r, e))
			return -1;
		if (find(rs, r.id)) {
			err_fail(e, ERR_CONFIG, name,
				 "line %u: a second rule '%s'", c->line, r.id);
			rule_release(&r);
			return -1;
		}
		if (push(rs, &r, e))
			return -1;
	}
	return 0;
}

/* "v8.25.0", "8.25": numbers with dots; *newer: than the contract we keep. */
static bool version(const char *s, bool *newer)
{
	static const int64_t ours[3] = { CONTRACT_MAJOR, CONTRACT_MINOR, 0 };
	int64_t part[3] = { 0 };
	size_t i;

	s += *s == 'v';
	for (i = 0; i < 3; i++) {
		size_t n = strspn(s, "0123456789");
		char digits[10];

		if (!n || n >= sizeof(digits))
			return false;
		memcpy(digits, s, n);
		digits[n] = '\0';
		if (!text_int(digits, 0, 999999999, &part[i]))
			return false;
		s += n;
		if (*s != '.')
			break;
		s++;
	}
	*newer = false;
	for (i = 0; i < 3; i++)
		if (part[i] != ours[i]) {
			*newer = part[i] > ours[i];
			break;
		}
	return !*s || *s == '-' || *s == '+';
}

static int check_version(struct ruleset *rs, const struct toml_node *root,
			 const char *name, struct err *e)
{
	const struct toml_node *v = rule_key(root, "minVersion");
	bool newer;

	if (!v)
		return 0;
	if (v->kind != TOML_STRING || (*v->str && !version(v->str, &newer)))
		return err_fail(e, ERR_CONFIG, name,
				"line %u: minVersion is no version", v->line);
	return *v->str && newer ? warn(rs, name, "minVersion asks for a newer "
				       "gitleaks than the one whose "
				       "configuration is read here", e)
				: 0;
}

/* Keys of gitleaks' successor that drop findings: without them there will be
 * more.  Said once for each. */
static int foreign_keys(struct ruleset *rs, const struct toml_node *root,
			const char *name, struct err *e)
{
	static const char *const key[] = { "filter", "prefilter", "validate",
					   "tokenEfficiency", "components" };
	const struct toml_node *list = rule_key(root, "rules"), *c;
	char text[120];
	size_t i;

	for (i = 0; i < sizeof(key) / sizeof(*key); i++) {
		bool used = rule_key(root, key[i]) != NULL;

		for (c = list ? list->child : NULL; c && !used; c = c->next)
			used = rule_key(c, key[i]) != NULL;
		if (!used)
			continue;
		snprintf(text, sizeof(text), "'%s' is not a key of gitleaks "
			 "and is not heeded", key[i]);
		if (warn(rs, name, text, e))
			return -1;
	}
	return 0;
}

static int check_rules(const struct ruleset *rs, const char *name, bool lazy,
		       struct err *e)
{
	size_t i;

	for (i = 0; i < rs->n; i++)
		if (rule_check(&rs->rule[i], name, lazy, e))
			return -1;
	return 0;
}

static struct ruleset *parse_at(const char *text, size_t n, const char *name,
				bool lazy, int depth, struct err *e)
{
	struct toml_node *root = toml_parse(text, n, name, e);
	struct ruleset *rs = root ? mem_zalloc(sizeof(*rs)) : NULL;
	struct allowlists targeted = { 0 };
	const struct toml_node *x;

	if (root && !rs)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (!rs)
		goto bad;
	if (check_version(rs, root, name, e) || foreign_keys(rs, root, name, e) ||
	    parse_rules(rs, rule_key(root, "rules"), name, lazy, e) ||
	    allowlists_parse(root, name, lazy, &rs->allow, e) ||
	    split_allow(&rs->allow, &targeted, e) || check_required(rs, name, e))
		goto bad;
	x = rule_key(root, "extend");
	if (x && extend(rs, x, name, depth, e))
		goto bad;
	if (depth == 0 && check_rules(rs, name, lazy, e))
		goto bad;
	/* as gitleaks: in an extended file, targeted allowlists are dropped */
	if (depth == 0 && hand_out_allow(rs, &targeted, name, e))
		goto bad;
	if (targeted.n && warn(rs, name, "allowlists with targetRules in an "
			       "extended file are not used", e))
		goto bad;
	if (rs->n)
		qsort(rs->rule, rs->n, sizeof(*rs->rule), by_id);
	allowlists_release(&targeted);
	toml_free(&root);
	return rs;
bad:
	allowlists_release(&targeted);
	toml_free(&root);
	rules_free(&rs);
	return NULL;
}

struct ruleset *rules_parse(const char *text, size_t n, const char *name,
			    struct err *e)
{
	return parse_at(text, n, name, false, 0, e);
}

struct ruleset *rules_file(const char *path, struct err *e)
{
	struct buf text = BUF_INIT(RULES_FILE_MAX);
	struct ruleset *rs = NULL;

	if (!io_read_file(path, IO_ANY, RULES_FILE_MAX, &text, e))
		rs = rules_parse(text.p, text.len, path, e);
	buf_release(&text);
	return rs;
}

/* Built-in files do not extend one another. */
static int distinct(const struct ruleset *rs, const struct ruleset *one,
		    const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < one->n; i++)
		if (find(rs, one->rule[i].id))
			return err_fail(e, ERR_CONFIG, name,
					"rule '%s' stands in another file too",
					one->rule[i].id);
	return 0;
}

struct ruleset *rules_builtin(struct err *e)
{
	struct ruleset *rs = mem_zalloc(sizeof(*rs)), *one = NULL;
	const struct rule_text *t;

	if (!rs) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	for (t = rule_texts; t->name; t++) {
		one = parse_at(t->start, (size_t)(t->end - t->start), t->name,
			       true, 1, e);
		if (!one || distinct(rs, one, t->name, e) ||
		    merge(rs, one, NULL, e)) {
			rules_free(&one);
			rules_free(&rs);
			return NULL;
		}
		rules_free(&one);
	}
	if (check_rules(rs, "built in", true, e)) {
		rules_free(&rs);
		return NULL;
	}
	if (rs->n)
		qsort(rs->rule, rs->n, sizeof(*rs->rule), by_id);
	return rs;
}
