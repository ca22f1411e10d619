/*
 * net: HTTP requests and IMAP logins for providers, over libcurl.
 *
 * One struct net is one worker's (it keeps its connections between calls);
 * different ones may be used at the same time.  TLS is always verified, a
 * redirect is never followed, no proxy and no variable of the environment is
 * looked at.  Credentials go to the one URL named and live in memory that is
 * wiped when freed.
 *
 * The callers decide what an answer means; here is only told what became of
 * the request.
 */
#ifndef PROVIDERS_NET_NET_H
#define PROVIDERS_NET_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/secret.h"

struct net;

#define NET_WHY 200

/* Starts libcurl, once a process; the rest of this folder calls it. */
int net_library(struct err *e) __attribute__((warn_unused_result));
int net_open(struct net **out, struct err *e) __attribute__((warn_unused_result));
void net_close(struct net **n);

struct net_post {
	const char *url;	    /* http:// or https:// */
	const char *scheme;	    /* of Authorization: "SCHEME base64(secret)" */
	const struct secret *secret; /* NULL: no Authorization */
	const char *type;	    /* Content-Type */
	const void *body;	    /* NULL: GET */
	size_t body_len;
	const char *cafile;	    /* NULL: the system's authorities */
	long timeout_ms;
};

enum net_fate {
	NET_ANSWERED, /* `status` and the whole body are there */
	NET_NOT_SENT, /* no connection: the service has seen nothing */
	NET_LOST,     /* sent, or maybe sent, and no whole answer */
};

struct net_answer {
	enum net_fate fate;
	long status;	      /* HTTP */
	struct buf *body;     /* the caller's; its max is the limit */
	char why[NET_WHY];    /* for NOT_SENT and LOST */
};

/* -1 only for our own faults. */
int net_post(struct net *n, const struct net_post *p, struct net_answer *a,
	     struct err *e) __attribute__((warn_unused_result));

enum net_login {
	NET_LOGIN_IN,	   /* the server took it */
	NET_LOGIN_REFUSED, /* greeted, then NO [AUTHENTICATIONFAILED] */
	NET_LOGIN_UNSURE,  /* anything else; `why` has it */
};

/* Log in to imap:// (STARTTLS is required except on this machine) or
 * imaps:// on a connection of its own, and out again. */
int net_imap_login(struct net *n, const char *url, const char *user,
		   const struct secret *password, const char *cafile,
		   long timeout_ms, enum net_login *login, char why[NET_WHY],
		   struct err *e) __attribute__((warn_unused_result));

/* Is the host of this URL this machine: localhost, 127.x.x.x, ::1? */
bool net_local(const char *url);

#endif
