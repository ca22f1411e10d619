/*
 * alarm: what needs a human, told until somebody was reached.
 *
 * An alarm is a row (among the settings) from alarm_raise() on, so that none is
 * lost: not by a crash, not by a mail server that is down.  It stands until
 * alarm_clear(), is told again every `repeat` of its [alarm.NAME], and its end
 * is told too.  One about the same thing is one row, however often it is
 * raised.  The log hears of it at once; programs, mail and webhooks when
 * alarm_deliver() is called, which every command that may raise one does at its
 * end, outside of any transaction.
 *
 * Must never carry a secret: texts are those of errors and evidence.
 */
#ifndef AGENT_ALARM_H
#define AGENT_ALARM_H

#include "agent/app.h"
#include "vault/store.h"

enum alarm_event {
	ALARM_STUCK = 1,  /* a person is needed; curfew keeps trying */
	ALARM_QUARANTINE, /* a key that nobody can attribute */
	ALARM_DEADLINE,	  /* it lives past its deadline */
	ALARM_CLOCK,	  /* the clock was set back */
	ALARM_FINDING,	  /* a leaked secret of ours was found */
	ALARM_TEST,	  /* `curfew alarm test` */
};

struct alarm {
	enum alarm_event event;
	const char *about;  /* address or thing; with `event` it is the name */
	const char *policy; /* [rotation.NAME]: its `notify`; NULL: everybody */
	const char *text;   /* one line: what is the matter */
	const char *todo;   /* what to type, or NULL */
	bool once;	    /* told once and over: nothing to clear */
};

/* Journalled and kept, in the open transaction or in one of its own.  Nothing
 * happens when the same stands already with the same text. */
int alarm_raise(struct app *app, const struct alarm *a, struct err *e)
	__attribute__((warn_unused_result));
/* It is over; nothing happens when it does not stand. */
int alarm_clear(struct app *app, enum alarm_event event, const char *about,
		struct err *e) __attribute__((warn_unused_result));
/* Tell everybody whose time has come.  *failed (may be NULL): places that could
 * not be reached; they are tried again by a later call.  -1 only for our own
 * faults.  Needs the launcher and the vault open for writing. */
int alarm_deliver(struct app *app, size_t *failed, struct err *e)
	__attribute__((warn_unused_result));
/* When alarm_deliver() next has something to do; 0: nothing stands. */
int alarm_next_ms(struct app *app, int64_t *at_ms, struct err *e)
	__attribute__((warn_unused_result));

const char *alarm_word(enum alarm_event event);

#endif
