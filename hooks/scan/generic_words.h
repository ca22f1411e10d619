/*
 * generic_words: which of a few hundred words stand in a window, in one pass;
 * and what the words of names mean.
 */
#ifndef SCAN_GENERIC_WORDS_H
#define SCAN_GENERIC_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hooks/scan/generic.h"

enum words_list {
	WORDS_TELLING, /* "this is a secret" */
	WORDS_TEST, WORDS_ENV, WORDS_SAMPLE, WORDS_DEFINE, WORDS_SHELL,
	WORDS_USER, WORDS_CODE, WORDS_PROSE,
	WORDS_EXAMPLE, /* in values that are none */
	WORDS_LISTS
};

/* Offsets in the window. */
struct words_span {
	size_t from, to;
};

/* How many words of each list stand in the window, in the line, wholly in the
 * value. */
struct words_seen {
	uint8_t near[WORDS_LISTS], line[WORDS_LISTS], value[WORDS_LISTS];
};

void words_look(const char *p, size_t n, const struct words_span *line,
		const struct words_span *value, struct words_seen *out);

/* generic_value.c */
void generic_measure_value(const char *p, size_t n, int16_t *f);
/* generic_name.c */
/* "keyword", "author": nothing in the name tells of a secret. */
bool generic_innocent(const char *p, size_t n);
void generic_measure_name(const char *p, size_t n, int16_t *f);

#endif
