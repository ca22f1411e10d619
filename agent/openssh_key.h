/*
 * openssh_key: the fingerprint of the public half of an OpenSSH private key,
 * which stands in the clear in front of the secret half, also when that is
 * encrypted (openssh-portable, PROTOCOL.key).
 */
#ifndef AGENT_OPENSSH_KEY_H
#define AGENT_OPENSSH_KEY_H

#include <stdbool.h>
#include <stddef.h>

#define OPENSSH_PRINT 64 /* "SHA256:" and 43 characters, and NUL */

/* false: no such key in p[0..n). */
bool openssh_print(const unsigned char *p, size_t n, char out[OPENSSH_PRINT]);

#endif
