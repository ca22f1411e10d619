/*
 * grown: large arrays that grow where they lie.
 */
#ifndef SCAN_GROWN_H
#define SCAN_GROWN_H

#include <stdbool.h>
#include <stddef.h>

/* At least `bytes` at p (NULL: none yet), which *room says the size of; what is
 * new is zero.  It may have moved.  NULL: out of memory, and p is as before. */
void *grown_more(void *p, size_t *room, size_t bytes)
	__attribute__((warn_unused_result));
#define GROWN_STEP ((size_t)65536)

/* What q has (`bytes` of it count) comes to lie behind the first `at` bytes of p,
 * a multiple of GROWN_STEP, where there is room for `bytes` rounded up to one.
 * q is gone then.  false: out of memory, and p may have a hole there: it is only
 * good for grown_free(). */
bool grown_join(void *p, size_t at, void *q, size_t q_room, size_t bytes)
	__attribute__((warn_unused_result));
void grown_free(void *p, size_t room);

#endif
