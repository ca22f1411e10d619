/*
 * openssh: private keys in OpenSSH's own armour (openssh-portable,
 * PROTOCOL.key): the public half of one, and a fresh Ed25519 one.
 *
 * The public half stands in the clear in front of the secret half, also when
 * that is encrypted.
 */
#ifndef BASE_OPENSSH_H
#define BASE_OPENSSH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/secret.h"

#define OPENSSH_PRINT 64 /* "SHA256:" and 43 characters, and NUL */

/* The fingerprint of a key that stands somewhere in p[0..n), also within other
 * text and with its line ends escaped.  false: there is none. */
bool openssh_print(const unsigned char *p, size_t n, char out[OPENSSH_PRINT]);

/* The same of a public key's line, "ssh-ed25519 AAAA... comment". */
bool openssh_line_print(const unsigned char *p, size_t n,
			char out[OPENSSH_PRINT]);

/* The public half (wire form, RFC 4253 6.6) of a whole key without a
 * passphrase.  Both halves of it must fit: for Ed25519 the public one is
 * derived from the secret, for RSA and ECDSA it is compared with the copy beside
 * the secret.  ERR_FORMAT: it is no such key; ERR_UNSUPPORTED: another type, or
 * one with a passphrase. */
int openssh_public(const struct secret *key, struct buf *blob, struct err *e)
	__attribute__((warn_unused_result));

/* A fresh Ed25519 key; `comment` may be "".  *key is what ssh-keygen -t ed25519
 * -N '' writes, newline included; blob its public half. */
int openssh_make(const char *comment, struct secret **key, struct buf *blob,
		 struct err *e) __attribute__((warn_unused_result));

#endif
