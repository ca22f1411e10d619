/*
 * roff: texts of a program's help as a manual page, to standard output.
 */
#ifndef BASE_ROFF_H
#define BASE_ROFF_H

#include <stddef.h>

void roff_text(const char *s, size_t n);
/* Paragraphs; what is indented (options, examples) is shown as it is. */
void roff_block(const char *text);

#endif
