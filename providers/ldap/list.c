/*
 * list: entries with a password, their passwords and the connections bound.
 */
#include "providers/ldap/dir.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

struct listing {
	struct kit_stream *out;
	const char *only, *self;
	size_t accounts;
	struct dir_account *a;
	struct err *e;
	bool failed;
};

/* "20261122172107Z", also with a fraction, to RFC 3339. */
static const char *time_of(const char *t, char out[static 24])
{
	if (strspn(t, "0123456789") < 14)
		return NULL;
	snprintf(out, 24, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t, t + 4, t + 6, t + 8, t + 10,
		 t + 12);
	return out;
}

static int send_account(struct listing *l, const struct dir_account *a)
{
	struct json *item = kit_item_new("account", a->dn, NULL, NULL);
	struct json *at = json_object();
	char day[24];
	bool ok = json_set_str(item, "state", a->locked || !dir_open_value(a) ? "disabled" :
			       "active");

	if (ok && strcasecmp(a->dn, l->self) == 0)
		ok = json_set_bool(item, "self", true);
	if (ok && time_of(a->created, day))
		ok = json_set_str(item, "created", day);
	if (ok && time_of(a->used, day))
		ok = json_set_str(item, "last_used", day);
	kit_attr(at, "creator", a->creator);
	kit_attr(at, "policy", a->policy);
	if (a->locked)
		kit_attr(at, "locked", "yes");
	return kit_item_send(l->out, item, at, ok, l->e);
}

static int send_password(struct listing *l, const struct dir_account *a,
			 const struct dir_value *v)
{
	struct json *item = kit_item_new("credential", a->dn, "password", v->id);
	struct json *at = json_object();
	char day[24], scheme[32] = "clear text";
	bool ok = json_set_str(item, "state", a->locked || v->off ? "disabled" : "active");

	if (ok && a->n == 1 && time_of(a->changed, day))
		ok = json_set_str(item, "created", day);
	if (ok && strcasecmp(a->dn, l->self) == 0)
		ok = json_set_bool(item, "self", true);
	if (v->text[0] == '{' && strchr(v->text, '}'))
		snprintf(scheme, sizeof scheme, "%.*s", (int)strcspn(v->text + 1, "}"),
			 v->text + 1);
	kit_attr(at, "scheme", scheme);
	return kit_item_send(l->out, item, at, ok, l->e);
}

static int on_entry(const struct ld_entry *entry, void *arg)
{
	struct listing *l = arg;

	dir_account_of(entry, l->a);
	l->accounts++;
	l->failed = send_account(l, l->a) != 0;
	for (size_t i = 0; !l->failed && i < l->a->n; i++)
		if (!l->a->value[i].none)
			l->failed = send_password(l, l->a, &l->a->value[i]) != 0;
	return l->failed ? -1 : 0;
}

static int on_connection(const struct ld_entry *entry, const char *dn, const char *id,
			 void *arg)
{
	struct listing *l = arg;
	struct json *item, *at;

	if (l->only && strcasecmp(dn, l->only) != 0)
		return 0;
	item = kit_item_new("session", l->only ? l->only : dn, "session", id);
	at = json_object();
	kit_attr(at, "client_addr", ld_value(entry, "monitorConnectionPeerAddress", 0, NULL));
	kit_attr(at, "since", ld_value(entry, "monitorConnectionStartTime", 0, NULL));
	kit_attr(at, "active", ld_value(entry, "monitorConnectionActivityTime", 0, NULL));
	l->failed = kit_item_send(l->out, item, at, true, l->e) != 0;
	return l->failed ? -1 : 0;
}

int dir_list(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *out,
	     struct kit_reply *r, struct err *e)
{
	struct dir_session *s = session;
	struct listing l = { .out = out, .e = e, .self = kit_option(c, "user", ""),
			     .only = q->account[0] ? q->account : NULL };
	struct ld_fail f;
	int rc = 0, bad;

	if (!dir_ready(s, c, r))
		return 0;
	l.a = mem_zalloc(sizeof *l.a);
	if (!l.a)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	bad = l.only ? ld_search(s->ld, l.only, LD_THIS, "(objectClass=*)", dir_attributes,
				 on_entry, &l, &f) :
		ld_search(s->ld, kit_option(c, "base", ""), LD_BELOW,
			  kit_option(c, "filter", "(userPassword=*)"), dir_attributes,
			  on_entry, &l, &f);
	if (bad && f.cause == LD_SAID && (f.code == LD_NO_ENTRY || f.code == 34) && l.only)
		bad = 0;
	if (bad && l.failed)
		rc = -1;
	else if (bad && f.cause == LD_SAID && (f.code == LD_SIZE || f.code == LD_ADMIN))
		json_set_str(kit_body(r), "incomplete", "the server's size limit: raise it "
			     "for curfew's DN (limits ... size=unlimited)");
	else if (bad)
		dir_reply_fail(&f, false, "list the entries", r);
	/* a server without cn=Monitor has sessions, too; nobody tells them */
	if (!bad && dir_connections(s, on_connection, &l, &f) && l.failed)
		rc = -1;
	mem_free(l.a);
	if (rc || r->status != KIT_OK)
		return rc;
	r->status = l.only && !l.accounts ? KIT_ABSENT : KIT_OK;
	return json_set_bool(kit_body(r), "complete", !bad) ? 0 :
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
}
