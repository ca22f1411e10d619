/*
 * host: how a server's address may be written, for whoever is about to send it
 * a secret.  Looks at the text only: nothing is resolved, nothing is asked.
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* "localhost", an address 127.a.b.c or [::1], written out: a name that merely
 * begins like one belongs to somebody else. */
bool host_loopback(const char *host);
/* HOST, HOST:PORT, or http(s)://HOST[:PORT][/PATH] into `out` as an address with
 * a scheme (https where none stands) and without a '/' at its end.  HOST is a
 * name of letters, digits, '-', '_' and dots, or an address; http is for
 * host_loopback() only.  -1 + ERR_USAGE: what is wrong with it. */
int host_address(const char *given, char *out, size_t cap, struct err *e)
	__attribute__((warn_unused_result));

#endif
