/*
 * render: what a consumer's file says: the secret and its fields as plain
 * text, environment file, JSON, ini, or by the operator's own template.
 *
 * The result holds the secret; it is the caller's to release.  A value that
 * the format cannot hold, so that every reader of it gets the same bytes
 * back, is refused (ERR_FORMAT).
 */
#ifndef PROVIDERS_SINK_RENDER_H
#define PROVIDERS_SINK_RENDER_H

#include <stdint.h>

#include "providers/kit/kit.h"

enum render_as { RENDER_PLAIN, RENDER_ENV, RENDER_JSON, RENDER_INI, RENDER_PEM, RENDER_TEMPLATE };

struct render {
	enum render_as as;
	const struct json *options; /* field.NAME = key in the file */
	const char *section;	    /* of ini; "" for none */
	const struct buf *text;	    /* the template */
	bool newline;		    /* plain: one at the end */
};

/* `fields`: deliver's, may be NULL. */
int render(const struct render *how, const struct json *fields,
	   const struct secret *secret, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* Is the template whole?  Asked once, when the connection is opened. */
int render_check(const struct buf *text, struct err *e)
	__attribute__((warn_unused_result));

#endif
