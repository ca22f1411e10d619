/*
 * tokens: where letters, digits and + / - _ stand together, as in what a
 * service hands out as a secret, and in base64.
 */
#ifndef SCAN_TOKENS_H
#define SCAN_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_RUN 16u	 /* of these characters: may be base64 */
#define TOKEN_ALNUM 16u	 /* letters and digits alone ... */
#define TOKEN_LONG 32u	 /* ... or so many of all: a dense run */

bool token_char(char c);
/* The first place in [from, to) where TOKEN_RUN of them begin, or `to`. */
size_t token_run(const char *text, size_t from, size_t to);
/* The first run of them in [from, to), all that stand together there, that
 * holds TOKEN_ALNUM letters and digits together, or TOKEN_LONG of them. */
bool token_dense(const char *text, size_t from, size_t to, size_t *start,
		 size_t *end);

/* Does every match of the pattern hold such a dense run?  Rather no than yes:
 * of what it does not know it says no. */
bool token_needed(const char *pattern);

#endif
