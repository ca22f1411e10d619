/*
 * sessions: live sshd sessions of one account on this machine, through /proc.
 *
 * A session is a process called sshd (or sshd-session) that runs as the
 * account and whose parent is a process called so that runs as root; for root
 * itself, whose title also says "root@".  Only the parent's being root's own
 * makes it real: a user can give his process any name.
 */
#ifndef PROVIDERS_SSH_SESSIONS_H
#define PROVIDERS_SSH_SESSIONS_H

#include <sys/types.h>

#include "base/err.h"

/* End all sessions of the account with everything they started, TERM first,
 * KILL after a moment.  *count: sessions ended.  *kept: sessions that we run in
 * ourselves, which stay.  -1 + e when one could not be ended or /proc cannot be
 * read. */
int sessions_cut(const char *account, uid_t uid, unsigned *count,
		 unsigned *kept, struct err *e) __attribute__((warn_unused_result));

#endif
