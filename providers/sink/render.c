/*
 * render: see render.h.
 *
 * The secret goes byte by byte from its locked home into the result, which is
 * wiped when it is released; it never goes through the JSON library.
 */
#include "providers/sink/render.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define NAME_MAX_ 64 /* a variable's name in a template */
#define ROOM 4096u   /* what stands around the secret, mostly */

enum quote { QUOTE_RAW, QUOTE_ENV, QUOTE_JSON, QUOTE_INI, QUOTE_URL };

/* ---- one value ------------------------------------------------------------ */

static bool bare(unsigned char c)
{
	return isalnum(c) || strchr("_@%+=:,./-", c);
}

/* sh, and systemd's EnvironmentFile, read this alike. */
static int put_env(const unsigned char *p, size_t n, struct buf *out, struct err *e)
{
	bool plain = n > 0;

	for (size_t i = 0; i < n; i++) {
		if (!p[i])
			return err_fail(e, ERR_FORMAT, NULL, "the value holds a NUL byte");
		plain = plain && bare(p[i]);
	}
	if (plain)
		return buf_add(out, p, n, e);
	if (buf_puts(out, "\"", e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if ((strchr("\"\\$`", p[i]) && buf_puts(out, "\\", e)) ||
		    buf_add(out, p + i, 1, e))
			return -1;
	return buf_puts(out, "\"", e);
}

static int put_json(const unsigned char *p, size_t n, struct buf *out, struct err *e)
{
	if (!text_utf8(p, n))
		return err_fail(e, ERR_FORMAT, NULL, "the value is not UTF-8");
	for (size_t i = 0; i < n; i++) {
		int rc;

		if (p[i] == '"' || p[i] == '\\')
			rc = buf_printf(out, e, "\\%c", p[i]);
		else if (p[i] < 0x20 || p[i] == 0x7f)
			rc = buf_printf(out, e, "\\u%04x", p[i]);
		else
			rc = buf_add(out, p + i, 1, e);
		if (rc)
			return -1;
	}
	return 0;
}

/* Readers of ini files differ about quotes and comments; about these not. */
static int put_ini(const unsigned char *p, size_t n, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7f || strchr("\"'\\;#", p[i]) ||
		    (p[i] == ' ' && (i == 0 || i + 1 == n)))
			return err_fail(e, ERR_FORMAT, NULL, "readers of ini files do "
					"not agree on a character in the value; use "
					"json or a template");
	return buf_add(out, p, n, e);
}

static int put_url(const unsigned char *p, size_t n, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (isalnum(p[i]) || (p[i] && strchr("-._~", p[i])) ?
			    buf_add(out, p + i, 1, e) :
			    buf_printf(out, e, "%%%02X", p[i]))
			return -1;
	return 0;
}

struct put {
	enum quote quote;
	struct buf *out;
	struct err *e;
};

static int put_bytes(const unsigned char *p, size_t n, void *arg)
{
	struct put *x = arg;

	switch (x->quote) {
	case QUOTE_ENV:
		return put_env(p, n, x->out, x->e);
	case QUOTE_JSON:
		return put_json(p, n, x->out, x->e);
	case QUOTE_INI:
		return put_ini(p, n, x->out, x->e);
	case QUOTE_URL:
		return put_url(p, n, x->out, x->e);
	default:
		return buf_add(x->out, p, n, x->e);
	}
}

struct source {
	const struct json *fields;
	const struct secret *secret;
};

/* The value of a field, `secret` among them. */
static int put_field(const struct source *s, const char *name, enum quote quote,
		     struct buf *out, struct err *e)
{
	struct put x = { quote, out, e };
	const char *v;

	if (!strcmp(name, "secret"))
		return secret_reveal(s->secret, put_bytes, &x);
	v = s->fields ? json_str(s->fields, name) : NULL;
	if (!v)
		return err_fail(e, ERR_FORMAT, name, "the delivery has no such field");
	return put_bytes((const unsigned char *)v, strlen(v), &x);
}

/* ---- lists of fields ------------------------------------------------------ */

static bool key_fits(const char *key, enum render_as as)
{
	if (!*key || strlen(key) > NAME_MAX_)
		return false;
	for (const char *p = key; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' &&
		    (as == RENDER_ENV || !strchr("-.", *p)))
			return false;
	return as != RENDER_ENV || !isdigit((unsigned char)*key);
}

static int put_pair(const struct render *how, const struct source *s,
		    const char *field, const char *key, bool first, struct buf *out,
		    struct err *e)
{
	enum quote q = how->as == RENDER_ENV ? QUOTE_ENV :
		       how->as == RENDER_INI ? QUOTE_INI : QUOTE_JSON;

	if (!key_fits(key, how->as))
		return err_fail(e, ERR_CONFIG, key, "it is no name for a value in this format");
	if (how->as != RENDER_JSON)
		return buf_printf(out, e, how->as == RENDER_ENV ? "%s=" : "%s = ", key) ||
		       put_field(s, field, q, out, e) || buf_puts(out, "\n", e) ? -1 : 0;
	return buf_printf(out, e, "%s\n  \"%s\": \"", first ? "" : ",", key) ||
	       put_field(s, field, q, out, e) || buf_puts(out, "\"", e) ? -1 : 0;
}

/* SECRET in an environment file, else the field's own name. */
static const char *default_key(enum render_as as, const char *field, char key[NAME_MAX_ + 1])
{
	const size_t n = strnlen(field, NAME_MAX_);

	for (size_t i = 0; i < n; i++)
		key[i] = as == RENDER_ENV ? (char)toupper((unsigned char)field[i]) : field[i];
	key[n] = 0;
	return key;
}

static int put_pairs(const struct render *how, const struct source *s,
		     struct buf *out, struct err *e)
{
	char key[NAME_MAX_ + 1];
	size_t n = 0;

	for (const struct json *o = how->options ? json_first(how->options) : NULL; o;
	     o = json_next(o))
		if (!strncmp(json_key(o), "field.", 6) &&
		    put_pair(how, s, json_key(o) + 6, json_text(o), n++ == 0, out, e))
			return -1;
	if (n)
		return 0;
	if (put_pair(how, s, "secret", default_key(how->as, "secret", key), true, out, e))
		return -1;
	for (const struct json *o = s->fields ? json_first(s->fields) : NULL; o;
	     o = json_next(o))
		if (json_text(o) && strcmp(json_key(o), "secret") != 0 &&
		    put_pair(how, s, json_key(o), default_key(how->as, json_key(o), key),
			     false, out, e))
			return -1;
	return 0;
}

/* ---- templates ------------------------------------------------------------ */

/* "{{name}}" or "{{name|json}}" at p; the name and how.  false: it is none. */
static bool variable(const char *p, size_t n, char name[NAME_MAX_ + 1],
		     enum quote *quote, size_t *len)
{
	static const struct { const char *word; enum quote quote; } as[] = {
		{ "json", QUOTE_JSON }, { "env", QUOTE_ENV },
		{ "url", QUOTE_URL }, { "ini", QUOTE_INI },
	};
	const char *end = memmem(p, n, "}}", 2), *bar;
	size_t word;

	if (!end || end - p < 3 || end - p > NAME_MAX_)
		return false;
	*len = (size_t)(end - p) + 2;
	*quote = QUOTE_RAW;
	bar = memchr(p, '|', *len);
	memcpy(name, p + 2, (size_t)((bar ? bar : end) - p) - 2);
	name[(bar ? bar : end) - p - 2] = 0;
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != strlen(name))
		return false;
	word = bar ? (size_t)(end - bar) - 1 : 0;
	for (size_t i = 0; bar && i < sizeof(as) / sizeof(as[0]); i++)
		if (word == strlen(as[i].word) && !memcmp(bar + 1, as[i].word, word)) {
			*quote = as[i].quote;
			return true;
		}
	return !bar;
}

