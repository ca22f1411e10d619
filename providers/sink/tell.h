/*
 * tell: a consumer learns that its secret has changed, and is asked whether it
 * took it.
 *
 * Three ways: a signal to the process that a pid file names, a unit's reload
 * through systemctl, a program of the operator's.  None of them gets the
 * secret.
 */
#ifndef PROVIDERS_SINK_TELL_H
#define PROVIDERS_SINK_TELL_H

#include <stdint.h>

#include "providers/kit/kit.h"

struct tell {
	int signal;	       /* 0: none */
	const char *pid_file;  /* NULL */
	const char *unit;      /* NULL */
	bool restart;	       /* the unit is restarted instead of reloaded */
	const char *reload;    /* program; NULL */
	const char *check;     /* program that tells whether it was adopted; NULL */
};

#define TELL_OPTIONS \
	"{\"name\":\"signal\",\"help\":\"HUP, USR1, USR2 or TERM, sent to the process of " \
		"use_pid_file after a delivery\"}," \
	"{\"name\":\"use_pid_file\",\"help\":\"/path of the consumer's pid file: for signal, " \
		"and a process started after the delivery has adopted it\"}," \
	"{\"name\":\"reload_unit\",\"help\":\"systemd unit to reload after a delivery\"}," \
	"{\"name\":\"restart_unit\",\"help\":\"systemd unit to restart after a delivery\"}," \
	"{\"name\":\"use_reload\",\"help\":\"/path of a program to start after a delivery: " \
		"PROGRAM PLACE VERSION; exit 0: the consumer has taken it\"}," \
	"{\"name\":\"use_check\",\"help\":\"/path of a program that says whether the consumer " \
		"uses it: PROGRAM PLACE VERSION; exit 0 yes, 1 no\"}"

/* The options above; strings live as long as c. */
int tell_options(const struct kit_connection *c, struct tell *t, struct err *e)
	__attribute__((warn_unused_result));
/* Tell.  *acknowledged: the consumer itself confirmed. `how`: one line. */
int tell_consumer(const struct tell *t, const char *account, const char *version,
		  bool *acknowledged, char how[200], struct err *e)
	__attribute__((warn_unused_result));

/* When the pid file's process started, in clock_boot_ms(); 0: there is none.
 * -1 + e: it cannot be told. */
int tell_started(const struct tell *t, int64_t *boot_ms, int64_t *pid, struct err *e)
	__attribute__((warn_unused_result));
/* The operator's own word: 1 yes, 0 no, -1 + e. */
int tell_check(const struct tell *t, const char *account, const char *version,
	       char said[200], struct err *e) __attribute__((warn_unused_result));

#endif
