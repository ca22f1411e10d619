/*
 * run: one program of the operator's or the system's, started by a sink.
 *
 * Promises: it gets what it is to know on its standard input or as arguments
 * that are no secret; a short clean environment; it is ended with its whole
 * process group when its time is up.  It lives in the sink's own sandbox.
 */
#ifndef PROVIDERS_SINK_RUN_H
#define PROVIDERS_SINK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"

#define RUN_MS 20000 /* less than the 30 s curfew waits for an answer */

struct run {
	const char *program;	 /* an absolute path */
	const char *const *argv; /* NULL-terminated, after the program's name */
	const struct secret *secret; /* its standard input, or NULL: this */
	const struct buf *in;	     /* ... or NULL: nothing */
	int64_t timeout_ms;	     /* 0: RUN_MS */
};

struct ran {
	int status;	/* exit status; -1: ended by a signal */
	bool fed;	/* all of the input went into its pipe */
	struct buf out; /* its standard output; released by the caller */
	char said[200]; /* first line it wrote to its standard error, harmless */
};
#define RAN_INIT { .out = BUF_INIT(BUF_TEXT_MAX * 4) }

/* 0: it ran and ended.  ERR_TIMEOUT: it was ended.  Anything else: it did not
 * start, and nothing was done. */
int run(const struct run *what, struct ran *how, struct err *e)
	__attribute__((warn_unused_result));

#endif
