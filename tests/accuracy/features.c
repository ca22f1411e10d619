/*
 * features: what the generic rule sees, as tables to learn from.
 *
 *   features FOLDER...     one line per value in the files below:
 *       path <tab> line <tab> first and last column of the value (from 0, the
 *       last is one past it) <tab> its two sums <tab> features...
 *
 * The first line names the columns.  No value is printed.  This is the same
 * finder and the same measuring as in curfew-scan, so that what is learnt
 * from cannot differ from what is asked.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/generic.h"

#define FILE_BYTES_MAX (16u * 1024 * 1024)

static struct engine engine;
static struct scan_thread thread;
static int failures;

static void print(const char *path, const char *text,
		  const struct generic_window *w, const struct generic_value *v,
		  size_t line, size_t line_start)
{
	int16_t f[GENERIC_FEATURES];
	size_t i;

	generic_measure_inner(w, v, f);
	generic_measure_outer(w, v, f);
	for (i = line_start; i < v->at; i++)
		if (text[i] == '\n') {
			line++;
			line_start = i + 1;
		}
	printf("%s\t%zu\t%zu\t%zu\t%d,%d", path, line, v->at - line_start,
	       v->end - line_start, generic_sum_inner(f), generic_sum(f));
	for (i = 0; i < GENERIC_FEATURES; i++)
		printf("\t%d", f[i]);
	putchar('\n');
}

static void one(const char *path, const char *text, size_t n,
		const struct marks *m)
{
	const struct ruleset *rs = matcher_rules(engine.scanner.matcher);
	struct generic_value v[GENERIC_VALUES];
	struct generic_window w;
	size_t i, k, found, line = 1, start = 0, at = 0;

	for (i = 0; i < m->n; i++) {
		if (!rs->rule[m->v[i].rule].scored)
			continue;
		for (; at < m->v[i].start; at++)
			if (text[at] == '\n') {
				line++;
				start = at + 1;
			}
		generic_window(text, n, m->v[i].start, &w);
		found = generic_find(&w, m->v[i].start, m->v[i].end, v);
		for (k = 0; k < found; k++)
			if (!generic_hopeless(&w, &v[k]))
				print(path, text, &w, &v[k], line, start);
	}
}

static int visit(const char *path, const struct stat *st, int kind,
		 struct FTW *ftw)
{
	struct buf b = BUF_INIT(FILE_BYTES_MAX);
	struct marks m = { 0 };
	struct err e = ERR_INIT;

	(void)ftw;
	if (kind != FTW_F || !S_ISREG(st->st_mode) ||
	    (size_t)st->st_size > FILE_BYTES_MAX)
		return 0;
	if (io_read_file(path, IO_ANY, FILE_BYTES_MAX, &b, &e) ||
	    (b.len && !memchr(b.p, 0, b.len < 8000 ? b.len : 8000) &&
	     scan_text(&thread, b.p, b.len, NULL, &m, &e))) {
		fprintf(stderr, "features: %s cannot be read\n", path);
		failures++;
	} else if (m.n) {
		one(path, b.p, b.len, &m);
	}
	marks_release(&m);
	buf_release(&b);
	return 0;
}

int main(int argc, char **argv)
{
	struct engine_options o = { .ignore_allow = true };
	struct err e = ERR_INIT;
	char text[600];
	int i;

	if (engine_open(&engine, &o, &e) ||
	    scan_thread_init(&thread, &engine.scanner, &e)) {
		err_format(&e, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
		return 1;
	}
	printf("path\tline\tfrom\tto\tsums");
	for (i = 0; i < GENERIC_FEATURES; i++)
		printf("\t%s", generic_feature_name((size_t)i));
	putchar('\n');
	for (i = 1; i < argc; i++)
		nftw(argv[i], visit, 32, FTW_PHYS);
	scan_thread_release(&thread);
	engine_close(&engine);
	return failures != 0;
}
