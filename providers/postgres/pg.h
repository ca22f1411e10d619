/*
 * pg: the door to libpq; the only place that includes its header.
 *
 * A connection never looks at the environment, ~/.pgpass, a service file or
 * ~/.postgresql: everything comes from struct pg_target.  Every call has a
 * deadline of its own; no call blocks past it.  Errors come back as struct
 * pg_fail with the SQLSTATE and the name of the server's routine, which no
 * lc_messages translates.
 *
 * One connection belongs to one thread.
 */
#ifndef PROVIDERS_POSTGRES_PG_H
#define PROVIDERS_POSTGRES_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define PG_NAME 64 /* an identifier and its NUL: NAMEDATALEN of the server */

/* Where a server is.  The strings are borrowed. */
struct pg_target {
	const char *host;	 /* a name, an address or a socket folder */
	const char *hostaddr;	 /* numeric, or NULL: look the name up */
	const char *port, *dbname, *sslmode, *sslrootcert;
	const char *application; /* application_name */
	const char *options;	 /* startup options, or NULL */
	int64_t connect_ms;	 /* for the whole login */
};

enum pg_cause {
	PG_FINE = 0,
	PG_SAID,	 /* the server answered with an error: see sqlstate */
	PG_UNREACHABLE,	 /* not connected: no answer of a server we know */
	PG_WANTS_SECRET, /* the server asked for a password, none was given */
	PG_LOST,	 /* the connection broke: the outcome is not known */
	PG_TIMEOUT,	 /* no answer before the deadline: likewise */
	PG_OURS,	 /* out of memory and the like */
};

struct pg_fail {
	enum pg_cause cause;
	char sqlstate[6];
	char routine[48]; /* "InitializeSessionUserId"; "" when not told */
	char text[300];	  /* the server's or libpq's words, one line */
};

struct pg;	/* a connection */
struct pg_rows; /* a result */

/* Log in.  `password` may be NULL.  0, or -1 + *f. */
int pg_connect(const struct pg_target *t, const char *user,
	       const struct secret *password, struct pg **out,
	       struct pg_fail *f) __attribute__((warn_unused_result));
void pg_close(struct pg **pg);
bool pg_usable(const struct pg *pg); /* false for NULL and after a loss */
bool pg_used_password(const struct pg *pg);
int pg_version(const struct pg *pg); /* 150004 */
/* The numeric address that was reached, "" for a socket. */
const char *pg_hostaddr(const struct pg *pg);

/* Run one statement with text parameters ($1...).  *out may be asked for or
 * NULL.  After PG_LOST and PG_TIMEOUT the connection is closed. */
int pg_run(struct pg *pg, int64_t timeout_ms, const char *sql, int n,
	   const char *const *params, struct pg_rows **out, struct pg_fail *f)
	__attribute__((warn_unused_result));

/* The same, one row at a time, so that memory stays flat.  fn returns 0 to go
 * on; anything else stops, closes the connection and is PG_OURS. */
typedef int (*pg_row_fn)(const struct pg_rows *row, void *arg);
int pg_each(struct pg *pg, int64_t timeout_ms, const char *sql, int n,
	    const char *const *params, pg_row_fn fn, void *arg,
	    struct pg_fail *f) __attribute__((warn_unused_result));

int pg_count(const struct pg_rows *r);
/* NULL for SQL NULL and for cells that are not there. */
const char *pg_cell(const struct pg_rows *r, int row, int col);
bool pg_yes(const struct pg_rows *r, int row, int col); /* 't' */
void pg_rows_free(struct pg_rows **r);

/* Append a quoted identifier or literal to SQL text. */
int pg_ident(struct pg *pg, struct buf *sql, const char *name, struct err *e)
	__attribute__((warn_unused_result));
int pg_literal(struct pg *pg, struct buf *sql, const char *text, struct err *e)
	__attribute__((warn_unused_result));
/* Append the SCRAM-SHA-256 verifier of `password` as a literal: computed here,
 * so that the password reaches neither the server nor its log. */
int pg_verifier(struct pg *pg, struct buf *sql, const char *user,
		const struct secret *password, struct err *e)
	__attribute__((warn_unused_result));

#endif
