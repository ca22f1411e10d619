/*
 * checks: what can be said of a secret by looking at it alone.
 *
 * Pure functions.  Sources of the formats stand beside them.
 */
#include "hooks/scan/checks.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include <libdeflate.h>

#include "base/mem.h"
#include "hooks/scan/sums.h"

double check_entropy(const char *p, size_t n)
{
	size_t count[256] = { 0 }, i;
	double bits = 0, part;

	for (i = 0; i < n; i++)
		count[(unsigned char)p[i]]++;
	for (i = 0; i < 256; i++) {
		if (!count[i])
			continue;
		part = (double)count[i] / (double)n;
		bits -= part * log2(part);
	}
	return bits;
}

void check_crc62(const char *p, size_t n, char out[static 6])
{
	static const char digit[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint32_t crc = libdeflate_crc32(0, p, n);
	int i;

	for (i = 5; i >= 0; i--, crc /= 62)
		out[i] = digit[crc % 62];
}

void check_crc36(const char *p, size_t n, char out[static 7])
{
	static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint32_t crc = libdeflate_crc32(0, p, n);
	int i;

	for (i = 6; i >= 0; i--, crc /= 36)
		out[i] = digit[crc % 36];
}

void check_crc32hex(const char *p, size_t n, char out[static 8])
{
	static const char digit[] = "0123456789abcdef";
	uint32_t crc = libdeflate_crc32(0, p, n);
	int i;

	for (i = 7; i >= 0; i--, crc >>= 4)
		out[i] = digit[crc & 15];
}

/* GitLab's routable tokens: all of the token but the sum, prefix included. */
static bool crc36_holds(const char *p, size_t n)
{
	char want[7];

	if (n <= sizeof(want))
		return false;
	check_crc36(p, n - sizeof(want), want);
	return memcmp(want, p + n - sizeof(want), sizeof(want)) == 0;
}

/* All of the token but the sum, prefix included: Private Packagist. */
static bool crc32hexall_holds(const char *p, size_t n)
{
	char want[8];

	if (n <= sizeof(want))
		return false;
	check_crc32hex(p, n - sizeof(want), want);
	return memcmp(want, p + n - sizeof(want), sizeof(want)) == 0;
}

/* The same in base 62: JSR. */
static bool crc62all_holds(const char *p, size_t n)
{
	char want[6];

	if (n <= sizeof(want))
		return false;
	check_crc62(p, n - sizeof(want), want);
	return memcmp(want, p + n - sizeof(want), sizeof(want)) == 0;
}

/* All before the '_' in front of the sum: Synapse and Matrix's authentication
 * service. */
static bool crc62parts_holds(const char *p, size_t n)
{
	char want[6];

	if (n <= sizeof(want) + 1 || p[n - sizeof(want) - 1] != '_')
		return false;
	check_crc62(p, n - sizeof(want) - 1, want);
	return memcmp(want, p + n - sizeof(want), sizeof(want)) == 0;
}

/* Cloudflare's scannable tokens: the body alone, without the prefix. */
static bool crc32hex_holds(const char *p, size_t n)
{
	const char *body = memrchr(p, '_', n);

	body = body ? body + 1 : p;
	return crc32hexall_holds(body, n - (size_t)(body - p));
}

/* github.blog 2021-04-05, "checksum"; the npm registry took it over. */
static bool crc62_holds(const char *p, size_t n)
{
	const char *body = memrchr(p, '_', n);

	body = body ? body + 1 : p;
	return crc62all_holds(body, n - (size_t)(body - p));
}

static int digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

long check_unbase64(const char *p, size_t n, unsigned char *out)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	long len = 0;
	size_t i;

	while (n && p[n - 1] == '=')
		n--;
	if (n % 4 == 1)
		return -1;
	for (i = 0; i < n; i++) {
		int d = digit64(p[i]);

		if (d < 0)
			return -1;
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[len++] = (unsigned char)(acc >> bits);
		}
	}
	return len;
}

/* RFC 7519: the first part is a JOSE header with "alg". */
static bool jwt_holds(const char *p, size_t n)
{
	const char *dot = memchr(p, '.', n);
	unsigned char head[1024];
	long len;

	if (!dot || (size_t)(dot - p) > sizeof(head))
		return false;
	len = check_unbase64(p, (size_t)(dot - p), head);
	return len > 2 && head[0] == '{' &&
	       memmem(head, (size_t)len, "\"alg\"", 5);
}

static bool base64_holds(const char *p, size_t n)
{
	unsigned char *out = mem_alloc(n + 1);
	bool ok = out && n % 4 == 0 && check_unbase64(p, n, out) >= 0;

	mem_free(out);
	return ok;
}

enum check_answer check_sum(enum checksum kind, const char *p, size_t n)
{
	bool ok = false;

	switch (kind) {
	case CHECKSUM_NONE:
		return CHECK_NOT_ASKED;
	case CHECKSUM_CRC62:
		ok = crc62_holds(p, n);
		break;
	case CHECKSUM_CRC36:
		ok = crc36_holds(p, n);
		break;
	case CHECKSUM_CRC32HEX:
		ok = crc32hex_holds(p, n);
		break;
	case CHECKSUM_BASE58CHECK:
		ok = sum_base58check(p, n);
		break;
	case CHECKSUM_BECH32:
		ok = sum_bech32(p, n);
		break;
	case CHECKSUM_STRKEY:
		ok = sum_strkey(p, n);
		break;
	case CHECKSUM_JWT:
		ok = jwt_holds(p, n);
		break;
	case CHECKSUM_BASE64:
		ok = base64_holds(p, n);
		break;
	case CHECKSUM_CRC62ALL:
		ok = crc62all_holds(p, n);
		break;
	case CHECKSUM_CRC32HEXALL:
		ok = crc32hexall_holds(p, n);
		break;
	case CHECKSUM_CRC62PARTS:
		ok = crc62parts_holds(p, n);
		break;
	}
	return ok ? CHECK_HOLDS : CHECK_FAILS;
}

const char *check_find(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word), i;
	char lower = word[0], upper = (char)toupper((unsigned char)word[0]);
	const char *end = p + n;

	if (!len)
		return p;
	for (; (size_t)(end - p) >= len; p++) {
		size_t room = (size_t)(end - p) - len + 1;
		const char *a = memchr(p, lower, room);
		const char *b = lower == upper ? NULL
			: memchr(p, upper, a ? (size_t)(a - p) : room);

		if (!a && !b)
			return NULL;
		p = b ? b : a;
		for (i = 1; i < len; i++)
			if (tolower((unsigned char)p[i]) != word[i])
				break;
		if (i == len)
			return p;
	}
	return NULL;
}
