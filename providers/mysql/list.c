/*
 * list: accounts, their passwords and the connections there are.
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

struct listing {
	struct myp_session *s;
	struct kit_stream *out;
	const char *only; /* one account, or NULL */
	size_t accounts;
	struct err *e;
};

/*
 * After the columns of an account: may it make accounts (or write the tables
 * that hold them, or take the server over), its roles, and what an intruder
 * could come back through.  Roles count with all they bring (MariaDB only).
 */
#define POWER                                                                 \
	"('Y' IN (Create_user_priv, Super_priv, Insert_priv, Update_priv,"     \
	" Grant_priv))"
#define MARIADB_MORE                                                          \
	"WITH RECURSIVE power AS ("                                           \
	" SELECT User, Host FROM mysql.user WHERE " POWER                      \
	" UNION SELECT User, Host FROM mysql.db WHERE Db = 'mysql' AND"        \
	"  'Y' IN (Insert_priv, Update_priv)"                                 \
	" UNION SELECT m.User, m.Host FROM mysql.roles_mapping m"              \
	"  JOIN power p ON m.Role = p.User AND p.Host = '')"                  \
	" SELECT %s,"                                                         \
	" EXISTS (SELECT 1 FROM power p WHERE p.User = g.User AND p.Host = g.Host)," \
	" (SELECT GROUP_CONCAT(m.Role SEPARATOR ', ') FROM mysql.roles_mapping m" \
	"  WHERE m.User = g.User AND m.Host = g.Host),"                       \
	" (SELECT COUNT(*) FROM information_schema.EVENTS v"                   \
	"  WHERE v.DEFINER = CONCAT(g.User, '@', g.Host)),"                   \
	" (SELECT COUNT(*) FROM mysql.proc v"                                 \
	"  WHERE v.definer = CONCAT(g.User, '@', g.Host))"                    \
	" FROM mysql.global_priv g"
#define MYSQL_MORE "SELECT %s, " POWER ", NULL, 0, 0 FROM mysql.user g"

enum { L_POWER = 3, L_ROLES, L_EVENTS, L_ROUTINES };

static const char *state_of(const struct myp_account *a)
{
	return a->locked ? "disabled" : "active";
}

static int send_account(struct listing *l, const struct myp_account *a,
			const struct my_rows *row)
{
	struct json *item = kit_item_new("account", a->name, NULL, NULL);
	struct json *at = json_object();
	const char *power = my_cell(row, L_POWER), *n;
	bool ok = json_set_str(item, "state", state_of(a));
	char ways[400] = "";

	if (ok && strcmp(a->name, l->s->self) == 0)
		ok = json_set_bool(item, "self", true);
	if (ok && power && *power != '0')
		ok = json_set_bool(item, "makes_accounts", true);
	if (ok && kit_made_since(a->name))
		ok = kit_created_now(item);
	for (size_t i = 0; i < a->n; i++)
		snprintf(ways + strlen(ways), sizeof ways - strlen(ways), "%s%s",
			 i ? ", " : "", a->way[i].plugin);
	kit_attr(at, "logs_in_by", ways);
	kit_attr(at, "roles", my_cell(row, L_ROLES));
	n = my_cell(row, L_EVENTS);
	kit_attr(at, "events", n && strcmp(n, "0") != 0 ? n : NULL);
	n = my_cell(row, L_ROUTINES);
	kit_attr(at, "routines", n && strcmp(n, "0") != 0 ? n : NULL);
	if (a->ssl)
		kit_attr(at, "requires", a->ssl > 1 ? "client certificate" : "TLS");
	return kit_item_send(l->out, item, at, ok, l->e);
}

