/*
 * session: options, the admin login, what the server is and what errors mean.
 *
 * Must never answer `ok` or `absent` for something the server has not said.
 */
#include "providers/mysql/mysql.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int myp_place(const struct kit_connection *c, struct my_place *p, struct err *e)
{
	const char *host = kit_option(c, "host", "localhost");
	struct kit_tls tls;
	int64_t port, seconds;

	*p = (struct my_place){ .host = host };
	p->socket = kit_option(c, "socket", NULL);
	if (!kit_host(host))
		return err_fail(e, ERR_CONFIG, host,
				"the option host takes one name or address");
	if (p->socket && p->socket[0] != '/')
		return err_fail(e, ERR_CONFIG, p->socket,
				"the option socket is a path that begins with /");
	if (kit_number(c, "port", "3306", 1, 65535, &port, e) ||
	    kit_number(c, "connect_timeout", "10", 1, 25, &seconds, e) ||
	    kit_tls(c, p->socket ? p->socket : host, &tls, e))
		return -1;
	p->port = (unsigned)port;
	p->connect_s = (unsigned)seconds;
	p->cafile = tls.on ? tls.cafile : NULL;
	return 0;
}

/* Words with a meaning of their own in SQL modes, and waits, are the session's. */
static int set_session(struct myp_session *s, struct my_fail *f)
{
	if (my_run(s->my, "SET SESSION sql_mode = '', lock_wait_timeout = 15", NULL, f))
		return -1;
	return s->mariadb ? my_run(s->my, "SET SESSION max_statement_time = 20", NULL, f) : 0;
}

static int first_accounts(void *arg)
{
	struct myp_session *s = arg;
	struct my_rows *rows = NULL;
	char sql[300], name[MYP_NAME];
	struct my_fail f;
	int rc = 0;

	snprintf(sql, sizeof sql, "SELECT User, Host FROM %s", myp_table(s));
	if (my_run(s->my, sql, &rows, &f))
		return -1;
	while (!rc && my_next(rows)) {
		snprintf(name, sizeof name, "%s@%s", my_cell(rows, 0), my_cell(rows, 1));
		rc = kit_first_add(name);
	}
	my_rows_free(&rows);
	return rc;
}

static int learn(struct myp_session *s, struct my_fail *f)
{
	struct my_rows *rows = NULL;
	const char *at;

	s->mariadb = my_is_mariadb(s->my);
	if (s->mariadb ? my_version(s->my) < 100402 : my_version(s->my) < 80000) {
		*f = (struct my_fail){ .cause = MY_SAID };
		snprintf(f->text, sizeof f->text, "this server cannot lock an account: "
			 "MariaDB from 10.4.2 and MySQL from 8.0 on can");
		return -1;
	}
	if (set_session(s, f) ||
	    my_run(s->my, "SELECT CURRENT_USER(), USER(), @@global.read_only", &rows, f))
		return -1;
	if (my_next(rows)) {
		snprintf(s->self, sizeof s->self, "%s", my_cell(rows, 0));
		at = strrchr(my_cell(rows, 1), '@');
		snprintf(s->from, sizeof s->from, "%s", at ? at + 1 : "");
		at = my_cell(rows, 2);
		s->read_only = at && *at != '0' && strcmp(at, "OFF") != 0;
	}
	my_rows_free(&rows);
	/* not being told the first accounts only costs their `created` */
	(void)kit_first(first_accounts, s);
	*f = (struct my_fail){ .cause = MY_FINE };
	return 0;
}

static int login(struct myp_session *s, const struct kit_connection *c,
		 struct my_fail *f, struct err *e)
{
	struct my_place p;

	*f = (struct my_fail){ .cause = MY_OURS };
	if (myp_place(c, &p, e))
		return -1;
	my_close(&s->my);
	if (my_open(&p, kit_option(c, "user", "root"), c->secret, &s->my, f))
		return -1;
	snprintf(s->address, sizeof s->address, "%s", my_address(s->my));
	return learn(s, f);
}