static int walk_template(const struct buf *text, const struct source *s,
			 struct buf *out, bool *secret, struct err *e)
{
	char name[NAME_MAX_ + 1];
	enum quote quote;
	size_t len = 0;

	for (size_t i = 0; i < text->len; i += len) {
		const char *p = text->p + i, *next = memmem(p, text->len - i, "{{", 2);

		len = next ? (size_t)(next - p) : text->len - i;
		if (len) { /* as it stands */
			if (out && buf_add(out, p, len, e))
				return -1;
			continue;
		}
		if (!variable(p, text->len - i, name, &quote, &len))
			return err_fail(e, ERR_CONFIG, NULL, "byte %zu of the template: "
					"after {{ comes a field's name, perhaps |json, "
					"|env, |url or |ini, and }}", i);
		*secret = *secret || !strcmp(name, "secret");
		if (out && put_field(s, name, quote, out, e))
			return -1;
	}
	return 0;
}

int render_check(const struct buf *text, struct err *e)
{
	bool secret = false;

	if (walk_template(text, NULL, NULL, &secret, e))
		return -1;
	return secret ? 0 : err_fail(e, ERR_CONFIG, NULL, "the template says {{secret}} nowhere");
}

int render(const struct render *how, const struct json *fields,
	   const struct secret *secret, struct buf *out, struct err *e)
{
	const struct source s = { fields, secret };
	bool seen = false;

	const char *public = fields ? json_str(fields, "public") : NULL;

	/* room at once: no copy is left where the buffer was */
	if (buf_reserve(out, ROOM + 6 * secret_len(secret) + (public ? strlen(public) : 0),
			e))
		return -1;
	switch (how->as) {
	case RENDER_TEMPLATE:
		return walk_template(how->text, &s, out, &seen, e);
	case RENDER_JSON:
		return buf_puts(out, "{", e) || put_pairs(how, &s, out, e) ||
		       buf_puts(out, "\n}\n", e) ? -1 : 0;
	case RENDER_INI:
		if (*how->section && buf_printf(out, e, "[%s]\n", how->section))
			return -1;
		return put_pairs(how, &s, out, e);
	case RENDER_ENV:
		return put_pairs(how, &s, out, e);
	case RENDER_PEM: /* in this order every server reads it */
		return put_field(&s, "secret", QUOTE_RAW, out, e) ||
		       (out->len && out->p[out->len - 1] != '\n' && buf_puts(out, "\n", e)) ||
		       put_field(&s, "public", QUOTE_RAW, out, e) ? -1 : 0;
	default:
		return put_field(&s, "secret", QUOTE_RAW, out, e) ||
		       (how->newline && buf_puts(out, "\n", e)) ? -1 : 0;
	}
}
