/*
 * pg: connections and statements over libpq with deadlines (pg.h).
 *
 * Owns every PGconn and PGresult.  Must never use a blocking libpq call on the
 * network, let the environment choose anything, or put a password into SQL.
 *
 * A statement that passes its deadline closes the connection instead of
 * sending a cancel request: libpq's PQcancel() blocks without a limit on a
 * server that has gone silent, and the server's own statement_timeout (set
 * shorter than our deadline) has cancelled the statement by then if it could.
 */
#include "providers/postgres/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A path that cannot exist: libpq takes ENOTDIR as "there is no such file" and
 * goes on, where an empty value would mean the files in ~/.postgresql. */
#define NO_FILE "/dev/null/none"

struct pg {
	PGconn *conn;
	char hostaddr[64];
};

struct pg_rows {
	PGresult *res;
};

/* ---- errors --------------------------------------------------------- */

/* The first line, without control characters. */
static void one_line(char *out, size_t cap, const char *text)
{
	size_t n = 0;
	while (n + 1 < cap && text[n] && text[n] != '\n') {
		unsigned char c = (unsigned char)text[n];
		out[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	/* Do not leave half a UTF-8 character at a cut end. */
	if (text[n] && text[n] != '\n')
		while (n && ((unsigned char)text[n] & 0xC0) == 0x80)
			n--;
	out[n] = '\0';
}

static int fail(struct pg_fail *f, enum pg_cause cause, const char *text)
{
	*f = (struct pg_fail){ .cause = cause };
	one_line(f->text, sizeof f->text, text);
	return -1;
}

static bool is_sqlstate(const char *s)
{
	for (int i = 0; i < 5; i++)
		if (!((s[i] >= '0' && s[i] <= '9') ||
		      (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return s[5] == ':';
}

/*
 * libpq has no fields for an error during login, only the text.  With
 * PQERRORS_VERBOSE it is
 *   connection to server at "H" (A), port P failed: FATAL:  28P01: words
 *   LOCATION:  auth_failed, auth.c:338
 * (fe-protocol3.c, pqBuildErrorMessage3).  The words may hold the role's name
 * with anything in it, so the SQLSTATE is taken where the first such prefix
 * ends and the location from the last line only.
 */
static void parse_login(const char *msg, struct pg_fail *f)
{
	const char *at = strstr(msg, " failed: ");
	const char *sev = at ? at + 9 : msg;
	const char *code = strstr(sev, ":  ");
	const char *nl = strchr(sev, '\n');
	fail(f, PG_UNREACHABLE, msg);
	if (!code || (nl && nl < code) || !is_sqlstate(code + 3))
		return;
	fail(f, PG_SAID, code + 10);
	memcpy(f->sqlstate, code + 3, 5);
	const char *loc = NULL, *next = msg;
	while ((next = strstr(next, "\nLOCATION:  ")))
		loc = ++next;
	if (!loc || (strchr(loc, '\n') && strchr(loc, '\n')[1]))
		return;
	loc += strlen("LOCATION:  ");
	size_t n = strcspn(loc, ",\n");
	if (n < sizeof f->routine)
		memcpy(f->routine, loc, n);
}

static int fail_result(const PGconn *conn, const PGresult *res,
		       struct pg_fail *f)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *fn = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
	if (PQstatus(conn) == CONNECTION_BAD || !state)
		return fail(f, PG_LOST, text ? text : PQerrorMessage(conn));
	fail(f, PG_SAID, text ? text : "no words given");
	snprintf(f->sqlstate, sizeof f->sqlstate, "%s", state);
	snprintf(f->routine, sizeof f->routine, "%s", fn ? fn : "");
	return -1;
}

/* ---- login ---------------------------------------------------------- */

/* Wait for the socket; false at the deadline. */
static bool wait_for(const PGconn *conn, short events, int64_t until)
{
	for (;;) {
		int64_t left = until - clock_mono_ms();
		if (left <= 0)
			return false;
		struct pollfd p = { .fd = PQsocket(conn), .events = events };
		int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0 || (n < 0 && errno != EINTR))
			return true; /* libpq sees the error itself */
	}
}

static int login_loop(PGconn *conn, int64_t until, struct pg_fail *f)
{
	if (PQstatus(conn) == CONNECTION_BAD)
		return fail(f, PG_UNREACHABLE, PQerrorMessage(conn));
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	while (want != PGRES_POLLING_OK) {
		short ev = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (!wait_for(conn, ev, until))
			return fail(f, PG_UNREACHABLE, "no answer in time");
		want = PQconnectPoll(conn);
		if (want != PGRES_POLLING_FAILED)
			continue;
		parse_login(PQerrorMessage(conn), f);
		if (f->cause == PG_UNREACHABLE &&
		    PQconnectionNeedsPassword(conn))
			f->cause = PG_WANTS_SECRET;
		return -1;
	}
	return 0;
}

struct login {
	const struct pg_target *t;
	const char *user;
	PGconn *conn;
	const char *why; /* on -1 */
};

static int login_start(const unsigned char *p, size_t n, void *arg)
{
	struct login *l = arg;
	const struct pg_target *t = l->t;
	char *password = NULL; /* the parameter is a C string */
	l->why = "out of memory";
	if (p && memchr(p, '\0', n)) {
		l->why = "the password holds a NUL byte";
		return -1;
	}
	if (p && n) {
		password = mem_alloc(n + 1);
		if (!password)
			return -1;
		memcpy(password, p, n);
		password[n] = '\0';
	}
	const char *ca = t->sslrootcert ? t->sslrootcert : NO_FILE;
	const struct {
		const char *key, *value;
	} all[] = {
		{ "host", t->host }, { "hostaddr", t->hostaddr },
		{ "port", t->port }, { "dbname", t->dbname },
		{ "user", l->user }, { "password", password },
		{ "sslmode", t->sslmode }, { "sslrootcert", ca },
		{ "application_name", t->application },
		{ "options", t->options ? t->options : "" },
		{ "client_encoding", "UTF8" },
		{ "passfile", "/dev/null" }, { "sslcert", NO_FILE },
		{ "sslkey", NO_FILE }, { "sslcrl", NO_FILE },
		{ "gssencmode", "disable" }, { "krbsrvname", "postgres" },
		{ "target_session_attrs", "any" },
	};
	const char *keys[sizeof all / sizeof *all + 1] = { NULL };
	const char *values[sizeof all / sizeof *all + 1] = { NULL };
	size_t used = 0;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value) {
			keys[used] = all[i].key;
			values[used++] = all[i].value;
		}
	l->conn = PQconnectStartParams(keys, values, 0);
	mem_free(password);
	return l->conn ? 0 : -1;
}

int pg_connect(const struct pg_target *t, const char *user,
	       const struct secret *password, struct pg **out,
	       struct pg_fail *f)
{
	struct login l = { .t = t, .user = user };
	int64_t until = clock_mono_ms() + t->connect_ms;
	struct pg *pg = mem_zalloc(sizeof *pg);
	int rc = -1;
	*out = NULL;
	*f = (struct pg_fail){ .cause = PG_FINE };
	if (!pg || (password ? secret_reveal(password, login_start, &l)
			     : login_start(NULL, 0, &l))) {
		fail(f, PG_OURS, l.why ? l.why : "out of memory");
		goto out;
	}
	if (login_loop(l.conn, until, f) || PQsetnonblocking(l.conn, 1)) {
		if (f->cause == PG_FINE)
			fail(f, PG_UNREACHABLE, PQerrorMessage(l.conn));
		goto out;
	}
	const char *addr = PQhostaddr(l.conn);
	if (t->host[0] != '/' && addr)
		snprintf(pg->hostaddr, sizeof pg->hostaddr, "%s", addr);
	pg->conn = l.conn;
	l.conn = NULL;
	*out = pg;
	pg = NULL;
	rc = 0;
out:
	PQfinish(l.conn);
	mem_free(pg);
	return rc;
}

void pg_close(struct pg **pg)
{
	if (!*pg)
		return;
	PQfinish((*pg)->conn);
	mem_free(*pg);
	*pg = NULL;
}

bool pg_usable(const struct pg *pg)
{
	return pg && pg->conn && PQstatus(pg->conn) == CONNECTION_OK;
}

bool pg_used_password(const struct pg *pg)
{
	return PQconnectionUsedPassword(pg->conn) == 1;
}

int pg_version(const struct pg *pg)
{
	return PQserverVersion(pg->conn);
}

const char *pg_hostaddr(const struct pg *pg)
{
	return pg->hostaddr;
}

/* ---- statements ----------------------------------------------------- */

/* After this every call answers PG_LOST until the owner connects again. */
static int drop(struct pg *pg, struct pg_fail *f, enum pg_cause cause,
		const char *text)
{
	fail(f, cause, text);
	PQfinish(pg->conn);
	pg->conn = NULL;
	return -1;
}

/* Push the statement out and wait until a result can be fetched. */
static int await(struct pg *pg, int64_t until, struct pg_fail *f)
{
	int left;
	while ((left = PQflush(pg->conn)) == 1) {
		if (!wait_for(pg->conn, POLLOUT | POLLIN, until))
			return drop(pg, f, PG_TIMEOUT, "no answer in time");
		if (!PQconsumeInput(pg->conn))
			return drop(pg, f, PG_LOST, PQerrorMessage(pg->conn));
	}
	if (left < 0)
		return drop(pg, f, PG_LOST, PQerrorMessage(pg->conn));
	while (PQisBusy(pg->conn)) {
		if (!wait_for(pg->conn, POLLIN, until))
			return drop(pg, f, PG_TIMEOUT, "no answer in time");
		if (!PQconsumeInput(pg->conn))
			return drop(pg, f, PG_LOST, PQerrorMessage(pg->conn));
	}
	return 0;
}

static int send_query(struct pg *pg, const char *sql, int n,
		      const char *const *params, struct pg_fail *f)
{
	*f = (struct pg_fail){ .cause = PG_FINE };
	if (!pg_usable(pg))
		return fail(f, PG_LOST, "the connection is closed");
	if (!PQsendQueryParams(pg->conn, sql, n, NULL, params, NULL, NULL, 0))
		return drop(pg, f, PG_LOST, PQerrorMessage(pg->conn));
	return 0;
}

/* Read every result of the statement; keeps the last one with rows in *out, or
 * lends each to fn. */
static int collect(struct pg *pg, int64_t until, struct pg_rows **out,
		   pg_row_fn fn, void *arg, struct pg_fail *f)
{
	int rc = 0;
	for (;;) {
		if (await(pg, until, f))
			return -1;
		struct pg_rows r = { .res = PQgetResult(pg->conn) };
		if (!r.res)
			break;
		ExecStatusType st = PQresultStatus(r.res);
		if (st == PGRES_SINGLE_TUPLE && fn && fn(&r, arg)) {
			PQclear(r.res);
			return drop(pg, f, PG_OURS, "stopped");
		}
		if (st != PGRES_SINGLE_TUPLE && st != PGRES_TUPLES_OK &&
		    st != PGRES_COMMAND_OK)
			rc = fail_result(pg->conn, r.res, f);
		if (out && !*out && rc == 0) {
			*out = mem_alloc(sizeof **out);
			if (*out) {
				**out = r;
				continue;
			}
			rc = fail(f, PG_OURS, "out of memory");
		}
		PQclear(r.res);
	}
	return rc;
}

int pg_run(struct pg *pg, int64_t timeout_ms, const char *sql, int n,
	   const char *const *params, struct pg_rows **out, struct pg_fail *f)
{
	int64_t until = clock_mono_ms() + timeout_ms;
	if (out)
		*out = NULL;
	if (send_query(pg, sql, n, params, f))
		return -1;
	int rc = collect(pg, until, out, NULL, NULL, f);
	if (rc && out)
		pg_rows_free(out);
	return rc;
}

int pg_each(struct pg *pg, int64_t timeout_ms, const char *sql, int n,
	    const char *const *params, pg_row_fn fn, void *arg,
	    struct pg_fail *f)
{
	int64_t until = clock_mono_ms() + timeout_ms;
	if (send_query(pg, sql, n, params, f))
		return -1;
	PQsetSingleRowMode(pg->conn);
	return collect(pg, until, NULL, fn, arg, f);
}

int pg_count(const struct pg_rows *r)
{
	return PQntuples(r->res);
}

const char *pg_cell(const struct pg_rows *r, int row, int col)
{
	if (row >= PQntuples(r->res) || PQgetisnull(r->res, row, col))
		return NULL;
	return PQgetvalue(r->res, row, col);
}

bool pg_yes(const struct pg_rows *r, int row, int col)
{
	const char *v = pg_cell(r, row, col);
	return v && v[0] == 't';
}

void pg_rows_free(struct pg_rows **r)
{
	if (!*r)
		return;
	PQclear((*r)->res);
	mem_free(*r);
	*r = NULL;
}

/* ---- quoting -------------------------------------------------------- */

static int take(struct buf *sql, char *quoted, struct err *e)
{
	if (!quoted)
		return err_fail(e, ERR_FORMAT, NULL,
				"libpq cannot quote the text");
	int rc = buf_puts(sql, quoted, e);
	mem_wipe(quoted, strlen(quoted));
	PQfreemem(quoted);
	return rc;
}

int pg_ident(struct pg *pg, struct buf *sql, const char *name, struct err *e)
{
	return take(sql, PQescapeIdentifier(pg->conn, name, strlen(name)), e);
}

int pg_literal(struct pg *pg, struct buf *sql, const char *text,
	       struct err *e)
{
	return take(sql, PQescapeLiteral(pg->conn, text, strlen(text)), e);
}

struct scram {
	struct pg *pg;
	const char *user;
	char *verifier; /* PQfreemem */
};

static int scram_fn(const unsigned char *p, size_t n, void *arg)
{
	struct scram *s = arg;
	char *text = mem_alloc(n + 1);
	if (!text)
		return -1;
	memcpy(text, p, n);
	text[n] = '\0';
	if (n && strlen(text) == n)
		s->verifier = PQencryptPasswordConn(s->pg->conn, text, s->user,
						    "scram-sha-256");
	mem_free(text);
	return s->verifier ? 0 : -1;
}

int pg_verifier(struct pg *pg, struct buf *sql, const char *user,
		const struct secret *password, struct err *e)
{
	struct scram s = { .pg = pg, .user = user };
	if (secret_reveal(password, scram_fn, &s))
		return err_fail(e, ERR_FORMAT, NULL,
				"the password is empty, holds a NUL byte, or "
				"memory is short");
	int rc = pg_literal(pg, sql, s.verifier, e);
	mem_wipe(s.verifier, strlen(s.verifier));
	PQfreemem(s.verifier);
	return rc;
}
