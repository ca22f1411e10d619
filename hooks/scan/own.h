/*
 * own: the organisation's own credentials, known by value.
 *
 * The agent publishes a set of keyed fingerprints (base/wordset.h); here every
 * word of a text is held against it.  A word is known wherever it stands, but
 * for the middle of a longer run of letters and digits, and is told whatever it
 * looks like.  Shared by all threads after opening.
 */
#ifndef SCAN_OWN_H
#define SCAN_OWN_H

#include "base/wordset.h"
#include "hooks/scan/rules.h"

#define OWN_RULE "curfew-known-secret"

struct own;
struct delta;
struct gap;
struct mark;
struct marks;
struct scan_thread;

/* Read FILE; `signer` (64 hex digits, or NULL) must have signed it.  Adds the
 * rule OWN_RULE to the set, by whose number its marks go. */
struct own *own_open(const char *file, const char *signer, struct ruleset *rs,
		     struct err *e);
void own_free(struct own **o);
const struct wordset *own_words(const struct own *o);
size_t own_rule(const struct own *o);

/* The known words among text[from, to], each with its own start and end: 0 on,
 * -1 stop.  The text is looked at one byte to either side. */
typedef int (*own_fn)(size_t start, size_t end, void *arg);
int own_words_in(const struct own *o, const char *text, size_t n, size_t from,
		 size_t to, own_fn fn, void *arg);

/* All of them in the text, as marks at the end of `out`, sorted by place; those
 * inside of copied parts are the base's. */
int own_marks(struct scan_thread *t, const struct own *o, const char *text,
	      size_t n, const struct delta *d, const struct gap *gap,
	      size_t gaps, struct marks *out, struct err *e)
	__attribute__((warn_unused_result));

#endif
