/*
 * launch: the process that may exec, so that the core need not.
 *
 * Forked before the vault is opened; it holds no key.  The core asks over a
 * socketpair: start this program with these arguments, clean environment and
 * reachable paths; it gets back two pipe ends (SCM_RIGHTS) and a pid.  The
 * launcher only starts programs named curfew-provider-*, curfew-scan,
 * curfew-keyring and operators' hooks that the configuration names.
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
	bool desktop;		   /* pass DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR */
};

struct launch_child {
	pid_t pid;
	int rfd, wfd; /* its stdout (or stderr log excluded), its stdin */
	int efd;      /* its stderr, read as log text */
};

/* `path`: directories to look for programs, ':'-separated. */
int launcher_start(const char *path, struct launcher **out, struct err *e)
	__attribute__((warn_unused_result));
void launcher_stop(struct launcher **l); /* ends all children */

int launch(struct launcher *l, const struct launch_spec *spec,
	   struct launch_child *out, struct err *e)
	__attribute__((warn_unused_result));
/* SIGTERM, then SIGKILL after a moment; returns at once. */
void launch_end(struct launcher *l, pid_t pid);
/* Which provider programs exist: names without the prefix, sorted. */
int launch_providers(struct launcher *l, struct buf *names, struct err *e)
	__attribute__((warn_unused_result));

#endif
