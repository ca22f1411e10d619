/*
 * value: stored passwords: marking one so that it never matches, making one,
 * and seeing whether a password opens one.
 *
 * RFC 3112's forms as OpenLDAP keeps them: {SSHA} and {SSHA512} are base64 of
 * the digest and the salt behind it.
 */
#include "providers/ldap/dir.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"

#define SALT 16

/* Behind "{SCHEME}"; 0: clear text. */
static size_t scheme_len(const char *text)
{
	const char *end = text[0] == '{' ? strchr(text, '}') : NULL;

	return end && end > text + 1 ? (size_t)(end - text) + 1 : 0;
}

void dir_unmark(const char *text, char out[static DIR_VALUE])
{
	size_t n = scheme_len(text), m = strlen(DIR_OFF);

	if (n && strncmp(text + n, DIR_OFF, m) == 0)
		snprintf(out, DIR_VALUE, "%.*s%s", (int)n, text, text + n + m);
	else
		snprintf(out, DIR_VALUE, "%s", text);
}

static int digest(const unsigned char *p, size_t n, const unsigned char *salt,
		  size_t salt_len, bool sha512, unsigned char out[64])
{
	unsigned char *both = mem_alloc(n + salt_len + 1);

	if (!both)
		return -1;
	memcpy(both, p, n);
	memcpy(both + n, salt, salt_len);
	if (sha512)
		digest_sha512(both, n + salt_len, out);
	else
		digest_sha1(both, n + salt_len, out);
	mem_free(both);
	return 0;
}

struct make {
	bool sha512;
	char *out;
};

static int make_fn(const unsigned char *p, size_t n, void *arg)
{
	struct make *m = arg;
	size_t len = m->sha512 ? 64 : 20;
	unsigned char d[64 + SALT], salt[SALT];
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	secret_random(salt, sizeof salt);
	if (n && digest(p, n, salt, sizeof salt, m->sha512, d) == 0) {
		memcpy(d + len, salt, sizeof salt);
		rc = base64_encode(d, len + sizeof salt, true, &b, NULL);
	}
	if (!rc)
		snprintf(m->out, DIR_VALUE, "{%s}%s", m->sha512 ? "SSHA512" : "SSHA", b.p);
	buf_release(&b);
	return rc;
}

int dir_hash(const struct secret *password, bool sha512, char out[static DIR_VALUE])
{
	struct make m = { .sha512 = sha512, .out = out };

	return secret_reveal(password, make_fn, &m);
}

/* A value in clear text is hashed first: marked, it would be another password. */
bool dir_mark(const char *text, char out[static DIR_VALUE])
{
	char hashed[DIR_VALUE];
	size_t n = scheme_len(text);

	if (!n || strncasecmp(text, "{CLEARTEXT}", 11) == 0) {
		const char *clear = text + n;
		struct secret *s = secret_new(clear, strlen(clear), NULL);
		int rc = s ? dir_hash(s, false, hashed) : -1;

		secret_free(&s);
		if (rc)
			return false;
		text = hashed;
		n = scheme_len(text);
	}
	if (strncmp(text + n, DIR_OFF, strlen(DIR_OFF)) == 0)
		return snprintf(out, DIR_VALUE, "%s", text) < DIR_VALUE;
	return snprintf(out, DIR_VALUE, "%.*s" DIR_OFF "%s", (int)n, text, text + n) <
	       DIR_VALUE;
}

void dir_value_of(const char *uuid, const char *text, struct dir_value *v)
{
	char bare[DIR_VALUE], all[DIR_VALUE + 80];
	unsigned char d[16];

	snprintf(v->text, sizeof v->text, "%s", text);
	dir_unmark(text, bare);
	v->off = strcmp(bare, text) != 0;
	v->none = strcmp(text, DIR_NONE) == 0;
	int n = snprintf(all, sizeof all, "%.70s %s", uuid, bare);
	digest_hash(all, (size_t)n, d, sizeof d);
	text_hex(d, (DIR_ID - 1) / 2, v->id);
	mem_wipe(all, sizeof all);
	mem_wipe(bare, sizeof bare);
}

struct match {
	const char *text;
	size_t scheme;
	bool sha512, salted;
	enum dir_match answer;
};

static int match_fn(const unsigned char *p, size_t n, void *arg)
{
	struct match *m = arg;
	unsigned char stored[DIR_VALUE], d[64];
	size_t len = m->sha512 ? 64 : 20, got = 0;
	const char *b64 = m->text + m->scheme;

	if (!base64_decode(b64, strlen(b64), stored, &got) || got < len ||
	    (!m->salted && got != len))
		return 0; /* matches nothing */
	if (digest(p, n, stored + len, got - len, m->sha512, d))
		m->answer = DIR_CANNOT_TELL;
	else if (secret_equal_bytes(d, stored, len))
		m->answer = DIR_YES;
	return 0;
}

enum dir_match dir_matches(const struct secret *password, const char *text)
{
	static const struct {
		const char *name;
		bool sha512, salted;
	} known[] = { { "{SSHA}", false, true }, { "{SHA}", false, false },
		      { "{SSHA512}", true, true }, { "{SHA512}", true, false } };
	struct match m = { .text = text, .answer = DIR_NO };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t n = strlen(known[i].name);

		if (strncasecmp(text, known[i].name, n) != 0)
			continue;
		m.scheme = n;
		m.sha512 = known[i].sha512;
		m.salted = known[i].salted;
		(void)secret_reveal(password, match_fn, &m);
		return m.answer;
	}
	return DIR_CANNOT_TELL;
}
