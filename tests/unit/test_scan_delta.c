// link: scan
/*
 * A text scanned as a delta has the marks it has when scanned whole.
 *
 * Random bases full of near-tokens, adjoining and overlapping ones, are cut,
 * moved, doubled and patched; chains are followed several deltas deep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/wordset.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/own.h"
#include "tests/unit/delta_texts.h"

static void publish(const char *path)
{
	unsigned char key[32] = { 7 }, pk[32], sk[64], sum[32], sig[64];
	struct wordset_entry v[5];
	struct buf b = BUF_INIT(WORDSET_FILE_MAX);
	size_t i;

	for (i = 0; i < 5; i++)
		wordset_entry(key, own[i], strlen(own[i]), &v[i]);
	assert_int_equal(crypto_sign_keypair(pk, sk), 0);
	assert_int_equal(wordset_build(key, 1, v, 5, pk, &b, NULL), 0);
	digest_hash(b.p, b.len, sum, sizeof(sum));
	crypto_sign_detached(sig, NULL, sum, sizeof(sum), sk);
	assert_int_equal(buf_add(&b, sig, sizeof(sig), NULL), 0);
	assert_int_equal(io_write_atomic(path, b.p, b.len, 0600, NULL), 0);
	buf_release(&b);
}

static void random_fill(char *p, size_t n)
{
	char plain[200], once[1000], twice[3000];
	size_t at = 0, len;

	letters(p, n);
	plant(p, n);
	while (n > 60 && dice(3) && at < n) {
		len = 12 + dice(120);
		letters(plain, len);
		plant(plain, len);
		len = encode(dice(11), plain, len, once, sizeof(once));
		if (dice(3) == 0) {
			len = encode(dice(11), once, len, twice, sizeof(twice));
			memcpy(once, twice, len < sizeof(once) ? len : 0);
		}
		if (len >= sizeof(once) || at + len + 20 > n)
			return;
		at += dice((uint32_t)(n - at - len) / 2 + 1);
		memcpy(p + at, once, len);
		at += len;
	}
}

static void (*fill)(char *p, size_t n) = random_fill;

/* Build a child of the base from copies and inserts. */
static size_t mutate(const char *base, size_t n, char *out, struct run *run,
		     size_t *runs)
{
	size_t at = 0, from = 0, parts = 1 + dice(12), i;

	*runs = 0;
	for (i = 0; i < parts && at < TEXT_MAX - 700; i++) {
		size_t room = TEXT_MAX - 100 - at, len;

		if (dice(4) == 0) { /* elsewhere in the base */
			from = n ? dice((uint32_t)n) : 0;
		} else if (i && dice(2)) { /* leave something out */
			from += dice(20);
		}
		if (from < n && *runs < RUNS_MAX) {
			struct run *last = *runs ? &run[*runs - 1] : NULL;

			len = i + 1 == parts && dice(2) ? n - from
				: 1 + dice((uint32_t)(n - from));
			if (dice(3) == 0 && len > 40)
				len = 1 + dice(40);
			if (len > room)
				len = room;
			memcpy(out + at, base + from, len);
			if (last && last->at + last->len == at &&
			    last->from + last->len == from) {
				last->len += (uint32_t)len;
			} else {
				run[*runs].at = (uint32_t)at;
				run[*runs].from = (uint32_t)from;
				run[(*runs)++].len = (uint32_t)len;
			}
			at += len;
			from += len;
		}
		if (dice(3)) {
			len = dice(dice(4) ? 8 : 60);
			fill(out + at, len);
			at += len;
		}
	}
	return at;
}

static void test_same(void **state)
{
	char path[] = "/tmp/curfew-delta-XXXXXX";
	struct engine_options o = { .config_text = rules, .known = path };
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	char *base = mem_alloc(TEXT_MAX), *text = mem_alloc(TEXT_MAX), *swap;
	struct marks whole = { 0 }, old = { 0 }, new = { 0 }, seen = { 0 }, m;
	struct run run[RUNS_MAX];
	uint64_t matched = 0, marks = 0, bytes = 0, coded = 0, known = 0;
	unsigned round;
	size_t n = 0, len, runs;

	(void)state;
	close(mkstemp(path));
	publish(path);
	assert_int_equal(engine_open(&g, &o, &e), 0);
	unlink(path); /* it is read: nothing is left behind by a failure */
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	for (round = 0; round < 3000; round++) {
		struct delta d = { .run = run };

		if (round % 12 == 0) { /* a new root */
			one_line = dice(2);
			n = dice(3) ? dice(3000) : dice(20);
			fill(base, n);
			marks_release(&old);
			assert_int_equal(scan_text(&t, base, n, NULL, &old, &e), 0);
		}
		len = mutate(base, n, text, run, &runs);
		d.n = runs;
		d.base_len = n;
		d.base = &old;
		assert_int_equal(scan_text(&t, text, len, NULL, &whole, &e), 0);
		t.bytes_matched = 0;
		assert_int_equal(scan_text(&t, text, len, &d, &new, &e), 0);
		matched += t.bytes_matched;
		bytes += len;
		marks += whole.n;
		coded += whole.n - whole.coded;
		known += whole.coded - whole.own;
		copy_marks(&seen, &new);
		without_gated(&t, &seen);
		without_gated(&t, &whole);
		assert_int_equal(whole.own, seen.own);
		same(&whole, &seen, round);
		assert_int_equal(whole.coded, seen.coded);
		m = old;
		old = new;
		new = m;
		swap = base;
		base = text;
		text = swap;
		n = len;
	}
	print_message("# %llu marks, %llu decoded, %llu known by value; %llu of "
		      "%llu bytes matched\n",
		      (unsigned long long)marks, (unsigned long long)coded,
		      (unsigned long long)known,
		      (unsigned long long)matched,
		      (unsigned long long)bytes);
	assert_int_equal(t.limits, 0);
	assert_true(marks > 100000);
	assert_true(coded > 10000);
	assert_true(known > 2000);
	mem_free(seen.v);
	marks_release(&whole);
	marks_release(&old);
	marks_release(&new);
	scan_thread_release(&t);
	engine_close(&g);
	mem_free(base);
	mem_free(text);
}

