/*
 * kit: the provider side of the line protocol, so that a provider written in
 * C is one file filling one `const struct provider` (house style 31).
 *
 * The kit reads lines, checks them, runs each request on one of `parallel`
 * worker threads (each with its own session, e.g. one database connection),
 * and writes the answers.  A provider never prints, sleeps or reads the clock;
 * it fills a struct kit_reply.
 */
#ifndef PROVIDERS_KIT_KIT_H
#define PROVIDERS_KIT_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"

enum kit_status { KIT_OK, KIT_ABSENT, KIT_REFUSED, KIT_RETRY, KIT_UNKNOWN, KIT_UNSUPPORTED };
enum kit_life { KIT_LIFE_UNKNOWN, KIT_ALIVE, KIT_DEAD };

/* One configured connection as hello gave it; shared by all workers, read-only. */
struct kit_connection {
	const char *name;
	const struct json *options;   /* object of strings */
	const struct secret *secret;  /* admin credential, or NULL */
};

struct kit_request {
	const char *verb;
	const char *account, *kind, *credential; /* "" when not given */
	const struct json *args;      /* the whole message */
	const struct secret *secret;  /* the subject's secret, or NULL */
};

struct kit_reply {
	enum kit_status status;
	enum kit_life life;	      /* probe */
	bool proof_refusal;	      /* probe: refused with the secret itself */
	int64_t after_ms;	      /* KIT_RETRY */
	char text[400];		      /* error or evidence, for humans, no secret */
	struct json *body;	      /* extra members, merged; may be NULL */
};

struct kit_stream; /* where list sends its items */
/* Sends one item (docs/protocol.md, "items"); takes it. */
int kit_item(struct kit_stream *s, struct json *item, struct err *e)
	__attribute__((warn_unused_result));

struct provider {
	const char *name;
	const char *describe;	 /* JSON text: options, facts (docs/protocol.md) */
	unsigned parallel;	 /* worker threads, 1..16 */
	/* Open and close one worker's session.  NULL open: no session.  Open is
	 * called before a worker's first request and again after a request
	 * set *lost. */
	int (*open)(const struct kit_connection *c, void **session, struct err *e);
	void (*close)(void *session);
	/* The verbs; NULL means unsupported.  Return 0 with the reply filled,
	 * or -1 + e for our own faults (told as `unknown`). */
	struct kit_verb {
		const char *verb;
		int (*run)(void *session, const struct kit_connection *c,
			   const struct kit_request *q, struct kit_stream *s,
			   struct kit_reply *r, struct err *e);
	} verbs[20]; /* ends with a NULL verb */
};

/* main() of every C provider. */
int kit_main(const struct provider *p, int argc, char **argv);

#endif
