/*
 * harden_in: what the parts of harden share; nobody else includes this.
 */
#ifndef BASE_HARDEN_IN_H
#define BASE_HARDEN_IN_H

#include "base/harden.h"

/* The core's system call list, for this process and its threads, for good. */
int harden_seccomp(struct err *e) __attribute__((warn_unused_result));

/* What a reader may not call, the same way. */
int harden_seccomp_reader(struct err *e) __attribute__((warn_unused_result));

/* All capabilities but those a helper needs (harden_caps.c), for good. */
int harden_caps(struct err *e) __attribute__((warn_unused_result));

#endif