/* Anchors, what is given to names, and what comes between them: most are dropped
 * by a glance, some stand. */
static void words(char *p, size_t n)
{
	static const char *const some[] = {
		"password", "pass", "pwd", "keyword", "api_key", "token=f(x)",
		"_", " ", " ", "=", " = ", ": ", "\"", "\"", "'", "\n", "\n",
		"&quot;", ",", "(", ")", ";", "<", ">", "hunter2", "x", "-u ",
		"a:b", "://u:p4ssW0rd@h", "Basic ", "kX9w2LqTz7", "8fJ2kQ0vZ",
		"your_", "example", "\\", "||", "0", "wQ3+e/R5t=", "%41", "#",
		"password = \"", "api_key: ",
	};
	size_t at = 0, len;

	while (at < n) {
		const char *w = some[dice(sizeof(some) / sizeof(*some))];

		len = strlen(w);
		if (len > n - at)
			len = n - at;
		memcpy(p + at, w, len);
		at += len;
	}
}

/* As the rule of ours is. */
static const char scored[] =
	"[[rules]]\nid='scored'\nregex='''(?i)(?:pass|pwd|key|token|://|-u "
	"|basic )'''\nscored=true\n"
	"[[rules]]\nid='random'\nregex='''[A-Za-z0-9]{8}'''\nentropy=2.9\n"
	"[[rules.allowlists]]\nregexes=['#']\nregexTarget='line'\n";

/* What a verdict did not look at does not change it. */
static void test_scored(void **state)
{
	struct engine_options o = { .config_text = scored };
	char *base = mem_alloc(TEXT_MAX), *text = mem_alloc(TEXT_MAX), *swap;
	struct marks whole = { 0 }, old = { 0 }, new = { 0 }, m;
	struct run run[RUNS_MAX];
	size_t n = 0, i, marks = 0, stand = 0;
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	unsigned round;

	(void)state;
	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	fill = words;
	for (round = 0; round < 4000; round++) {
		struct delta d = { .run = run, .base = &old };

		if (round % 12 == 0) {
			n = dice(3) ? dice(3000) : dice(20);
			fill(base, n);
			marks_release(&old);
			assert_int_equal(scan_text(&t, base, n, NULL, &old, &e), 0);
		}
		d.base_len = n;
		n = mutate(base, n, text, run, &d.n);
		assert_int_equal(scan_text(&t, text, n, NULL, &whole, &e), 0);
		assert_int_equal(scan_text(&t, text, n, &d, &new, &e), 0);
		same(&whole, &new, round);
		for (i = 0; i < whole.n; i++)
			stand += whole.v[i].secret != SECRET_NONE;
		marks += whole.n;
		m = old;
		old = new;
		new = m;
		swap = base;
		base = text;
		text = swap;
	}
	fill = random_fill;
	print_message("# %zu marks, %zu stand\n", marks, stand);
	assert_true(marks > 100000 && stand > 1000);
	marks_release(&whole);
	marks_release(&old);
	marks_release(&new);
	scan_thread_release(&t);
	engine_close(&g);
	mem_free(base);
	mem_free(text);
}

/* Runs of base64 are found whatever their place and length. */
static void test_runs(void **state)
{
	static const char code[] = "YWJjZA0z"; /* readable all the way */
	struct segments s = { 0 };
	struct err e = ERR_INIT;
	char text[400];
	size_t at, len, n, i;

	(void)state;
	for (n = 16; n < 330; n += 1 + n / 9)
		for (at = 0; at < n; at += 1 + at / 40)
			for (len = 1; at + len <= n; len += 1 + len / 5) {
				memset(text, ' ', sizeof(text));
				for (i = 0; i < len; i++)
					text[at + i] = code[i % 8];
				assert_int_equal(segments_find(&s, text, 0, n, &e), 0);
				assert_int_equal(s.n, len >= 16 ? 1 : 0);
				if (!s.n)
					continue;
				assert_int_equal(s.v[0].start, at);
				assert_int_equal(s.v[0].end, at + len);
			}
	segments_release(&s);
}

