/*
 * probe: is the mailbox's password dead?
 *
 * With the secret: an IMAP login.  Only NO [AUTHENTICATIONFAILED] after a
 * greeting is `dead`: UNAVAILABLE, a closed port or a timeout is not.
 * Without it: the deny file lists the user, Dovecot has had the second it may
 * take to read it again, the cache was flushed after that, nobody is logged in,
 * and Dovecot itself says that the deny file comes before every password and
 * that the user is found no more.  Our own line in that file proves nothing.
 */
#include <string.h>

#include "base/clock.h"
#include "providers/dovecot/dovecot.h"

#define LOGIN_MS 25000L
/* passwd-file looks at its file once in a second of its event loop */
#define REREAD_MS 1100

static int by_login(struct dove *d, const struct kit_connection *c,
		    const struct kit_request *q, struct kit_reply *r,
		    struct err *e)
{
	enum net_login how;
	char why[NET_WHY];

	if (net_imap_login(d->net, d->imap, q->account, q->secret,
			   kit_option(c, "cafile", NULL), LOGIN_MS, &how, why, e))
		return -1;
	switch (how) {
	case NET_LOGIN_IN:
		return kit_tell(r, KIT_ALIVE, false, "the IMAP login was accepted");
	case NET_LOGIN_REFUSED:
		return kit_tell(r, KIT_DEAD, true, "the IMAP login was refused; %s", why);
	case NET_LOGIN_UNSURE:
		break;
	}
	return kit_tell(r, KIT_LIFE_UNKNOWN, false, "no word about the secret: %s", why);
}

/* The deny file lists him: does Dovecot heed it? */
static int by_chain(const struct kit_connection *c, const char *user,
		    struct kit_reply *r)
{
	char why[CHAIN_WHY], unheard[CHAIN_WHY];
	enum chain order = chain_order(c, why);
	enum chain_user is;

	is = chain_lookup(c, user, order == CHAIN_FIRST ? why : unheard);
	if (is == CHAIN_LET_IN)
		return kit_tell(r, KIT_ALIVE, false, "Dovecot still finds the mailbox in "
				"its passdbs, although the deny file lists it; the deny "
				"passdb has to be the first: " DOVE_ORDER_HINT);
	if (order == CHAIN_WRONG)
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "%.200s; " DOVE_ORDER_HINT,
				why);
	if (order != CHAIN_FIRST || is != CHAIN_SHUT_OUT)
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "denied, but not proved: "
				"%.200s; curfew learn the password, and a login proves "
				"it", why);
	return kit_tell(r, KIT_DEAD, false, "Dovecot finds the mailbox no more: its "
			"first passdb denies it, the cache was flushed, and no session "
			"is open");
}

static int by_record(struct dove *d, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_reply *r,
		     const struct deny *deny)
{
	struct json *who;
	size_t n;

	if (!deny_has(deny, q->account))
		return kit_tell(r, KIT_ALIVE, false, "the deny file does not list the "
				"mailbox");
	if (clock_wall_ms() < deny->changed_ms + REREAD_MS)
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "the deny file was changed "
				"this very second, the server may not have read it");
	if (!dove_flush(d, c, q->account, r) || !(who = dove_who(d, c, r)))
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "%.300s", r->text);
	n = dove_sessions(who, q->account);
	json_free(&who);
	if (n)
		return kit_tell(r, KIT_ALIVE, false, "denied, but %zu sessions are still "
				"open", n);
	return by_chain(c, q->account, r);
}

static int of_session(struct dove *d, const struct kit_connection *c,
		      const struct kit_request *q, struct kit_reply *r)
{
	struct json *who = dove_who(d, c, r);
	size_t n;

	if (!who)
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "%.300s", r->text);
	n = dove_sessions(who, q->account);
	json_free(&who);
	return n ? kit_tell(r, KIT_ALIVE, false, "%zu sessions are open", n) :
		   kit_tell(r, KIT_DEAD, false, "nobody is logged in");
}

int dove_probe(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	struct dove *d = session;
	struct deny deny = { .changed_ms = 0 };
	int rc;

	(void)out;
	if (!dove_account(q, r))
		return 0;
	if (strcmp(q->kind, "session") == 0)
		return of_session(d, c, q, r);
	if (*q->kind && strcmp(q->kind, "password") != 0)
		return kit_say(r, KIT_UNSUPPORTED, "a mailbox has no credential of that "
			       "kind");
	if (q->secret)
		return by_login(d, c, q, r, e);
	if (deny_read(kit_option(c, "deny_file", ""), &deny, e))
		return -1;
	rc = by_record(d, c, q, r, &deny);
	deny_free(&deny);
	return rc;
}
