// link: scan
/*
 * The generic rule: which values an anchor leads to, that a verdict depends on
 * nothing outside what it names, that deltas inherit it rightly, and that
 * hostile text costs little.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/generic.h"
#include "tests/unit/dice.h"

static const char only[] = "[extend]\nuseDefault = true\n";
/* ---- the finder ---------------------------------------------------------- */

/* Text, where the anchor begins in it, and the values in their order. */
static const struct {
	const char *text, *anchor, *want[3];
	enum generic_how how;
} shapes[] = {
	{ "password = \"s3cr\"", "pass", { "s3cr" }, GENERIC_SET },
	{ "a.dbPassword: 's3cr',", "Pass", { "s3cr" }, GENERIC_SET },
	{ "PASS=s3cr#x\n", "PASS", { "s3cr#x" }, GENERIC_SET },
	{ "{\\\"token\\\": \\\"s3cr\\\"}", "token", { "s3cr" }, GENERIC_SET },
	{ "&quot;token&quot;: &quot;s3cr&quot;", "token", { "s3cr" }, GENERIC_SET },
	{ "'secret' => 's3cr'", "secret", { "s3cr" }, GENERIC_SET },
	{ "let key: string = `s3cr`;", "key", { "s3cr" }, GENERIC_SET },
	{ "var password string = \"s3cr\"", "pass", { "s3cr" }, GENERIC_BESIDE },
	{ "password =\n    'over the line'", "pass", { "over the line" },
	  GENERIC_SET },
	{ "if password == \"s3cr\"", "pass", { "s3cr" }, GENERIC_COMPARE },
	{ "setPassword(\"s3cr\")", "Pass", { "s3cr" }, GENERIC_CALL },
	{ "auth(\"bob\", 's3cr')", "auth", { "bob", "s3cr" }, GENERIC_CALL },
	{ "(\"password\", \"s3cr\")", "pass", { "s3cr" }, GENERIC_PAIR },
	{ "<password>s3cr</password>", "pass", { "s3cr" }, GENERIC_MARKUP },
	{ "name=\"password\" value=\"s3cr\"", "pass", { "s3cr" }, GENERIC_SET },
	{ "--password s3cr -x", "--", { "s3cr" }, GENERIC_BESIDE },
	{ "key := []byte(\"s3cr\")", "key", { "s3cr" }, GENERIC_SET },
	{ "pass = getenv(\"P\") || 's3cr';", "pass", { "s3cr" }, GENERIC_ELSE },
	{ "http://bob:s3cr@host/", "://", { "s3cr" }, GENERIC_URL },
	{ "http://bob:s3@cr@host/", "://", { "s3@cr" }, GENERIC_URL },
	{ "Basic czNjcg==", "Basic", { "czNjcg==" }, GENERIC_HEADER },
	{ "curl -u bob:s3cr x", "-u", { "s3cr" }, GENERIC_LOGIN },
	{ "IDENTIFIED BY 's3cr'", "IDENT", { "s3cr" }, GENERIC_BESIDE },
	{ "key = \"{\\\"a\\\": \\\"s3cr\\\"}\"", "key", { "s3cr" }, GENERIC_SET },
	{ "token = f(x)[1];", "token", { NULL }, GENERIC_SET },
	{ "TOKEN=s3cr<b64:20>\n", "TOKEN", { "s3cr<b64:20>" }, GENERIC_SET },
	{ "token: s3cr<br>x", "token", { "s3cr" }, GENERIC_SET },
	{ "token: s3cr<h1 x>x", "token", { "s3cr" }, GENERIC_SET },
	{ "x+pWmJj7c=\"s3cr\"", "+pW", { NULL }, GENERIC_SET },
	{ "keywords = \"s3cr\"", "key", { NULL }, GENERIC_SET },
	{ "Author: \"s3cr\"", "Auth", { NULL }, GENERIC_SET },
	{ "authorKey: \"s3cr\"", "author", { "s3cr" }, GENERIC_SET },
	{ "key = \"\"", "key", { NULL }, GENERIC_SET },
	{ "key = ", "key", { NULL }, GENERIC_SET },
	{ "key", "key", { NULL }, GENERIC_SET },
	{ "://a:b", "://", { NULL }, GENERIC_URL },
};

