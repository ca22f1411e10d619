/*
 * session: options, the admin login and what errors mean.
 *
 * Owns the careful defaults of the connection and the one translation from a
 * failed statement to an answer.  Must never answer `ok` or `absent` for
 * something the server has not said.
 */
#include "providers/postgres/postgres.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* No name is looked up outside pg_catalog, so that nobody's function, operator
 * or table stands in for the server's own; no statement and no lock waits
 * longer than the core does. */
#define ADMIN_OPTIONS \
	"-c search_path=pg_catalog -c statement_timeout=20000 " \
	"-c lock_timeout=2000 -c idle_in_transaction_session_timeout=60000 " \
	"-c default_transaction_read_only=off -c DateStyle=ISO " \
	"-c standard_conforming_strings=on"

static int check_tls(struct pg_target *t, const struct kit_connection *c,
		     struct err *e)
{
	static const char *const known[] = { "disable", "require", "verify-ca",
					     "verify-full" };
	bool verify = strncmp(t->sslmode, "verify", 6) == 0;
	bool ok = false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ok = ok || strcmp(t->sslmode, known[i]) == 0;
	if (!ok) {
		err_fail(e, ERR_CONFIG, t->sslmode,
			 "not a value of the option sslmode");
		err_hint(e, "'allow' and 'prefer' fall back to clear text "
			    "without a word; say disable, require, verify-ca "
			    "or verify-full");
		return -1;
	}
	/* With a CA named, libpq turns `require` into verify-ca: only when
	 * the operator named one. */
	t->sslrootcert = kit_option(c, "sslrootcert", verify ? KIT_SYSTEM_CA : NULL);
	return 0;
}

int pgp_target(const struct kit_connection *c, struct pg_target *t,
	       struct err *e)
{
	int64_t port, seconds;
	*t = (struct pg_target){ .application = "curfew",
				 .options = ADMIN_OPTIONS };
	t->host = kit_option(c, "host", "localhost");
	t->port = kit_option(c, "port", "5432");
	t->dbname = kit_option(c, "dbname", "postgres");
	t->sslmode = kit_option(c, "sslmode",
			    kit_this_machine(t->host) ? "disable" : "verify-full");
	if (strchr(t->host, ',') || t->host[0] == '@')
		return err_fail(e, ERR_CONFIG, t->host,
				"the option host takes one name, address or "
				"socket folder");
	if (kit_number(c, "port", "5432", 1, 65535, &port, e) ||
	    kit_number(c, "connect_timeout", "10", 1, 25, &seconds, e))
		return -1;
	t->connect_ms = seconds * 1000;
	if (strlen(kit_option(c, "user", "postgres")) >= PG_NAME)
		return err_fail(e, ERR_CONFIG, NULL,
				"the option user is longer than a role name");
	return check_tls(t, c, e);
}

/* What the admin role may do, asked once a login. */
static int learn(struct pgp_session *s, struct pg_fail *f)
{
	struct pg_rows *rows = NULL;
	if (pg_run(s->pg, PGP_STATEMENT_MS,
		   "SELECT r.rolsuper, r.rolcreaterole,"
		   " has_table_privilege('pg_catalog.pg_authid', 'SELECT'),"
		   " pg_is_in_recovery(), r.rolname"
		   " FROM pg_roles r WHERE r.rolname = session_user",
		   0, NULL, &rows, f))
		return -1;
	const char *name = pg_cell(rows, 0, 4);
	s->super = pg_yes(rows, 0, 0);
	s->createrole = s->super || pg_yes(rows, 0, 1);
	s->reads_verifiers = pg_yes(rows, 0, 2);
	s->standby = pg_yes(rows, 0, 3);
	snprintf(s->user, sizeof s->user, "%s", name ? name : "");
	pg_rows_free(&rows);
	return 0;
}

static int on_oid(const struct pg_rows *row, void *arg)
{
	(void)arg;
	return kit_first_add(pg_cell(row, 0, 0));
}

struct first {
	struct pg *pg;
	struct pg_fail *f;
};

static int first_roles(void *arg)
{
	struct first *k = arg;
	return pg_each(k->pg, PGP_STATEMENT_MS, "SELECT oid FROM pg_roles", 0,
		       NULL, on_oid, NULL, k->f);
}

static int login(struct pgp_session *s, const struct kit_connection *c,
		 struct pg_fail *f, struct err *e)
{
	struct pg_target t;
	*f = (struct pg_fail){ .cause = PG_OURS };
	if (pgp_target(c, &t, e))
		return -1;
	pg_close(&s->pg);
	if (pg_connect(&t, kit_option(c, "user", "postgres"), c->secret, &s->pg, f))
		return -1;
	snprintf(s->hostaddr, sizeof s->hostaddr, "%s", pg_hostaddr(s->pg));
	struct first first = { .pg = s->pg, .f = f };
	return learn(s, f) || kit_first(first_roles, &first) ? -1 : 0;
}

