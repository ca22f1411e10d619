/*
 * lineproto: one JSON object per line over a pair of pipes (docs/protocol.md).
 *
 * Both ends use this file: the core's link to a provider, and the providers'
 * kit.  Lines are at most BUF_LINE_MAX bytes, newline included.
 *
 * The secret of a message (top-level member "secret", a string) never enters
 * the JSON library: lp_send() writes it straight from its locked home into a
 * buffer that is wiped, lp_recv() cuts it out of the line into a struct secret
 * before the rest is parsed.
 */
#ifndef BASE_LINEPROTO_H
#define BASE_LINEPROTO_H

#include <stdbool.h>

#include "base/json.h"
#include "base/secret.h"

#define LP_VERSION 1

struct lp;

/* Takes both descriptors (they may be the same).  SIGPIPE is ignored from here
 * on, unless the program handles it. */
struct lp *lp_open(int rfd, int wfd, struct err *e);
void lp_close(struct lp **lp);
int lp_rfd(const struct lp *lp);

/* Not thread-safe: writers of several threads need a lock around it.
 *
 * Queue a message; lp_flush() writes what the pipe takes. `secret` may be
 * NULL.  With a blocking wfd, lp_send writes it whole. */
int lp_send(struct lp *lp, const struct json *msg, const struct secret *secret,
	    struct err *e) __attribute__((warn_unused_result));
int lp_flush(struct lp *lp, struct err *e) __attribute__((warn_unused_result));
bool lp_pending(const struct lp *lp); /* something is still to be written */

/* Read what is there (one read call); nothing there is no error.  *eof: the
 * other side has closed, a line without its newline is lost. */
int lp_fill(struct lp *lp, bool *eof, struct err *e)
	__attribute__((warn_unused_result));
/* Next complete message, if any: 1 + *msg (+ *secret, or NULL), 0 = need more,
 * -1 = garbage (ERR_PROTO / ERR_TOOBIG).  The caller owns both. */
int lp_next(struct lp *lp, struct json **msg, struct secret **secret,
	    struct err *e) __attribute__((warn_unused_result));

/* One line that lies in memory: 1, or -1.  The secret is cut out of the line,
 * which is changed by it. */
int lp_line(char *line, size_t n, struct json **msg, struct secret **secret,
	    struct err *e) __attribute__((warn_unused_result));

#endif
