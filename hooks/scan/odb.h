/*
 * odb: libgit2's object database over object folders, with loose objects read
 * by our own reader (loose.h): libgit2's never ends on a file that was cut.
 */
#ifndef SCAN_ODB_H
#define SCAN_ODB_H

#include "base/err.h"
#include "hooks/scan/rules.h"

struct git_odb;

/* Over folders [from, from + n), as many as there are: alternates are listed, not
 * followed.  Read only; freed with git_odb_free(). */
int odb_open(struct git_odb **out, const struct strings *folders, size_t from,
	     size_t n, struct err *e) __attribute__((warn_unused_result));

#endif
