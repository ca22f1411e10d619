/*
 * cut: end the connections of an account, and be sure that they ended.
 *
 * The server tells a connection by its user name and where it comes from, not
 * by the account that let it in: one is the account's when the account's host is
 * the one that fits best, or when no account of that name fits any more.  A
 * login that is on its way is "unauthenticated user": for a while those count.
 *
 * Must never report an end that was not seen, nor end curfew's own connection.
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* From the password check to its name in the list a login takes moments; one
 * that dawdles before the check will be refused. */
#define CUT_LOGIN_MS 1500
#define HOSTS 256

struct cut {
	struct myp_session *s;
	const struct myp_account *a;
	const char *only; /* a connection's number, or NULL */
	bool kill, shut;
	int64_t begin, count;
	char last[24]; /* the highest number that was ended */
	char (*hosts)[260]; /* of all accounts with that user name */
	size_t n;
};

static int load_hosts(struct cut *k, struct kit_reply *r)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct my_rows *rows = NULL;
	struct err e = ERR_INIT;
	struct my_fail f;
	int rc = -1;

	k->hosts = mem_array(HOSTS, sizeof *k->hosts);
	if (!k->hosts || buf_printf(&sql, &e, "SELECT Host, User FROM %s WHERE User = ",
				    myp_table(k->s)) ||
	    my_literal(k->s->my, &sql, k->a->user, &e)) {
		kit_say(r, KIT_RETRY, "out of memory");
	} else if (my_run(k->s->my, sql.p, &rows, &f)) {
		myp_reply_fail(&f, false, "look the hosts up", r);
	} else {
		while (k->n < HOSTS && my_next(rows))
			if (strcmp(my_cell(rows, 1), k->a->user) == 0)
				snprintf(k->hosts[k->n++], sizeof *k->hosts, "%s",
					 my_cell(rows, 0));
		rc = 0;
	}
	my_rows_free(&rows);
	buf_release(&sql);
	return rc;
}

/* "host:port", or "localhost" for the socket. */
static bool belongs(const struct cut *k, const char *peer)
{
	const char *colon = strrchr(peer, ':'), *best = NULL;
	char from[300];

	snprintf(from, sizeof from, "%.*s", (int)(colon ? colon - peer : (long)strlen(peer)), peer);
	for (size_t i = 0; i < k->n; i++)
		if (myp_host_matches(k->hosts[i], from) &&
		    (!best || myp_host_order(k->hosts[i], best) < 0))
			best = k->hosts[i];
	return !best || strcmp(best, k->a->host) == 0;
}

static int end_one(struct cut *k, const char *id, struct kit_reply *r)
{
	char sql[64];
	struct my_fail f;

	snprintf(sql, sizeof sql, "KILL CONNECTION %.20s", id);
	if (my_run(k->s->my, sql, NULL, &f) == 0) {
		k->count += strcmp(id, k->last) != 0;
		snprintf(k->last, sizeof k->last, "%.20s", id);
		return 0;
	}
	if (f.cause == MY_SAID && f.code == 1094) /* gone by itself */
		return 0;
	if (f.cause == MY_SAID && f.code == 1095)
		kit_say(r, KIT_REFUSED, "cannot end the sessions: %s (1095); GRANT CONNECTION "
			"ADMIN ON *.* (before MariaDB 10.5: SUPER) to the admin account", f.text);
	else
		myp_reply_fail(&f, true, "end the sessions", r);
	return -1;
}

/* Counts what is there; ends it when k->kill. */
static int look(void *arg, struct kit_reply *r)
{
	struct cut *k = arg;
	bool early = clock_mono_ms() - k->begin < CUT_LOGIN_MS;
	struct my_rows *rows = NULL;
	struct my_fail f;
	int found = 0;

	if (k->shut) { /* was it opened again under our hands? */
		struct myp_account now;

		if (!myp_account(k->s, k->a->name, &now, r))
			return -1;
		if (now.exists && !now.locked) {
			myp_alter(k->s, k->a, false, 'L', r);
			if (r->status != KIT_OK && r->status != KIT_ABSENT)
				return -1;
			found++;
		}
	}
	kit_own_looking();
	int rc = my_run(k->s->my, "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST"
			" WHERE ID <> CONNECTION_ID()", &rows, &f);
	kit_own_done();
	if (rc) {
		myp_reply_fail(&f, k->kill, "list the connections", r);
		return -1;
	}
	while (found >= 0 && my_next(rows)) {
		const char *id = my_cell(rows, 0), *user = my_cell(rows, 1);
		const char *peer = my_cell(rows, 2);

		if (k->kill && !k->only && early && strcmp(user, "unauthenticated user") == 0)
			found++;
		if (kit_own(id) || strcmp(user, k->a->user) != 0 || !belongs(k, peer ? peer : "") ||
		    (k->only && strcmp(k->only, id) != 0))
			continue;
		found++;
		if (k->kill && end_one(k, id, r))
			found = -1;
	}
	my_rows_free(&rows);
	return found;
}

int myp_sessions_live(struct myp_session *s, const struct myp_account *a,
		      const char *only, struct kit_reply *r)
{
	struct cut k = { .s = s, .a = a, .only = only };
	int n = load_hosts(&k, r) ? -1 : look(&k, r);

	mem_free(k.hosts);
	return n;
}

int myp_cut_sessions(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	struct myp_account a;
	struct cut k = { .s = s, .a = &a, .kill = true };

	(void)out;
	if (strcmp(q->kind, "session") == 0)
		k.only = q->credential;
	if (!myp_ready_to_write(s, c, r) || !myp_account(s, q->account, &a, r))
		return 0;
	k.shut = a.exists && a.locked;
	k.begin = clock_mono_ms();
	if (load_hosts(&k, r) == 0 && kit_cut(look, &k, r) == 0)
		r->status = a.exists || k.count ? KIT_OK : KIT_ABSENT;
	mem_free(k.hosts);
	if (!json_set_int(kit_body(r), "count", k.count))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
