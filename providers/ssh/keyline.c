/*
 * keyline: reads lines of authorized_keys.  Follows sshd's steps in their
 * order: try "type key" at the start, else skip the options and try again.
 * Must never accept less than sshd does: a key that sshd honours and we do
 * not see would survive a kill.
 */
#include "providers/ssh/keyline.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/base64.h"

#define NUMBER_MAX 4096 /* longest RSA or DSA number we canonicalise, bytes */

static size_t word_end(const char *p, size_t at, size_t n)
{
	while (at < n && p[at] != ' ' && p[at] != '\t')
		at++;
	return at;
}

static size_t skip_blank(const char *p, size_t at, size_t n)
{
	while (at < n && (p[at] == ' ' || p[at] == '\t'))
		at++;
	return at;
}

/* One length-prefixed string of the wire form. */
static bool wire_string(const unsigned char *p, size_t n, size_t *at,
			struct span *out)
{
	size_t len;

	if (n - *at < 4)
		return false;
	len = (size_t)p[*at] << 24 | (size_t)p[*at + 1] << 16 |
	      (size_t)p[*at + 2] << 8 | p[*at + 3];
	if (len > n - *at - 4)
		return false;
	*out = (struct span){ (const char *)p + *at + 4, len };
	*at += 4 + len;
	return true;
}

/* The names a line may use for the key type inside the blob: itself, and the
 * signature names that sshd's reader takes for the same type. */
static bool type_fits(struct span word, struct span inner)
{
	static const char *const alias[][2] = {
		{ "rsa-sha2-256", "ssh-rsa" },
		{ "rsa-sha2-512", "ssh-rsa" },
		{ "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
		  "sk-ecdsa-sha2-nistp256@openssh.com" },
	};

	if (word.n == inner.n && !memcmp(word.p, inner.p, word.n))
		return true;
	for (size_t i = 0; i < sizeof(alias) / sizeof(alias[0]); i++)
		if (word.n == strlen(alias[i][0]) && inner.n == strlen(alias[i][1]) &&
		    !memcmp(word.p, alias[i][0], word.n) &&
		    !memcmp(inner.p, alias[i][1], inner.n))
			return true;
	return false;
}

static bool is(struct span s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

static size_t put_string(unsigned char *out, size_t at, struct span s, bool zero)
{
	size_t len = s.n + (zero ? 1 : 0);

	out[at++] = (unsigned char)(len >> 24);
	out[at++] = (unsigned char)(len >> 16);
	out[at++] = (unsigned char)(len >> 8);
	out[at++] = (unsigned char)len;
	if (zero)
		out[at++] = 0;
	if (s.n)
		memcpy(out + at, s.p, s.n);
	return at + s.n;
}

/* Numbers lose superfluous leading zero bytes, as in sshd's reader.  `blob`
 * is rewritten in place (it can only shrink); false: not the wire form. */
static bool canonical(unsigned char *blob, size_t *n, struct span *type)
{
	size_t at = 0, to;
	struct span s;

	if (!wire_string(blob, *n, &at, type) || !type->n)
		return false;
	for (size_t i = 0; i < type->n; i++)
		if (type->p[i] <= ' ' || type->p[i] > '~')
			return false;
	if (!is(*type, "ssh-rsa") && !is(*type, "ssh-dss"))
		return true;
	to = at;
	while (at < *n) {
		unsigned char number[NUMBER_MAX];

		if (!wire_string(blob, *n, &at, &s))
			return false;
		while (s.n && !*s.p) {
			s.p++;
			s.n--;
		}
		if (s.n > sizeof(number))
			return false;
		if (s.n)
			memcpy(number, s.p, s.n);
		/* A zero byte stays in front of a high bit: the number is
		 * positive.  One that came without it is refused by sshd; it
		 * must not outgrow its place here. */
		if (s.n && number[0] & 0x80 && at - to < s.n + 5)
			return false;
		to = put_string(blob, to, (struct span){ (char *)number, s.n },
				s.n && number[0] & 0x80);
	}
	*n = to;
	return true;
}

/* "type key [comment]" at p[at..n).  Fills the parts. */
static bool read_key(const char *p, size_t at, size_t n, struct keyline *l)
{
	size_t end = word_end(p, at, n), from = skip_blank(p, end, n), stop, len;
	struct span word = { p + at, end - at }, inner;
	unsigned char *blob;
	bool ok = false;

	if (end == at || end == n || from == n)
		return false;
	stop = word_end(p, from, n);
	blob = mem_alloc((stop - from) / 4 * 3 + 3);
	if (!blob)
		return false;
	if (base64_decode(p + from, stop - from, blob, &len) &&
	    canonical(blob, &len, &inner) && type_fits(word, inner)) {
		size_t c = skip_blank(p, stop, n);

		l->type = word;
		l->key = (struct span){ p + from, stop - from };
		while (n > c && (p[n - 1] == '\r' || p[n - 1] == '\n'))
			n--;
		l->comment = (struct span){ p + c, n > c ? n - c : 0 };
		keyline_print(blob, len, l->print);
		ok = true;
	}
	mem_free(blob);
	return ok;
}

/* Behind the options; false when a quote is left open. */
static bool past_options(const char *p, size_t *at, size_t n)
{
	bool quoted = false;
	size_t i = *at;

	for (; i < n && (quoted || (p[i] != ' ' && p[i] != '\t')); i++) {
		if (p[i] == '\\' && i + 1 < n && p[i + 1] == '"')
			i++;
		else if (p[i] == '"')
			quoted = !quoted;
	}
	*at = i;
	return !quoted;
}

/* YYYYMMDD[HHMM[SS]][Z]; without Z it is the machine's own time. */
static int64_t absolute_time(struct span s)
{
	struct tm tm = { .tm_isdst = -1 };
	bool utc = s.n && (s.p[s.n - 1] == 'Z' || s.p[s.n - 1] == 'z');
	size_t n = utc ? s.n - 1 : s.n;
	int v[7] = { 0 };
	time_t t;

	if (n != 8 && n != 12 && n != 14)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		v[i / 2] = v[i / 2] * 10 + (s.p[i] - '0');
	}
	tm.tm_year = v[0] * 100 + v[1] - 1900;
	tm.tm_mon = v[2] - 1;
	tm.tm_mday = v[3];
	tm.tm_hour = v[4];
	tm.tm_min = v[5];
	tm.tm_sec = v[6];
	t = utc ? timegm(&tm) : mktime(&tm);
	return t > 0 ? (int64_t)t * 1000 : 0;
}

