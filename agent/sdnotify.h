/*
 * sdnotify: what systemd wants to hear of a service (sd_notify(3)), without its
 * library: one datagram to the socket that $NOTIFY_SOCKET names.
 *
 * The socket is opened before the sandbox, in which none can be made any more.
 * Without $NOTIFY_SOCKET every call does nothing.
 */
#ifndef AGENT_SDNOTIFY_H
#define AGENT_SDNOTIFY_H

#include <stdint.h>

#include "base/err.h"

/* Before harden_start() scrubs the environment. */
void sdnotify_note_environ(void);
/* After harden_start() closed what was open, before confine(). */
int sdnotify_open(struct err *e) __attribute__((warn_unused_result));
/* "READY=1", or several lines.  Lost when nobody listens any more. */
void sdnotify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How often "WATCHDOG=1" must come, in ms; 0: nobody waits for it. */
int64_t sdnotify_watchdog_ms(void);

#endif
