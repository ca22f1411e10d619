/*
 * kit_in: what the kit's own files share; no provider includes it.
 *
 * serve.c reads and checks, work.c runs, reply.c writes.  One struct kit per
 * process: the reader thread owns `in`, every writer holds `out_lock`.
 */
#ifndef PROVIDERS_KIT_KIT_IN_H
#define PROVIDERS_KIT_KIT_IN_H

#include <pthread.h>

#include "base/lineproto.h"
#include "providers/kit/kit.h"

#define KIT_QUEUE 64		 /* requests waiting; then the reader waits */
#define KIT_WORKERS 16		 /* most worker threads */
#define KIT_ITEMS 1000000	 /* most items of one listing */
#define KIT_ARG 4096		 /* longest account, kind, credential, verb */

struct kit_job {
	int64_t id;
	struct json *msg;
	struct secret *secret;
	const struct kit_verb *verb;
	struct kit_job *next;
};

struct kit {
	const struct provider *p;
	struct json *describe;
	struct lp *in, *out;
	pthread_mutex_t out_lock;

	/* Set by hello in the reader thread before the workers start. */
	bool opened;
	struct kit_connection conn;
	char *name;
	struct json *options;
	struct secret *secret;

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t more, less;
	struct kit_job *head, **tail;
	unsigned queued, workers;
	bool closing;
	void *first;	  /* the session that hello opened */
	bool first_free;  /* ... and nobody took yet */
	void *idle[KIT_WORKERS]; /* open and not in use, the last one on top */
	unsigned n_idle;
	pthread_t thread[KIT_WORKERS];
};

/* work.c */
int kit_work_start(struct kit *k, struct err *e) __attribute__((warn_unused_result));
void kit_work_put(struct kit *k, struct kit_job *j); /* takes j, may wait */
void kit_work_finish(struct kit *k); /* run what is queued, end the threads */
void kit_job_free(struct kit_job **j);

/* reply.c */
struct kit_stream {
	struct kit *k;
	int64_t id;
	size_t items;
	bool partial; /* something was left out */
};
/* What kit_warn() said, into hello's answer. */
bool kit_warning(struct json *hello);
/* Sends the closing answer of request `id`; takes what r owns.  `verb` may be
 * NULL.  Failure to write is logged; the reader notices a closed pipe. */
void kit_reply_send(struct kit *k, int64_t id, const char *verb, bool partial,
		    struct kit_reply *r);
/* The same for our own faults and refusals, r->text from e. */
void kit_reply_err(struct kit *k, int64_t id, const char *verb,
		   enum kit_status status, const struct err *e);

#endif
