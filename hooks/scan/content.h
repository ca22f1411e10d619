/*
 * content: what a file is by its bytes, and what of it is text.
 */
#ifndef SCAN_CONTENT_H
#define SCAN_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum content {
	CONTENT_TEXT,	/* a stray NUL makes it no less one */
	CONTENT_BINARY, /* NULs among the first 8000 bytes, as git has it */
	CONTENT_UTF16LE,
	CONTENT_UTF16BE,
	CONTENT_ARCHIVE, /* or compressed, or a zip behind something else; by
			  * its bytes, not its name */
};

enum content content_kind(const char *p, size_t n);
/* Where the end records of zips stand that are whole but for what comes behind
 * them (their comment, or more): *end, at most `max`.  None in what begins as
 * another kind of archive: it may hold a zip. */
#define ZIP_END 22u /* bytes of one, without the comment */
size_t content_zip_ends(const char *p, size_t n, size_t *end, size_t max);
/* Whatever its first bytes promise: does it read as text? */
bool content_is_text(const char *p, size_t n);

/* Compressed, whatever is in it. */
bool content_is_packed(const char *p, size_t n);
/* Where in packed data others begin, by their first bytes; 0: nowhere. */
size_t content_next_packed(const char *p, size_t n);
/* Of a CONTENT_ARCHIVE whose packed data were good for `used` bytes and then went
 * wrong: was it one, and not just its first bytes? */
bool content_was_packed(const char *p, size_t n, size_t used);

/* Both malloc()ed; NULL: out of memory. */
/* UTF-8; the mark at the start is left out. */
char *content_utf16(const char *p, size_t n, bool big, size_t *len);
/* The runs of at least eight printable characters, line ends among them, with
 * a NUL behind each: at most as long as the file and one more. */
char *content_runs(const char *p, size_t n, size_t *len);

#endif
