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
/* The first character of p[0..n): its length 1..4 and code point, or 0 when
 * the bytes are not UTF-8 (overlong, surrogate, truncated). n > 0. */
size_t text_char(const unsigned char *p, size_t n, uint32_t *cp);
/* The same, and 0 also for what could steer a terminal or hide text: control
 * characters, bidirectional overrides, separators of lines. */
size_t text_printable(const unsigned char *p, size_t n);
/* Decimal, whole string, within [lo, hi]. */
bool text_int(const char *s, int64_t lo, int64_t hi, int64_t *out);
/* A name of ours (identity, connection, tag): 1..64 of [A-Za-z0-9._-],
 * starting with a letter or digit. */
bool text_name(const char *s);
/* Append with control characters and non-UTF-8 bytes escaped: what
 * text_printable() refuses as \xNN.  A backslash stays as it is: text on its way
 * through several programs is escaped once, whoever looks at it again. */
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
