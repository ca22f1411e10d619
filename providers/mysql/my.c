/*
 * my: connections and statements over libmariadb (my.h).
 *
 * Must never let the environment or a file choose anything, give a password
 * away in clear text, or leave one behind in the library's memory.
 */
#include "providers/mysql/my.h"

#include <arpa/inet.h>
#include <errmsg.h>
#include <mysql.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "providers/kit/common.h"

#define ANSWER_S 25

struct my {
	MYSQL *conn;
	char own[24];
	char address[64];
};

struct my_rows {
	MYSQL_RES *res;
	MYSQL_ROW row;
	unsigned cols;
};

static int fail(struct my_fail *f, enum my_cause cause, unsigned code, const char *text)
{
	size_t n = 0;

	*f = (struct my_fail){ .cause = cause, .code = code };
	for (; n + 1 < sizeof f->text && text[n] && text[n] != '\n'; n++) {
		unsigned char c = (unsigned char)text[n];

		f->text[n] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	return -1;
}

void my_start(void)
{
	(void)mysql_server_init(0, NULL, NULL);
}

/* ---- login -------------------------------------------------------------------- */

static bool set_options(MYSQL *conn, const struct my_place *p)
{
	unsigned local = 0, s = ANSWER_S;
	unsigned protocol = p->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	my_bool yes = 1, no = 0;
	const char *methods = "mysql_native_password,client_ed25519,"
			      "caching_sha2_password,sha256_password";

	return !mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &p->connect_s) &&
	       !mysql_options(conn, MYSQL_OPT_READ_TIMEOUT, &s) &&
	       !mysql_options(conn, MYSQL_OPT_WRITE_TIMEOUT, &s) &&
	       !mysql_options(conn, MYSQL_OPT_LOCAL_INFILE, &local) &&
	       !mysql_options(conn, MYSQL_OPT_PROTOCOL, &protocol) &&
	       !mysql_options(conn, MYSQL_OPT_RECONNECT, &no) &&
	       !mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4") &&
	       !mysql_options(conn, MARIADB_OPT_RESTRICTED_AUTH, methods) &&
	       (!p->cafile ||
		(!mysql_options(conn, MYSQL_OPT_SSL_ENFORCE, &yes) &&
		 !mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes) &&
		 !mysql_options(conn, MYSQL_OPT_SSL_CA, p->cafile)));
}

struct login {
	const struct my_place *p;
	const char *user;
	MYSQL *conn;
	const char *why;
	bool in;
};

static int login_fn(const unsigned char *p, size_t n, void *arg)
{
	struct login *l = arg;
	char *password = mem_alloc(n + 1);

	l->why = "out of memory";
	if (!password)
		return -1;
	if (n)
		memcpy(password, p, n);
	password[n] = '\0';
	l->why = strlen(password) == n ? NULL : "the password holds a NUL byte";
	if (!l->why)
		l->in = mysql_real_connect(l->conn, l->p->socket ? "localhost" : l->p->host,
			l->user, password, NULL, l->p->port, l->p->socket, 0) != NULL;
	/* the library keeps a copy for a reconnect that never comes */
	if (l->conn->passwd)
		mem_wipe(l->conn->passwd, strlen(l->conn->passwd));
	mem_free(password);
	return l->why ? -1 : 0;
}

static void peer_address(struct my *my)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof a;
	const void *at = NULL;

	if (getpeername((int)mysql_get_socket(my->conn), (struct sockaddr *)&a, &n))
		return;
	if (a.ss_family == AF_INET)
		at = &((struct sockaddr_in *)&a)->sin_addr;
	else if (a.ss_family == AF_INET6)
		at = &((struct sockaddr_in6 *)&a)->sin6_addr;
	if (!at || !inet_ntop(a.ss_family, at, my->address, sizeof my->address))
		my->address[0] = '\0';
}

/* Codes from 2000 on are the library's: it did not get that far. */
static int fail_login(MYSQL *conn, struct my_fail *f)
{
	unsigned code = mysql_errno(conn);
	bool ours = code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;

	return fail(f, ours || code >= 5000 || !code ? MY_UNREACHABLE : MY_SAID, code,
		    mysql_error(conn));
}

