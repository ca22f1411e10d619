/* json and toml: strict reading, exact integers, positions of mistakes. */
// link: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/toml.h"

static struct json *parse(const char *text)
{
	return json_parse(text, strlen(text), NULL);
}

static void round_trip(const char *in, const char *want)
{
	struct buf b = BUF_INIT(10000);
	struct json *j = parse(in);

	if (!j)
		print_error("refused: %s\n", in);
	assert_non_null(j);
	assert_int_equal(json_print(j, false, &b, NULL), 0);
	assert_string_equal(b.p, want);
	json_free(&j);
	assert_null(j);
	buf_release(&b);
}

static void refused(const char *in)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(in, strlen(in), &e);

	if (j)
		print_error("taken: %s\n", in);
	assert_null(j);
	assert_int_equal(e.code, ERR_FORMAT);
}

static void test_accepts(void **state)
{
	(void)state;
	round_trip("null", "null");
	round_trip(" [ 1 , -2 , 3.5 , true , false , null , \"x\" ] ",
		   "[1,-2,3.5,true,false,null,\"x\"]");
	round_trip("{\"b\":{},\"a\":[],\"c\":{\"d\":[[]]}}",
		   "{\"b\":{},\"a\":[],\"c\":{\"d\":[[]]}}");
	round_trip("\"\\u00e9\\ud83d\\ude00\\n\\u0001\\\"\\\\\\/\"",
		   "\"\xc3\xa9\xf0\x9f\x98\x80\\n\\u0001\\\"\\\\/\"");
	round_trip("1e3", "1000");
	round_trip("-0", "0");
	round_trip("0.1", "0.1");
	round_trip("1e-7", "1e-07");
	round_trip("{\"\":1}", "{\"\":1}");
	round_trip("{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}");
}

static void test_refuses(void **state)
{
	static const char *const bad[] = {
		"", " ", "{", "}", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "01", "-", "1.",
		".5", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", "tru",
		"truE", "nul", "1 2", "[] []", "\"", "\"a", "\"\\\"", "\"\\x\"",
		"\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\t\"", "[1}", "{]",
		"\"\\u0000\"", "\"\\ud800\"", "\"\\ud800x\"",
		"\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\xff\"",
		"\"\xc0\x80\"", "\xef\xbb\xbf{}", "// c\n1", "1e999",
		"{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
		"[{\"x\":{\"k\":1,\"l\":2,\"k\":3}}]",
		"[\"\xed\xa0\x80\"]",
		"11111111111111111111111111111111111111111111111111111111111",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i]);
	assert_null(json_parse("[1]\0", 4, NULL));
	assert_null(json_parse("\"a\0b\"", 5, NULL));
	/* not NUL-terminated: nothing behind n is read */
	{
		char *exact = malloc(3);
		struct json *j;

		memcpy(exact, "[7]", 3);
		j = json_parse(exact, 3, NULL);
		assert_non_null(j);
		json_free(&j);
		assert_null(json_parse(exact, 2, NULL));
		free(exact);
	}
}

static void test_error_place(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_null(json_parse("{\"secretvalue\":tru}", 19, &e));
	assert_non_null(strstr(e.cause, "byte 16"));
	assert_null(strstr(e.cause, "tru}"));
	assert_null(strstr(e.cause, "secretvalue"));
}

static struct json *nested(int depth)
{
	char text[200];

	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	return json_parse(text, (size_t)depth * 2, NULL);
}

static void test_depth_and_size(void **state)
{
	struct json *j = nested(32);
	char *big = malloc(BUF_LINE_MAX + 1);
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(j);
	json_free(&j);
	assert_null(nested(33));
	memset(big, ' ', BUF_LINE_MAX + 1);
	big[0] = '1';
	j = json_parse(big, BUF_LINE_MAX, NULL);
	assert_non_null(j);
	json_free(&j);
	assert_null(json_parse(big, BUF_LINE_MAX + 1, &e));
	assert_int_equal(e.code, ERR_TOOBIG);
	j = json_parse_max(big, BUF_LINE_MAX + 1, BUF_CONFIG_MAX, NULL);
	assert_non_null(j);
	json_free(&j);
	free(big);
}

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		bool is;
		int64_t v;
	} t[] = {
		{ "0", true, 0 },
		{ "9007199254740992", true, INT64_C(9007199254740992) },
		{ "-9007199254740992", true, INT64_C(-9007199254740992) },
		{ "1795316645000", true, INT64_C(1795316645000) },
		{ "1000000000000000", true, INT64_C(1000000000000000) },
		{ "9007199254740994", false, 0 },
		{ "1e300", false, 0 },
		{ "1.5", false, 0 },
		{ "\"1\"", false, 0 },
		{ "true", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct json *j = parse(t[i].text);
		int64_t v = 0;

		assert_int_equal(json_int_value(j, &v), t[i].is);
		assert_true(v == t[i].v);
		json_free(&j);
		if (t[i].is)
			round_trip(t[i].text, t[i].text);
	}
}

