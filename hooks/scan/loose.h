/*
 * loose: one loose object (gitformat-loose(5)), read in one go.
 */
#ifndef SCAN_LOOSE_H
#define SCAN_LOOSE_H

#include "hooks/scan/pack.h"

enum loose {
	LOOSE_READ,
	LOOSE_ABSENT,
	LOOSE_BROKEN, /* cut, damaged, or not as git writes it */
	LOOSE_LARGE,  /* it says that it is over `most` bytes: *n, unread */
};

/* From an object folder; *text is malloc()ed when it was read. */
enum loose loose_read(const char *folder, const unsigned char *oid, size_t most,
		      char **text, size_t *n, enum object_type *type);
/* What it says of itself: LOOSE_READ, and nothing was unpacked. */
enum loose loose_head(const char *folder, const unsigned char *oid, size_t *n,
		      enum object_type *type);
/* Where its file would be; false: that is longer than `room`. */
bool loose_path(const char *folder, const unsigned char *oid, char *out,
		size_t room);

#endif
