/*
 * queue: what may be sent next on one connection.
 *
 * Actions wait by time and become ready by rank (what cuts goes before what
 * looks).  Entries are lazy: an action may be pushed again with another time,
 * and an entry that no longer agrees with its action is dropped when popped.
 * A token bucket holds the connection to its rate.  Times are given, never
 * read.
 *
 * The queue knows of its entries only what `look` tells: queue_init() takes the
 * actions of a struct work (a kill); queue_look() another reader, of whatever
 * is then passed as `of` (the lines of a rotation).
 */
#ifndef AGENT_ENGINE_QUEUE_H
#define AGENT_ENGINE_QUEUE_H

#include "agent/engine/work.h"

struct queue_entry {
	int64_t key; /* time, or rank */
	uint32_t action;
};

struct heap {
	struct queue_entry *p;
	size_t n, cap;
};

struct queue_item { /* what may change while an entry lies here */
	int64_t next_ms; /* when it may go; INT64_MAX: it waits for another */
	int64_t rank;	 /* among those that may go: lower first */
	bool idle;	 /* nothing to send, or it is under way already */
	bool over;	 /* nothing to send until it is pushed again */
	bool ahead;	 /* worth committing before a place is free */
};
typedef struct queue_item (*queue_look_fn)(const void *of, uint32_t i);

struct queue {
	queue_look_fn look;
	struct heap waiting, ready;
	double rate, tokens;
	int64_t filled_ms; /* when the bucket was last filled */
	int64_t hold_ms;   /* nothing goes out before: the connection is down */
	unsigned fails;	   /* times in a row that it could not be reached */
	int in_flight, limit;
	int staged; /* popped and committed, waiting for a free place */
};

void queue_init(struct queue *q, double rate_per_s, int limit, int64_t now);
void queue_look(struct queue *q, queue_look_fn look);
void queue_free(struct queue *q);
int queue_push(struct queue *q, const void *of, uint32_t action,
	       struct err *e) __attribute__((warn_unused_result));
/* The best action that may go out now, NONE when none; takes a token.  When
 * all places are taken, what cuts is given out ahead, so that its intent is
 * committed by the time a place becomes free. */
int queue_pop(struct queue *q, const void *of, int64_t now,
	      uint32_t *action, struct err *e)
	__attribute__((warn_unused_result));
/* The token of what needed no call to the service goes back. */
void queue_refund(struct queue *q);
/* May one more be sent now? */
bool queue_room(const struct queue *q, int64_t now);
/* When there may be something to send: `now` if at once, INT64_MAX never (or
 * only after an answer). */
int64_t queue_next(struct queue *q, const void *of, int64_t now);
/* A call could not even be sent: hold the connection, longer each time. */
void queue_down(struct queue *q, int64_t now, int64_t after_ms);
/* 1 s doubling to 300 s, full jitter. */
int64_t backoff_ms(unsigned fails);

#endif
