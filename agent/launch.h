/*
 * launch: the process that may exec, so that the core need not.
 *
 * Forked before the vault is opened; it holds no key.  The core asks over a
 * socketpair: start this program with these arguments, clean environment and
 * reachable paths; it gets back three pipe ends (SCM_RIGHTS) and a pid.  The
 * launcher only starts programs named curfew-provider-*, curfew-scan,
 * curfew-notify and curfew-keyring, never one that others may write, and never
 * lets one reach the vault's folder or the configuration (launch_protect).
 *
 * An operator's own programs (a hook: who is told of an alarm) are started by
 * their full path, if that was named before the vault was opened.  They run as
 * a program of his would from cron: clean environment, no new privileges, but
 * no confinement of files, as nobody knows what a mailer needs.
 *
 * When the core ends, for whatever reason, the launcher ends its children.
 */
#ifndef AGENT_LAUNCH_H
#define AGENT_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct launcher;

struct launch_spec {
	const char *program;	   /* file name, found in the provider path */
	const char *const *argv;   /* NULL-terminated, after argv[0]; may be NULL */
	const char *const *writable; /* paths it may read and write; NULL-terminated */
	bool definitions;	   /* "--definitions FILE:FILE…": every definition in
				    * the path, in place of argv */
	const char *const *readable; /* and these it may read only */
	bool desktop;		   /* pass DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR */
	bool hook;		   /* `program` is the path of an operator's own */
};

struct launch_child {
	pid_t pid;
	int rfd, wfd; /* its stdout (or stderr log excluded), its stdin */
	int efd;      /* its stderr, read as log text */
};

/* Keeps TZ, the session bus and (test builds) CURFEW_* for the children; call
 * it before harden_start() scrubs the environment. */
void launch_note_environ(void);

/* `path`: directories to look for programs, ':'-separated; empty and relative
 * ones are skipped.  `protect` (NULL-terminated, may be NULL): paths no helper
 * may reach; a launch that would grant one is refused.  `hooks`
 * (NULL-terminated, may be NULL): the paths that may be started as hooks. */
int launcher_start_protecting(const char *path, const char *const *protect,
			      const char *const *hooks, struct launcher **out,
			      struct err *e)
	__attribute__((warn_unused_result));
int launcher_start(const char *path, struct launcher **out, struct err *e)
	__attribute__((warn_unused_result));
void launcher_stop(struct launcher **l); /* ends all children */

int launch(struct launcher *l, const struct launch_spec *spec,
	   struct launch_child *out, struct err *e)
	__attribute__((warn_unused_result));
/* SIGTERM if it does not end by itself within a moment (its stdin is closed
 * first), then SIGKILL; returns at once. */
void launch_end(struct launcher *l, pid_t pid);
/* SIGKILL to its whole process group, now: a hung or misbehaving program. */
void launch_kill(struct launcher *l, pid_t pid);
/* How it ended, "exit status 3", "killed by signal 11 (Segmentation fault)";
 * "" while it runs.  Waits at most 250 ms for it to be reaped. */
void launch_how_ended(struct launcher *l, pid_t pid, char out[static 80]);
/* Where programs are looked for, for messages; borrowed. */
const char *launch_path(const struct launcher *l);
/* Which provider programs exist: names without the prefix, sorted. */
int launch_providers(struct launcher *l, struct buf *names, struct err *e)
	__attribute__((warn_unused_result));

#endif