static void tell_login(const struct pg_fail *f, const struct err *e,
		       struct kit_reply *r)
{
	char line[300];
	switch (f->cause) {
	case PG_OURS:
		err_format(e, line, sizeof line);
		kit_say(r, KIT_RETRY, "cannot log in: %s",
			f->text[0] ? f->text : line);
		break;
	case PG_SAID:
		/* 28xxx: the service said no to curfew itself.  Everything
		 * else (starting up, too many clients) passes. */
		kit_say(r, strncmp(f->sqlstate, "28", 2) ? KIT_RETRY : KIT_REFUSED,
			"the server does not let curfew's admin role in: %s "
			"(%s)", f->text, f->sqlstate);
		break;
	case PG_WANTS_SECRET:
		kit_say(r, KIT_REFUSED, "the server asks for the admin role's "
			"password and none was given");
		break;
	default:
		kit_say(r, KIT_RETRY, "cannot reach the server: %s", f->text);
	}
}

bool pgp_ready(struct pgp_session *s, const struct kit_connection *c,
	       struct kit_reply *r)
{
	struct pg_fail f;
	struct err e = ERR_INIT;
	if (pg_usable(s->pg))
		return true;
	if (login(s, c, &f, &e) == 0)
		return true;
	pg_close(&s->pg);
	tell_login(&f, &e, r);
	return false;
}

bool pgp_ready_to_write(struct pgp_session *s, const struct kit_connection *c,
			struct kit_reply *r)
{
	if (!pgp_ready(s, c, r))
		return false;
	if (!s->standby)
		return true;
	/* It may have been promoted since: look again next time. */
	pg_close(&s->pg);
	kit_say(r, KIT_REFUSED,
		"the server is a read-only replica (hot standby): roles can "
		"be changed on the primary only; point the connection there");
	return false;
}

/* Hello's own session logs in at once, so that a wrong option or password is
 * told there.  The other workers log in at their first request: a server that
 * is away is then an answer of the verb, which a probe tells as unknown. */
int pgp_open(const struct kit_connection *c, void **session, struct err *e)
{
	static atomic_bool proved;
	struct pgp_session *s = mem_zalloc(sizeof *s);
	struct kit_reply r = { .status = KIT_OK };
	struct pg_target t;
	*session = NULL;
	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (pgp_target(c, &t, e)) {
		mem_free(s);
		return -1;
	}
	if (!atomic_load(&proved) && !pgp_ready_to_write(s, c, &r)) {
		err_fail(e, r.status == KIT_REFUSED ? ERR_PROVIDER : ERR_IO,
			 NULL, "%s", r.text);
		pgp_close(s);
		return -1;
	}
	atomic_store(&proved, true);
	*session = s;
	return 0;
}

void pgp_close(void *session)
{
	struct pgp_session *s = session;
	if (!s)
		return;
	pg_close(&s->pg);
	mem_free(s);
}

/* Nothing was done and nothing stands in the way for long. */
static bool passes(const struct pg_fail *f)
{
	static const char *const states[] = {
		"40001", "40P01", /* serialization, deadlock */
		"55P03", "57014", /* lock timeout, statement timeout */
		"57P03", "55006", /* starting up, object in use */
	};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(f->sqlstate, states[i]) == 0)
			return true;
	/* Two ALTER ROLEs of one role at once: "tuple concurrently updated"
	 * comes as an internal error. */
	return strncmp(f->sqlstate, "53", 2) == 0 ||
	       (strcmp(f->sqlstate, "XX000") == 0 &&
		strncmp(f->routine, "simple_heap_", 12) == 0);
}

void pgp_reply_fail(const struct pg_fail *f, bool writes, const char *doing,
		    struct kit_reply *r)
{
	switch (f->cause) {
	case PG_SAID:
		if (strcmp(f->sqlstate, "25006") == 0)
			kit_say(r, KIT_REFUSED, "cannot %s: the server is a "
				"read-only replica: %s", doing, f->text);
		else
			kit_say(r, passes(f) ? KIT_RETRY : KIT_REFUSED,
				"cannot %s: %s (%s)", doing, f->text,
				f->sqlstate);
		if (r->status == KIT_RETRY)
			r->after_ms = 500;
		break;
	case PG_LOST:
	case PG_TIMEOUT:
		/* A statement that only reads can be asked again. */
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY,
			"cannot %s: %s: %s", doing,
			f->cause == PG_LOST ? "the connection broke"
					    : "the server fell silent",
			f->text);
		break;
	default:
		kit_say(r, KIT_RETRY, "cannot %s: %s", doing, f->text);
	}
}
