/*
 * rd: the door to a Redis server: requests, replies, errors.
 *
 * Replies are read by hiredis; requests are written here, into memory that is
 * wiped, since a password may be in them, and go out over providers/net (hiredis
 * has TLS only from version 1.0 on).  Every call has a deadline.  A connection
 * belongs to one thread.  Nothing is taken from the environment.  Our end of each
 * (not of a socket), as CLIENT LIST writes it, is a kit_own().
 */
#ifndef PROVIDERS_REDIS_RD_H
#define PROVIDERS_REDIS_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/net/stream.h"

enum rd_cause {
	RD_FINE = 0,
	RD_SAID,	/* the server answered with an error: see code */
	RD_UNREACHABLE, /* not connected: nothing of ours was sent */
	RD_LOST,	/* the connection broke: the outcome is not known */
	RD_LATE,	/* no answer before the deadline: likewise */
	RD_OURS,	/* out of memory and the like */
};

struct rd_fail {
	enum rd_cause cause;
	char code[24];	/* "WRONGPASS": the first word of the error */
	char text[300]; /* the server's or libcurl's words, one line */
};

struct rd;	 /* a connection */
struct rd_reply; /* a reply, or a part of one */

int rd_open(const struct net_place *p, struct rd **out, struct rd_fail *f)
	__attribute__((warn_unused_result));
void rd_close(struct rd **rd);
bool rd_usable(const struct rd *rd); /* false for NULL and after a loss */
/* The same, and the server has not closed it while nothing was asked. */
bool rd_idle(const struct rd *rd);
const char *rd_address(const struct rd *rd);

/* AUTH user secret.  `secret` may be NULL: nothing is asked, nothing said. */
int rd_auth(struct rd *rd, const char *user, const struct secret *secret,
	    struct rd_fail *f) __attribute__((warn_unused_result));

/* One command, its words ending with NULL.  *out may be NULL. */
int rd_run(struct rd *rd, const char *const *words, struct rd_reply **out,
	   struct rd_fail *f) __attribute__((warn_unused_result));
/* In two steps, for several at once: replies come in the order of requests. */
int rd_put(struct rd *rd, const char *const *words, struct rd_fail *f)
	__attribute__((warn_unused_result));
int rd_get(struct rd *rd, struct rd_reply **out, struct rd_fail *f)
	__attribute__((warn_unused_result));

void rd_reply_free(struct rd_reply **r);
/* The text of a string, NULL for anything else and for one with a NUL in it. */
const char *rd_text(const struct rd_reply *r);
size_t rd_count(const struct rd_reply *r); /* of an array; 0 for others */
const struct rd_reply *rd_at(const struct rd_reply *r, size_t i); /* NULL outside */
bool rd_nil(const struct rd_reply *r);
int64_t rd_int(const struct rd_reply *r); /* -1 for anything else */

#endif
