/*
 * link: the core's side of one provider process, one per connection.
 *
 * Asynchronous: link_call() queues a request, links_poll() moves bytes on
 * all links and hands each answer to the caller's function.  A process that
 * dies, hangs, breaks the protocol or exceeds a limit ends every open call
 * with LINK_UNKNOWN (the request may have been applied) and is started
 * again at the next call, with hello, up to the back-off of the caller.
 */
#ifndef AGENT_ENGINE_LINK_H
#define AGENT_ENGINE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"
#include "base/json.h"
#include "base/secret.h"

struct link;

enum link_status { /* the protocol's statuses, plus our own two */
	LINK_OK,
	LINK_ABSENT,
	LINK_REFUSED,
	LINK_RETRY,
	LINK_UNKNOWN,	  /* outcome not known: timeout, death, garbage */
	LINK_UNSUPPORTED,
	LINK_ITEM,	  /* one item of a stream; more to come */
	LINK_NOT_SENT,	  /* certain: the request never left */
};

/* Nothing has come of it, and the same may do the next time: the service was
 * not reached, did not answer in time, or wants to be asked later. */
static inline bool link_trouble(unsigned status)
{
	return status == LINK_RETRY || status == LINK_UNKNOWN ||
	       status == LINK_NOT_SENT;
}

struct link_answer {
	uint64_t tag;	      /* the caller's, from link_call */
	enum link_status status;
	int64_t after_ms;     /* LINK_RETRY: when to come back; 0 = unsaid */
	const struct json *body; /* the whole message; NULL for our own two */
	const struct secret *secret;
	const char *error;    /* human text, "" when none; already escaped */
};

typedef void (*link_fn)(struct link *l, const struct link_answer *a, void *arg);

/* The limits of docs/protocol.md. */
#define LINK_WINDOW 16		     /* requests sent and not answered */
#define LINK_HELLO_MS 30000	     /* until hello is answered */
#define LINK_ITEMS_MAX 1000000u	     /* items of one listing */
#define LINK_LOG_PER_S (64u * 1024)  /* stderr bytes a second */

/* What is needed to open (and open again) one connection's process.  The link
 * keeps its own copies; `options` is the JSON object given to hello, and its
 * values that begin with '/' are what the process may reach.  No process is
 * started yet: the first call does.  `connection` NULL: a bare hello, which
 * asks the program what it is (link_start, then link_hello). */
int link_open(struct launcher *l, const char *connection, const char *type,
	      const char *options, const struct secret *admin,
	      struct link **out, struct err *e) __attribute__((warn_unused_result));
void link_close(struct link **l);

/* A bare link to the program that serves every definition there is: its hello
 * tells how their secrets look ("services").  `options`: only for the paths in
 * them.  link_become() then opens one connection in the same process. */
int link_open_any(struct launcher *l, const char *type, const char *options,
		  struct link **out, struct err *e) __attribute__((warn_unused_result));
int link_become(struct link *l, const char *connection, const char *options,
		const struct secret *admin, struct err *e) __attribute__((warn_unused_result));
/* Start the process, without waiting for its answer to hello. */
int link_begin(struct link *l, struct err *e) __attribute__((warn_unused_result));

/* Start the process if it is not there and wait for hello's answer; the error
 * says what is wrong with the program or what it answered.  Optional. */
int link_start(struct link *l, struct err *e) __attribute__((warn_unused_result));
void link_set_hello_timeout(struct link *l, int64_t ms);
/* hello's whole answer, NULL before the first one. */
const struct json *link_hello(const struct link *l);

/* Facts and verbs as declared by hello; NULL before the first hello. */
const struct json *link_facts(const struct link *l);
bool link_has_verb(const struct link *l, const char *verb);
const char *link_name(const struct link *l);
int link_in_flight(const struct link *l);

/* Send `request` (verb and arguments; id is added).  Takes `request`. Answers
 * arrive at links_poll's fn, in any order.  timeout_ms counts from sending, and
 * again from each item of a stream.  More than LINK_WINDOW calls wait their
 * turn here.  After a process failed twice in a row a call is answered
 * LINK_NOT_SENT with after_ms until the back-off (1 s doubling to 30 s) is
 * over.  Nothing is ever sent a second time by the link.  fn may call
 * link_call(), but not link_close(). -1 only for our own faults. */
int link_call(struct link *l, uint64_t tag, struct json *request,
	      const struct secret *secret, int64_t timeout_ms, struct err *e)
	__attribute__((warn_unused_result));

/* Wait up to wait_ms for something on any link and deliver it. Returns the
 * number of answers delivered, -1 only for our own faults. */
int links_poll(struct link *const *links, size_t n, int64_t wait_ms,
	       link_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));

/* One call and its answer, for connect, probe by hand, tests; no other call may
 * be open on the link.  Items of a stream are dropped.  When there was no
 * answer (LINK_UNKNOWN, LINK_NOT_SENT of our own) it returns -1 with *status
 * set and e saying why; `body` (may be NULL) is the caller's to free. */
int link_ask(struct link *l, struct json *request, const struct secret *secret,
	     int64_t timeout_ms, enum link_status *status, struct json **body,
	     struct err *e) __attribute__((warn_unused_result));

#endif
