/*
 * err: one error value, carried outward and told once.
 *
 * A function that can fail returns 0 or -1 and fills a caller's struct err.
 * The place that notices the failure says the cause; each caller may add
 * what it was trying to do, on what, what state things are in now and what
 * to type next.  Nothing is ever replaced on the way out: the first cause
 * stays.
 *
 * Printed form, one line:
 *   cannot WHAT 'OBJECT': CAUSE; STATE; HINT
 *
 * All text is copied; bytes outside printable UTF-8 are escaped as \xNN, so a
 * hostile name cannot steer a terminal.  Secrets never go in here.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err_code {
	ERR_NONE = 0,
	ERR_USAGE,	 /* the command line */
	ERR_CONFIG,	 /* curfew.toml, rules, a provider definition */
	ERR_NOMEM,	 /* allocation, or a named maximum reached */
	ERR_IO,		 /* a system call on a file, pipe or socket */
	ERR_FULL,	 /* no space or quota */
	ERR_EXISTS,	 /* already there */
	ERR_ABSENT,	 /* not there */
	ERR_BUSY,	 /* another process holds the lock */
	ERR_SEALED,	 /* no slot opens the vault with what was given */
	ERR_TAMPER,	 /* authentication failed: altered, moved, old, foreign */
	ERR_FORMAT,	 /* malformed input of any kind */
	ERR_TOOBIG,	 /* input over a named limit */
	ERR_TIMEOUT,	 /* no answer in time: the outcome is unknown */
	ERR_PROTO,	 /* the peer broke the line protocol, or died */
	ERR_PROVIDER,	 /* the provider answered, and it was no */
	ERR_POLICY,	 /* refused by policy or not confirmed */
	ERR_UNSUPPORTED, /* this build, kernel or peer cannot do that */
	ERR_CANCELLED,	 /* the operator stopped it */
	ERR_BUG,	 /* a broken invariant of our own */
};

struct err {
	enum err_code code;
	char what[200];	  /* "cannot connect" (outermost context first) */
	char object[200]; /* the thing, quoted when printed; may be empty */
	char cause[400];
	char state[200];
	char hint[300];
};

#define ERR_INIT { .code = ERR_NONE }

/*
 * Set code, object (NULL for none) and cause.  Returns -1, so that
 * `return err_fail(e, ...)` reads well.  e may be NULL (the caller does not
 * care).  If e already holds an error the first one stays.
 */
int err_fail(struct err *e, enum err_code code, const char *object,
	     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same with strerror(errno) appended; ENOSPC/EDQUOT become ERR_FULL,
 * ENOMEM ERR_NOMEM, anything else ERR_IO. */
int err_sys(struct err *e, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Add context on the way out.  `what` completes "cannot ..."; the outermost
 * call wins the front of the line, inner ones follow after ": ".  The object
 * is set only if none was.  Returns -1. */
int err_ctx(struct err *e, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What state things are in now / what to type next.  First caller wins. */
void err_state(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void err_hint(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);
bool err_is(const struct err *e, enum err_code code);

/* The stable word of a code, for JSON and tests: "tamper", "busy", ... */
const char *err_word(enum err_code code);

/* clang's analyzer sees one file at a time: it is told here what the three
 * return, else it follows every error as if it were none. */
#if defined(__clang_analyzer__) && !defined(ERR_ITSELF)
#define err_fail(...) ((void)err_fail(__VA_ARGS__), -1)
#define err_sys(...) ((void)err_sys(__VA_ARGS__), -1)
#define err_ctx(...) ((void)err_ctx(__VA_ARGS__), -1)
#endif

/* Write the one-line form without a newline; returns its length (as snprintf). */
int err_format(const struct err *e, char *out, size_t cap);

#endif
