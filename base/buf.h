/*
 * buf: a growing byte buffer with a named maximum.
 *
 * Every buffer is given its maximum at init; growing past it fails with
 * ERR_TOOBIG.  The content is wiped when the buffer moves or is released.
 * `p` is always followed by a NUL that is not counted in `len`, so text can be
 * read as a C string.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The limits of all input, in one place. */
#define BUF_LINE_MAX (1024u * 1024)	  /* one protocol line */
#define BUF_CONFIG_MAX (4u * 1024 * 1024)  /* curfew.toml, a definition */
#define BUF_RECORD_MAX (1024u * 1024)	  /* one sealed record */
#define BUF_REPORT_MAX (256u * 1024 * 1024) /* an exported report */
#define BUF_TEXT_MAX (64u * 1024)	  /* a message, a name list */

struct buf {
	char *p;
	size_t len, cap, max;
};

#define BUF_INIT(maximum) { .max = (maximum) }

int buf_add(struct buf *b, const void *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));
int buf_puts(struct buf *b, const char *s, struct err *e)
	__attribute__((warn_unused_result));
int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), warn_unused_result));
int buf_reserve(struct buf *b, size_t more, struct err *e)
	__attribute__((warn_unused_result));
void buf_reset(struct buf *b);	 /* wipes, keeps the block */
void buf_release(struct buf *b); /* wipes and frees; reusable after */

#endif
