/*
 * panic: `kill --secret-stdin` where no vault knows the secret.
 *
 * A shape tells whose the secret is; it is sent to the one host that issued it,
 * which is shown before, and proved dead by asking with the value again.  The
 * incident goes to a file (panic_file.c), without the secret.
 */
#ifndef AGENT_PANIC_H
#define AGENT_PANIC_H

#include "agent/app.h"
#include "agent/args.h"
#include "agent/engine/facts.h"
#include "agent/engine/link.h"
#include "agent/engine/work.h"
#include "agent/shape.h"

#define PANIC_HOST 300

struct panic_ask {
	const char *host;     /* --host: an own server; NULL */
	const char *type;     /* --type: TYPE or TYPE/KIND; NULL */
	const char *file;     /* --incident: where to write it; NULL */
	const char *reason;
	const struct arg_list *set; /* --set NAME=VALUE for the connection */
	int64_t wait_ms;      /* -1: the default */
	const struct secret *given; /* the value; NULL: standard input */
};

struct panic { /* one run; shared by the panic_* files only */
	struct app *app;
	const struct panic_ask *ask;
	const struct secret *value;
	struct claim claim;
	char host[PANIC_HOST]; /* https://HOST: all that may be asked */
	char hint[40], print[SHAPE_PRINT], name[64];
	struct link *link;
	struct facts facts;
	struct work w; /* one target: the revoke, the probe */
	struct json *timeline;
	char *path;    /* of the incident's file; NULL: it cannot be written */
	bool new_file; /* not written yet */
	struct err fault; /* the first failure to write it */
	bool heard; /* an answer came, or a call ended without one */
};

/* The programs start now, while the rest gets ready.  `out` is then given to
 * panic_kill or to link_close. */
int panic_begin(struct app *app, const struct panic_ask *ask, struct link **out,
		struct err *e) __attribute__((warn_unused_result));
/* The whole of it.  Takes *link.  Returns an exit code. */
int panic_kill(struct app *app, const struct panic_ask *ask,
	       const struct paste *paste, struct link **link);
/* Why a pasted key is no token, and what to type: always -1. */
int panic_not_a_token(const struct paste *paste, bool vault, struct err *e);

/* panic_drive.c: revoke, probe, until proved or patience ends. */
int panic_drive(struct panic *p, struct err *e)
	__attribute__((warn_unused_result));
struct action *panic_action(const struct panic *p, enum verb v);

/* panic_file.c */
/* Name it and find its place; an existing FILE is ERR_EXISTS. */
int panic_file_open(struct panic *p, struct err *e)
	__attribute__((warn_unused_result));
/* Replace the file by what is known now; failures are kept in p->fault. */
void panic_file_write(struct panic *p);
void panic_note(struct panic *p, const char *what, const char *word,
		const char *text);
/* Did the secret leave?  UNSURE while the first calls are on their way. */
enum panic_heard { PANIC_UNHEARD, PANIC_UNSURE, PANIC_HEARD };
enum panic_heard panic_heard(const struct panic *p);
struct json *panic_json(const struct panic *p);
int panic_exit(const struct panic *p);
/* `incident show FILE` */
int panic_show(struct app *app, const char *path);

#endif
