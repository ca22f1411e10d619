/*
 * openssh_key: from an armoured private key to SHA256:... of its public half.
 *
 * Reads lengths from outside, each checked against what is left.  Wipes what it
 * decoded; never looks at the secret half.
 */
#include "agent/openssh_key.h"

#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1" /* and its NUL */
#define ARMOUR_MAX 6000u /* characters looked at: the public half is in them */

/* The base64 in front of '-' or '=', without what is between the lines: line
 * ends, and their escapes ("\n" in a string of some program).  Cut so that it
 * decodes without padding. */
static size_t armour(const unsigned char *p, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len < ARMOUR_MAX; i++) {
		if (p[i] == '\\' && i + 1 < n &&
		    (p[i + 1] == 'n' || p[i + 1] == 'r')) {
			i++;
			continue;
		}
		if (p[i] == '-' || p[i] == '=')
			break;
		if ((p[i] >= '0' && p[i] <= '9') || p[i] == '+' ||
		    p[i] == '/' || (p[i] >= 'A' && p[i] <= 'Z') ||
		    (p[i] >= 'a' && p[i] <= 'z'))
			out[len++] = (char)p[i];
	}
	return len - len % 4;
}

/* A length and that many bytes; false when they are not there. */
static bool field(const unsigned char **p, size_t *n,
		  const unsigned char **at, size_t *len)
{
	if (*n < 4)
		return false;
	*len = (size_t)(*p)[0] << 24 | (size_t)(*p)[1] << 16 |
	       (size_t)(*p)[2] << 8 | (*p)[3];
	if (*len > *n - 4)
		return false;
	*at = *p + 4;
	*p += 4 + *len;
	*n -= 4 + *len;
	return true;
}

static bool public_half(const unsigned char *p, size_t n,
			const unsigned char **at, size_t *len)
{
	if (n < sizeof MAGIC || memcmp(p, MAGIC, sizeof MAGIC) != 0)
		return false;
	p += sizeof MAGIC;
	n -= sizeof MAGIC;
	/* cipher, kdf, its options */
	for (int i = 0; i < 3; i++)
		if (!field(&p, &n, at, len))
			return false;
	if (n < 4 || memcmp(p, "\0\0\0\1", 4) != 0)
		return false; /* one key, as every program writes it */
	p += 4;
	n -= 4;
	return field(&p, &n, at, len) && *len > 0;
}

static bool print(const unsigned char *blob, size_t len,
		  char out[OPENSSH_PRINT])
{
	struct buf text = BUF_INIT(OPENSSH_PRINT);
	unsigned char sum[32];
	bool ok;

	digest_sha256(blob, len, sum);
	ok = buf_puts(&text, "SHA256:", NULL) == 0 &&
	     base64_encode(sum, sizeof sum, false, &text, NULL) == 0;
	if (ok)
		memcpy(out, text.p, text.len + 1);
	buf_release(&text);
	return ok;
}

bool openssh_print(const unsigned char *p, size_t n, char out[OPENSSH_PRINT])
{
	const unsigned char *begin = memmem(p, n, BEGIN, sizeof BEGIN - 1), *at;
	unsigned char *plain;
	char *text;
	size_t len;
	bool ok = false;

	if (begin == NULL)
		return false;
	plain = mem_alloc(ARMOUR_MAX);
	text = mem_alloc(ARMOUR_MAX);
	begin += sizeof BEGIN - 1;
	if (plain != NULL && text != NULL) {
		len = armour(begin, n - (size_t)(begin - p), text);
		ok = base64_decode(text, len, plain, &len) &&
		     public_half(plain, len, &at, &len) && print(at, len, out);
	}
	mem_free(plain);
	mem_free(text);
	return ok;
}
