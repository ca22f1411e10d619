// link: scan
/*
 * The built-in rules: every one loads, every example holds, ids are tidy; and
 * the loader's errors.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/toml.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/example.h"

static void told(const struct err *e)
{
	char line[1400];

	if (!e->code)
		return;
	err_format(e, line, sizeof(line));
	print_message("%s\n", line);
}

static void test_examples(void **state)
{
	struct engine_options o = { .examples = true };
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	size_t i, bad = 0;

	(void)state;
	if (engine_open(&g, &o, &e))
		told(&e);
	assert_int_equal(e.code, ERR_NONE);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	for (i = 0; i < g.rules->n; i++) {
		const struct rule *r = &g.rules->rule[i];

		assert_true(*r->description != '\0');
		if (r->regex && (r->matches.n < 3 || r->misses.n < 3)) {
			print_message("%s: too few examples\n", r->id);
			bad++;
		}
		if (matcher_class(g.matcher, i) == RULE_ALWAYS) {
			print_message("%s: runs on every text\n", r->id);
			bad++;
		}
		err_clear(&e);
		if (example_try(&t, r, &e)) {
			told(&e);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
	scan_thread_release(&t);
	engine_close(&g);
}

static struct ruleset *parse(const char *text, struct err *e)
{
	err_clear(e);
	return rules_parse(text, strlen(text), "test.toml", e);
}

static void refused(const char *text, const char *why)
{
	struct err e = ERR_INIT;
	char line[1400];
	struct ruleset *rs = parse(text, &e);

	assert_null(rs);
	err_format(&e, line, sizeof(line));
	if (!strstr(line, why))
		print_message("got: %s\n", line);
	assert_non_null(strstr(line, why));
}

static void test_refused(void **state)
{
	(void)state;
	refused("[[rules]]\nregex='a'", "id must be given");
	refused("[[rules]]\nid='a'", "neither regex nor path");
	refused("[[rules]]\nid='a'\nregex='(?=b)c'", "look-ahead");
	refused("[[rules]]\nid='a'\nregex='(?<!b)c'", "look-behind");
	refused("[[rules]]\nid='a'\nregex='(b)\\1'", "back-reference");
	refused("[[rules]]\nid='a'\nregex='b++'", "possessive");
	refused("[[rules]]\nid='a'\nregex='(b'", "regex");
	refused("[[rules]]\nid='a'\nregex='(b)'\nsecretGroup=2", "secretGroup");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules]]\nid='a'\nregex='c'",
		"a second rule");
	refused("[[rules]]\nid='a'\nregex='b'\nkeywords='x'", "list of strings");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules.allowlists]]\n"
		"description='x'", "needs commits");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules.allowlists]]\n"
		"regexes=['x']\ncondition='XOR'", "AND or OR");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules.required]]\nid='z'",
		"no rule of this file");
	refused("[[allowlists]]\nregexes=['x']\ntargetRules=['z']",
		"is no rule");
	refused("[allowlist]\nregexes=['x']\n[[allowlists]]\nregexes=['x']",
		"together");
	refused("[extend]\nuseDefault=true\npath='x'", "both useDefault and path");
	refused("minVersion='eight'", "no version");
	refused("minVersion=8", "no version");
	refused("[[rules]]\nid='a'\nregex='b\\h'", "escape of Perl");
	refused("[[rules]]\nid='a'\nregex='b'\nentropy='high'", "a number");
	refused("[[rules]]\nid='a'\nregex='b'\nskipReport=1", "true or false");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules.allowlists]]\n"
		"regexes=['x']\nregexTarget='file'", "secret, match or line");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules.required]]\n"
		"withinLines=1", "required.id");
	refused("[extend]\nurl='https://example.org/x.toml'", "never uses the "
							      "network");
	refused("[[rules]]\nid='a'\nregex='b'\n[[rules.allowlists]]\n"
		"paths=['(?=x)']", "look-ahead");
	refused("[extend]\nuseDefault=true\n[[rules]]\nid='not-there'\n"
		"tags=['x']", "neither regex nor path");
}

/* What RE2 has is no rule of ours to refuse, what it has not is named. */
static void test_re2(void **state)
{
	static const char *const has[] = {
		"a\\p{L}+", "\\p{Greek}+", "\\P{Greek}+", "a\\pN+",
		"a\\x{41}+b", "a{2}b+", "a{2,}?", "a{2,5}?", "{x}+", "x{,2}+",
		"a+\\Q++\\E+", "(?i)a", "(?im-sU:a+)", "(?P<n>a+)", "(?<n>a+)",
		"(?:a+)", "[\\p{L}+]+", "\\}+", "a+?",
	};
	static const struct { const char *pattern, *why; } not[] = {
		{ "(?x)a", "a flag other than" },
		{ "(?ix:a)", "a flag other than" },
		{ "a(?i-x)b", "a flag other than" },
		{ "(?J)a", "a flag other than" },
		{ "(?^)a", "a flag other than" },
		{ "(?'n'a)", "a flag other than" },
		{ "(?C1)a", "a flag other than" },
		{ "a{2}+", "possessive" }, { "a{2,}+", "possessive" },
		{ "\\x{41}++", "possessive" }, { "\\p{L}{2,5}+", "possessive" },
		{ "\\o{101}", "escape of Perl" }, { "\\cA", "escape of Perl" },
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(has) / sizeof(*has); i++) {
		struct regex *r;

		err_clear(&e);
		r = regex_new(has[i], false, &e);
		if (!r)
			print_message("refused: %s\n", has[i]);
		assert_non_null(r);
		regex_free(&r);
	}
	for (i = 0; i < sizeof(not) / sizeof(*not); i++) {
		const char *why = regex_not_re2(not[i].pattern);

		if (!why || !strstr(why, not[i].why))
			print_message("%s: %s\n", not[i].pattern,
				      why ? why : "taken");
		assert_true(why && strstr(why, not[i].why));
	}
}