static void test_find(void **state)
{
	struct generic_value v[GENERIC_VALUES];
	struct generic_window w;
	size_t i, k, found, kept;
	char got[64];

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		const char *text = shapes[i].text;
		size_t n = strlen(text);
		size_t at = (size_t)(strstr(text, shapes[i].anchor) - text);

		/* in memory of just that size, for the sanitizer */
		char *copy = mem_alloc(n + 1);

		memcpy(copy, text, n);
		generic_window(copy, n, at, &w);
		found = generic_find(&w, at, at + 3 < n ? at + 12 : n, v);
		for (k = kept = 0; k < found; k++)
			if (!generic_hopeless(&w, &v[k]))
				v[kept++] = v[k];
		for (k = 0; k < 3 && shapes[i].want[k]; k++) {
			*got = '\0';
			if (k < kept)
				snprintf(got, sizeof(got), "%.*s",
					 (int)(v[k].end - v[k].at),
					 copy + v[k].at);
			if (strcmp(got, shapes[i].want[k]))
				print_message("in: %s\n", text);
			assert_string_equal(got, shapes[i].want[k]);
			assert_int_equal(v[k].how, shapes[i].how);
		}
		if (kept != k)
			print_message("in: %s\n", text);
		assert_int_equal(kept, k);
		mem_free(copy);
	}
}

/* ---- made-up texts ------------------------------------------------------- */

static const char *const pieces[] = {
	"password", "secret_key", "apiToken", " = ", ": ", "\"", "'", "=", " => ",
	"(\"", "\")", "\n", "\n    ", ", ", "user", "kJ8mNq2vL9", "changeme",
	"${DB_PASS}", "http://", "bob:", "@host/", "Basic ", "# ", "return ",
	"function ", "assert", "\\\"", "&quot;", "{", "}", "wqzkvtrpx", "-u ",
	"--password ", "<password>", "</password>", "value", "IDENTIFIED BY ",
	"the ", "hunter", " || ", "[]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}", "\t",
};

static size_t fill(char *p, size_t room)
{
	size_t at = 0;

	for (;;) {
		const char *s = pieces[dice(sizeof(pieces) / sizeof(*pieces))];
		size_t len = strlen(s);

		if (at + len > room)
			return at;
		memcpy(p + at, s, len);
		at += len;
	}
}

static bool same_verdict(const struct generic_verdict *a,
			 const struct generic_verdict *b)
{
	return a->stands == b->stands && a->score == b->score &&
	       a->from == b->from && a->to == b->to &&
	       a->value.at == b->value.at && a->value.end == b->value.end;
}

/* Change every byte outside of what a verdict says it depends on. */
static void test_window(void **state)
{
	char *text = mem_alloc(9000), *other = mem_alloc(9000);
	struct generic_verdict a, b;
	unsigned round, stood = 0;
	size_t n, at, i;

	(void)state;
	assert_true(generic_ready());
	for (round = 0; round < 20000; round++) {
		n = fill(text, 40 + dice(dice(20) ? 2000 : 8000));
		at = dice((uint32_t)n);
		generic_judge(text, n, at, at + 8 < n ? at + 8 : n, &a);
		assert_true(a.from <= at && a.to <= n && a.to > at);
		memcpy(other, text, n);
		for (i = 0; i < n; i++)
			if (i < a.from || i >= a.to)
				other[i] = "\"x= \n"[dice(5)];
		generic_judge(other, n, at, at + 8 < n ? at + 8 : n, &b);
		assert_true(same_verdict(&a, &b));
		/* and what lies behind may be missing */
		if (!a.last && a.to < n) {
			generic_judge(other, a.to + 1, at, at + 8, &b);
			assert_true(same_verdict(&a, &b));
		}
		stood += a.stands;
	}
	print_message("# %u of %u stood\n", stood, round);
	assert_true(stood > 100);
	mem_free(text);
	mem_free(other);
}

/* ---- what was dropped before --------------------------------------------- */

struct asked {
	const char *text;
	size_t n, at;
	struct generic_verdict v;
};

static void *ask(void *arg)
{
	struct asked *a = arg;

	generic_judge(a->text, a->n, a->at, a->at + 8 < a->n ? a->at + 8 : a->n,
		      &a->v);
	return NULL;
}

/* A thread that has dropped much answers as a new one does, also when one byte
 * is all that a value differs in from one that was dropped. */
