/*
 * harden: what a process gives up.
 *
 * harden_start() is the first thing every program of ours does.
 * The sandboxes are one-way: seccomp (allow-list, refused calls answer EPERM)
 * and Landlock where the kernel has it; without Landlock one warning, and
 * seccomp alone.
 */
#ifndef BASE_HARDEN_H
#define BASE_HARDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* No core dumps, not dumpable, no new privileges, umask 077, fds > 2 closed
 * (except `keep`), 0-2 open, environment reduced to a short list, fixed PATH,
 * SIGPIPE ignored, inherited signal masks cleared. */
int harden_start(const int *keep, size_t n_keep, struct err *e)
	__attribute__((warn_unused_result));

struct harden_path {
	const char *path; /* file or directory, and all below it */
	bool write;
};
/* A missing path is skipped; but with `write` its directory is allowed for a
 * file to be created, unless everybody may write there (/tmp) or it is "/". */

/* The core, after the vault is open: no socket of any family, no exec, no
 * fork or thread, no ptrace, no signal to others; files only below the given
 * paths, /dev/null, /dev/tty and the time zones.  What is open stays open. */
int harden_core(const struct harden_path *paths, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* A child about to exec a helper: capabilities (harden_caps.c) and Landlock.
 * Programs and libraries may be read and executed, of /etc a short list of files
 * read; /tmp, /home, /root, /var, /opt and all devices but /dev/null and its
 * like are out of reach; `paths` are added: for reading and executing, or with `write` for reading and writing.
 * A helper outside the system directories must be among them itself. */
int harden_helper(const struct harden_path *paths, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* The same for a helper whose work is to signal others (end a session, tell a
 * consumer to read its file again): Landlock would keep every signal inside. */
int harden_helper_signals(const struct harden_path *paths, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* A reader of hostile files (the scanner): no socket, exec or other process, as
 * few calls refused as that takes, because it must start in no time.  With
 * `paths` (n > 0) it also reaches files only there, and writes only where they
 * say so. */
int harden_reader(const struct harden_path *paths, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* Whether this kernel has Landlock switched on. */
bool harden_have_landlock(void);

#endif