/* Nothing was done and nothing stands in the way for long: too many
 * connections, out of resources, host blocked for a while, lock waits, a
 * statement that was stopped. */
static bool passes(unsigned code)
{
	static const unsigned codes[] = { 1040, 1041, 1129, 1203, 1226, 1205, 1213,
		1317, 1969, 3024, 1053, 1152, 1158, 1159, 1160, 1161 };

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (code == codes[i])
			return true;
	return false;
}

static void tell_login(const struct my_fail *f, const struct err *e,
		       struct kit_reply *r)
{
	char line[300];

	switch (f->cause) {
	case MY_OURS:
		err_format(e, line, sizeof line);
		kit_say(r, KIT_RETRY, "cannot log in: %s", f->text[0] ? f->text : line);
		break;
	case MY_SAID:
		kit_say(r, passes(f->code) ? KIT_RETRY : KIT_REFUSED,
			"the server does not let curfew's admin account in: %s (%u)",
			f->text, f->code);
		break;
	default:
		kit_say(r, KIT_RETRY, "cannot reach the server: %s (%u)", f->text, f->code);
	}
}

bool myp_ready(struct myp_session *s, const struct kit_connection *c,
	       struct kit_reply *r)
{
	struct my_fail f;
	struct err e = ERR_INIT;

	if (my_idle(s->my) || login(s, c, &f, &e) == 0)
		return true;
	my_close(&s->my);
	tell_login(&f, &e, r);
	return false;
}

bool myp_ready_to_write(struct myp_session *s, const struct kit_connection *c,
			struct kit_reply *r)
{
	if (!myp_ready(s, c, r))
		return false;
	if (!s->read_only)
		return true;
	/* It may have been promoted since: look again next time. */
	my_close(&s->my);
	kit_say(r, KIT_REFUSED, "the server is read-only (a replica): accounts are "
		"changed on the primary, which passes it on; point the connection there");
	return false;
}

/* Hello's own session logs in at once, so that a wrong option or password is
 * told there; the other workers at their first request. */
int myp_open(const struct kit_connection *c, void **session, struct err *e)
{
	static atomic_bool proved;
	struct myp_session *s = mem_zalloc(sizeof *s);
	struct kit_reply r = { .status = KIT_OK };
	struct my_place p;

	*session = NULL;
	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (myp_place(c, &p, e)) {
		mem_free(s);
		return -1;
	}
	if (!atomic_load(&proved) && !myp_ready_to_write(s, c, &r)) {
		err_fail(e, r.status == KIT_REFUSED ? ERR_PROVIDER : ERR_IO, NULL,
			 "%s", r.text);
		myp_close(s);
		return -1;
	}
	atomic_store(&proved, true);
	*session = s;
	return 0;
}

void myp_close(void *session)
{
	struct myp_session *s = session;

	if (!s)
		return;
	my_close(&s->my);
	mem_free(s);
}

void myp_reply_fail(const struct my_fail *f, bool writes, const char *doing,
		    struct kit_reply *r)
{
	static const unsigned rights[] = { 1044, 1142, 1143, 1227, 1370 };
	bool right = false;

	for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
		right = right || f->code == rights[i];
	switch (f->cause) {
	case MY_SAID:
		kit_say(r, passes(f->code) ? KIT_RETRY : KIT_REFUSED, "cannot %s: %s (%u)%s",
			doing, f->text, f->code, right ? "; docs/providers/mysql.md has "
			"what the admin account needs" : "");
		if (r->status == KIT_RETRY)
			r->after_ms = 500;
		break;
	case MY_LOST:
		/* What only reads can be asked again. */
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY,
			"cannot %s: the connection broke: %s", doing, f->text);
		break;
	default:
		kit_say(r, KIT_RETRY, "cannot %s: %s", doing, f->text);
	}
}
