/*
 * secrets: every distinct (rule, secret) that was found, once.
 *
 * Shared by all threads.  Ids are small numbers from 0; an entry never
 * changes or moves after it was made.
 */
#ifndef SCAN_SECRETS_H
#define SCAN_SECRETS_H

#include <stdint.h>

#include "hooks/scan/rules.h"

#define SECRET_NONE UINT32_MAX
#define SECRETS_MAX (16u * 1024 * 1024)

struct found_secret {
	uint32_t rule;
	uint32_t len;
	char *text; /* followed by NUL */
	double entropy;
	bool checked; /* its checksum holds */
};

struct secrets;

struct secrets *secrets_new(struct err *e);
void secrets_free(struct secrets **s);

/* The id of (rule, text), made when new.  SECRET_NONE with e: out of memory. */
uint32_t secrets_intern(struct secrets *s, uint32_t rule, const char *text,
			size_t n, double entropy, bool checked, struct err *e);
const struct found_secret *secrets_get(const struct secrets *s, uint32_t id);
size_t secrets_count(const struct secrets *s);

#endif
