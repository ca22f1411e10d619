/*
 * wordset: a published set of words that tells of a word whether it is a
 * member, and of no member what it is.
 *
 * Words are kept as keyed BLAKE2b fingerprints behind a Bloom test.  Whoever
 * holds the set can try guesses; its maker puts in only what cannot be guessed.
 * Form: docs/known-format.md, version 1.
 *
 * A word has WORDSET_MIN to WORDSET_MAX bytes, all printable ASCII without
 * blank (wordset_fits).
 */
#ifndef BASE_WORDSET_H
#define BASE_WORDSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

#define WORDSET_MIN 16u
#define WORDSET_MAX 256u
#define WORDSET_WORDS_MAX (4u * 1024 * 1024)
#define WORDSET_FILE_MAX (160u * 1024 * 1024)

/* ---- making -------------------------------------------------------------- */

struct wordset_entry { /* one word, as it is published */
	unsigned char print[16];
	uint64_t quick;
	uint32_t len;
};

bool wordset_fits(const void *p, size_t n);
void wordset_entry(const unsigned char key[static DIGEST_KEY], const void *p,
		   size_t n, struct wordset_entry *out);
/* Everything but the signature; sorts v and drops doubles. */
int wordset_build(const unsigned char key[static DIGEST_KEY], int64_t made_ms,
		  struct wordset_entry *v, size_t n,
		  const unsigned char signer[static DIGEST_PUBLIC],
		  struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* ---- asking -------------------------------------------------------------- */

struct wordset;

/* Borrows p for its life.  `signer` not NULL: the file must be signed by that
 * Ed25519 key; else by the one it names (an accident is noticed, an attacker
 * is not).  ERR_FORMAT, ERR_TAMPER. */
struct wordset *wordset_open(const void *p, size_t n,
			     const unsigned char *signer, struct err *e);
void wordset_free(struct wordset **w);

bool wordset_has(const struct wordset *w, const void *p, size_t n);
/* Bit n - 1: there are words of n bytes; WORDSET_MAX / 64 numbers. */
const uint64_t *wordset_lengths(const struct wordset *w);
size_t wordset_longest(const struct wordset *w);
size_t wordset_count(const struct wordset *w);
int64_t wordset_made_ms(const struct wordset *w);

#endif