static void test_extend(void **state)
{
	struct err e = ERR_INIT;
	const struct rule *r;
	struct ruleset *rs = parse(
		"[extend]\nuseDefault=true\ndisabledRules=['jwt','nonsense']\n"
		"[[rules]]\nID='github-pat'\nkeywords=['mine']\n"
		"regex='zzz'\nentropy=0\n"
		"[[rules]]\nid='own'\nregex='own-[0-9]{4}'\n", &e);

	(void)state;
	told(&e);
	assert_non_null(rs);
	assert_null(rules_get(rs, "jwt"));
	assert_non_null(rules_get(rs, "own"));
	r = rules_get(rs, "github-pat");
	assert_string_equal(regex_pattern(r->regex), "zzz");
	assert_string_equal(r->provider, "github");
	assert_int_equal(r->keywords.n, 2);
	assert_int_equal(rs->warnings.n, 1);
	rules_free(&rs);
}

/* A rule that finds this kind of this service, by this prefix. */
static bool has_rule(const struct ruleset *rs, const char *service,
		     const char *kind, const char *prefix)
{
	size_t i, k;

	for (i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rule[i];

		if (strcmp(r->provider, service) || strcmp(r->kind, kind))
			continue;
		for (k = 0; k < r->matches.n; k++)
			if (strstr(r->matches.v[k], prefix))
				return true;
	}
	return false;
}

static size_t check_definition(const struct ruleset *rs, const char *path,
			       size_t *bad)
{
	struct buf text = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	struct toml_node *root = NULL;
	const struct toml_node *list, *s;
	const char *service;
	size_t n = 0;

	assert_int_equal(io_read_file(path, IO_ANY, 1u << 20, &text, &e), 0);
	root = toml_parse(text.p, text.len, path, &e);
	assert_non_null(root);
	service = toml_str(toml_get(root, "service"), "name");
	list = toml_get(root, "secret");
	for (s = list ? list->child : NULL; s; s = s->next, n++)
		if (!has_rule(rs, service, toml_str(s, "kind"),
			      toml_str(s, "prefix"))) {
			print_message("%s: no rule for %s '%s'\n", path,
				      toml_str(s, "kind"), toml_str(s, "prefix"));
			(*bad)++;
		}
	toml_free(&root);
	buf_release(&text);
	return n;
}

/* What a definition can end by its value alone, the scanner finds, under the
 * same names: else found -> whose -> kill breaks in the middle. */
static void test_revocable(void **state)
{
	struct err e = ERR_INIT;
	struct ruleset *rs = rules_builtin(&e);
	size_t i, n = 0, bad = 0;
	glob_t g;

	(void)state;
	told(&e);
	assert_non_null(rs);
	assert_int_equal(glob("providers/http/*.toml", 0, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++)
		n += check_definition(rs, g.gl_pathv[i], &bad);
	globfree(&g);
	assert_true(n >= 10);
	assert_int_equal(bad, 0);
	rules_free(&rs);
}

/* What gitleaks takes, in its words and cases. */
static void test_taken(void **state)
{
	static const char text[] =
		"TITLE='t'\nminversion='v8.99.1'\nnonsense=1\n"
		"[extend]\nuseDefault=true\n"
		"[[allowlists]]\nCondition='&&'\npaths=['^a/']\n"
		"stopWords=['X']\ntargetrules=['github-pat']\n"
		"[[rules]]\nid='github-pat'\n" /* says only what is new */
		"[[rules.allowlists]]\ncondition='||'\ncommits=[' ABC ']\n"
		"[[rules]]\nId='names'\nPath='''(?i)[.]p12$'''\n"
		"[[rules]]\nid='re2'\nKEYWORDS=['Key']\nfilter='true'\n"
		"regex='''(?i)(?P<name>key)(?-i:A)(?s:.)\\x60[[:alpha:]]"
		"\\Qa+b\\E\\z'''\nsecretGroup=1\nentropy=3\n"
		"[[rules.required]]\nid='names'\nwithinLines=2\n";
	struct err e = ERR_INIT;
	struct ruleset *rs = parse(text, &e);
	const struct rule *r;

	(void)state;
	told(&e);
	assert_non_null(rs);
	r = rules_get(rs, "github-pat");
	assert_non_null(r->regex);
	assert_string_equal(r->allow.v[r->allow.n - 1].commits.v[0], "abc");
	assert_non_null(rules_get(rs, "names")->path);
	r = rules_get(rs, "re2");
	assert_string_equal(r->keywords.v[0], "key");
	assert_true(r->entropy >= 3.0 && r->entropy <= 3.0);
	assert_int_equal(r->group, 1);
	assert_int_equal(r->required[0].within_lines, 2);
	assert_int_equal(r->required[0].within_columns, -1);
	/* minVersion is newer, 'filter' is not ours */
	assert_int_equal(rs->warnings.n, 2);
	rules_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_re2),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_revocable),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