static int send_password(struct listing *l, const struct myp_account *a)
{
	struct json *item, *at;
	char day[CLOCK_TEXT];
	bool ok;

	if (!myp_has_password(a))
		return 0;
	item = kit_item_new("credential", a->name, "password", "password");
	at = json_object();
	ok = json_set_str(item, "state", state_of(a));
	if (ok && a->changed > 0)
		ok = json_set_str(item, "created", clock_text(a->changed * 1000, day));
	if (ok && strcmp(a->name, l->s->self) == 0)
		ok = json_set_bool(item, "self", true);
	if (myp_empty_password(a))
		kit_attr(at, "empty", "yes");
	return kit_item_send(l->out, item, at, ok, l->e);
}

/* -1: l->e is filled. */
static int accounts(struct listing *l, struct my_rows *rows)
{
	while (my_next(rows)) {
		struct myp_account a;

		if (!myp_account_of(rows, &a) || a.role ||
		    (l->only && strcmp(a.name, l->only) != 0))
			continue;
		l->accounts++;
		if (send_account(l, &a, rows) || send_password(l, &a))
			return -1;
	}
	return 0;
}

/* By the account that fits best, as in cut.c; "user@?" when none does. */
static int send_session(struct listing *l, const struct my_rows *row,
			const char *host)
{
	static const char *const keys[] = { "client_addr", "database", "command",
					    "seconds", "state" };
	const char *user = my_cell(row, 1);
	char name[MYP_NAME];
	struct json *item, *at;

	snprintf(name, sizeof name, "%.300s@%.260s", user, host);
	if (l->only && strcmp(name, l->only) != 0)
		return 0;
	item = kit_item_new("session", name, "session", my_cell(row, 0));
	at = json_object();
	for (unsigned i = 0; i < 5; i++)
		kit_attr(at, keys[i], my_cell(row, i + 2));
	return kit_item_send(l->out, item, at, true, l->e);
}

static int sessions(struct listing *l, struct kit_reply *r)
{
	struct my_rows *rows = NULL;
	struct my_fail f;
	int rc = 0;

	kit_own_looking();
	rc = my_run(l->s->my, "SELECT ID, USER, HOST, DB, COMMAND, TIME, STATE"
		    " FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"
		    " AND USER NOT IN ('system user', 'event_scheduler',"
		    " 'unauthenticated user')", &rows, &f);
	kit_own_done();
	if (rc) {
		myp_reply_fail(&f, false, "list the connections", r);
		return -2;
	}
	while (!rc && my_next(rows)) {
		struct kit_reply own = { .status = KIT_OK };

		if (kit_own(my_cell(rows, 0)))
			continue;
		const char *peer = my_cell(rows, 2), *colon = peer ? strrchr(peer, ':') : NULL;
		char from[300], host[260] = "?";

		snprintf(from, sizeof from, "%.*s", (int)(colon ? colon - peer :
			 peer ? (long)strlen(peer) : 0), peer ? peer : "");
		if (!myp_served_by(l->s, my_cell(rows, 1), from, host, &own) && !host[0])
			snprintf(host, sizeof host, "?");
		rc = send_session(l, rows, host);
	}
	my_rows_free(&rows);
	return rc;
}

int myp_list(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *out,
	     struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	struct listing l = { .s = s, .out = out, .e = e,
			     .only = q->account[0] ? q->account : NULL };
	struct my_rows *rows = NULL;
	struct my_fail f;
	char sql[2000];
	int rc;

	if (!myp_ready(s, c, r))
		return 0;
	if (s->mariadb)
		snprintf(sql, sizeof sql, MARIADB_MORE, myp_columns(s));
	else
		snprintf(sql, sizeof sql, MYSQL_MORE, myp_columns(s));
	if (my_run(s->my, sql, &rows, &f)) {
		myp_reply_fail(&f, false, "list the accounts", r);
		return 0;
	}
	rc = accounts(&l, rows);
	my_rows_free(&rows);
	if (!rc)
		rc = sessions(&l, r);
	if (rc)
		return rc == -1 ? -1 : 0;
	r->status = l.only && !l.accounts ? KIT_ABSENT : KIT_OK;
	return json_set_bool(kit_body(r), "complete", true) ? 0 :
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
}
