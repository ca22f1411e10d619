/*
 * checks: what can be said of a secret by looking at it alone.
 */
#ifndef SCAN_CHECKS_H
#define SCAN_CHECKS_H

#include <stdint.h>

#include "hooks/scan/rules.h"

/* Shannon entropy, bits per byte; 0 for nothing. */
double check_entropy(const char *p, size_t n);

enum check_answer { CHECK_NOT_ASKED, CHECK_HOLDS, CHECK_FAILS };
enum check_answer check_sum(enum checksum kind, const char *p, size_t n);

/* Six base-62 digits of CRC-32, as GitHub and npm end their tokens. */
void check_crc62(const char *p, size_t n, char out[static 6]);
/* Seven base-36 digits, as GitLab; eight of hex, as Cloudflare. */
void check_crc36(const char *p, size_t n, char out[static 7]);
void check_crc32hex(const char *p, size_t n, char out[static 8]);

/* Base64 in either alphabet, padding optional; the length or -1 when a
 * character does not belong. out holds at least n * 3 / 4 bytes. */
long check_unbase64(const char *p, size_t n, unsigned char *out);

/* Case-insensitive search of a lower-case ASCII word; NULL: not there. */
const char *check_find(const char *p, size_t n, const char *word);

#endif
