/*
 * stamp: the times that services write and read.
 */
#ifndef PROVIDERS_HTTP_STAMP_H
#define PROVIDERS_HTTP_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* rfc3339, date, epoch, epoch_ms */
int stamp_put(int64_t wall_ms, const char *format, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* The same and rfc2822; false for what cannot be read. */
bool stamp_read(const char *text, const char *format, int64_t *wall_ms);
/* Retry-After: seconds or an HTTP date; ms from now, -1 unreadable. */
int64_t stamp_retry_after(const char *text);

extern const char *const stamp_formats[];

#endif
