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
 * SIGPIPE ignored.  memory locked or *locked false. */
int harden_start(const int *keep, size_t n_keep, struct err *e)
	__attribute__((warn_unused_result));

struct harden_path {
	const char *path; /* file or directory; a missing one is skipped */
	bool write;
};

/* The core, after the vault is open: no socket of any family, no exec, no
 * fork, no ptrace; files only below the given paths. */
int harden_core(const struct harden_path *paths, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* A child about to exec a helper: Landlock only.  System directories may be
 * read and executed, /tmp is out of reach, `paths` are added. */
int harden_helper(const struct harden_path *paths, size_t n, struct err *e)
	__attribute__((warn_unused_result));

bool harden_have_landlock(void);

#endif
