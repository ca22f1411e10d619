/*
 * sums: checksums of keys that carry them in another number system.
 */
#ifndef SCAN_SUMS_H
#define SCAN_SUMS_H

#include <stdbool.h>
#include <stddef.h>

#define SUM_BASE58_MAX 120 /* characters; a BIP 32 key has 111 */
#define SUM_STRKEY 56	   /* characters of a Stellar key */

/* Base58Check (Bitcoin): the last four bytes are the first of a double
 * SHA-256 over the others. */
bool sum_base58check(const char *p, size_t n);
/* BIP 173: human part, '1', data and a checksum of six characters. */
bool sum_bech32(const char *p, size_t n);
/* SEP 23 (Stellar): base 32 of a version, 32 bytes and CRC-16/XMODEM. */
bool sum_strkey(const char *p, size_t n);

/* For examples: the text with its sum. n <= 80, out holds SUM_BASE58_MAX. */
size_t sum_make_base58check(const unsigned char *payload, size_t n,
			    char out[static SUM_BASE58_MAX]);
/* The six characters that belong behind p[0..n), which holds the '1'. */
void sum_make_bech32(const char *p, size_t n, char out[static 6]);
void sum_make_strkey(unsigned char version, const unsigned char key[static 32],
		     char out[static SUM_STRKEY]);

#endif
