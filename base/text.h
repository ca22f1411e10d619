/*
 * text: strings from outside are bytes until they went through here.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

bool text_utf8(const void *p, size_t n);
/* Decimal, whole string, within [lo, hi]. */
bool text_int(const char *s, int64_t lo, int64_t hi, int64_t *out);
/* A name of ours (identity, connection, tag): 1..64 of [A-Za-z0-9._-],
 * starting with a letter or digit. */
bool text_name(const char *s);
/* Append with control characters, quotes and non-UTF-8 bytes escaped. */
int text_escape(struct buf *b, const char *s, size_t n, struct err *e)
	__attribute__((warn_unused_result));
/* Shell-style glob (* and ?), for filters. */
bool text_glob(const char *pattern, const char *s);
/* Edit distance, capped at `cap`: for "did you mean". */
size_t text_distance(const char *a, const char *b, size_t cap);
void text_hex(const void *p, size_t n, char *out /* 2n+1 */);
bool text_unhex(const char *s, void *out, size_t n);
/* Display columns of UTF-8 text (for tables). */
size_t text_width(const char *s);

#endif
