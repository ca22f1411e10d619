/*
 * names: file names as small numbers, shared by threads.
 */
#ifndef SCAN_NAMES_H
#define SCAN_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NAMES_NONE UINT32_MAX
#define NAMES_NEAR 4096u /* a power of two */

struct names;

/* Names that one thread asked for lately, all zero at first: most are asked for
 * again and again. */
struct names_near {
	struct {
		const char *name;
		uint32_t len, number;
	} slot[NAMES_NEAR];
};

struct names *names_new(struct err *e);
void names_free(struct names **n);
/* `near` may be NULL. */
uint32_t names_intern(struct names *n, struct names_near *near, const char *p,
		      size_t len, struct err *e);
/* Hand the list over; each name and the list are for mem_free(). */
void names_take(struct names *n, char ***list, uint32_t *count);

#endif
