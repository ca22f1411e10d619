/*
 * args: a command's own options, over getopt_long(3).
 *
 * One table per command; a wrong option is told with the near ones.  Global
 * options are taken out by main() before.
 */
#ifndef AGENT_ARGS_H
#define AGENT_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ARG_LIST_MAX 256

enum arg_kind {
	ARG_FLAG, /* bool * */
	ARG_TEXT, /* const char ** (borrowed from argv) */
	ARG_LIST, /* struct arg_list *: may be given again */
	ARG_INT,  /* int64_t *, 0 and up */
	ARG_SPAN, /* int64_t *, milliseconds, "90d" */
};

struct arg_list {
	const char *v[ARG_LIST_MAX];
	size_t n;
};

struct arg {
	const char *name; /* without the dashes; NULL ends the table */
	enum arg_kind kind;
	void *to;
	char letter; /* 0: none */
};

/* *rest: the words that are no options, within argv. */
int args_parse(int argc, char **argv, const struct arg *args, char ***rest,
	       int *n_rest, struct err *e) __attribute__((warn_unused_result));

/* The words of `names` (ends with NULL) nearest to `word`: as a hint. */
void args_hint_near(const char *word, const char *const *names, struct err *e);

#endif
