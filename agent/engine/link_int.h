/*
 * link_int: shared by link.c (calls and answers) and link_proc.c (the process
 * behind them); nobody else includes it.
 */
#ifndef AGENT_ENGINE_LINK_INT_H
#define AGENT_ENGINE_LINK_INT_H

#include "agent/engine/link.h"
#include "base/lineproto.h"

#define LINK_LAST_WORDS 256 /* of stderr, kept as the cause of a death */

enum link_state { L_DOWN, L_HELLO, L_UP };

struct link_open_call { /* sent, not answered */
	uint64_t id, tag;
	int64_t timeout_ms, deadline; /* monotonic */
	uint64_t items;
	struct link_open_call *next;
};

struct link_waiting { /* not sent yet */
	uint64_t tag;
	int64_t timeout_ms;
	struct json *msg;
	struct secret *secret;
	struct link_waiting *next;
};

struct link_ended { /* ended by us, not delivered yet */
	uint64_t tag;
	enum link_status status;
	int64_t after_ms;
	char *error;
	struct link_ended *next;
};

struct link {
	struct launcher *launcher;
	char *connection; /* NULL: a bare hello */
	char *type;
	bool any;	  /* started with every definition */
	char name[200];	  /* for messages: connection, else the program */
	struct json *options;
	struct secret *admin;

	enum link_state state;
	struct launch_child child;
	struct lp *lp;
	struct json *hello;
	int64_t hello_ms, hello_deadline;
	uint64_t next_id;

	struct link_open_call *open;
	struct link_waiting *waiting, **waiting_end;
	struct link_ended *ended, **ended_end;
	int n_open, n_waiting;

	unsigned fails;	   /* in a row, without an answered call between */
	int64_t not_before; /* back-off, monotonic */
	struct err why;	   /* the last failure */

	char log[1024];	   /* the stderr line being read */
	size_t n_log;
	char last_words[LINK_LAST_WORDS];
	int64_t log_second;
	size_t log_bytes;
};

/* Start the process and send hello.  Failure is recorded in l->why. */
int proc_start(struct link *l) __attribute__((warn_unused_result));
/* Say hello, and wait for its answer before anything else. */
int proc_hello(struct link *l, struct err *e) __attribute__((warn_unused_result));
/* The process broke a rule or died: end it, every sent call becomes unknown,
 * every waiting one not-sent.  `cause` is one line. */
void proc_fail(struct link *l, enum err_code code, const char *cause);
/* Its stdout ended: find out how, then proc_fail. */
void proc_died(struct link *l);
/* Read what stderr holds now. */
void proc_read_log(struct link *l);
/* Close the pipes and end the process in order. */
void proc_stop(struct link *l);

/* Hand waiting calls to the process while the window has room. */
void link_send_waiting(struct link *l);
/* Take what one process says now; deliver what we ended ourselves.  Both return
 * how many answers reached fn. */
int answer_pump(struct link *l, link_fn fn, void *arg);
int answer_ended(struct link *l, link_fn fn, void *arg);
/* An end of a call without an answer, delivered by the next poll. */
void link_end_call(struct link *l, uint64_t tag, enum link_status st,
		   int64_t after_ms, const char *error);

#endif