static void test_dropped(void **state)
{
	struct asked warm, cold;
	unsigned round, stood = 0;
	char text[160];
	pthread_t thread;

	(void)state;
	for (round = 0; round < 20000; round++) {
		if (round % 20 == 0) {
			warm.n = fill(text, sizeof(text));
			warm.at = dice(40);
			memcpy(text + warm.at, "my_password = \"", 15);
		}
		warm.text = text;
		cold = warm;
		ask(&warm);
		assert_int_equal(pthread_create(&thread, NULL, ask, &cold), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_true(same_verdict(&warm.v, &cold.v));
		stood += warm.v.stands;
		text[warm.at + dice(dice(2) ? 3 : 60)] =
			"kJ8mNq2vL9\"'=( \n<${_-"[dice(22)];
	}
	print_message("# %u of %u stood\n", stood, round);
	assert_true(stood > 100);
}

/* ---- deltas -------------------------------------------------------------- */

/* Leave out, put in and move parts of the base. */
static size_t mutate(const char *base, size_t n, char *out, struct run *run,
		     size_t *runs)
{
	size_t at = 0, from = 0, len;

	*runs = 0;
	while (from < n && *runs < 12 && at < 5000) {
		len = 1 + dice((uint32_t)(n - from));
		if (len > 5000 - at)
			len = 5000 - at;
		if (!len)
			break;
		memcpy(out + at, base + from, len);
		run[*runs].at = (uint32_t)at;
		run[*runs].from = (uint32_t)from;
		run[(*runs)++].len = (uint32_t)len;
		at += len;
		from += len + 1 + dice(30);
		if (dice(3))
			at += fill(out + at, 1 + dice(60));
	}
	return at;
}

static void compare(const struct marks *a, const struct marks *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		assert_int_equal(a->v[i].rule, b->v[i].rule);
		assert_int_equal(a->v[i].start, b->v[i].start);
		assert_int_equal(a->v[i].at, b->v[i].at);
		assert_int_equal(a->v[i].len, b->v[i].len);
		assert_int_equal(a->v[i].secret, b->v[i].secret);
		assert_int_equal(a->v[i].confidence, b->v[i].confidence);
	}
}

static void test_delta(void **state)
{
	struct engine_options o = { .config_text = only };
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	char *base = mem_alloc(6000), *text = mem_alloc(6000), *swap;
	struct marks whole = { 0 }, old = { 0 }, new = { 0 }, m;
	struct run run[16];
	unsigned round, secrets = 0;
	size_t n = 0, len, runs, i;

	(void)state;
	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	for (round = 0; round < 1500; round++) {
		struct delta d = { .run = run };

		if (round % 8 == 0) {
			n = fill(base, 200 + dice(3500));
			assert_int_equal(scan_text(&t, base, n, NULL, &old, &e), 0);
		}
		len = mutate(base, n, text, run, &runs);
		d.n = runs;
		d.base_len = n;
		d.base = &old;
		assert_int_equal(scan_text(&t, text, len, NULL, &whole, &e), 0);
		assert_int_equal(scan_text(&t, text, len, &d, &new, &e), 0);
		compare(&whole, &new);
		for (i = 0; i < whole.n; i++)
			secrets += whole.v[i].secret != SECRET_NONE &&
				   g.rules->rule[whole.v[i].rule].scored;
		m = old;
		old = new;
		new = m;
		swap = base;
		base = text;
		text = swap;
		n = len;
	}
	print_message("# %u generic secrets in %u deltas\n", secrets, round);
	assert_true(secrets > 500);
	marks_release(&whole);
	marks_release(&old);
	marks_release(&new);
	scan_thread_release(&t);
	engine_close(&g);
	mem_free(base);
	mem_free(text);
}

/* ---- hostile texts ------------------------------------------------------- */

static void test_hostile(void **state)
{
	static const char *const units[] = {
		"key=", "key=\"", "password(", "://a:b@", "\\\"key\\\":", "key:\\",
		"key={\\\"", "pass,'", "Basic aaaaaa ", "key || '", "&quot;key&quot;:",
	};
	struct engine_options o = { .config_text = only };
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	size_t n = 1024 * 1024, i, k, len;
	char *text = mem_alloc(n);
	struct marks m = { 0 };
	int64_t start, ms;

	(void)state;
	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		len = strlen(units[i]);
		for (k = 0; k + len <= n; k += len)
			memcpy(text + k, units[i], len);
		start = clock_mono_ms();
		assert_int_equal(scan_text(&t, text, k, NULL, &m, &e), 0);
		ms = clock_mono_ms() - start;
		print_message("# %s: %lld ms\n", units[i], (long long)ms);
		assert_true(ms < 20000);
	}
	marks_release(&m);
	scan_thread_release(&t);
	engine_close(&g);
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_delta),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