static void test_access(void **state)
{
	struct json *j = parse("{\"s\":\"t\",\"i\":5,\"b\":true,\"n\":null,"
			       "\"a\":[1,2,3]}");
	const struct json *a = json_get(j, "a");
	int64_t v, sum = 0;
	bool b = false;

	(void)state;
	assert_string_equal(json_str(j, "s"), "t");
	assert_null(json_str(j, "i"));
	assert_null(json_str(j, "S"));
	assert_null(json_str(NULL, "s"));
	assert_true(json_int(j, "i", &v) && v == 5);
	assert_false(json_int(j, "s", &v));
	assert_true(json_bool(j, "b", &b) && b);
	assert_false(json_bool(j, "i", &b));
	assert_int_equal(json_type(json_get(j, "n")), JSON_NULL);
	assert_null(json_get(a, "x"));
	assert_int_equal(json_count(j), 5);
	assert_int_equal(json_count(a), 3);
	assert_string_equal(json_key(json_first(j)), "s");
	for (const struct json *n = json_first(a); n; n = json_next(n)) {
		assert_true(json_int_value(n, &v));
		sum += v;
	}
	assert_int_equal(sum, 6);
	json_free(&j);
	json_free(&j);
}

static void test_building(void **state)
{
	struct json *j = json_object(), *a = json_array(), *copy;
	struct buf b = BUF_INIT(1000);

	(void)state;
	assert_true(json_set_str(j, "a", "x\ty"));
	assert_true(json_set_int(j, "n", INT64_C(1795316645000)));
	assert_true(json_set_bool(j, "t", false));
	assert_true(json_set_str(j, "z", NULL));
	assert_true(json_push_str(a, "one"));
	assert_true(json_push(a, json_object()));
	assert_true(json_set(j, "l", a));
	/* a member of the same name is replaced, in its place */
	assert_true(json_set_str(j, "a", "new"));
	assert_false(json_set_str(j, "a", "\xff"));
	assert_false(json_set_int(j, "n", INT64_MAX));
	assert_false(json_set_str(NULL, "a", "x"));
	assert_false(json_set(NULL, "a", json_object()));
	assert_false(json_set(j, "a", NULL));
	assert_false(json_push(j, json_object()));
	assert_false(json_push_str(NULL, "x"));
	copy = json_dup(j);
	assert_int_equal(json_print(copy, false, &b, NULL), 0);
	assert_string_equal(b.p, "{\"a\":\"new\",\"n\":1795316645000,"
				 "\"t\":false,\"z\":null,\"l\":[\"one\",{}]}");
	buf_reset(&b);
	assert_int_equal(json_print(j, true, &b, NULL), 0);
	assert_string_equal(b.p, "{\n  \"a\": \"new\",\n  \"n\": 1795316645000,\n"
				 "  \"t\": false,\n  \"z\": null,\n  \"l\": [\n"
				 "    \"one\",\n    {}\n  ]\n}");
	json_free(&j);
	json_free(&copy);
	buf_release(&b);
}

static void test_print_limit(void **state)
{
	struct json *j = json_array();
	struct buf b = BUF_INIT(8);
	struct err e = ERR_INIT;

	(void)state;
	assert_true(json_push_str(j, "12345678"));
	assert_int_equal(json_print(j, false, &b, &e), -1);
	assert_int_equal(e.code, ERR_TOOBIG);
	json_free(&j);
	buf_release(&b);
}

/* ---- toml ---- */

static struct toml_node *toml(const char *text, struct err *e)
{
	return toml_parse(text, strlen(text), "curfew.toml", e);
}

