/*
 * krl: sshd's RevokedKeys file, either form: the binary list of OpenSSH's
 * PROTOCOL.krl (format version 1) or plain text, one public key a line.
 *
 * Pure functions on bytes.  Sections and lines that are not ours are copied as
 * they are.  A signed list is not changed (its signature would no longer
 * hold): ERR_UNSUPPORTED.
 */
#ifndef PROVIDERS_SSH_KRL_H
#define PROVIDERS_SSH_KRL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

bool krl_binary(const void *p, size_t n);

/* Is the key with this fingerprint in the list?  SHA-1 entries are not
 * looked at (nobody can tell from a SHA-256 name). */
int krl_has(const void *p, size_t n, const char *print, bool *has, struct err *e)
	__attribute__((warn_unused_result));
/* The key's bytes, if the list holds them (explicit keys). */
int krl_blob(const void *p, size_t n, const char *print, struct buf *blob,
	     struct err *e) __attribute__((warn_unused_result));

/* All SHA-256 fingerprints of the list, 32 bytes each, sorted. */
int krl_hashes(const void *p, size_t n, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* Add by the key itself (`blob`, any sshd reads that), or by its fingerprint
 * alone when blob is NULL (OpenSSH 7.9 and later). n == 0: a new binary list. */
int krl_add(const void *p, size_t n, const char *print, const struct buf *blob,
	    int64_t now_ms, struct buf *out, bool *changed, struct err *e)
	__attribute__((warn_unused_result));
int krl_remove(const void *p, size_t n, const char *print, int64_t now_ms,
	       struct buf *out, bool *changed, struct err *e)
	__attribute__((warn_unused_result));

#endif
