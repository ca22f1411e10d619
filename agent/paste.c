/*
 * paste: see paste.h.  Each step takes one wrapping off and adds what is left
 * as a further reading; which one is meant, the caller finds out.
 */
#include "agent/paste_int.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool span_starts(struct span s, const char *word)
{
	const size_t n = strlen(word);

	return s.n >= n && strncasecmp((const char *)s.p, word, n) == 0;
}

struct span span_after(struct span s, size_t n)
{
	return (struct span){ s.p + n, s.n - n };
}

/* Blanks, and the marks that editors and browsers leave: a byte order mark, a
 * hard blank, a zero-width one. */
static size_t blank_at(struct span s)
{
	if (s.n >= 1 && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
		return 1;
	if (s.n >= 2 && memcmp(s.p, "\xc2\xa0", 2) == 0)
		return 2;
	if (s.n >= 3 && (memcmp(s.p, "\xef\xbb\xbf", 3) == 0 ||
			 memcmp(s.p, "\xe2\x80\x8b", 3) == 0))
		return 3;
	return 0;
}

struct span span_trim(struct span s)
{
	size_t n;

	while ((n = blank_at(s)) > 0)
		s = span_after(s, n);
	for (;;) {
		for (n = 1; n <= 3 && n <= s.n; n++)
			if (blank_at((struct span){ s.p + s.n - n, n }) == n)
				break;
		if (n > 3 || n > s.n)
			return s;
		s.n -= n;
	}
}

static size_t word_len(struct span s, const char *more)
{
	size_t n = 0;

	while (n < s.n && (isalnum(s.p[n]) || strchr(more, s.p[n])) && s.p[n])
		n++;
	return n;
}

static size_t blanks(struct span s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return n;
}

static int add(struct reader *r, struct span s)
{
	struct paste *o = r->out;

	o->reading[o->n] = secret_new(s.p, s.n, r->e);
	if (o->reading[o->n] == NULL)
		return -1;
	o->n++;
	return 0;
}

/* ---- one wrapping --------------------------------------------------------------- */

bool span_unquote(struct span *s)
{
	const unsigned char q = s->n >= 2 ? s->p[0] : 0;

	if ((q != '"' && q != '\'' && q != '`') || s->p[s->n - 1] != q ||
	    memchr(s->p + 1, q, s->n - 2) != NULL)
		return false;
	*s = (struct span){ s->p + 1, s->n - 2 };
	return true;
}

/* `"name": …` of JSON, "Name: …" of a header or of YAML, "NAME=…", "export …". */
static bool named(struct span *s)
{
	const bool quote = s->n > 0 && (s->p[0] == '"' || s->p[0] == '\'');
	struct span in = quote ? span_after(*s, 1) : *s, left;
	size_t n = word_len(in, "_-.");

	if (span_starts(*s, "export ") || span_starts(*s, "set ")) {
		*s = span_trim(span_after(*s, s->p[0] == 'e' || s->p[0] == 'E' ? 7 : 4));
		return true;
	}
	if (n == 0 || n == in.n || (quote && in.p[n] != s->p[0]))
		return false;
	left = span_after(in, n + quote);
	left = span_after(left, blanks(left));
	if (left.n < 2 || (left.p[0] != '=' && left.p[0] != ':'))
		return false;
	if (left.p[0] == ':' && !quote && left.p[1] != ' ' && left.p[1] != '\t')
		return false; /* "user:password", "https://" */
	*s = span_trim(span_after(left, 1));
	return true;
}

/* "Bearer …": a word and one more. */
static bool scheme(struct span *s)
{
	const size_t n = word_len(*s, "-_");
	const size_t gap = n < s->n ? blanks(span_after(*s, n)) : 0;
	struct span left;

	if (n == 0 || gap == 0)
		return false;
	left = span_after(*s, n + gap);
	for (size_t i = 0; i < left.n; i++)
		if (isspace(left.p[i]))
			return false;
	*s = left;
	return left.n > 0;
}

void paste_host(struct paste *out, struct span host)
{
	host.n = word_len(host, ".-:[]");
	if (host.n < sizeof out->host) {
		memcpy(out->host, host.p, host.n);
		out->host[host.n] = '\0';
	}
}

/* "https://user:value@host/…", "https://value:word@host/…": both are read. */
static bool in_url(struct reader *r, struct span *s)
{
	const unsigned char *p = memmem(s->p, s->n, "://", 3), *at, *end, *colon;
	struct span host;

	if (p == NULL)
		return false;
	p += 3;
	end = s->p + s->n;
	at = memchr(p, '/', (size_t)(end - p));
	end = at != NULL ? at : end;
	at = memrchr(p, '@', (size_t)(end - p));
	if (at == NULL)
		return false;
	host = (struct span){ at + 1, (size_t)(end - at - 1) };
	paste_host(r->out, host);
	colon = memchr(p, ':', (size_t)(at - p));
	if (colon != NULL && colon > p && r->out->n + 1 < PASTE_READINGS &&
	    add(r, (struct span){ p, (size_t)(colon - p) }) < 0)
		return false;
	if (colon != NULL)
		p = colon + 1;
	*s = (struct span){ p, (size_t)(at - p) };
	return s->n > 0;
}

static bool unwrap(struct reader *r, struct span *s)
{
	if (s->n > 1 && (s->p[s->n - 1] == ',' || s->p[s->n - 1] == ';')) {
		s->n--;
		return true;
	}
	return span_unquote(s) || in_url(r, s) || named(s) || scheme(s);
}

int paste_unwrap(struct reader *r, struct span s)
{
	do {
		if (add(r, s) < 0)
			return -1;
	} while (r->out->n < PASTE_READINGS && unwrap(r, &s) &&
		 (s = span_trim(s)).n > 0);
	return 0;
}

/* ---- the whole ------------------------------------------------------------------- */

/* A block between lines of dashes; its words are no secret. */
static bool block(struct reader *r, struct span s)
{
	static const char begin[] = "-----BEGIN ";
	struct paste *o = r->out;
	size_t n = 0;

	if (!span_starts(s, begin))
		return false;
	s = span_after(s, sizeof begin - 1);
	while (n < s.n && n < sizeof o->block - 1 &&
	       (isalnum(s.p[n]) || s.p[n] == ' '))
		n++;
	memcpy(o->block, s.p, n);
	o->block[n] = '\0';
	o->what = strstr(o->block, "PRIVATE KEY") != NULL ? PASTE_PRIVATE_KEY :
							   PASTE_OTHER_BLOCK;
	return true;
}

/* "ssh-ed25519 AAAAC3… comment": the second word is a key blob in base64, whose
 * first bytes are a length. */
static bool public_line(struct span s)
{
	const size_t n = word_len(s, "-@.");
	const size_t gap = n < s.n ? blanks(span_after(s, n)) : 0;

	return n > 3 && gap > 0 && memchr(s.p, '-', n) != NULL &&
	       span_starts(span_after(s, n + gap), "AAAA");
}

static size_t lines_of(struct span s)
{
	size_t n = 0;

	while (s.n > 0) {
		const unsigned char *nl = memchr(s.p, '\n', s.n);
		const size_t len = nl != NULL ? (size_t)(nl - s.p) : s.n;

		n += span_trim((struct span){ s.p, len }).n > 0;
		s = span_after(s, nl != NULL ? len + 1 : len);
	}
	return n;
}

static int read_all(const unsigned char *p, size_t n, void *arg)
{
	struct reader *r = arg;
	struct span s = span_trim((struct span){ p, n });
	int command;

	if (s.n == 0) {
		(void)err_fail(r->e, ERR_USAGE, NULL, "standard input is empty");
		err_hint(r->e, "curfew kill --secret-stdin < FILE, or paste the "
			       "value and press Ctrl-D");
		return -1;
	}
	r->out->what = PASTE_VALUE;
	r->out->lines = lines_of(s);
	if (block(r, s))
		return add(r, s);
	if (s.n > PASTE_VALUE_MAX)
		return err_fail(r->e, ERR_USAGE, NULL, "standard input is longer "
				"(%zu bytes) than any token", s.n);
	if (r->out->lines == 1 && public_line(s))
		r->out->what = PASTE_PUBLIC_KEY;
	command = r->out->what == PASTE_VALUE ? paste_command(r, s) : 0;
	if (command != 0)
		return command < 0 ? -1 : 0;
	if (r->out->lines == 1 && r->out->what == PASTE_VALUE)
		return paste_unwrap(r, s);
	return add(r, s);
}

int paste_read(const struct secret *given, struct paste *out, struct err *e)
{
	struct reader r = { out, e };

	memset(out, 0, sizeof *out);
	return secret_reveal(given, read_all, &r) < 0 ? -1 : 0;
}

void paste_free(struct paste *p)
{
	for (size_t i = 0; i < p->n; i++)
		secret_free(&p->reading[i]);
	p->n = 0;
}
