/*
 * kit: the provider side of the line protocol, so that a provider written in
 * C is one file filling one `const struct provider` (house style 31).
 *
 * The kit reads lines, checks them, runs each request on one of `parallel`
 * worker threads (each with a session, e.g. one database connection),
 * and writes the answers.  A provider never prints, sleeps or reads the clock;
 * it fills a struct kit_reply.  Verbs run at the same time on different
 * sessions: what they share (a file, a cache) they lock themselves.
 *
 * Text from outside may hold any byte.  A list item that is not UTF-8, or too
 * long for a line, is left out with a line in the log, and the listing is then
 * never told as complete; error and evidence text is escaped.
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
	char text[400];		      /* error, or evidence of probe and adopted:
					 for humans, no secret */
	struct json *body;	      /* extra members, merged; may be NULL;
					 the kit frees it */
	struct secret *secret;	      /* mint: the new secret; the kit frees it */
	bool lost;		      /* the session is gone: open a new one
					 before the next request */
};

/* Fill a reply in one line; both return 0. */
int kit_say(struct kit_reply *r, enum kit_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A probe's answer: status ok, `life`, evidence; `refusal` as proof_refusal. */
int kit_tell(struct kit_reply *r, enum kit_life life, bool refusal,
	     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* From open, for what works but not as it should: hello's answer carries the
 * last one, `curfew connect` prints it. */
void kit_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The reply's body, made on first use; NULL when out of memory (the json_set_
 * functions then do nothing and say so). */
struct json *kit_body(struct kit_reply *r);
/* A connection's option, or `fallback` when it was not given or is empty. */
const char *kit_option(const struct kit_connection *c, const char *name,
		       const char *fallback);

struct kit_stream; /* where list sends its items */
/* Sends one item (docs/protocol.md, "items"); takes it. */
int kit_item(struct kit_stream *s, struct json *item, struct err *e)
	__attribute__((warn_unused_result));

struct provider {
	const char *name;
	/* JSON text: options, secret, secret_help, facts (docs/protocol.md). An
	 * option that it does not name is refused; a name may end in '*'. */
	const char *describe;
	/* NULL: the above is all.  Else asked with a hello's options, before they
	 * are checked: *text (mem_alloc'ed, the kit frees it) takes its place,
	 * NULL keeps it.  It may bring its own "verbs". */
	int (*describe_for)(const struct json *options, char **text, struct err *e);
	unsigned parallel;	 /* worker threads, 1..16 */
	/* Open and close a session.  NULL open: no session.  Open is called when
	 * a request finds none idle and after a reply with `lost`; one session
	 * is used by one thread at a time, not always by the same.  The first is
	 * opened by hello itself, so that wrong options or credentials are told
	 * there. */
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
