/*
 * grown: large arrays that grow where they lie.
 */
#ifndef SCAN_GROWN_H
#define SCAN_GROWN_H

#include <stddef.h>

/* At least `bytes` at p (NULL: none yet), which *room says the size of; what is
 * new is zero.  It may have moved.  NULL: out of memory, and p is as before. */
void *grown_more(void *p, size_t *room, size_t bytes)
	__attribute__((warn_unused_result));
void grown_free(void *p, size_t room);

#endif
