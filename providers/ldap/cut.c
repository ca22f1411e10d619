/*
 * cut: connections that are bound as a DN.
 *
 * slapd has no way to end one (cn=Monitor shows them, nothing more): what can
 * be done is to see them, say so, and wait until they are gone: a restart of
 * slapd, idletimeout, the client itself.  Where cn=Monitor is not readable not
 * even that, which is `unsupported`.
 *
 * Must never report an end that was not seen.
 */
#include "providers/ldap/dir.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONNECTIONS "cn=Connections,cn=Monitor"

static const char *const attributes[] = {
	"monitorConnectionNumber", "monitorConnectionAuthzDN",
	"monitorConnectionPeerAddress", "monitorConnectionStartTime",
	"monitorConnectionActivityTime", "monitorConnectionListener", NULL,
};

struct walk {
	dir_conn_fn fn;
	void *arg;
};

static int one(const struct ld_entry *entry, void *arg)
{
	struct walk *w = arg;
	const char *number = ld_value(entry, "monitorConnectionNumber", 0, NULL);
	const char *dn = ld_value(entry, "monitorConnectionAuthzDN", 0, NULL);
	const char *peer = ld_value(entry, "monitorConnectionPeerAddress", 0, NULL);
	const char *start = ld_value(entry, "monitorConnectionStartTime", 0, NULL);
	char id[80];

	if (!number || !dn || !*dn || (peer && kit_own(peer)))
		return 0;
	snprintf(id, sizeof id, "%.30s-%.30s", number, start ? start : "");
	return w->fn(entry, dn, id, w->arg);
}

int dir_connections(struct dir_session *s, dir_conn_fn fn, void *arg, struct ld_fail *f)
{
	struct walk w = { .fn = fn, .arg = arg };

	kit_own_looking();
	int rc = ld_search(s->ld, CONNECTIONS, LD_BELOW, "(objectClass=monitorConnection)",
			   attributes, one, &w, f);
	kit_own_done();
	return rc;
}

struct count {
	const char *dn, *only;
	int n;
};

static int count_fn(const struct ld_entry *entry, const char *dn, const char *id, void *arg)
{
	struct count *k = arg;

	(void)entry;
	k->n += strcasecmp(dn, k->dn) == 0 && (!k->only || strcmp(id, k->only) == 0);
	return 0;
}

static int any_entry(const struct ld_entry *entry, void *arg)
{
	(void)entry;
	*(bool *)arg = true;
	return 0;
}

int dir_bound(struct dir_session *s, const char *dn, const char *only,
	      struct kit_reply *r)
{
	static const char *const none[] = { "1.1", NULL };
	struct count k = { .dn = dn, .only = only };
	bool readable = false;
	struct ld_fail f;

	if (dir_connections(s, count_fn, &k, &f) == 0 && k.n)
		return k.n;
	/* Nothing seen: because there is nothing, or because we may not look? Our
	 * own connection at least is there. */
	if (f.cause == LD_FINE &&
	    ld_search(s->ld, CONNECTIONS, LD_BELOW, "(objectClass=monitorConnection)", none,
		      any_entry, &readable, &f) == 0)
		return readable ? 0 : -2;
	if (f.cause == LD_SAID)
		return -2;
	dir_reply_fail(&f, false, "look at cn=Monitor", r);
	return -1;
}

int dir_cut_sessions(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e)
{
	struct dir_session *s = session;
	const char *only = strcmp(q->kind, "session") == 0 ? q->credential : NULL;
	int n;

	(void)out;
	if (!dir_ready(s, c, r))
		return 0;
	n = dir_bound(s, q->account, only, r);
	if (n == -2) {
		kit_say(r, KIT_UNSUPPORTED, "slapd cannot end a connection, and cn=Monitor is "
			"not readable: whether any is bound as this DN is not known");
	} else if (n > 0) {
		kit_say(r, KIT_RETRY, "%d connections are bound as this DN, and slapd cannot end "
			"one: restart slapd, or wait for idletimeout", n);
		r->after_ms = 2000;
	} else if (n == 0) {
		r->status = KIT_OK;
	}
	if (!json_set_int(kit_body(r), "count", 0))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
