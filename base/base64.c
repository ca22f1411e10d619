/*
 * base64: see the header.  Must never read more than OpenSSH does.
 */
#include "base/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool base64_decode(const char *p, size_t n, unsigned char *out, size_t *outlen)
{
	unsigned acc = 0, have = 0; /* have: 6-bit groups in acc */
	size_t len = 0, pads = 0;

	for (size_t i = 0; i < n; i++) {
		int v;

		if (space(p[i]))
			continue;
		if (p[i] == '=') {
			if (++pads > 2)
				return false;
			continue;
		}
		v = value(p[i]);
		if (v < 0 || pads)
			return false;
		acc = acc << 6 | (unsigned)v;
		if (++have < 4)
			continue;
		out[len++] = (unsigned char)(acc >> 16);
		out[len++] = (unsigned char)(acc >> 8);
		out[len++] = (unsigned char)acc;
		acc = have = 0;
	}
	if (have == 0 ? pads != 0 : have + pads != 4)
		return false;
	/* The unused bits of the last group must be zero. */
	if (have == 2) {
		if (acc & 0xf)
			return false;
		out[len++] = (unsigned char)(acc >> 4);
	} else if (have == 3) {
		if (acc & 0x3)
			return false;
		out[len++] = (unsigned char)(acc >> 10);
		out[len++] = (unsigned char)(acc >> 2);
	}
	*outlen = len;
	return true;
}

int base64_encode(const void *data, size_t n, bool pad, struct buf *out,
		  struct err *e)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned acc = (unsigned)p[i] << 16 |
			       (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
			       (left > 2 ? (unsigned)p[i + 2] : 0);
		char q[4] = { alphabet[acc >> 18], alphabet[acc >> 12 & 63],
			      left > 1 ? alphabet[acc >> 6 & 63] : '=',
			      left > 2 ? alphabet[acc & 63] : '=' };

		if (buf_add(out, q, pad || left > 2 ? 4 : left + 1, e))
			return -1;
	}
	return 0;
}

int base64url_encode(const void *p, size_t n, struct buf *out, struct err *e)
{
	const size_t from = out->len;

	if (base64_encode(p, n, false, out, e))
		return -1;
	for (size_t i = from; i < out->len; i++)
		out->p[i] = out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i];
	return 0;
}
