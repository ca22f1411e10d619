/*
 * secret: the only home of secret bytes.
 *
 * One arena of locked, guarded, non-dumpable pages (house style 17-19) holds
 * many small values; it grows by whole chunks up to SECRET_ARENA_MAX.  A value
 * is reached only inside a callback (secret_reveal), so no pointer to it stays
 * behind.  All functions are thread-safe.
 *
 * With AddressSanitizer (SECRET_PLAIN_ARENA) the arena is plain memory behind
 * the same calls.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SECRET_MAX (64u * 1024)		       /* one value, bytes */
#define SECRET_ARENA_MAX (64u * 1024 * 1024) /* all values, bytes */

struct secret;

/* Once per process, before any other call.  *locked tells whether the pages
 * really are locked (RLIMIT_MEMLOCK may forbid it): the caller warns or
 * refuses by policy. */
int secret_boot(bool *locked, struct err *e) __attribute__((warn_unused_result));

/* Whether every page of the arena is locked, also those added since. */
bool secret_locked(void);

/* Copy n bytes in.  NULL + e when out of arena or over SECRET_MAX.
 * The caller wipes its own copy. */
struct secret *secret_new(const void *p, size_t n, struct err *e);
/* n zero bytes, to be filled with secret_fill() and cut to size: the way in
 * for a secret that is read piece by piece. */
struct secret *secret_blank(size_t n, struct err *e);
struct secret *secret_dup(const struct secret *s, struct err *e);
struct secret *secret_generate(size_t n, struct err *e); /* n random bytes */
void secret_free(struct secret **s); /* wipes, sets NULL */

size_t secret_len(const struct secret *s);

/* Lend the bytes to fn for the time of the call; returns what fn returns. */
typedef int (*secret_fn)(const unsigned char *p, size_t n, void *arg);
int secret_reveal(const struct secret *s, secret_fn fn, void *arg);
/* Lend the bytes for writing, before anyone else knows the value. */
typedef int (*secret_write_fn)(unsigned char *p, size_t n, void *arg);
int secret_fill(struct secret *s, secret_write_fn fn, void *arg);
/* Keep the first n bytes only, in a slot of fitting size if there is one. */
void secret_cut(struct secret *s, size_t n);

/* Constant-time in the content (not in the length). */
bool secret_equal(const struct secret *a, const struct secret *b);
bool secret_equal_bytes(const void *a, const void *b, size_t n);

/* Randomness has this one door. */
void secret_random(void *p, size_t n);

/* For the log: is this text one of the registered secrets (>= 8 bytes)?
 * Replaces each occurrence in buf by "[secret]"; returns how many. */
size_t secret_redact(char *buf, size_t *len);

#endif
