/*
 * sums: checksums of keys that carry them in another number system.
 *
 * Pure functions of short texts.  They look at candidates of rules, which
 * hold no secrecy worth a constant time: the text came from a repository.
 */
#include "hooks/scan/sums.h"

#include <stdint.h>
#include <string.h>

#include "base/digest.h"

#define BASE58_BYTES 96
#define BECH32_MAX 128
#define STRKEY_BYTES 35

static const char digit58[] =
	"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char digit32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char digit_bech[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* ---- base58check --------------------------------------------------------- */

static void double_sha(const unsigned char *p, size_t n, unsigned char out[32])
{
	unsigned char once[32];

	digest_sha256(p, n, once);
	digest_sha256(once, sizeof(once), out);
}

/* Big-endian bytes at the end of out; how many, or 0 when it cannot be. */
static size_t unbase58(const char *p, size_t n, unsigned char out[BASE58_BYTES])
{
	size_t used = 0, zeros = 0, i, k;

	memset(out, 0, BASE58_BYTES);
	while (zeros < n && p[zeros] == '1')
		zeros++;
	for (i = zeros; i < n; i++) {
		const char *d = memchr(digit58, p[i], 58);
		unsigned carry;

		if (!d)
			return 0;
		carry = (unsigned)(d - digit58);
		for (k = 0; k < used || carry; k++) {
			if (k == BASE58_BYTES)
				return 0;
			carry += 58u * out[BASE58_BYTES - 1 - k];
			out[BASE58_BYTES - 1 - k] = (unsigned char)carry;
			carry >>= 8;
		}
		used = k > used ? k : used;
	}
	return used + zeros <= BASE58_BYTES ? used + zeros : 0;
}

bool sum_base58check(const char *p, size_t n)
{
	unsigned char bytes[BASE58_BYTES], sum[32];
	const unsigned char *from;
	size_t len;

	if (n > SUM_BASE58_MAX)
		return false;
	len = unbase58(p, n, bytes);
	if (len < 5)
		return false;
	from = bytes + BASE58_BYTES - len;
	double_sha(from, len - 4, sum);
	return memcmp(sum, from + len - 4, 4) == 0;
}

size_t sum_make_base58check(const unsigned char *payload, size_t n,
			    char out[static SUM_BASE58_MAX])
{
	unsigned char bytes[84], sum[32];
	char text[SUM_BASE58_MAX];
	size_t len = 0, i, zeros = 0;

	if (n > 80)
		return 0;
	memcpy(bytes, payload, n);
	double_sha(payload, n, sum);
	memcpy(bytes + n, sum, 4);
	n += 4;
	while (zeros < n && !bytes[zeros])
		zeros++;
	for (;;) {
		unsigned rest = 0;
		bool more = false;

		for (i = 0; i < n; i++) {
			rest = rest << 8 | bytes[i];
			bytes[i] = (unsigned char)(rest / 58);
			rest %= 58;
			more = more || bytes[i];
		}
		text[len++] = digit58[rest];
		if (!more)
			break;
	}
	for (i = 0; i < zeros; i++)
		text[len++] = '1';
	for (i = 0; i < len; i++)
		out[i] = text[len - 1 - i];
	return len;
}

/* ---- bech32 -------------------------------------------------------------- */

static uint32_t polymod(const unsigned char *v, size_t n)
{
	static const uint32_t gen[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
					 0x3d4233dd, 0x2a1462b3 };
	uint32_t chk = 1, top;
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		top = chk >> 25;
		chk = (chk & 0x1ffffff) << 5 ^ v[i];
		for (k = 0; k < 5; k++)
			if (top >> k & 1)
				chk ^= gen[k];
	}
	return chk;
}

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The values that the sum runs over; 0 when the text is none. */
static size_t bech32_values(const char *p, size_t n,
			    unsigned char v[2 * BECH32_MAX + 8])
{
	const char *one = memrchr(p, '1', n);
	size_t human, i, len = 0;

	if (!one || one == p || n > BECH32_MAX)
		return 0;
	human = (size_t)(one - p);
	for (i = 0; i < human; i++)
		v[len++] = (unsigned char)(fold(p[i]) >> 5 & 7);
	v[len++] = 0;
	for (i = 0; i < human; i++)
		v[len++] = (unsigned char)(fold(p[i]) & 31);
	for (i = human + 1; i < n; i++) {
		const char *d = memchr(digit_bech, fold(p[i]), 32);

		if (!d)
			return 0;
		v[len++] = (unsigned char)(d - digit_bech);
	}
	return len;
}

bool sum_bech32(const char *p, size_t n)
{
	unsigned char v[2 * BECH32_MAX + 8];
	size_t len = bech32_values(p, n, v);
	const char *one = memrchr(p, '1', n);

	return len && p + n - one > 6 && polymod(v, len) == 1;
}

void sum_make_bech32(const char *p, size_t n, char out[static 6])
{
	unsigned char v[2 * BECH32_MAX + 8];
	size_t len = bech32_values(p, n, v);
	uint32_t sum;
	int i;

	memset(v + len, 0, 6);
	sum = polymod(v, len + 6) ^ 1;
	for (i = 0; i < 6; i++)
		out[i] = digit_bech[sum >> (5 * (5 - i)) & 31];
}

/* ---- strkey -------------------------------------------------------------- */

static uint16_t crc16(const unsigned char *p, size_t n)
{
	uint16_t crc = 0;
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		crc = (uint16_t)(crc ^ p[i] << 8);
		for (k = 0; k < 8; k++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021
						      : crc << 1);
	}
	return crc;
}

bool sum_strkey(const char *p, size_t n)
{
	unsigned char b[STRKEY_BYTES];
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t i, len = 0;
	uint16_t crc;

	if (n != SUM_STRKEY)
		return false;
	for (i = 0; i < n; i++) {
		const char *d = memchr(digit32, p[i], 32);

		if (!d)
			return false;
		acc = acc << 5 | (uint32_t)(d - digit32);
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			b[len++] = (unsigned char)(acc >> bits);
		}
	}
	crc = crc16(b, 33);
	return b[33] == (crc & 255) && b[34] == crc >> 8;
}

void sum_make_strkey(unsigned char version, const unsigned char key[static 32],
		     char out[static SUM_STRKEY])
{
	unsigned char b[STRKEY_BYTES];
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t i, len = 0;
	uint16_t crc;

	b[0] = version;
	memcpy(b + 1, key, 32);
	crc = crc16(b, 33);
	b[33] = (unsigned char)(crc & 255);
	b[34] = (unsigned char)(crc >> 8);
	for (i = 0; i < sizeof(b); i++) {
		acc = acc << 8 | b[i];
		for (bits += 8; bits >= 5;) {
			bits -= 5;
			out[len++] = digit32[acc >> bits & 31];
		}
	}
}
