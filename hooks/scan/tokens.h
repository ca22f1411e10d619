/*
 * tokens: where letters, digits and + / - _ stand together, as in what a
 * service hands out as a secret, and in base64; and, in the same look, where
 * a character may be written another way.
 */
#ifndef SCAN_TOKENS_H
#define SCAN_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TOKEN_RUN 16u	 /* of these characters: may be base64 */
#define TOKEN_ALNUM 16u	 /* letters and digits alone ... */
#define TOKEN_LONG 32u	 /* ... or so many of all: a dense run */

bool token_char(char c);
/* The first place in [from, to) where TOKEN_RUN of them begin, or `to`. */
size_t token_run(const char *text, size_t from, size_t to);

/* All that stand together, TOKEN_RUN at least; dense: with TOKEN_ALNUM letters
 * and digits together, or TOKEN_LONG long. */
struct token_run {
	uint32_t start, end;
	bool dense;
};

struct sights {
	struct token_run *run;
	size_t runs, runs_cap;
	/* '+', and those of % = & \ that are followed by what escapes go on with,
	 * some others too, and what `to` cuts off */
	uint32_t *sign;
	size_t signs, signs_cap;
};

/* Appends what [from, to) has, clipped there. */
int token_look(const char *text, size_t from, size_t to, struct sights *s,
	       struct err *e) __attribute__((warn_unused_result));
void sights_release(struct sights *s);

/* Does every match of the pattern hold a dense run?  Rather no than yes:
 * of what it does not know it says no. */
bool token_needed(const char *pattern);

#endif
