/*
 * args: a command's own options, over getopt_long(3).
 *
 * Promises that a mistake is ERR_USAGE with the option's name and what is
 * near; getopt's own messages are never printed.
 */
#include "agent/args.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define OPTIONS_MAX 40

void args_hint_near(const char *word, const char *const *names, struct err *e)
{
	const char *best[3] = { NULL, NULL, NULL };
	const size_t len = strlen(word);
	/* more than half of the letters wrong is no near name */
	const size_t cap = len < 4 ? 2 : len / 2 + 1 < 5 ? len / 2 + 1 : 5;
	size_t n = 0;

	for (size_t d = 0; d < cap; d++)
		for (size_t i = 0; names[i] != NULL && n < 3; i++)
			if (text_distance(word, names[i], cap) == d)
				best[n++] = names[i];
	for (size_t i = 0; n == 0 && names[i] != NULL; i++)
		if (len > 1 && strncmp(word, names[i], len) == 0 && n < 3)
			best[n++] = names[i];
	if (n == 1)
		err_hint(e, "did you mean '%s'?", best[0]);
	else if (n == 2)
		err_hint(e, "did you mean '%s' or '%s'?", best[0], best[1]);
	else if (n == 3)
		err_hint(e, "did you mean '%s', '%s' or '%s'?", best[0],
			 best[1], best[2]);
}

static int set(const struct arg *a, const char *value, struct err *e)
{
	struct arg_list *list = a->to;

	switch (a->kind) {
	case ARG_FLAG:
		*(bool *)a->to = true;
		return 0;
	case ARG_TEXT:
		*(const char **)a->to = value;
		return 0;
	case ARG_LIST:
		if (list->n == ARG_LIST_MAX)
			return err_fail(e, ERR_USAGE, a->name,
					"given more than %d times",
					ARG_LIST_MAX);
		list->v[list->n++] = value;
		return 0;
	case ARG_INT:
		if (text_int(value, 0, INT64_MAX, a->to))
			return 0;
		return err_fail(e, ERR_USAGE, value,
				"--%s takes a number", a->name);
	case ARG_SPAN:
		if (clock_parse_span(value, a->to))
			return 0;
		return err_fail(e, ERR_USAGE, value,
				"--%s takes a span of time such as 90d or 12h",
				a->name);
	}
	return err_fail(e, ERR_BUG, a->name, "option of no kind");
}

static int unknown(const char *word, const struct arg *args, struct err *e)
{
	const char *names[OPTIONS_MAX + 1];
	char bare[64];
	size_t n = 0;

	for (; n < OPTIONS_MAX && args[n].name != NULL; n++)
		names[n] = args[n].name;
	names[n] = NULL;
	while (*word == '-')
		word++;
	(void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="),
		       word);
	(void)err_fail(e, ERR_USAGE, bare, "no such option here");
	args_hint_near(bare, names, e);
	return -1;
}

int args_parse(int argc, char **argv, const struct arg *args, char ***rest,
	       int *n_rest, struct err *e)
{
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2] = ":";
	size_t n = 0, s = 1;
	int c;

	for (; n < OPTIONS_MAX && args[n].name != NULL; n++) {
		const bool value = args[n].kind != ARG_FLAG;

		longs[n] = (struct option){ args[n].name, value, NULL,
					    1000 + (int)n };
		if (args[n].letter != 0) {
			shorts[s++] = args[n].letter;
			if (value)
				shorts[s++] = ':';
		}
	}
	longs[n] = (struct option){ NULL, 0, NULL, 0 };
	shorts[s] = '\0';
	opterr = 0;
	optind = 0; /* GNU: start over */
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct arg *a = NULL;

		if (c == ':')
			return err_fail(e, ERR_USAGE, argv[optind - 1],
					"this option takes a value");
		if (c == '?') {
			if (optopt >= 1000 && optopt < 1000 + (int)n)
				return err_fail(e, ERR_USAGE,
						args[optopt - 1000].name,
						"this option takes no value");
			return unknown(argv[optind - 1], args, e);
		}
		if (c >= 1000)
			a = &args[c - 1000];
		for (size_t i = 0; a == NULL && i < n; i++)
			if (args[i].letter == c)
				a = &args[i];
		if (a == NULL)
			return err_fail(e, ERR_BUG, NULL, "option lost");
		if (set(a, optarg, e) < 0)
			return -1;
	}
	*rest = argv + optind;
	*n_rest = argc - optind;
	return 0;
}
