/*
 * probe: is the account, or its password, dead?
 *
 * With the secret: a login at the address the admin session has reached.  The
 * server's `Access denied` (1045) is the same for a wrong password, for no such
 * account, for an account of another host and for one that wants TLS, so it
 * counts only where the server's own tables say that this very account serves
 * clients from here and asks for nothing that the login did not bring (or that
 * there is no such account: then 1698 may come instead).  `Account
 * is locked` (MariaDB 4151, MySQL 3118) names the account and counts alone.
 * Without the secret: the server's record.
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <string.h>

#define PROBE_S 10

static void judge_refusal(const struct my_fail *f, const char *doubt,
			  const struct myp_account *a, struct kit_reply *r)
{
	bool exists = a->exists;

	if (f->code == 4151 || f->code == 3118)
		kit_tell(r, KIT_DEAD, true, "login refused: %s (%u)", f->text, f->code);
	else if ((f->code == 1045 && !doubt) || (f->code == 1698 && !exists))
		kit_tell(r, KIT_DEAD, true, "login refused: %s (%u)%s", f->text, f->code,
			 exists ? "" : ", and there is no such account");
	else if ((f->code == 1045 || f->code == 1698) && !myp_has_password(a))
		kit_tell(r, KIT_DEAD, false, "login refused (%u), and the account has no "
			 "password", f->code);
	else if (f->code == 1045)
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "refused (1045), which proves nothing: "
			 "%s", doubt);
	else if (f->code == 1203 || f->code == 1226 || f->code == 1862 || f->code == 1820 ||
		 f->code == 1044 || f->code == 1049)
		kit_tell(r, KIT_ALIVE, false, "the secret was accepted, a limit turned the "
			 "session away: %s (%u)", f->text, f->code);
	else
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "no answer about the secret: %s (%u)",
			 f->text, f->code);
}

/* Why a 1045 from here would prove nothing; NULL: it would. */
static const char *doubt_of(struct myp_session *s, const struct myp_account *a,
			    bool tls, char text[static 300], struct kit_reply *r)
{
	char host[260] = "";

	if (!a->exists)
		return NULL;
	if (a->ssl > 1)
		return "the account wants a client certificate";
	if (a->ssl && !tls)
		return "the account wants TLS and this connection has none";
	if (!myp_has_password(a) && !a->locked)
		return "the account has no password"; /* which is an answer, too */
	if (!myp_served_by(s, a->user, s->from, host, r)) {
		if (r->status != KIT_OK)
			snprintf(text, 300, "%.250s", r->text);
		else
			snprintf(text, 300, "the account does not serve clients from %.200s",
				 s->from);
	} else if (strcmp(host, a->host) != 0) {
		snprintf(text, 300, "clients from %.100s are served by the account of host "
			 "%.100s", s->from, host);
	} else {
		return NULL;
	}
	r->status = KIT_OK;
	return text;
}

/* In: as whom? */
static void judge_login(struct my *my, const struct myp_account *a,
			struct kit_reply *r)
{
	struct my_rows *rows = NULL;
	struct my_fail f;
	const char *as = NULL;

	/* a login with an expired password is let in and answers 1820 to this */
	if (my_run(my, "SELECT CURRENT_USER()", &rows, &f) == 0 && my_next(rows))
		as = my_cell(rows, 0);
	if (as && strcmp(as, a->name) != 0)
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "the login was accepted, but as the "
			 "account %.200s", as);
	else
		kit_tell(r, KIT_ALIVE, false, "the login was accepted");
	my_rows_free(&rows);
}

static void probe_login(struct myp_session *s, const struct kit_connection *c,
			const struct kit_request *q, const struct myp_account *a,
			struct kit_reply *r)
{
	struct err e = ERR_INIT;
	struct my_place p;
	struct my *my = NULL;
	struct my_fail f;
	char text[300];
	const char *doubt;

	if (myp_place(c, &p, &e)) {
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "%s", e.cause);
		return;
	}
	/* TLS is checked for the name that was given */
	if (s->address[0] && !p.cafile)
		p.host = s->address;
	if (p.connect_s > PROBE_S)
		p.connect_s = PROBE_S;
	doubt = doubt_of(s, a, p.cafile != NULL, text, r);
	if (my_open(&p, a->user, q->secret, &my, &f) == 0)
		judge_login(my, a, r);
	else if (f.cause == MY_SAID)
		judge_refusal(&f, doubt, a, r);
	else
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "no answer about the secret: %s (%u)",
			 f.text, f.code);
	my_close(&my);
}

static void probe_record(struct myp_session *s, const struct kit_request *q,
			 const struct myp_account *a, struct kit_reply *r)
{
	bool session = strcmp(q->kind, "session") == 0;
	const char *why = NULL;
	int n;

	if (session)
		why = "the server has no such session";
	else if (!a->exists)
		why = "the account does not exist";
	else if (a->locked)
		why = "the account is locked";
	else if (q->kind[0] && !myp_has_password(a))
		why = "the account has no password";
	if (!why) {
		kit_tell(r, KIT_ALIVE, false, "the account is not locked");
		return;
	}
	n = myp_sessions_live(s, a, session ? q->credential : NULL, r);
	if (n > 0 && session)
		kit_tell(r, KIT_ALIVE, false, "the session is open");
	else if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "%s, but %d sessions are still open", why, n);
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, session ? "%s" : "%s, and no session is open",
			 why);
}

int myp_probe(void *session, const struct kit_connection *c,
	      const struct kit_request *q, struct kit_stream *out,
	      struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	struct myp_account a;

	(void)out;
	(void)e;
	if (!kit_named(q, r))
		return 0;
	if (myp_ready(s, c, r) && myp_account(s, q->account, &a, r)) {
		if (q->secret && strcmp(q->kind, "session") != 0)
			probe_login(s, c, q, &a, r);
		else
			probe_record(s, q, &a, r);
	}
	if (r->status != KIT_OK) {
		/* Could not ask: that is an answer, and not `dead`. */
		r->status = KIT_OK;
		r->life = KIT_LIFE_UNKNOWN;
	}
	return 0;
}
