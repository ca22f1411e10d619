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

struct link_answer {
	uint64_t tag;	      /* the caller's, from link_call */
	enum link_status status;
	int64_t after_ms;     /* LINK_RETRY: when to come back; 0 = unsaid */
	const struct json *body; /* the whole message; NULL for our own two */
	const struct secret *secret;
	const char *error;    /* human text, "" when none; already escaped */
};

typedef void (*link_fn)(struct link *l, const struct link_answer *a, void *arg);

/* What is needed to open (and open again) one connection's process.  The link
 * keeps its own copies; `options` is the JSON object given to hello. */
int link_open(struct launcher *l, const char *connection, const char *type,
	      const char *options, const struct secret *admin,
	      struct link **out, struct err *e) __attribute__((warn_unused_result));
void link_close(struct link **l);

/* Facts and verbs as declared by hello; NULL before the first hello. */
const struct json *link_facts(const struct link *l);
bool link_has_verb(const struct link *l, const char *verb);
const char *link_name(const struct link *l);
int link_in_flight(const struct link *l);

/* Send `request` (verb and arguments; id is added).  Takes `request`. Answers
 * arrive at links_poll's fn, in any order.  timeout_ms counts from sending. */
int link_call(struct link *l, uint64_t tag, struct json *request,
	      const struct secret *secret, int64_t timeout_ms, struct err *e)
	__attribute__((warn_unused_result));

/* Wait up to wait_ms for something on any link and deliver it. Returns the
 * number of answers delivered, -1 only for our own faults. */
int links_poll(struct link *const *links, size_t n, int64_t wait_ms,
	       link_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));

/* One call and its answer, for connect, probe by hand, tests. */
int link_ask(struct link *l, struct json *request, const struct secret *secret,
	     int64_t timeout_ms, enum link_status *status, struct json **body,
	     struct err *e) __attribute__((warn_unused_result));

#endif
