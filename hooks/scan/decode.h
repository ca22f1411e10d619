/*
 * decode: encoded parts of a text, and what they say.
 *
 * A segment crosses a newline only inside a block of lines that are base64
 * (decode_wrap.h).  Where segments stand in a line or such a block depends on
 * it alone; so a text that copies it from another has its segments.
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
#define DECODE_AFTER_JOINT 256u /* ... where the rest of a literal stands */
#define DECODE_PIECE (1024u * 1024) /* longer segments are cut ... */
#define DECODE_OVERLAP (16u * 1024) /* ... into pieces that see so much more */

enum coding {
	CODING_PERCENT, /* %41, what stands between goes along */
	CODING_UNICODE, /* \u0041, \u{41} and U+0041 */
	CODING_ESCAPE,	/* \x41 */
	CODING_ENTITY,	/* &#65; and &#x41; */
	CODING_QUOTED,	/* quoted-printable: =41, where a =3D is near */
	CODING_JOIN,	/* "a" + "b" */
	CODING_HEX,	/* 32 digits or more */
	CODING_BASE64,	/* 16 characters or more, both alphabets */
	CODING_WRAPPED, /* base64 over several lines (decode_wrap.h) */
	CODINGS,
	CODING_GZIP = CODINGS, /* no segment's: packed inside of base64 */
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
	bool blocks; /* lines of base64 stand together somewhere */
};

/* A segment decoded, with some of its line around it. */
struct view {
	char *text;
	uint32_t *map; /* n + 1: where each byte came from */
	unsigned char *coded; /* n: was it decoded? */
	size_t n, cap;
	size_t own; /* matches that begin here or later are another's */
	bool packed; /* it was gzip besides */
	bool over;   /* ... and more than is unpacked */
};

const char *coding_word(enum coding c);

/* Segments of text[from, to), which are whole lines. */
int segments_find(struct segments *s, const char *text, size_t from, size_t to,
		  struct err *e) __attribute__((warn_unused_result));
/* The two halves of it, appending: base64 and hex in text[from, to) of n bytes, in
 * one run of token characters (tokens.h), all that stand together there; the
 * others. */
int segments_runs(struct segments *s, const char *text, size_t n, size_t from,
		  size_t to, struct err *e) __attribute__((warn_unused_result));
int segments_run(struct segments *s, const char *text, size_t n, size_t from,
		 size_t to, struct err *e) __attribute__((warn_unused_result));
/* The run and the block that may begin with it; *next: where to go on. */
int segments_next(struct segments *s, const char *text, size_t n, size_t from,
		  size_t to, size_t *next, struct err *e)
	__attribute__((warn_unused_result));
int segments_escapes(struct segments *s, const char *text, size_t from,
		     size_t to, struct err *e)
	__attribute__((warn_unused_result));
void segments_release(struct segments *s);
int segments_push(struct segments *s, size_t start, size_t end,
		  enum coding coding, struct err *e)
	__attribute__((warn_unused_result));

/* For those who fill a view: one character that came from text[from]; the
 * view has room for what it is made of, more is asked for. */
void view_put(struct view *v, char c, size_t from, bool coded);
int view_room(struct view *v, size_t n, struct err *e)
	__attribute__((warn_unused_result));
bool decode_readable(int c);

/* Which part of text[0, n) its view is made of: of its line, but not far
 * around. */
void view_around(const char *text, size_t n, const struct segment *s,
		 size_t *from, size_t *to);
/* *made: false when it decodes to nothing readable. */
int view_make(struct view *v, const char *text, size_t n,
	      const struct segment *s, bool *made, struct err *e)
	__attribute__((warn_unused_result));
void view_release(struct view *v);

#endif
