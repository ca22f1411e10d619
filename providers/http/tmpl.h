/*
 * tmpl: "{name/pointer|function}" in a definition's strings.
 *
 * Values from outside are escaped for the place they are put in, so that an
 * account named "a/../b" stays one path segment.  A name without a value makes
 * an error where a request is built: nothing half-filled is ever sent.
 * Secrets go from their locked home into the buffer (which wipes), never into
 * a URL, an error or a log.
 */
#ifndef PROVIDERS_HTTP_TMPL_H
#define PROVIDERS_HTTP_TMPL_H

#include "base/buf.h"
#include "providers/http/def.h"
#include "providers/kit/kit.h"

#define SCOPE_ITEMS 4 /* list, its parents */

enum tmpl_mode {
	TMPL_PLAIN,  /* headers, comparisons, names */
	TMPL_URL,    /* path segments: values are percent-encoded */
	TMPL_PAIR,   /* query, form: all of it is */
	TMPL_JSON,   /* inside a JSON string */
	TMPL_POINTER, /* part of a JSON pointer (RFC 6901) */
};

/* What the names mean. */
struct scope {
	const struct def *def;
	const struct kit_connection *conn;
	const struct kit_request *q;	/* may be NULL */
	const struct json *item[SCOPE_ITEMS]; /* [0] innermost */
	const struct json *steps;	/* object: saved documents by name */
	const struct json *doc;		/* the answer just got */
	const struct secret *token;	/* of an exchange */
	const unsigned char *seal_to;	/* a public key (DIGEST_PUBLIC), or NULL */
	bool show;	/* for people: secrets blanked, gaps told as <name> */
	bool gaps;	/* a name without a value is an empty string */
	bool tidy;	/* for people: control characters become U+FFFD */
};

int tmpl_render(const char *text, const struct scope *s, enum tmpl_mode mode,
		struct buf *out, struct err *e) __attribute__((warn_unused_result));
/* The value as text, mem_free it; NULL + e. */
char *tmpl_text(const char *text, const struct scope *s, struct err *e);
/* "step.NAME/ptr", "snapshot/ptr", "item/ptr", "doc/ptr": the node or NULL. */
const struct json *tmpl_node(const char *name, size_t n, const struct scope *s);

/* What a text uses; false + why when it cannot be read. */
struct tmpl_use {
	bool secret, admin, token, sealed;
	char why[160];
};
bool tmpl_check(const char *text, const struct def *d, struct tmpl_use *use);
/* Is the whole text one {…|number}: a bare number in JSON? */
bool tmpl_is_number(const char *text);

int tmpl_base64(struct buf *out, const void *p, size_t n, bool url, struct err *e)
	__attribute__((warn_unused_result));

/* doc.c: JSON pointer (RFC 6901) and values as text. */
const struct json *doc_at(const struct json *root, const char *ptr, size_t n);
bool doc_text(const struct json *node, struct buf *out);

#endif
