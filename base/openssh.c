/*
 * openssh: reads and writes openssh-key-v1.
 *
 * Reads lengths from outside, each checked against what is left.  Wipes what it
 * decoded; openssh_print() never looks at the secret half.
 */
#include "base/openssh.h"

#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1" /* and its NUL */
#define ED25519 "ssh-ed25519"
#define SEED 32u
#define LINE 70u /* characters of base64 a line, as ssh-keygen writes */
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

bool openssh_line_print(const unsigned char *p, size_t n,
			char out[OPENSSH_PRINT])
{
	const char *type = (const char *)p, *at, *word;
	unsigned char *plain = NULL;
	const unsigned char *in, *first;
	size_t kind = 0, len = 0, rest, m;
	bool ok = false;

	while (kind < n && type[kind] != ' ' && type[kind] != '\t')
		kind++;
	for (at = type + kind; at < type + n && (*at == ' ' || *at == '\t'); at++)
		;
	for (word = at; word + len < type + n && (unsigned char)word[len] > ' ';)
		len++;
	if (len > 0 && len <= ARMOUR_MAX)
		plain = mem_alloc(len / 4 * 3 + 3);
	if (plain != NULL && base64_decode(word, len, plain, &len)) {
		in = plain;
		rest = len;
		/* the blob begins with its type once more */
		ok = field(&in, &rest, &first, &m) && m == kind &&
		     memcmp(first, type, kind) == 0 && print(plain, len, out);
	}
	mem_free(plain);
	return ok;
}

/* ---- a whole key ---------------------------------------------------------- */

struct part {
	const unsigned char *p;
	size_t n;
};

static bool take(struct part *from, struct part *out)
{
	return field(&from->p, &from->n, &out->p, &out->n);
}

static bool is(struct part s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

/* Public data: no constant time needed. */
static bool same(struct part a, struct part b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* pub and sec stand behind the type. */
static bool ed25519_fits(struct part pub, struct part sec)
{
	unsigned char derived[DIGEST_PUBLIC];
	struct part key, copy, both;

	if (!take(&pub, &key) || pub.n != 0 || key.n != sizeof derived ||
	    !take(&sec, &copy) || !same(key, copy) || !take(&sec, &both) ||
	    both.n != SEED + sizeof derived)
		return false;
	digest_public(both.p, derived);
	return memcmp(derived, key.p, sizeof derived) == 0 &&
	       memcmp(derived, both.p + SEED, sizeof derived) == 0;
}

/* RSA: the public half says e, n; the secret one n, e, d, ... */
static bool rsa_fits(struct part pub, struct part sec)
{
	struct part e, n, e2, n2;

	return take(&pub, &e) && take(&pub, &n) && take(&sec, &n2) &&
	       take(&sec, &e2) && same(e, e2) && same(n, n2);
}

/* ECDSA: curve, point in both. */
static bool ecdsa_fits(struct part pub, struct part sec)
{
	struct part curve, point, curve2, point2;

	return take(&pub, &curve) && take(&pub, &point) && take(&sec, &curve2) &&
	       take(&sec, &point2) && same(curve, curve2) && same(point, point2);
}

static int halves_fit(struct part pub, struct part sec, struct err *e)
{
	struct part type, type2;
	bool fits;

	/* the same four bytes twice: what a wrong passphrase would spoil */
	if (sec.n < 8 || memcmp(sec.p, sec.p + 4, 4) != 0 || !take(&pub, &type))
		return err_fail(e, ERR_FORMAT, NULL, "its secret half is damaged");
	sec.p += 8;
	sec.n -= 8;
	if (!take(&sec, &type2) || !same(type, type2))
		return err_fail(e, ERR_FORMAT, NULL, "its halves are of two types");
	if (is(type, ED25519))
		fits = ed25519_fits(pub, sec);
	else if (is(type, "ssh-rsa"))
		fits = rsa_fits(pub, sec);
	else if (type.n > 12 && memcmp(type.p, "ecdsa-sha2-", 11) == 0)
		fits = ecdsa_fits(pub, sec);
	else
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"a private key that is neither Ed25519 nor RSA nor ECDSA");
	return fits ? 0 : err_fail(e, ERR_FORMAT, NULL,
				   "its public half belongs to another secret half");
}

static int read_whole(struct part all, struct buf *blob, struct err *e)
{
	struct part cipher, kdf, options, pub, sec;

	if (all.n < sizeof MAGIC || memcmp(all.p, MAGIC, sizeof MAGIC) != 0)
		return err_fail(e, ERR_FORMAT, NULL, "it is no OpenSSH private key");
	all.p += sizeof MAGIC;
	all.n -= sizeof MAGIC;
	if (!take(&all, &cipher) || !take(&all, &kdf) || !take(&all, &options))
		return err_fail(e, ERR_FORMAT, NULL, "the key is cut off");
	if (!is(cipher, "none"))
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"the key has a passphrase");
	if (all.n < 4 || memcmp(all.p, "\0\0\0\1", 4) != 0)
		return err_fail(e, ERR_FORMAT, NULL, "not one key but several");
	all.p += 4;
	all.n -= 4;
	if (!take(&all, &pub) || !take(&all, &sec) || all.n != 0)
		return err_fail(e, ERR_FORMAT, NULL, "the key is cut off");
	return halves_fit(pub, sec, e) ? -1 : buf_add(blob, pub.p, pub.n, e);
}

struct reading {
	struct buf *blob;
	struct err *e;
};

