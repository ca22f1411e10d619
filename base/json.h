/*
 * json: reading and writing JSON, over cJSON with the wiping allocator.
 *
 * Input is capped (size, depth 32), must be UTF-8 and one complete value; a
 * NUL character and a repeated key in one object are refused.  Integers are
 * exact within +-2^53; others are no integers to json_int().
 * Secrets do not travel through here (see lineproto.h).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json; /* a node; a parent owns its children */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json *json_parse(const char *p, size_t n, struct err *e); /* <= BUF_LINE_MAX */
struct json *json_parse_max(const char *p, size_t n, size_t max, struct err *e);
void json_free(struct json **j);
struct json *json_dup(const struct json *j);

enum json_type json_type(const struct json *j);
struct json *json_get(const struct json *obj, const char *key); /* borrowed */
const char *json_str(const struct json *obj, const char *key);	 /* NULL: absent or not a string */
bool json_int(const struct json *obj, const char *key, int64_t *out);
bool json_bool(const struct json *obj, const char *key, bool *out);
const char *json_text(const struct json *string_node); /* NULL if not a string */
bool json_int_value(const struct json *node, int64_t *out); /* integral number */
bool json_real(const struct json *node, double *out); /* any number */
bool json_bool_value(const struct json *node, bool *out);
struct json *json_first(const struct json *container);	/* borrowed, or NULL */
struct json *json_next(const struct json *node);
const char *json_key(const struct json *node); /* in an object */
size_t json_count(const struct json *container);

/* Building: NULL on out of memory.  The setters take a NULL obj and then do
 * nothing and return false, so that a chain is checked once at the end. */
struct json *json_object(void);
struct json *json_array(void);
/* A setter replaces a member of the same name. */
bool json_set_str(struct json *obj, const char *key, const char *v); /* NULL v: null */
bool json_set_int(struct json *obj, const char *key, int64_t v);
bool json_set_real(struct json *obj, const char *key, double v); /* finite */
bool json_set_bool(struct json *obj, const char *key, bool v);
bool json_set(struct json *obj, const char *key, struct json *child); /* takes child, even on failure */
bool json_push(struct json *arr, struct json *child);		      /* takes child */
bool json_push_str(struct json *arr, const char *v);

int json_print(const struct json *j, bool pretty, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

#endif
