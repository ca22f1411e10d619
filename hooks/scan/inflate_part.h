/*
 * inflate_part: what is left of a gzip that was cut off or damaged.
 */
#ifndef SCAN_INFLATE_PART_H
#define SCAN_INFLATE_PART_H

#include <stddef.h>

/* Up to the first error, and of its first member; malloc()ed.  NULL: nothing
 * (or no gzip, or more than `most`, or no memory). */
char *inflate_part(const char *p, size_t n, size_t most, size_t *len);

#endif
