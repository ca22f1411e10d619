/*
 * jwt: a token signed with RS256 (RFC 7515, 7519), for apps that sign in with a
 * private key.  The only file that includes OpenSSL's headers.
 */
#ifndef PROVIDERS_HTTP_JWT_H
#define PROVIDERS_HTTP_JWT_H

#include "base/buf.h"

int jwt_boot(struct err *e) __attribute__((warn_unused_result)); /* first of all */
/* header.payload.signature in `out`; `pem` is an RSA private key. */
int jwt_sign(const struct buf *pem, const struct buf *claims, struct buf *out,
	     struct err *e) __attribute__((warn_unused_result));

#endif
