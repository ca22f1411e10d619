/* base64: RFC 4648 with padding, as OpenSSH reads and writes it. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Whitespace inside is skipped; padding must be right and nothing may follow
 * it: what sshd would not read is not read here.  `out` holds at least
 * n / 4 * 3 + 3 bytes. */
bool base64_decode(const char *p, size_t n, unsigned char *out, size_t *outlen);
int base64_encode(const void *p, size_t n, bool pad, struct buf *out,
		  struct err *e) __attribute__((warn_unused_result));

/* The URL's alphabet without padding (RFC 4648 5; RFC 7515 2). */
int base64url_encode(const void *p, size_t n, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

#endif
