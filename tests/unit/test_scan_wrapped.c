// link: scan
/*
 * Blocks of base64 lines that are changed have the marks they have when scanned
 * whole: a line above or below may be one of the block no more, or only now.
 */
#include "tests/unit/delta_texts.h"

static size_t plain_line(char *out)
{
	memcpy(out, "int x;\n", 7);
	return 7;
}

/* Lines, something decoded before them or not, and a block of lines with a
 * last one. */
static size_t with_block(char *out)
{
	char plain[200], coded[400];
	size_t at = 0, len, i;

	for (i = dice(40); i; i--)
		at += plain_line(out + at);
	if (dice(2)) {
		len = 30 + dice(30);
		letters(plain, len);
		plant(plain, len);
		len = encode(4, plain, len, coded, sizeof(coded));
		memcpy(out + at, coded, len);
		at += len;
		out[at++] = '\n';
	}
	len = 45 + dice(100);
	letters(plain, len);
	for (i = 0; i < 4; i++)
		plant(plain, len);
	len = encode(10, plain, len, coded, sizeof(coded));
	memcpy(out + at, coded, len);
	at += len;
	out[at++] = '\n';
	for (i = dice(3); i; i--)
		at += plain_line(out + at);
	return at;
}

/* One to three bytes changed, put in or left out, near the end: in the block,
 * mostly, or a line of it for another. */
static size_t edit(const char *base, size_t n, char *out, struct run *run,
		   size_t *runs)
{
	static const char some[] = "%-Aaz09 \n=;+";
	size_t from = 0, at = 0, to, gone, put, i, k;

	*runs = 0;
	for (i = 1 + dice(3); i; i--) {
		to = n > 250 && dice(4) ? n - 250 + dice(250) : dice((uint32_t)n + 1);
		if (to < from)
			continue;
		gone = dice(3) ? dice(2) : dice(60);
		put = dice(3) ? dice(3) : dice(50);
		if (to > from) {
			memcpy(out + at, base + from, to - from);
			run[(*runs)++] = (struct run){ (uint32_t)at, (uint32_t)from,
						       (uint32_t)(to - from) };
			at += to - from;
		}
		for (k = 0; k < put; k++)
			out[at++] = some[dice(sizeof(some) - 1)];
		from = to + gone < n ? to + gone : n;
		if (!put && !gone) { /* or two copies would be one */
			out[at++] = ' ';
		}
	}
	if (from < n) {
		memcpy(out + at, base + from, n - from);
		run[(*runs)++] = (struct run){ (uint32_t)at, (uint32_t)from,
					       (uint32_t)(n - from) };
		at += n - from;
	}
	return at;
}

/* A line above or below that is one of the block no more, or only now. */
static void test_blocks(void **state)
{
	struct engine_options o = { .config_text = rules };
	struct marks whole = { 0 }, old = { 0 }, new = { 0 }, m;
	char *base = mem_alloc(TEXT_MAX), *text = mem_alloc(TEXT_MAX), *swap;
	struct run run[RUNS_MAX];
	struct err e = ERR_INIT;
	struct scan_thread t;
	struct engine g;
	size_t n = 0, len, runs, coded = 0;
	unsigned round;

	(void)state;
	assert_int_equal(engine_open(&g, &o, &e), 0);
	assert_int_equal(scan_thread_init(&t, &g.scanner, &e), 0);
	for (round = 0; round < 20000; round++) {
		struct delta d = { .run = run };

		if (round % 4 == 0) { /* a new root */
			n = with_block(base);
			marks_release(&old);
			assert_int_equal(scan_text(&t, base, n, NULL, &old, &e), 0);
		}
		len = edit(base, n, text, run, &runs);
		d.n = runs;
		d.base_len = n;
		d.base = &old;
		assert_int_equal(scan_text(&t, text, len, NULL, &whole, &e), 0);
		assert_int_equal(scan_text(&t, text, len, &d, &new, &e), 0);
		coded += whole.n - whole.coded;
		without_gated(&t, &whole);
		m = new;
		new = (struct marks){ 0 };
		copy_marks(&new, &m);
		without_gated(&t, &new);
		same(&whole, &new, round);
		mem_free(new.v);
		memset(&new, 0, sizeof(new));
		marks_release(&old);
		old = m;
		swap = base;
		base = text;
		text = swap;
		n = len;
	}
	print_message("# %zu marks in decoded parts\n", coded);
	assert_true(coded > 5000);
	marks_release(&whole);
	marks_release(&old);
	scan_thread_release(&t);
	engine_close(&g);
	mem_free(base);
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_blocks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
