/*
 * shape: see shape.h.  What a definition says is checked for type and range
 * here too: a claim decides where a secret may go.
 */
#include "agent/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"

enum fit { FIT_NO, FIT_NEAR, FIT };

struct look {
	const struct json *shape;
	enum fit fit;
	char *why;
	size_t cap;
};

/* "A-Za-z0-9_.-": a '-' between two is a range, else itself. */
static bool in_class(const char *class, unsigned char c)
{
	for (const char *p = class; *p; p++) {
		if (p[1] == '-' && p[2] != '\0') {
			if (c >= (unsigned char)p[0] && c <= (unsigned char)p[2])
				return true;
			p += 2;
		} else if (c == (unsigned char)*p) {
			return true;
		}
	}
	return false;
}

static int fits(const unsigned char *p, size_t n, void *arg)
{
	struct look *l = arg;
	const char *prefix = json_str(l->shape, "prefix");
	const char *class = json_str(l->shape, "chars");
	const size_t skip = prefix != NULL ? strlen(prefix) : 0;
	int64_t min = 0, max = 0;

	l->fit = FIT_NO;
	if (prefix == NULL || class == NULL || !json_int(l->shape, "min", &min) ||
	    !json_int(l->shape, "max", &max) || n < skip || n > 0xffff ||
	    memcmp(p, prefix, skip) != 0)
		return 0;
	for (size_t i = skip; i < n; i++) {
		if (in_class(class, p[i]))
			continue;
		l->fit = FIT_NEAR;
		(void)snprintf(l->why, l->cap, "character %zu is none that such "
			       "a secret has", i + 1);
		return 0;
	}
	l->fit = (int64_t)n < min || (int64_t)n > max ? FIT_NEAR : FIT;
	if (l->fit == FIT_NEAR && min == max)
		(void)snprintf(l->why, l->cap, "it has %zu characters instead of "
			       "%lld", n, (long long)min);
	else if (l->fit == FIT_NEAR)
		(void)snprintf(l->why, l->cap, "it has %zu characters, such a "
			       "secret %lld to %lld", n, (long long)min,
			       (long long)max);
	return 0;
}

static enum fit look(const struct json *shape, const struct secret *s, char *why,
		     size_t cap)
{
	struct look l = { shape, FIT_NO, why, cap };

	(void)secret_reveal(s, fits, &l);
	return l.fit;
}

static struct claim claim_of(const struct json *service, const char *type,
			     const struct json *shape)
{
	const char *title = json_str(service, "title");
	struct claim c = { .service = service, .type = type,
			   .title = title != NULL ? title : type,
			   .kind = json_str(shape, "kind"),
			   .prefix = json_str(shape, "prefix"),
			   .host = json_str(shape, "host"),
			   .option = json_str(shape, "option") };

	(void)json_bool(shape, "revoke", &c.revoke);
	return c;
}

/* "TYPE" or "TYPE/KIND" */
static bool wanted(const char *only, const char *type, const char *kind)
{
	const size_t n = strlen(type);

	if (only == NULL)
		return true;
	return strncmp(only, type, n) == 0 &&
	       (only[n] == '\0' || (only[n] == '/' && kind != NULL &&
				    strcmp(only + n + 1, kind) == 0));
}

static bool have(const struct claims *c, const char *type, const char *kind)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].type, type) == 0 &&
		    strcmp(c->v[i].kind, kind) == 0)
			return true;
	return false;
}

static void look_service(const struct json *service, const struct secret *value,
			 const char *only, struct claims *out)
{
	const char *type = json_str(service, "type");
	char why[sizeof out->near_why];

	for (const struct json *s = json_first(json_get(service, "shapes"));
	     type != NULL && s != NULL; s = json_next(s)) {
		const char *kind = json_str(s, "kind");
		enum fit fit;

		if (kind == NULL || !wanted(only, type, kind))
			continue;
		fit = look(s, value, why, sizeof why);
		if (fit == FIT && out->n < SHAPE_CLAIMS && !have(out, type, kind))
			out->v[out->n++] = claim_of(service, type, s);
		/* the longest prefix says most about what was meant */
		if (fit == FIT_NEAR && strlen(json_str(s, "prefix")) > 2 &&
		    (out->near.type == NULL ||
		     strlen(json_str(s, "prefix")) > strlen(out->near.prefix))) {
			out->near = claim_of(service, type, s);
			(void)snprintf(out->near_why, sizeof out->near_why, "%s",
				       why);
		}
	}
}

void shape_claims(const struct json *services, const struct paste *p,
		  const char *only, struct claims *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < p->n && out->n == 0; i++) {
		out->reading = i;
		for (const struct json *s = json_first(services); s != NULL;
		     s = json_next(s))
			look_service(s, p->reading[i], only, out);
	}
}

bool shape_claimed(const struct json *hello, const char *type,
		   const struct secret *value, struct claim *out)
{
	char why[120];

	for (const struct json *s = json_first(json_get(hello, "shapes")); s != NULL;
	     s = json_next(s)) {
		if (json_str(s, "kind") == NULL ||
		    look(s, value, why, sizeof why) != FIT)
			continue;
		*out = claim_of(hello, type, s);
		return true;
	}
	return false;
}

/* ---- what may be shown ------------------------------------------------------------ */

struct hint {
	const char *prefix;
	char *out;
};

static int make_hint(const unsigned char *p, size_t n, void *arg)
{
	const struct hint *h = arg;
	const size_t skip = strlen(h->prefix);

	/* four of many: enough to find it in a list, nothing to guess from */
	if (n >= skip + 16 && skip < 24)
		(void)snprintf(h->out, 40, "%s…%.4s", h->prefix,
			       (const char *)p + n - 4);
	else
		(void)snprintf(h->out, 40, "%.24s…", h->prefix);
	return 0;
}

void shape_hint(const struct claim *c, const struct secret *value,
		char out[static 40])
{
	struct hint h = { c->prefix != NULL ? c->prefix : "", out };

	(void)secret_reveal(value, make_hint, &h);
}

static int print(const unsigned char *p, size_t n, void *arg)
{
	unsigned char sum[32];
	char *out = arg;

	digest_sha256(p, n, sum);
	memcpy(out, "sha256:", 7);
	text_hex(sum, sizeof sum, out + 7);
	return 0;
}

void shape_print(const struct secret *value, char out[static SHAPE_PRINT])
{
	(void)secret_reveal(value, print, out);
}
