/*
 * launch_int: what the core's side (launch.c) and the launcher process
 * (launcher.c, launch_find.c) share; nobody else includes it.
 *
 * One request and one reply a time over a SOCK_SEQPACKET pair; both ends are
 * the same program, so the structs travel as they are.
 */
#ifndef AGENT_LAUNCH_INT_H
#define AGENT_LAUNCH_INT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/harden.h"

#define LAUNCH_MSG_MAX (64u * 1024) /* one request or reply, bytes */
#define LAUNCH_ARGS_MAX 64u	    /* arguments, and paths, of one start */
#define LAUNCH_GRANTS_MAX 2048u     /* paths after taking folders apart */
#define LAUNCH_PROTECT_MAX 128u     /* a launch with more is refused */
#define LAUNCH_DEEPER_MAX 64u
#define LAUNCH_CHILDREN_MAX 512u    /* processes at once */

enum launch_op { OP_START = 1, OP_END, OP_KILL, OP_HOW, OP_LIST, OP_STOP };

struct launch_request {
	uint32_t op;
	int32_t pid;
	uint32_t n_argv, n_paths; /* strings that follow: program, argv, paths */
	uint32_t n_read; /* the last of the paths: for reading only */
	uint32_t desktop, definitions, hook;
};

struct launch_reply {
	int32_t rc; /* 0, or -1 with err */
	int32_t pid;
	struct err err;
	uint32_t text_len; /* bytes that follow */
};

/* The launcher process; never returns. */
void launcher_main(int sock, const char *path, const char *const *protect,
		   const char *const *hooks) __attribute__((noreturn));

/* The variables a child gets, NULL-terminated; ours until the next call. */
char **launch_environ(bool desktop);

/* Where `program` lies: its path (mem_free it) or NULL + e, which says the
 * near names and where it was looked for.  *definition: NULL, or the file
 * (mem_free it) that the program, then curfew-provider-http, is to serve. */
char *launch_find(const char *path, const char *program, char **definition,
		  struct err *e);
/* The same for a path that must be one of `hooks` (may be NULL). */
char *launch_find_hook(const char *const *hooks, const char *program,
		       struct err *e);
/* Names of the provider programs and definitions in `path`, one a line, sorted. */
int launch_list(const char *path, struct buf *names, struct err *e)
	__attribute__((warn_unused_result));
/* The definitions in `path` that would be served, "FILE:FILE…"; one that others
 * could change is left out. */
int launch_definitions(const char *path, struct buf *files, struct err *e)
	__attribute__((warn_unused_result));
/* What one process may reach. */
struct launch_grants {
	struct harden_path v[LAUNCH_GRANTS_MAX]; /* paths are ours */
	size_t n;
};
/* Add a path that the operator granted, without what is protected
 * (NULL-terminated, may be NULL); a path inside of it is ERR_POLICY.  What no
 * grant opens (devices, /proc, /etc/shadow) is left out. */
int launch_grant(const char *granted, const char *const *protect,
		 struct launch_grants *g, struct err *e)
	__attribute__((warn_unused_result));
void launch_grants_free(struct launch_grants *g);

#endif