static void test_toml_tree(void **state)
{
	static const char text[] =
		"# ................................................ a line\n"
		"name = \"x.y.z\" # not.a.key.....................\n"
		"n = 0x10\nf = 1.5\nb = true\n"
		"when = 2026-11-22T03:04:05Z\n"
		"list = [1, \"two\"]\n"
		"long = \"\"\"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s\n"
		"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s\"\"\"\n"
		"[deep.er]\nkey = 1\n"
		"[[connection]]\nname = \"a\"\n[[connection]]\nname = \"b\"\n";
	struct err e = ERR_INIT;
	struct toml_node *t = toml(text, &e);
	const struct toml_node *c;

	(void)state;
	assert_string_equal(e.cause, "");
	assert_non_null(t);
	assert_int_equal(t->kind, TOML_TABLE);
	assert_string_equal(toml_str(t, "name"), "x.y.z");
	assert_null(toml_str(t, "n"));
	c = toml_get(t, "n");
	assert_int_equal(c->kind, TOML_INT);
	assert_int_equal(c->num, 16);
	assert_int_equal(c->line, 3);
	assert_int_equal(c->col, 5);
	assert_true(toml_get(t, "f")->real > 1.4);
	assert_int_equal(toml_get(t, "b")->num, 1);
	assert_int_equal(toml_get(t, "when")->kind, TOML_DATE);
	assert_string_equal(toml_get(t, "when")->str, "2026-11-22T03:04:05Z");
	c = toml_get(t, "list");
	assert_int_equal(c->kind, TOML_ARRAY);
	assert_null(c->child->key);
	assert_string_equal(c->child->next->str, "two");
	c = toml_get(toml_get(t, "deep"), "er");
	assert_int_equal(toml_get(c, "key")->num, 1);
	c = toml_get(t, "connection");
	assert_int_equal(c->kind, TOML_ARRAY);
	assert_int_equal(c->child->kind, TOML_TABLE);
	assert_string_equal(toml_str(c->child, "name"), "a");
	assert_string_equal(toml_str(c->child->next, "name"), "b");
	assert_int_equal(c->child->next->line, 14);
	toml_free(&t);
	assert_null(t);
}

static void toml_refuses(const char *text, const char *place)
{
	struct err e = ERR_INIT;
	struct toml_node *t = toml(text, &e);

	assert_null(t);
	assert_int_equal(e.code, ERR_CONFIG);
	if (strncmp(e.cause, place, strlen(place)) != 0)
		print_error("%s\n", e.cause);
	assert_int_equal(strncmp(e.cause, place, strlen(place)), 0);
}

static void test_toml_errors(void **state)
{
	(void)state;
	toml_refuses("a = 1\nb = \n", "curfew.toml:2:");
	toml_refuses("a = 1\n\na = 2\n", "curfew.toml:3:");
	toml_refuses("a = \"open\n", "curfew.toml:1:");
	toml_refuses("[t\n", "curfew.toml:1:");
	toml_refuses("x = 1 y = 2\n", "curfew.toml:1:");
	toml_refuses("a = \"\\u0000\"\n", "curfew.toml:");
	toml_refuses("a = \"\xff\"\n", "curfew.toml:1:");
	toml_refuses("\n[[\v ]\n", "curfew.toml:2:");
	/* found by fuzzing: breaks an assertion inside toml++ 3.3 */
	toml_refuses("[[\xe2\x80\x89 ]\n", "curfew.toml:1:");
	toml_refuses("a \xc3\xa1 = 1 1\n", "curfew.toml:1:");
	toml_refuses("a =0'\xc6\xba' = 1\n", "curfew.toml:1:");
}

static void test_toml_limits(void **state)
{
	size_t n = 3 * 1000 * 1000;
	char *big = malloc(n + 8);
	struct err e = ERR_INIT;
	struct toml_node *t;

	(void)state;
	/* a million dots would end toml++ by its recursion */
	for (size_t i = 0; i < n; i += 2)
		memcpy(big + i, "a.", 2);
	memcpy(big + n, "b=1\n", 5);
	assert_null(toml_parse(big, n + 4, "x", &e));
	assert_int_equal(e.code, ERR_CONFIG);
	/* and so would as many brackets */
	err_clear(&e);
	memset(big, '[', n);
	memcpy(big, "a=", 2);
	assert_null(toml_parse(big, n, "x", &e));
	assert_int_equal(e.code, ERR_CONFIG);
	free(big);

	err_clear(&e);
	n = BUF_CONFIG_MAX + 1;
	big = malloc(n);
	memset(big, ' ', n);
	assert_null(toml_parse(big, n, "x", &e));
	assert_int_equal(e.code, ERR_TOOBIG);
	err_clear(&e);
	t = toml_parse(big, n - 1, "x", &e);
	assert_non_null(t);
	toml_free(&t);
	free(big);
	t = toml_parse(NULL, 0, "x", &e);
	assert_non_null(t);
	toml_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_error_place),
		cmocka_unit_test(test_depth_and_size),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_building),
		cmocka_unit_test(test_print_limit),
		cmocka_unit_test(test_toml_tree),
		cmocka_unit_test(test_toml_errors),
		cmocka_unit_test(test_toml_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
