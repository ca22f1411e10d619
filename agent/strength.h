/*
 * strength: how hard a value is to guess, in bits, told on the safe side.
 *
 * Not how random it looks: words, names, dates, runs and repeats count little,
 * whatever their length.  A generated key has about its true strength.
 */
#ifndef AGENT_STRENGTH_H
#define AGENT_STRENGTH_H

#include <stddef.h>

/* What a published fingerprint must cost to guess: 2^80. */
#define STRENGTH_PUBLISH 80.0

double strength_bits(const unsigned char *p, size_t n);

#endif
