/*
 * decode_wrap: base64 over several lines, and gzip inside of base64.
 *
 * A block is a line of nothing but 40 to 128 characters of base64 (blanks
 * around them do not count), all that follow of the same length, and one more
 * of at most that length.  Mail, PEM, YAML and Python write it so.
 */
#ifndef SCAN_DECODE_WRAP_H
#define SCAN_DECODE_WRAP_H

#include "hooks/scan/decode.h"

/* text[from, to) is a run of base64: where the block that begins with it
 * ends, 0: it does not begin one.  Nothing at or after `limit` is read. */
size_t wrap_block(const char *text, size_t from, size_t to, size_t limit);
#define WRAP_LINE_LEAST 40u

/* Two lines of a block are no farther apart, from end to end. */
#define WRAP_REACH 404u

/* Does a run of base64 that holds text[at] make up a line that may begin a
 * block? */
bool wrap_line(const char *text, size_t n, size_t at);
/* All that blocks can be changed by a change of text[*from, *to). */
void wrap_widen(const char *text, size_t n, size_t *from, size_t *to);
/* What the block says, as far as it is readable. */
bool wrap_put(struct view *v, const char *text, size_t from, size_t to);

/* Does base64 begin as gzip does? */
bool wrap_packed(const char *text, size_t from, size_t to);
/* Unpacks it: `out` is to be freed; NULL: it says nothing, or too much
 * (*over). */
int wrap_unpack(const char *text, size_t from, size_t to, char **out,
		size_t *len, bool *over, struct err *e)
	__attribute__((warn_unused_result));

#endif
