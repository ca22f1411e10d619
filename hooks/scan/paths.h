/*
 * paths: paths in trees as small numbers: a folder and a name in it.
 */
#ifndef SCAN_PATHS_H
#define SCAN_PATHS_H

#include <stdint.h>

#include "base/buf.h"

#define PATH_ROOT 0u

struct paths {
	struct {
		uint32_t folder, name;
	} *v;
	uint32_t n, cap;
	uint32_t *slot;
	size_t slots;
	char **name; /* owned; set when all are known */
	uint32_t names;
};

void paths_free(struct paths **p);
/* The number of folder/name; PATH_ROOT with e on failure. */
uint32_t path_in(struct paths *p, uint32_t folder, uint32_t name,
		 struct err *e);
/* The path's text, appended. */
int path_text(const struct paths *p, uint32_t path, struct buf *out,
	      struct err *e) __attribute__((warn_unused_result));

#endif
