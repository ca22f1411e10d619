/*
 * decoded: marks in the decoded parts of a text.
 */
#ifndef SCAN_DECODED_H
#define SCAN_DECODED_H

#include "hooks/scan/scan.h"

/* Appends to out, which has the plain marks.  `gap`: as find_gaps() made them;
 * t's own scratch is used for the decoded texts. */
int decoded_marks(struct scan_thread *t, const char *text, size_t n,
		  const struct delta *d, size_t gaps, struct marks *out,
		  struct err *e) __attribute__((warn_unused_result));
void decoder_release(struct decoder *d);

#endif