/* Rules that look no farther than this. */
static const char few[] = "[[rules]]\nid='short'\nregex='''ab'''\n";

/* A text made of the base's begin, something between and its end: what is
 * decoded in it is known as if the text stood alone. */
static void one_cut(struct scan_thread *t, const char *base, size_t n,
		    const struct marks *old, size_t to, const char *between,
		    size_t from)
{
	struct run run[2] = { { 0, 0, (uint32_t)to } };
	struct delta d = { .run = run, .n = 1, .base_len = n, .base = old };
	struct marks whole = { 0 }, near = { 0 };
	struct err e = ERR_INIT;
	char text[400];
	size_t len = to, i;

	memcpy(text, base, to);
	memcpy(text + len, between, strlen(between));
	len += strlen(between);
	memcpy(text + len, base + from, n - from);
	if (len == to && from == to)
		run[0].len = (uint32_t)n;
	else if (from < n)
		run[d.n++] = (struct run){ (uint32_t)len, (uint32_t)from,
					   (uint32_t)(n - from) };
	if (!to) {
		run[0] = run[1];
		d.n--;
	}
	len += n - from;
	assert_int_equal(scan_text(t, text, len, NULL, &whole, &e), 0);
	assert_int_equal(scan_text(t, text, len, &d, &near, &e), 0);
	without_gated(t, &whole);
	without_gated(t, &near);
	same(&whole, &near, (unsigned)from);
	if (whole.made.n != near.made.n)
		fail_msg("%zu '%s' %zu: %zu decoded whole, %zu near", to,
			 between, from, whole.made.n, near.made.n);
	for (i = 0; i < whole.made.n; i++) {
		assert_int_equal(whole.made.v[i].start, near.made.v[i].start);
		assert_int_equal(whole.made.v[i].end, near.made.v[i].end);
		assert_int_equal(whole.made.v[i].coding, near.made.v[i].coding);
	}
	marks_release(&whole);
	marks_release(&near);
}

/* Every cut of a text with runs of base64 and hex close together. */
static void test_cuts(void **state)
{
	static const char base[] =
		"k=YWJjZGFiY2RhYmNkYWJjZA==;YWJjZGFiY2RhYmNkYWJjZGFi "
		"61626364616263646162636461626364616263646162\n"
		"key%61%62%63%64ab\\x61\\x62cd=YWJjZGFiY2RhYmNk=";
	static const char *const between[] = { "", " ", "Z", "=", "==Q\n" };
	struct engine_options o = { .config_text = *state };
	struct err e = ERR_INIT;
	struct marks old = { 0 };
	struct scan_thread t;
	struct engine g;
	size_t to, from, n = sizeof(base) - 1;

	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	assert_int_equal(scan_text(&t, base, n, NULL, &old, &e), 0);
	assert_true(old.made.n > 4);
	for (to = 0; to <= n; to++)
		for (from = to; from <= n; from += 1 + (from - to) / 8)
			one_cut(&t, base, n, &old, to,
				between[(to + from) % 5], from);
	marks_release(&old);
	scan_thread_release(&t);
	engine_close(&g);
}

/* The base decodes to something without marks; what comes near may make some. */
static void test_silent(void **state)
{
	static const char base[] =
		"xx token of nothing, %61%62%63 and after that some more x\n"
		"q YWJjZGFiY2RhYmNkYWJjZA== zz \\u0061\\u0062 xx";
	static const char *const between[] = {
		"", "ab", "k=", "\n", "=k", "==k", "k=a",
	};
	static const char rule[] = "[[rules]]\nid='about'\nregex='''(?m)k=(?:a| .{0,90}"
				   "abcd?).{0,40}(?:x|zz)|abc.{0,40}=k|^ abcd|"
				   "abcd zz$'''\n";
	struct engine_options o = { .config_text = rule };
	struct marks old = { 0 }, whole = { 0 };
	size_t to, from, i, n = sizeof(base) - 1;
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	char text[400];
	unsigned found = 0;

	(void)state;
	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	assert_int_equal(scan_text(&t, base, n, NULL, &old, &e), 0);
	assert_true(old.made.n > 2);
	assert_int_equal(old.n, old.coded);
	for (i = 0; i < sizeof(between) / sizeof(*between); i++)
		for (to = 0; to <= n; to++)
			for (from = to; from <= n && from < to + 3; from++) {
				one_cut(&t, base, n, &old, to, between[i], from);
				snprintf(text, sizeof(text), "%.*s%s%s", (int)to,
					 base, between[i], base + from);
				assert_int_equal(scan_text(&t, text, strlen(text),
						 NULL, &whole, &e), 0);
				found += whole.n > whole.coded;
			}
	print_message("# %u came\n", found);
	assert_true(found > 20);
	marks_release(&old);
	marks_release(&whole);
	scan_thread_release(&t);
	engine_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same),
					  cmocka_unit_test(test_scored),
					  cmocka_unit_test_prestate(test_cuts,
						(void *)(uintptr_t)rules),
					  cmocka_unit_test_prestate(test_cuts,
						(void *)(uintptr_t)few),
					  cmocka_unit_test(test_silent),
					  cmocka_unit_test(test_runs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
