/*
 * toml: TOML 1.0 as a plain tree with positions, over toml++ (the one C++ file).
 *
 * Each node carries line and column, so that a later check ("unknown key") can
 * point at the place too.  Plain data, no invariants: an open struct.
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum toml_kind { TOML_STRING, TOML_INT, TOML_FLOAT, TOML_BOOL, TOML_DATE, TOML_ARRAY, TOML_TABLE };

struct toml_node {
	enum toml_kind kind;
	char *key;  /* in a table, else NULL */
	char *str;  /* TOML_STRING, and TOML_DATE as written (RFC 3339) */
	int64_t num; /* TOML_INT, TOML_BOOL (0/1) */
	double real;
	unsigned line, col; /* 1-based, where the value starts */
	struct toml_node *child, *next; /* file order is not kept in tables */
};

/* Parse text; `name` is the file's name for messages.  Error cause:
 * "FILE:LINE:COL: what was found and expected". */
struct toml_node *toml_parse(const char *text, size_t n, const char *name,
			     struct err *e);
void toml_free(struct toml_node **t);

const struct toml_node *toml_get(const struct toml_node *table, const char *key);
const char *toml_str(const struct toml_node *table, const char *key); /* NULL: absent or other kind */

#ifdef __cplusplus
}
#endif
#endif
