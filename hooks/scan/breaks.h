/*
 * breaks: ends of lines that no match goes over.
 *
 * A break is a newline behind a character that no pattern of the matcher has
 * in front of one: ";\n", mostly.  So what stands on one side of it is no
 * matter to matches on the other, and what was changed is looked at from break
 * to break instead of as far as the longest match could reach.
 */
#ifndef SCAN_BREAKS_H
#define SCAN_BREAKS_H

#include <stddef.h>

#include "hooks/scan/pattern_part.h"

/* Adds the characters that a match of the pattern may have right before a
 * newline; rather too many than too few. */
void breaks_held(const char *pattern, struct bytes *before);
void breaks_held_word(const char *word, struct bytes *before);

/* What our own rules must leave: each of these ends lines of many a language.  A
 * rule that goes over them makes all dear. */
#define BREAKS_WANTED ";})"
/* What breaks can be at, when all patterns have `before` before newlines. */
struct bytes breaks_left(const struct bytes *before);

/* The last break in text[floor, at): the place of its character; none:
 * `floor`.  *found: which of both. */
size_t break_before(const struct bytes *at, const char *text, size_t floor,
		    size_t end, bool *found);
/* The first break whose character stands in text[from, limit - 1): the place
 * behind its newline; none: `limit`. */
size_t break_behind(const struct bytes *at, const char *text, size_t from,
		    size_t limit);

#endif
