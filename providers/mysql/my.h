/*
 * my: the door to MariaDB and MySQL servers; the only place that includes
 * libmariadb's header.
 *
 * A connection reads no option file and no variable, lets the server read no
 * local file and uses only login methods that do not give the password away in
 * clear text.  Every call ends within the timeouts given.  A connection belongs
 * to one thread; its number is a kit_own().
 */
#ifndef PROVIDERS_MYSQL_MY_H
#define PROVIDERS_MYSQL_MY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/* Where a server is.  The strings are borrowed. */
struct my_place {
	const char *host;
	const char *socket;	/* path of a unix socket instead, or NULL */
	unsigned port;
	const char *cafile;	/* NULL: no TLS */
	unsigned connect_s;
};

enum my_cause {
	MY_FINE = 0,
	MY_SAID,	/* the server answered with an error: see code */
	MY_UNREACHABLE, /* not connected: no answer of a server we know */
	MY_LOST,	/* the connection broke: the outcome is not known */
	MY_OURS,	/* out of memory and the like */
};

struct my_fail {
	enum my_cause cause;
	unsigned code;	 /* 1045 */
	char text[300];	 /* the server's or the library's words, one line */
};

struct my;	/* a connection */
struct my_rows; /* a result */

/* Once, before the first thread. */
void my_start(void);

int my_open(const struct my_place *p, const char *user,
	    const struct secret *password, struct my **out, struct my_fail *f)
	__attribute__((warn_unused_result));
void my_close(struct my **my);
bool my_usable(const struct my *my); /* false for NULL and after a loss */
/* The same, and the server has not closed it while nothing was asked. */
bool my_idle(const struct my *my);
bool my_is_mariadb(const struct my *my);
unsigned long my_version(const struct my *my); /* 101119 */
/* The numeric address that was reached, "" for a socket. */
const char *my_address(const struct my *my);

/* One statement.  *out may be NULL.  After MY_LOST the connection is closed. */
int my_run(struct my *my, const char *sql, struct my_rows **out, struct my_fail *f)
	__attribute__((warn_unused_result));
bool my_next(struct my_rows *r); /* the next row; false at the end */
/* Of the current row; NULL for SQL NULL and cells that are not there. */
const char *my_cell(const struct my_rows *r, unsigned col);
void my_rows_free(struct my_rows **r);

/* Append a quoted literal or identifier to SQL text. */
int my_literal(struct my *my, struct buf *sql, const char *text, struct err *e)
	__attribute__((warn_unused_result));
int my_ident(struct buf *sql, const char *name, struct err *e)
	__attribute__((warn_unused_result));

#endif
