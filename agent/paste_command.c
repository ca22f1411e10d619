/*
 * paste_command: a curl or wget command line, as a browser or a shell's history
 * has it: the one secret in it, and the host it goes to.
 *
 * Owns which option, header and parameter may hold a secret.  Must never choose
 * between two: with more than one the person is asked for one.
 */
#include <string.h>
#include <strings.h>

#include "agent/paste_int.h"

#define WORDS_MAX 256u

struct command {
	struct span secret; /* the last one seen */
	size_t secrets;	    /* that differ */
	struct span url;
};

/* The next word, quotes and all; line ends behind a backslash are blanks. */
static bool next_word(struct span *s, struct span *word)
{
	unsigned char quote = 0;
	size_t n = 0;

	while (s->n > 0 && (strchr(" \t\r\n", s->p[0]) != NULL ||
			    (s->n > 1 && s->p[0] == '\\' &&
			     strchr("\r\n", s->p[1]) != NULL)))
		*s = span_after(*s, s->p[0] == '\\' ? 2 : 1);
	if (s->n == 0)
		return false;
	for (; n < s->n; n++) {
		const unsigned char c = s->p[n];

		if (quote != '\'' && c == '\\' && n + 1 < s->n)
			n++;
		else if (quote == 0 && (c == '"' || c == '\''))
			quote = c;
		else if (c == quote)
			quote = 0;
		else if (quote == 0 && strchr(" \t\r\n", c) != NULL)
			break;
	}
	if (n > s->n)
		n = s->n;
	*word = (struct span){ s->p, n };
	*s = span_after(*s, n);
	return true;
}

static struct span bare(struct span s)
{
	if (s.n > 1 && s.p[0] == '$' && s.p[1] == '\'')
		s = span_after(s, 1);
	(void)span_unquote(&s);
	return s;
}

static bool names_a_secret(struct span name)
{
	static const char *const parts[] = { "auth", "token", "key", "secret",
					     "passw", "credential", "signature" };

	for (size_t i = 0; i < name.n; i++)
		for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
			if (span_starts(span_after(name, i), parts[k]))
				return true;
	return false;
}

static void found(struct command *c, struct span s)
{
	s = span_trim(s);
	if (s.n == 0 || (c->secrets > 0 && c->secret.n == s.n &&
			 memcmp(c->secret.p, s.p, s.n) == 0))
		return;
	c->secret = s;
	c->secrets++;
}

/* The whole header: its name and scheme come off as wrappings. */
static void header(struct command *c, struct span s)
{
	const unsigned char *colon = memchr(s.p, ':', s.n);

	if (colon != NULL &&
	    names_a_secret((struct span){ s.p, (size_t)(colon - s.p) }))
		found(c, s);
}

static void user(struct command *c, struct span s)
{
	const unsigned char *colon = memchr(s.p, ':', s.n);

	if (colon == NULL)
		return; /* asked for at the terminal */
	found(c, colon + 1 < s.p + s.n ?
			 span_after(s, (size_t)(colon + 1 - s.p)) :
			 (struct span){ s.p, (size_t)(colon - s.p) });
}

/* "…?private_token=VALUE&…", "https://user:VALUE@…" */
static void address(struct command *c, struct span s)
{
	const unsigned char *p = memchr(s.p, '?', s.n), *end = s.p + s.n, *eq;

	if (c->url.n == 0)
		c->url = s;
	for (p = p != NULL ? p + 1 : end; p < end;) {
		const unsigned char *amp = memchr(p, '&', (size_t)(end - p));
		const size_t n = (size_t)((amp != NULL ? amp : end) - p);

		eq = memchr(p, '=', n);
		if (eq != NULL &&
		    names_a_secret((struct span){ p, (size_t)(eq - p) }))
			found(c, (struct span){ eq + 1, n - (size_t)(eq + 1 - p) });
		p += n + (amp != NULL);
	}
	p = memmem(s.p, s.n, "://", 3);
	eq = memchr(p + 3, '/', (size_t)(end - p - 3));
	if (memchr(p + 3, '@', (size_t)((eq != NULL ? eq : end) - p - 3)) != NULL)
		found(c, s);
}

/* The value of an option: behind it in the same word, or the next word. */
static bool option(struct span word, const char *name, struct span *rest,
		   struct span *value)
{
	const size_t n = strlen(name);

	if (word.n < n || memcmp(word.p, name, n) != 0)
		return false;
	if (word.n == n)
		return next_word(rest, value);
	if (name[1] == '-' && word.p[n] != '=')
		return false;
	*value = span_after(word, n + (word.p[n] == '='));
	return true;
}

static void one_word(struct command *c, struct span word, struct span *rest)
{
	struct span v;

	if (option(word, "-H", rest, &v) || option(word, "--header", rest, &v))
		header(c, bare(v));
	else if (option(word, "-u", rest, &v) || option(word, "--user", rest, &v))
		user(c, bare(v));
	else if (option(word, "--oauth2-bearer", rest, &v) ||
		 option(word, "--password", rest, &v))
		found(c, bare(v));
	else if (span_starts(bare(word), "https://") ||
		 span_starts(bare(word), "http://"))
		address(c, bare(word));
	else if (option(word, "--url", rest, &v) &&
		 memmem(v.p, v.n, "://", 3) != NULL)
		address(c, bare(v));
}

static struct span host_of(struct span url)
{
	const unsigned char *p = memmem(url.p, url.n, "://", 3);
	struct span h = span_after(url, (size_t)(p + 3 - url.p));

	for (size_t i = 0; i < h.n; i++)
		if (strchr("/?#", h.p[i]) != NULL)
			h.n = i;
	p = memrchr(h.p, '@', h.n);
	return p != NULL ? span_after(h, (size_t)(p + 1 - h.p)) : h;
}

int paste_command(struct reader *r, struct span s)
{
	struct command c = { .secrets = 0 };
	struct span word;

	if (span_starts(s, "$ "))
		s = span_trim(span_after(s, 2));
	if (!span_starts(s, "curl ") && !span_starts(s, "curl.exe ") &&
	    !span_starts(s, "wget ") && !span_starts(s, "curl\\") &&
	    !span_starts(s, "curl\t"))
		return 0;
	(void)next_word(&s, &word);
	for (size_t i = 0; i < WORDS_MAX && next_word(&s, &word); i++)
		one_word(&c, word, &s);
	if (c.secrets == 0)
		return 0;
	r->out->lines = 1;
	r->out->secrets = c.secrets;
	if (c.secrets > 1)
		r->out->what = PASTE_MANY;
	if (c.url.n > 0)
		paste_host(r->out, host_of(c.url));
	return paste_unwrap(r, c.secret) < 0 ? -1 : 1;
}
