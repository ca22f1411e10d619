/*
 * jsonscan: a strict look over JSON text before anything is built from it.
 *
 * Used by json.c (is this one complete, clean value?) and by lineproto.c (where
 * is the secret, so that it can be cut out first?).  Allocates nothing, does
 * not recurse.  Source: RFC 8259; stricter in this: depth at most
 * JSON_DEPTH_MAX, no NUL even as \u0000, no lone surrogate, UTF-8 only.
 */
#ifndef BASE_JSONSCAN_H
#define BASE_JSONSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define JSON_DEPTH_MAX 32

/* Where a top-level member was found. */
struct json_cut {
	unsigned count;		/* how often that key is there */
	bool string, null;	/* kind of its value, of the last one */
	size_t from, to;	/* key, value and one comma: blank this out */
	size_t val, val_len;	/* between the quotes, still escaped */
};

/* `key` may be NULL: only check.  ERR_FORMAT names the byte, never the text. */
int json_scan(const char *p, size_t n, const char *key, struct json_cut *cut,
	      struct err *e) __attribute__((warn_unused_result));

/* A scanned string's content without its escapes; returns the length, which
 * is never more than n.  `out` may be NULL to learn it. */
size_t json_unescape(const char *p, size_t n, unsigned char *out);

#endif
