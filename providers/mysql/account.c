/*
 * account: what the server keeps of an account, and altering it.
 *
 * Owns the only place that builds ALTER USER.  Hashes go into it, never a
 * password.  MySQL's table tells the same under other names.
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <string.h>

const char *myp_table(const struct myp_session *s)
{
	return s->mariadb ? "mysql.global_priv" : "mysql.user";
}

const char *myp_columns(const struct myp_session *s)
{
	return s->mariadb ? "User, Host, Priv" :
		"User, Host, JSON_OBJECT('plugin', plugin, 'authentication_string',"
		" CONVERT(authentication_string USING utf8mb4),"
		" 'account_locked', account_locked = 'Y', 'ssl_type', CASE ssl_type"
		" WHEN '' THEN 0 WHEN 'ANY' THEN 1 ELSE 2 END,"
		" 'password_last_changed', UNIX_TIMESTAMP(password_last_changed))";
}

static bool flag(const struct json *o, const char *key)
{
	int64_t n = 0;
	bool v = false;

	return json_bool(o, key, &v) ? v : json_int(o, key, &n) && n;
}

static void way_of(struct myp_account *a, const struct json *o)
{
	const char *plugin = json_str(o, "plugin"), *hash = json_str(o, "authentication_string");
	struct myp_way *way = &a->way[a->n];

	if (a->n == MYP_WAYS || (plugin && strlen(plugin) >= sizeof way->plugin) ||
	    (hash && strlen(hash) >= sizeof way->hash)) {
		a->too_many = true;
		return;
	}
	snprintf(way->plugin, sizeof way->plugin, "%s",
		 plugin && *plugin ? plugin : "mysql_native_password");
	snprintf(way->hash, sizeof way->hash, "%s", hash ? hash : "");
	way->password = myp_hashes(way->plugin) ||
			strcmp(way->plugin, "caching_sha2_password") == 0 ||
			strcmp(way->plugin, "sha256_password") == 0 ||
			strcmp(way->plugin, "mysql_old_password") == 0;
	a->n++;
}

bool myp_account_of(const struct my_rows *row, struct myp_account *a)
{
	const char *user = my_cell(row, 0), *host = my_cell(row, 1), *priv = my_cell(row, 2);
	struct json *j = priv ? json_parse(priv, strlen(priv), NULL) : NULL;
	const struct json *more = json_get(j, "auth_or");

	*a = (struct myp_account){ .exists = j != NULL };
	snprintf(a->user, sizeof a->user, "%s", user ? user : "");
	snprintf(a->host, sizeof a->host, "%s", host ? host : "");
	snprintf(a->name, sizeof a->name, "%s@%s", a->user, a->host);
	if (!j)
		return false;
	a->role = flag(j, "is_role");
	a->locked = flag(j, "account_locked");
	if (!json_int(j, "ssl_type", &a->ssl) || a->ssl < 0)
		a->ssl = 0;
	if (!json_int(j, "password_last_changed", &a->changed))
		a->changed = 0;
	if (!more)
		way_of(a, j);
	/* {} in the list stands for the one outside it */
	for (const struct json *w = more ? json_first(more) : NULL; w; w = json_next(w))
		way_of(a, json_get(w, "plugin") ? w : j);
	json_free(&j);
	return true;
}

bool myp_account(struct myp_session *s, const char *name, struct myp_account *a,
		 struct kit_reply *r)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	const char *at = strrchr(name, '@');
	struct my_rows *rows = NULL;
	struct err e = ERR_INIT;
	char user[MYP_NAME];
	struct my_fail f;
	bool ok = false;

	*a = (struct myp_account){ .exists = false };
	if (!at || strlen(name) >= sizeof a->name)
		return true; /* no name that an account could have */
	snprintf(user, sizeof user, "%.*s", (int)(at - name), name);
	snprintf(a->name, sizeof a->name, "%s", name);
	if (buf_printf(&sql, &e, "SELECT %s FROM %s WHERE User = ", myp_columns(s),
		       myp_table(s)) ||
	    my_literal(s->my, &sql, user, &e) || buf_puts(&sql, " AND Host = ", &e) ||
	    my_literal(s->my, &sql, at + 1, &e)) {
		kit_say(r, KIT_RETRY, "out of memory");
	} else if (my_run(s->my, sql.p, &rows, &f)) {
		myp_reply_fail(&f, false, "look the account up", r);
	} else {
		ok = true;
		/* the comparison of the server's tables is looser than ours */
		while (my_next(rows)) {
			struct myp_account one;

			if (myp_account_of(rows, &one) && !one.role &&
			    strcmp(one.name, name) == 0)
				*a = one;
		}
	}
	if (!a->exists) {
		snprintf(a->user, sizeof a->user, "%.*s", (int)sizeof a->user - 1, user);
		snprintf(a->host, sizeof a->host, "%.*s", (int)sizeof a->host - 1, at + 1);
	}
	my_rows_free(&rows);
	buf_release(&sql);
	return ok;
}

bool myp_account_to_alter(struct myp_session *s, const struct kit_connection *c,
			  const struct kit_request *q, struct myp_account *a,
			  struct kit_reply *r)
{
	if (!myp_ready_to_write(s, c, r) || !myp_account(s, q->account, a, r))
		return false;
	if (!a->exists)
		r->status = KIT_ABSENT;
	return a->exists;
}

bool myp_has_password(const struct myp_account *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->way[i].password && strcmp(a->way[i].hash, MYP_NONE) != 0)
			return true;
	return false;
}

bool myp_empty_password(const struct myp_account *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->way[i].password && !a->way[i].hash[0])
			return true;
	return false;
}

/* " IDENTIFIED VIA a USING 'x' OR b", MySQL: " IDENTIFIED WITH a AS 'x'" */
static int put_ways(struct myp_session *s, const struct myp_account *a,
		    struct buf *sql, struct err *e)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct myp_way *way = &a->way[i];

		if (buf_puts(sql, i ? " OR " : s->mariadb ? " IDENTIFIED VIA " :
			     " IDENTIFIED WITH ", e) ||
		    my_ident(sql, way->plugin, e))
			return -1;
		if ((way->hash[0] || way->password) &&
		    (buf_puts(sql, s->mariadb ? " USING " : " AS ", e) ||
		     my_literal(s->my, sql, way->hash, e)))
			return -1;
	}
	return 0;
}

void myp_alter(struct myp_session *s, const struct myp_account *a, bool ways,
	       char lock, struct kit_reply *r)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	struct my_fail f;

	if (ways && a->too_many) {
		kit_say(r, KIT_REFUSED, "the account logs in by more than %d methods, or "
			"by one that curfew cannot put back", MYP_WAYS);
	} else if (buf_puts(&sql, "ALTER USER ", &e) || my_ident(&sql, a->user, &e) ||
		   buf_puts(&sql, "@", &e) || my_ident(&sql, a->host, &e) ||
		   (ways && put_ways(s, a, &sql, &e)) ||
		   buf_puts(&sql, lock == 'L' ? " ACCOUNT LOCK" :
			    lock == 'U' ? " ACCOUNT UNLOCK" : "", &e)) {
		kit_say(r, KIT_RETRY, "out of memory");
	} else if (my_run(s->my, sql.p, NULL, &f) == 0) {
		r->status = KIT_OK;
	} else if (f.cause == MY_SAID && f.code == 1396) {
		r->status = KIT_ABSENT;
	} else {
		myp_reply_fail(&f, true, "alter the account", r);
	}
	buf_release(&sql);
}