static void read_options(struct keyline *l)
{
	const char *p = l->options.p;
	size_t n = l->options.n, i = 0;

	while (i < n) {
		size_t name = i, value;

		while (i < n && p[i] != ',' && p[i] != '=')
			i++;
		if (i - name == 14 && !strncasecmp(p + name, "cert-authority", 14))
			l->ca = true;
		value = i + 2;
		if (i + 1 < n && p[i] == '=' && p[i + 1] == '"') {
			for (i = value; i < n && p[i] != '"'; i++)
				if (p[i] == '\\' && i + 1 < n && p[i + 1] == '"')
					i++;
			if (value - 2 - name == 11 &&
			    !strncasecmp(p + name, "expiry-time", 11)) {
				int64_t t = absolute_time(
					(struct span){ p + value, i - value });

				/* sshd keeps the earliest */
				if (t && (!l->expires_ms || t < l->expires_ms))
					l->expires_ms = t;
			}
		}
		while (i < n && p[i] != ',')
			i++;
		i++;
	}
}

static bool read_body(struct keyline *l)
{
	const char *p = l->body.p, *nul = memchr(p, 0, l->body.n);
	/* sshd reads a C string: what stands behind a NUL does not exist */
	size_t n = nul ? (size_t)(nul - p) : l->body.n, at, opt;

	if (n && p[n - 1] == '\n')
		n--;
	opt = at = skip_blank(p, 0, n);
	if (at == n || p[at] == '#')
		return false;
	if (read_key(p, at, n, l))
		return true;
	if (!past_options(p, &at, n))
		return false;
	l->options = (struct span){ p + opt, at - opt };
	at = skip_blank(p, at, n);
	if (!read_key(p, at, n, l))
		return false;
	read_options(l);
	return true;
}

bool keyline_next(const char *p, size_t n, size_t *pos, struct keyline *l)
{
	const size_t mark = strlen(KEYLINE_MARK);
	const char *nl;
	size_t at;

	memset(l, 0, sizeof(*l));
	if (*pos >= n)
		return false;
	nl = memchr(p + *pos, '\n', n - *pos);
	l->all.p = p + *pos;
	l->all.n = nl ? (size_t)(nl - l->all.p) + 1 : n - *pos;
	*pos += l->all.n;
	l->body = l->all;
	l->what = KEYLINE_KEY;
	if (l->all.n > mark && !memcmp(l->all.p, KEYLINE_MARK, mark)) {
		l->what = KEYLINE_DISABLED;
		at = word_end(l->all.p, mark, l->all.n);
		at += at < l->all.n;
		l->body.p += at;
		l->body.n -= at;
	}
	if (!read_body(l))
		l->what = KEYLINE_OTHER;
	return true;
}

int keyline_blob(const struct keyline *l, struct buf *out, struct err *e)
{
	unsigned char *blob = mem_alloc(l->key.n / 4 * 3 + 3);
	struct span type;
	size_t n;
	int rc = -1;

	if (!blob)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (!base64_decode(l->key.p, l->key.n, blob, &n) ||
	    !canonical(blob, &n, &type))
		err_fail(e, ERR_BUG, NULL, "a key line that is none");
	else
		rc = buf_add(out, blob, n, e);
	mem_free(blob);
	return rc;
}

void keyline_print(const void *blob, size_t n, char out[static KEYLINE_PRINT])
{
	unsigned char hash[32];
	struct buf b = BUF_INIT(KEYLINE_PRINT);

	digest_sha256(blob, n, hash);
	out[0] = 0;
	if (!buf_puts(&b, "SHA256:", NULL) &&
	    !base64_encode(hash, sizeof(hash), false, &b, NULL))
		memcpy(out, b.p, b.len + 1);
	buf_release(&b);
}

bool keyline_unprint(const char *print, unsigned char out[static 32])
{
	char text[45];
	unsigned char raw[36];
	size_t n;

	if (strncmp(print, "SHA256:", 7) != 0 || strlen(print) != 7 + 43)
		return false;
	memcpy(text, print + 7, 43);
	text[43] = '=';
	text[44] = 0;
	if (!base64_decode(text, 44, raw, &n) || n != 32)
		return false;
	memcpy(out, raw, 32);
	return true;
}

const char *keyline_kind(const struct keyline *l)
{
	return l->ca ? "ssh-ca" : "ssh-key";
}

bool keysel_match(const struct keysel *s, const struct keyline *l)
{
	return l->what != KEYLINE_OTHER &&
	       (!s->kind || !*s->kind || !strcmp(s->kind, keyline_kind(l))) &&
	       (!s->print || !*s->print || !strcmp(s->print, l->print));
}
