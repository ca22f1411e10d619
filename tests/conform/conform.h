/*
 * conform: what the parts of the conformance suite share.
 *
 * The suite starts a provider program and talks docs/protocol.md, version 1,
 * to it as curfew would, and as curfew never would.  It knows nothing about
 * any one provider.  Output is TAP.
 */
#ifndef TESTS_CONFORM_H
#define TESTS_CONFORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/json.h"

struct setup { /* the command line */
	char *const *program;	 /* argv of the provider */
	const char *options;	 /* JSON object, or NULL: no connection is made */
	char *secret;		 /* admin credential, or NULL */
	const char *account, *kind, *credential; /* the test account, or NULL */
	int64_t timeout_ms;	 /* for one answer */
	const char *only;	 /* hello, frame, list, verbs, or NULL: all */
};
extern struct setup setup;

/* ---- tap.c ---------------------------------------------------------------- */

/* One test.  `why` (printf) is said when it fails.  Returns cond. */
bool tap(bool cond, const char *name, const char *why, ...)
	__attribute__((format(printf, 3, 4)));
void tap_skip(const char *name, const char *why);
/* Prints the plan; the exit status. */
int tap_end(void);

/* ---- proc.c: a running provider ------------------------------------------- */

struct prov {
	pid_t pid;
	int in, out, err; /* -1: closed */
	struct buf text;  /* of its output, not yet taken */
	size_t at;
	int status;	  /* exit status, 128 + signal; -1: runs */
	char trouble[200]; /* the first breach of the frame or of a message's
			      form; empty: none */
};

void prov_start(struct prov *p);
/* Ends it if it still runs. */
void prov_close(struct prov *p);
/* Bytes as they are, then a newline.  Reads meanwhile, so neither side blocks. */
void prov_send(struct prov *p, const char *line);
void prov_send_json(struct prov *p, struct json **msg); /* takes it */
/* Next message, checked for its form.  NULL: end of file, garbage or time over
 * (p->trouble says; a mere end of file says nothing). */
struct json *prov_next(struct prov *p, int64_t ms);
/* Close its input and wait for it.  Its exit status; -1: it did not end in
 * time (and was killed). */
int prov_finish(struct prov *p);
/* Has it ended, or will within the time? */
bool prov_ended(struct prov *p, int64_t ms);

/* Everything a provider printed so far, over all runs: does it hold this? */
bool prov_leaked(const char *secret);

/* ---- ask.c: one request and its answer ------------------------------------- */

struct answer {
	struct json *body;	/* the closing answer; NULL: none came */
	struct json *items;	/* array */
	const char *status;	/* "" when none */
};

struct json *request(const char *verb); /* without id */
/* Adds the test account's members. */
struct json *request_on(const char *verb);
/* Takes msg; sends it with the next id and waits. */
void ask(struct prov *p, struct json *msg, struct answer *a);
void answer_free(struct answer *a);
bool answer_is(const struct answer *a, const char *statuses); /* "ok absent" */
int64_t next_id(void);
/* Starts a provider and opens the connection; false (and a failed test was
 * told once) when that does not work. */
bool connected(struct prov *p);
/* The members of hello's answer. */
extern struct json *hello_answer;
bool has_verb(const char *verb);
bool has_verb_of_kind(const char *verb); /* and the kind's facts leave it in */
struct json *hello_request(bool connection);

/* ---- the tests -------------------------------------------------------------- */

void test_hello(void);
void test_frame(void);
void test_list(void);
void test_verbs(void);

#endif
