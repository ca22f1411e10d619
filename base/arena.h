/*
 * arena: locked memory in slots of fixed sizes; used by secret.c only.
 *
 * One chunk is 1 MiB of guarded, locked, non-dumpable pages, cut into slabs of
 * 64 KiB; each slab holds slots of one size, a power of two from 16 bytes up.
 * The book-keeping lies outside, so that no overrun can change it.
 * Not thread-safe: secret.c holds its lock around each call.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Adds the first chunk. */
int arena_boot(struct err *e) __attribute__((warn_unused_result));
/* Zero-filled, n in 1..SECRET_MAX. */
void *arena_take(size_t n, struct err *e);
/* Wipes the whole slot. */
void arena_give(void *p, size_t n);
/* The size of the slot that holds n bytes. */
size_t arena_slot(size_t n);
bool arena_locked(void);

#endif
