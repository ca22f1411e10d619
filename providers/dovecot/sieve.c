/*
 * sieve: what a script can do, by a reader of RFC 5228's tokens.
 *
 * It knows comments, strings and text: blocks, so that an address in a comment
 * is no forwarding and one behind a comment is.  It does not run the script:
 * a redirect under any condition counts.  An address made of variables is
 * shown as written.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "providers/dovecot/dovecot.h"

enum token { END, WORD, TAG, STRING, OTHER };

struct reader {
	const char *p;
	const char *word; /* WORD, TAG: not ended by NUL */
	size_t n;
	struct buf text; /* STRING: its value */
};

static void skip(struct reader *r)
{
	for (;;) {
		const char *end = NULL;

		r->p += strspn(r->p, " \t\r\n");
		if (*r->p == '#')
			end = r->p + strcspn(r->p, "\n");
		else if (strncmp(r->p, "/*", 2) == 0) {
			end = strstr(r->p + 2, "*/");
			end = end ? end + 2 : r->p + strlen(r->p);
		}
		if (!end)
			return;
		r->p = end;
	}
}

static int quoted(struct reader *r, struct err *e)
{
	for (r->p++; *r->p && *r->p != '"'; r->p++) {
		if (*r->p == '\\' && r->p[1])
			r->p++;
		if (buf_add(&r->text, r->p, 1, e))
			return -1;
	}
	r->p += *r->p == '"';
	return 0;
}

/* text: up to a line that is a single dot */
static int block(struct reader *r, struct err *e)
{
	r->p += strcspn(r->p, "\n");
	r->p += *r->p == '\n';
	while (*r->p) {
		size_t n = strcspn(r->p, "\n");
		size_t len = n && r->p[n - 1] == '\r' ? n - 1 : n;
		bool last = len == 1 && *r->p == '.';

		if (!last && buf_add(&r->text, r->p, n, e))
			return -1;
		r->p += n;
		r->p += *r->p == '\n';
		if (last)
			return 0;
	}
	return 0;
}

static int next(struct reader *r, enum token *t, struct err *e)
{
	buf_reset(&r->text);
	skip(r);
	r->word = r->p;
	if (!*r->p) {
		*t = END;
		return 0;
	}
	if (*r->p == '"') {
		*t = STRING;
		return quoted(r, e);
	}
	if (isalpha((unsigned char)*r->p) || *r->p == '_' || *r->p == ':') {
		*t = *r->p == ':' ? TAG : WORD;
		r->p++;
		while (isalnum((unsigned char)*r->p) || *r->p == '_')
			r->p++;
		r->n = (size_t)(r->p - r->word);
		if (r->n == 4 && strncasecmp(r->word, "text", 4) == 0 &&
		    *r->p == ':') {
			*t = STRING;
			return block(r, e);
		}
		return 0;
	}
	*t = OTHER;
	r->p++;
	return 0;
}

static bool is(const struct reader *r, const char *word)
{
	return r->n == strlen(word) && strncasecmp(r->word, word, r->n) == 0;
}

static void note(const struct reader *r, struct sieve *s)
{
	s->discards |= is(r, "discard");
	s->files |= is(r, "fileinto");
	s->notifies |= is(r, "notify");
	s->replies |= is(r, "vacation");
	s->includes |= is(r, "include");
	s->runs |= is(r, "pipe") || is(r, "execute") || is(r, "filter");
}

int sieve_read(const char *script, struct sieve *s, struct err *e)
{
	struct reader r = { .p = script, .text = BUF_INIT(2u * 1024 * 1024) };
	bool redirect = false, tag = false;
	enum token t;
	int rc = -1;

	*s = (struct sieve){ .redirects = BUF_INIT(BUF_TEXT_MAX) };
	for (;;) {
		if (next(&r, &t, e))
			goto out;
		if (t == END)
			break;
		if (t == WORD) {
			redirect = is(&r, "redirect");
			note(&r, s);
		} else if (t == TAG) {
			/* tags of redirect whose value is a string */
			tag = is(&r, ":notify") || is(&r, ":ret") ||
			      is(&r, ":bytimeabsolute");
		} else if (t == STRING && redirect && !tag) {
			if (buf_printf(&s->redirects, e, "%s%s",
				       s->redirects.len ? ", " : "",
				       r.text.p ? r.text.p : ""))
				goto out;
			redirect = false;
		} else {
			tag = false;
			redirect = redirect && *r.word != ';';
		}
	}
	rc = 0;
out:
	buf_release(&r.text);
	if (rc)
		sieve_free(s);
	return rc;
}

void sieve_free(struct sieve *s)
{
	buf_release(&s->redirects);
}
