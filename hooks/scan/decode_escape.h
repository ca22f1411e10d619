/*
 * decode_escape: characters written another way, and literals in parts.
 *
 * Percent, \u and U+, \x, entities, quoted-printable: one escape means one
 * character.  A joint ("a" + "b") means nothing, which puts the parts
 * together.  Escapes of one coding that stand near each other are a segment.
 */
#ifndef SCAN_DECODE_ESCAPE_H
#define SCAN_DECODE_ESCAPE_H

#include <stddef.h>

#include "hooks/scan/decode.h"

#define ESCAPE_GAP 128u /* between two escapes of one segment */
#define ESCAPE_MOST 12u /* bytes of one escape */

/* May an escape of some coding begin in text[from, to)?  The first such
 * place, or `to`; rather too often than not.  Reads up to text + n. */
size_t escape_first(const char *text, size_t n, size_t from, size_t to);
/* May one begin at, or just before, the sign at text[at]?  Signs: % \ & = and
 * the '+' of U+ and of joints. */
bool escape_sign(const char *text, size_t n, size_t at);
#define ESCAPE_BEFORE 8u /* so many bytes before its '+' a joint begins */
/* A change is felt by a segment that has an escape so near, with two escapes
 * more: so far the matcher looks for signs in any case. */
#define ESCAPE_NEAR 160u
/* What the escapes of text[from, to) mean, into the view that has room. */
void escapes_put(struct view *v, const char *text, size_t from, size_t to,
		 enum coding coding);

#endif
