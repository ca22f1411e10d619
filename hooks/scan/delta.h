/*
 * delta: git's copy/insert lists, applied with the places they copied.
 */
#ifndef SCAN_DELTA_H
#define SCAN_DELTA_H

#include "hooks/scan/scan.h"

struct runs {
	struct run *v;
	size_t n, cap;
};

/* The two sizes in the delta's head; false: malformed. */
bool delta_sizes(const unsigned char *d, size_t n, uint64_t *base,
		 uint64_t *result);

enum delta_answer { DELTA_OK, DELTA_BAD, DELTA_NOMEM };

/* Build out[0, out_len) from the base; `runs` (may be NULL) gets what was
 * copied, joined where it goes on.  The sizes must be those of the head. */
enum delta_answer delta_apply(const unsigned char *d, size_t n,
			      const char *base, size_t base_len, char *out,
			      size_t out_len, struct runs *runs);

#endif
