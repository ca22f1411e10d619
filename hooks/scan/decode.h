/*
 * decode: encoded parts of a text, and what they say.
 *
 * A segment never crosses a newline, and where segments stand in a line
 * depends on that line alone; so a text that copies a line of another text
 * has the segments of that line.
 */
#ifndef SCAN_DECODE_H
#define SCAN_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define DECODE_DEPTH_DEFAULT 5u /* as gitleaks */
#define DECODE_DEPTH_MAX 8u
#define DECODE_BEFORE 100u /* bytes of the line seen before a segment ... */
#define DECODE_AFTER 40u   /* ... and after it */
#define DECODE_PIECE (1024u * 1024) /* longer segments are cut ... */
#define DECODE_OVERLAP (16u * 1024) /* ... into pieces that see so much more */

enum coding {
	CODING_PERCENT, /* %41, what stands between goes along */
	CODING_UNICODE, /* \u0041 and U+0041 */
	CODING_ESCAPE,	/* \x41 */
	CODING_HEX,	/* 32 digits or more */
	CODING_BASE64,	/* 16 characters or more, both alphabets */
	CODINGS,
};

struct segment {
	uint32_t start, end;
	uint32_t own; /* what begins here or later belongs to the next piece */
	uint8_t coding;
	bool made; /* known to say something */
};

struct segments {
	struct segment *v;
	size_t n, cap;
};

/* A segment decoded, with some of its line around it. */
struct view {
	char *text;
	uint32_t *map; /* n + 1: where each byte came from */
	unsigned char *coded; /* n: was it decoded? */
	size_t n, cap;
	size_t own; /* matches that begin here or later are another's */
};

const char *coding_word(enum coding c);

/* Segments of text[from, to), which are whole lines. */
int segments_find(struct segments *s, const char *text, size_t from, size_t to,
		  struct err *e) __attribute__((warn_unused_result));
/* The two halves of it, appending: base64 and hex in one run of token characters
 * (tokens.h), all that stand together there; the others. */
int segments_run(struct segments *s, const char *text, size_t n, size_t from,
		 size_t to, struct err *e) __attribute__((warn_unused_result));
int segments_escapes(struct segments *s, const char *text, size_t from,
		     size_t to, struct err *e)
	__attribute__((warn_unused_result));
void segments_release(struct segments *s);

/* *made: false when it decodes to nothing readable. */
int view_make(struct view *v, const char *text, size_t n,
	      const struct segment *s, bool *made, struct err *e)
	__attribute__((warn_unused_result));
void view_release(struct view *v);

#endif
