/*
 * weigh: what keeps a finding from being called high.
 *
 * `high` is what hooks refuse, so it is for values that nobody writes down
 * instead of a secret, in places where no one looks for examples.  A finding
 * is never dropped here and never raised; what a checksum, a user's rule or
 * the organisation's own list of secrets says is not touched.
 *
 * The value is asked when a match is confirmed (its bytes alone decide, so a
 * delta may inherit the answer); the path when the finding is told.
 */
#ifndef SCAN_WEIGH_H
#define SCAN_WEIGH_H

#include <stdbool.h>
#include <stddef.h>

#include "hooks/scan/findings.h"

/* Could this be drawn at random?  For values without a shape. */
bool weigh_value(const char *p, size_t n);
/* The same of a token of a vendor's shape: its prefix and its alphabet say
 * nothing, so less is asked. */
bool weigh_token(const char *p, size_t n);

/* Does a JSON web token live long?  Those of a login are dead soon. */
bool weigh_web_token(const char *p, size_t n);

/* How many bytes stand in known words when digits and signs are read as the
 * letters they look like (p4ssw0rd). */
size_t weigh_words(const char *p, size_t n);
/* The length of the part that the text repeats at least twice; 0: none. */
size_t weigh_period(const char *p, size_t n);

/* Typed by somebody who only wanted something to stand there: fingers on the
 * middle row of a keyboard. */
bool weigh_typed(const char *p, size_t n);
/* A list of texts in base64. */
bool weigh_texts(const char *p, size_t n);
/* Longer than what anybody is given to log in with: something encrypted or
 * packed, unless it is a key or a web token. */
bool weigh_blob(const char *p, size_t n);
/* The digest of a password that everybody tries first. */
bool weigh_digest(const char *p, size_t n);
/* Ends as a mail address does. */
bool weigh_mail(const char *p, size_t n);

/* Is it a path of tests, examples, documentation or translations? */
bool weigh_path(const char *path);
/* The confidence at its path: what tests and documentation make up is medium
 * there.  `root` is what was asked for, not looked at. */
enum confidence weigh_finding(const struct finding *f, const char *root);
/* All of them get it. */
void weigh_findings(struct findings *f, const char *root);

#endif