/* Nothing but white space may stand around the armour. */
static bool armour_of(struct part *s)
{
	const size_t head = sizeof BEGIN - 1, tail = sizeof END - 1;

	while (s->n && strchr(" \t\r\n", s->p[0]) && s->p[0])
		s->p++, s->n--;
	while (s->n && strchr(" \t\r\n", s->p[s->n - 1]) && s->p[s->n - 1])
		s->n--;
	if (s->n < head + tail || memcmp(s->p, BEGIN, head) != 0 ||
	    memcmp(s->p + s->n - tail, END, tail) != 0)
		return false;
	s->p += head;
	s->n -= head + tail;
	return true;
}

static int read_fn(const unsigned char *p, size_t n, void *arg)
{
	struct reading *r = arg;
	struct part s = { p, n };
	unsigned char *plain = NULL;
	size_t len = 0;
	int rc = -1;

	if (!armour_of(&s))
		return err_fail(r->e, ERR_FORMAT, NULL, "it is no OpenSSH private key");
	plain = mem_alloc(s.n / 4 * 3 + 3);
	if (plain == NULL)
		err_fail(r->e, ERR_NOMEM, NULL, "out of memory");
	else if (!base64_decode((const char *)s.p, s.n, plain, &len))
		err_fail(r->e, ERR_FORMAT, NULL, "the key's base64 is damaged");
	else
		rc = read_whole((struct part){ plain, len }, r->blob, r->e);
	mem_free(plain);
	return rc;
}

int openssh_public(const struct secret *key, struct buf *blob, struct err *e)
{
	struct reading r = { blob, e };

	return secret_reveal(key, read_fn, &r);
}

/* ---- a fresh one ---------------------------------------------------------- */

static int put_number(struct buf *b, size_t v, struct err *e)
{
	const unsigned char q[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
				     (unsigned char)(v >> 8), (unsigned char)v };

	return buf_add(b, q, sizeof q, e);
}

static int put(struct buf *b, const void *p, size_t n, struct err *e)
{
	return put_number(b, n, e) || buf_add(b, p, n, e) ? -1 : 0;
}

static int put_public(struct buf *b, const unsigned char pk[static DIGEST_PUBLIC],
		      struct err *e)
{
	return put(b, ED25519, sizeof ED25519 - 1, e) ||
	       put(b, pk, DIGEST_PUBLIC, e) ? -1 : 0;
}

/* The secret half, padded 1, 2, 3 ... to a multiple of 8. */
static int put_secret(struct buf *b, const unsigned char seed[static SEED],
		      const unsigned char pk[static DIGEST_PUBLIC],
		      const char *comment, struct err *e)
{
	unsigned char check[4];

	secret_random(check, sizeof check);
	if (buf_add(b, check, sizeof check, e) || buf_add(b, check, sizeof check, e) ||
	    put_public(b, pk, e) || put_number(b, SEED + DIGEST_PUBLIC, e) ||
	    buf_add(b, seed, SEED, e) || buf_add(b, pk, DIGEST_PUBLIC, e) ||
	    put(b, comment, strlen(comment), e))
		return -1;
	for (unsigned char pad = 1; b->len % 8; pad++)
		if (buf_add(b, &pad, 1, e))
			return -1;
	return 0;
}

static int wrap(const struct buf *whole, struct buf *text, struct err *e)
{
	struct buf flat = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_reserve(&flat, whole->len * 2, e) ||
	    base64_encode(whole->p, whole->len, true, &flat, e) ||
	    buf_puts(text, BEGIN "\n", e))
		goto out;
	for (size_t i = 0; i < flat.len; i += LINE) {
		const size_t n = flat.len - i < LINE ? flat.len - i : LINE;

		if (buf_add(text, flat.p + i, n, e) || buf_puts(text, "\n", e))
			goto out;
	}
	rc = buf_puts(text, END "\n", e);
out:
	buf_release(&flat);
	return rc;
}

int openssh_make(const char *comment, struct secret **key, struct buf *blob,
		 struct err *e)
{
	struct buf sec = BUF_INIT(BUF_TEXT_MAX), whole = BUF_INIT(BUF_TEXT_MAX),
		   text = BUF_INIT(BUF_TEXT_MAX);
	unsigned char seed[SEED], pk[DIGEST_PUBLIC];
	int rc = -1;

	*key = NULL;
	secret_random(seed, sizeof seed);
	digest_public(seed, pk);
	/* room at once, so that no copy is left on the way */
	if (buf_reserve(&sec, strlen(comment) + 512, e) ||
	    buf_reserve(&whole, strlen(comment) + 1024, e) ||
	    buf_reserve(&text, 2 * strlen(comment) + 2048, e) ||
	    put_public(blob, pk, e) || put_secret(&sec, seed, pk, comment, e) ||
	    buf_add(&whole, MAGIC, sizeof MAGIC, e) ||
	    put(&whole, "none", 4, e) || put(&whole, "none", 4, e) ||
	    put(&whole, "", 0, e) || put_number(&whole, 1, e) ||
	    put(&whole, blob->p, blob->len, e) ||
	    put(&whole, sec.p, sec.len, e) || wrap(&whole, &text, e))
		goto out;
	*key = secret_new(text.p, text.len, e);
	rc = *key != NULL ? 0 : -1;
out:
	mem_wipe(seed, sizeof seed);
	buf_release(&sec);
	buf_release(&whole);
	buf_release(&text);
	return rc;
}