int my_open(const struct my_place *p, const char *user,
	    const struct secret *password, struct my **out, struct my_fail *f)
{
	struct login l = { .p = p, .user = user };
	struct my *my = mem_zalloc(sizeof *my);
	bool coming = false;
	int rc = -1;

	*out = NULL;
	*f = (struct my_fail){ .cause = MY_FINE };
	l.conn = mysql_init(NULL);
	if (!my || !l.conn || !set_options(l.conn, p)) {
		fail(f, MY_OURS, 0, "out of memory");
		goto out;
	}
	kit_own_coming();
	coming = true;
	if (password ? secret_reveal(password, login_fn, &l) : login_fn(NULL, 0, &l)) {
		fail(f, MY_OURS, 0, l.why);
		goto out;
	}
	if (!l.in) {
		fail_login(l.conn, f);
		goto out;
	}
	my->conn = l.conn;
	l.conn = NULL;
	if (!p->socket)
		peer_address(my);
	snprintf(my->own, sizeof my->own, "%lu", mysql_thread_id(my->conn));
	kit_own_note(my->own);
	*out = my;
	my = NULL;
	rc = 0;
out:
	if (coming)
		kit_own_done();
	if (l.conn)
		mysql_close(l.conn);
	mem_free(my);
	return rc;
}

void my_close(struct my **my)
{
	if (!*my)
		return;
	if ((*my)->conn)
		mysql_close((*my)->conn);
	kit_own_drop((*my)->own);
	mem_free(*my);
	*my = NULL;
}

bool my_usable(const struct my *my)
{
	return my && my->conn;
}

bool my_idle(const struct my *my)
{
	if (!my_usable(my))
		return false;
	struct pollfd p = { .fd = (int)mysql_get_socket(my->conn), .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

bool my_is_mariadb(const struct my *my)
{
	const char *s = mysql_get_server_info(my->conn);

	return s && strstr(s, "MariaDB");
}

unsigned long my_version(const struct my *my)
{
	return mysql_get_server_version(my->conn);
}

const char *my_address(const struct my *my)
{
	return my->address;
}

/* ---- statements ------------------------------------------------------------------ */

static int fail_run(struct my *my, struct my_fail *f)
{
	unsigned code = mysql_errno(my->conn);
	bool lost = (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) || code >= 5000;

	/* 1053 shutdown in progress, 1927 connection was killed */
	lost = lost || code == 1053 || code == 1927;
	fail(f, lost ? MY_LOST : MY_SAID, code, mysql_error(my->conn));
	if (lost) {
		mysql_close(my->conn);
		my->conn = NULL;
	}
	return -1;
}

int my_run(struct my *my, const char *sql, struct my_rows **out, struct my_fail *f)
{
	*f = (struct my_fail){ .cause = MY_FINE };
	if (out)
		*out = NULL;
	if (!my_usable(my))
		return fail(f, MY_LOST, 0, "the connection is closed");
	if (mysql_real_query(my->conn, sql, strlen(sql)))
		return fail_run(my, f);
	struct my_rows r = { .res = mysql_store_result(my->conn) };

	if (!r.res && mysql_errno(my->conn))
		return fail_run(my, f);
	r.cols = r.res ? mysql_num_fields(r.res) : 0;
	if (out)
		*out = mem_alloc(sizeof r);
	if (out && *out) {
		**out = r;
		return 0;
	}
	if (r.res)
		mysql_free_result(r.res);
	return out ? fail(f, MY_OURS, 0, "out of memory") : 0;
}

bool my_next(struct my_rows *r)
{
	r->row = r->res ? mysql_fetch_row(r->res) : NULL;
	return r->row != NULL;
}

const char *my_cell(const struct my_rows *r, unsigned col)
{
	return r->row && col < r->cols ? r->row[col] : NULL;
}

void my_rows_free(struct my_rows **r)
{
	if (*r && (*r)->res)
		mysql_free_result((*r)->res);
	mem_free(*r);
	*r = NULL;
}

int my_literal(struct my *my, struct buf *sql, const char *text, struct err *e)
{
	size_t n = strlen(text), cap;
	char *quoted;
	int rc = -1;

	if (!mem_mul(n, 2, &cap) || !mem_add(cap, 1, &cap) || !(quoted = mem_alloc(cap)))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mysql_real_escape_string(my->conn, quoted, text, (unsigned long)n);
	if (buf_puts(sql, "'", e) == 0 && buf_puts(sql, quoted, e) == 0 &&
	    buf_puts(sql, "'", e) == 0)
		rc = 0;
	mem_free(quoted);
	return rc;
}

int my_ident(struct buf *sql, const char *name, struct err *e)
{
	if (buf_puts(sql, "`", e))
		return -1;
	for (; *name; name++)
		if (buf_add(sql, *name == '`' ? "``" : name, *name == '`' ? 2 : 1, e))
			return -1;
	return buf_puts(sql, "`", e);
}
