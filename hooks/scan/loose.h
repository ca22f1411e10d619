/*
 * loose: one loose object (gitformat-loose(5)), read in one go.
 */
#ifndef SCAN_LOOSE_H
#define SCAN_LOOSE_H

#include "hooks/scan/pack.h"

/* From an object folder; *text is malloc()ed.  false: it is not there, or not
 * as git writes it, or over `most` bytes: whoever asks has a slower way. */
bool loose_read(const char *folder, const unsigned char *oid, size_t most,
		char **text, size_t *n, enum object_type *type);

#endif
