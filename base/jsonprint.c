/*
 * jsonprint: a tree as text (part of json.h).
 *
 * Own work, because cJSON prints 10^15 as "1e+15" and into memory of its own.
 * Promises: integers exact, keys in the order they were set, pure ASCII
 * control characters escaped, no recursion.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonscan.h"

/* Our own trees may hold one parsed tree inside a few levels of ours. */
#define PRINT_DEPTH (2 * JSON_DEPTH_MAX)

static int put_string(struct buf *out, const char *s, struct err *e)
{
	if (buf_add(out, "\"", 1, e) != 0)
		return -1;
	while (*s) {
		size_t n = 0;
		int rc;

		while ((unsigned char)s[n] >= 0x20 && s[n] != '"' &&
		       s[n] != '\\' && s[n] != 0x7f)
			n++;
		if (n && buf_add(out, s, n, e) != 0)
			return -1;
		s += n;
		if (!*s)
			break;
		if (*s == '"' || *s == '\\')
			rc = buf_printf(out, e, "\\%c", *s);
		else if (*s == '\n')
			rc = buf_puts(out, "\\n", e);
		else
			rc = buf_printf(out, e, "\\u%04x", (unsigned char)*s);
		if (rc != 0)
			return -1;
		s++;
	}
	return buf_add(out, "\"", 1, e);
}

static int put_number(struct buf *out, const struct json *j, struct err *e)
{
	char text[40];
	int64_t v;
	double d = 0;

	if (json_int_value(j, &v))
		return buf_printf(out, e, "%" PRId64, v);
	json_real(j, &d);
	/* the shortest of the two that reads back as the same number */
	snprintf(text, sizeof(text), "%.15g", d);
	if (strtod(text, NULL) < d || strtod(text, NULL) > d)
		snprintf(text, sizeof(text), "%.17g", d);
	return buf_puts(out, text, e);
}

static int indent(struct buf *out, bool pretty, size_t depth, struct err *e)
{
	static const char spaces[] = "                ";

	if (!pretty)
		return 0;
	if (buf_add(out, "\n", 1, e) != 0)
		return -1;
	for (size_t left = 2 * depth, n; left; left -= n) {
		n = left < sizeof(spaces) - 1 ? left : sizeof(spaces) - 1;
		if (buf_add(out, spaces, n, e) != 0)
			return -1;
	}
	return 0;
}

/* A value up to its first child. */
static int put_start(struct buf *out, const struct json *j, struct err *e)
{
	bool yes = false;

	switch (json_type(j)) {
	case JSON_STRING:
		return put_string(out, json_text(j), e);
	case JSON_NUMBER:
		return put_number(out, j, e);
	case JSON_BOOL:
		json_bool_value(j, &yes);
		return buf_puts(out, yes ? "true" : "false", e);
	case JSON_ARRAY:
		return buf_add(out, "[", 1, e);
	case JSON_OBJECT:
		return buf_add(out, "{", 1, e);
	case JSON_NULL:
		break;
	}
	return buf_puts(out, "null", e);
}

static bool container(const struct json *j)
{
	return json_type(j) == JSON_ARRAY || json_type(j) == JSON_OBJECT;
}

static int put_key(struct buf *out, const struct json *j, bool pretty,
		   struct err *e)
{
	if (put_string(out, json_key(j) ? json_key(j) : "", e) != 0)
		return -1;
	return buf_puts(out, pretty ? ": " : ":", e);
}

struct walk {
	const struct json *up[PRINT_DEPTH];
	size_t depth;
};

/* Behind a value: commas and closing brackets; *next is what follows. */
static int put_end(struct buf *out, struct walk *w, const struct json *j,
		   bool pretty, const struct json **next, struct err *e)
{
	*next = NULL;
	while (w->depth) {
		const struct json *up = w->up[w->depth - 1];

		*next = json_next(j);
		if (*next)
			return buf_add(out, ",", 1, e);
		w->depth--;
		if (indent(out, pretty, w->depth, e) != 0 ||
		    buf_add(out, json_type(up) == JSON_ARRAY ? "]" : "}", 1,
			    e) != 0)
			return -1;
		j = up;
	}
	return 0;
}

int json_print(const struct json *j, bool pretty, struct buf *out,
	       struct err *e)
{
	struct walk w = { .depth = 0 };

	while (j) {
		if (w.depth && indent(out, pretty, w.depth, e) != 0)
			return -1;
		if (w.depth && json_type(w.up[w.depth - 1]) == JSON_OBJECT &&
		    put_key(out, j, pretty, e) != 0)
			return -1;
		if (put_start(out, j, e) != 0)
			return -1;
		if (container(j) && json_first(j)) {
			if (w.depth == PRINT_DEPTH)
				return err_fail(e, ERR_TOOBIG, NULL,
						"JSON nested too deeply");
			w.up[w.depth++] = j;
			j = json_first(j);
			continue;
		}
		if (container(j) &&
		    buf_add(out, json_type(j) == JSON_ARRAY ? "]" : "}", 1,
			    e) != 0)
			return -1;
		if (put_end(out, &w, j, pretty, &j, e) != 0)
			return -1;
	}
	return 0;
}
