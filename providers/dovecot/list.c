/*
 * list: mailbox users, their password, sessions, scripts and delegates.
 *
 * A mailbox that cannot be read (its storage is away) is still listed, without
 * grants, and the listing is then not complete.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "providers/dovecot/dovecot.h"

#define TOGETHER 16 /* mailboxes read by the same requests */

struct listing {
	struct dove *d;
	const struct kit_connection *c;
	struct kit_stream *out;
	struct json *who;
	struct deny deny;
	char trouble[300]; /* of the first mailbox that could not be read */
	struct err *e;
};

static int nomem(struct listing *l, struct json **a, struct json **b)
{
	json_free(a);
	if (b)
		json_free(b);
	return err_fail(l->e, ERR_NOMEM, NULL, "out of memory");
}

/* what, account and, unless NULL, kind and id. */
static struct json *item(const char *what, const char *account,
			 const char *kind, const char *id)
{
	struct json *j = json_object();

	if (!json_set_str(j, "what", what) ||
	    !json_set_str(j, "account", account) ||
	    (kind && (!json_set_str(j, "kind", kind) || !json_set_str(j, "id", id))))
		json_free(&j);
	return j;
}

static int send(struct listing *l, struct json *one, struct json *attributes)
{
	if (!one || !attributes)
		return nomem(l, &one, &attributes);
	if (!json_count(attributes))
		json_free(&attributes);
	else if (!json_set(one, "attributes", attributes))
		return nomem(l, &one, NULL);
	return kit_item(l->out, one, l->e);
}

static bool set_text(struct json *a, const char *key, const struct buf *b)
{
	return !b->len || json_set_str(a, key, b->p);
}

/* ---- one mailbox ------------------------------------------------------------- */

/* Who may read it and where it forwards, in two lines of text. */
static int summary(struct listing *l, const struct box *b, struct json *a)
{
	struct buf readers = BUF_INIT(BUF_TEXT_MAX), to = BUF_INIT(BUF_TEXT_MAX);
	struct json *j;
	int rc = -1;

	for (j = json_first(b->acls); j; j = json_next(j))
		if (buf_printf(&readers, l->e, "%s%s (%s)", readers.len ? ", " : "",
			       json_str(j, "id"), json_str(j, "mailbox")))
			goto out;
	for (j = json_first(b->scripts); j; j = json_next(j)) {
		const char *text = json_str(j, "text");
		bool active = false;
		struct sieve s;

		if (!text || !json_bool(j, "active", &active) || !active)
			continue;
		if (sieve_read(text, &s, l->e))
			goto out;
		rc = s.redirects.len ? buf_printf(&to, l->e, "%s%s", to.len ? ", " : "",
						  s.redirects.p) : 0;
		sieve_free(&s);
		if (rc)
			goto out;
	}
	rc = set_text(a, "read_by", &readers) && set_text(a, "forwards_to", &to) ?
		     0 : err_fail(l->e, ERR_NOMEM, NULL, "out of memory");
out:
	buf_release(&readers);
	buf_release(&to);
	return rc;
}

static int send_account(struct listing *l, const char *user, const struct box *b)
{
	struct json *one = item("account", user, NULL, NULL), *a = json_object();
	const char *state = deny_has(&l->deny, user) ? "disabled" : "active";

	if (!json_set_str(one, "state", state) || !a)
		return nomem(l, &one, &a);
	if (summary(l, b, a)) {
		json_free(&one);
		json_free(&a);
		return -1;
	}
	if (send(l, one, a))
		return -1;
	one = item("credential", user, "password", "password");
	if (!json_set_str(one, "state", state))
		return nomem(l, &one, NULL);
	return send(l, one, json_object());
}

static int send_sessions(struct listing *l, const char *user)
{
	for (struct json *j = json_first(l->who); j; j = json_next(j)) {
		const char *name = json_str(j, "username");
		const char *service = json_str(j, "service");
		const char *pid = json_str(j, "pid"), *ip = json_str(j, "ip");
		struct json *a;
		char id[160];

		if (!name || strcmp(name, user) != 0 || !service || !pid || !ip)
			continue;
		(void)snprintf(id, sizeof(id), "%s:%s:%s", service, pid, ip);
		a = json_object();
		if (!json_set_str(a, "service", service) ||
		    !json_set_str(a, "client_addr", ip))
			return nomem(l, &a, NULL);
		if (send(l, item("session", user, "session", id), a))
			return -1;
	}
	return 0;
}

static bool can(struct json *a, const struct sieve *s)
{
	static const char yes[] = "yes";

	return (!s->discards || json_set_str(a, "discards", yes)) &&
	       (!s->files || json_set_str(a, "files", yes)) &&
	       (!s->notifies || json_set_str(a, "notifies", yes)) &&
	       (!s->replies || json_set_str(a, "replies", yes)) &&
	       (!s->runs || json_set_str(a, "runs_programs", yes)) &&
	       (!s->includes || json_set_str(a, "includes", yes)) &&
	       set_text(a, "redirects_to", &s->redirects);
}

static int send_scripts(struct listing *l, const char *user, const struct box *b)
{
	for (struct json *j = json_first(b->scripts); j; j = json_next(j)) {
		struct json *a = json_object();
		const char *text = json_str(j, "text");
		bool active = false, ok;
		struct sieve s;

		(void)json_bool(j, "active", &active);
		if (sieve_read(text ? text : "", &s, l->e)) {
			json_free(&a);
			return -1;
		}
		ok = json_set_str(a, "active", active ? "yes" : "no") && can(a, &s);
		sieve_free(&s);
		if (!ok)
			return nomem(l, &a, NULL);
		if (send(l, item("grant", user, "sieve", json_str(j, "name")), a))
			return -1;
	}
	return 0;
}

static int send_acls(struct listing *l, const char *user, const struct box *b)
{
	for (struct json *j = json_first(b->acls); j; j = json_next(j)) {
		struct buf id = BUF_INIT(BUF_TEXT_MAX);
		struct json *a = json_object(), *one;
		bool global = false;

		(void)json_bool(j, "global", &global);
		if (box_acl_id(j, &id, l->e)) {
			json_free(&a);
			return -1;
		}
		one = item("grant", user, "acl", id.p);
		buf_release(&id);
		if (!json_set_str(a, "mailbox", json_str(j, "mailbox")) ||
		    !json_set_str(a, "who", json_str(j, "id")) ||
		    !json_set_str(a, "rights", json_str(j, "rights")) ||
		    (global && !json_set_str(a, "global", "yes")))
			return nomem(l, &one, &a);
		if (send(l, one, a))
			return -1;
	}
	return 0;
}

static int send_user(struct listing *l, struct box_ask *a)
{
	if (!a->ok && a->reply.status != KIT_ABSENT && !l->trouble[0])
		(void)snprintf(l->trouble, sizeof(l->trouble), "%.60s: %.220s",
			       a->user, a->reply.text);
	return send_account(l, a->user, &a->box) || send_sessions(l, a->user) ||
			       send_scripts(l, a->user, &a->box) ||
			       send_acls(l, a->user, &a->box) ?
		       -1 : 0;
}

/* A name that doveadm would take for a pattern is listed, and not asked about. */
static int send_odd(struct listing *l, const char *user, const struct kit_reply *r)
{
	struct box_ask a = { .user = user, .reply = *r };

	return send_user(l, &a);
}

struct some { /* read together */
	struct box_ask asks[TOGETHER];
	size_t n;
};

static int send_some(struct listing *l, struct some *s)
{
	int rc = 0;

	if (s->n)
		box_read_all(l->d, l->c, s->asks, s->n);
	for (size_t i = 0; i < s->n; i++) {
		rc = rc ? rc : send_user(l, &s->asks[i]);
		box_free(&s->asks[i].box);
	}
	s->n = 0;
	return rc;
}

/* All of them, or `only` one; *n counts. */
static int send_users(struct listing *l, const struct json *users, const char *only,
		      size_t *n)
{
	struct some *s = mem_zalloc(sizeof(*s));
	int rc = s ? 0 : err_fail(l->e, ERR_NOMEM, NULL, "out of memory");

	for (const struct json *u = json_first(users); !rc && u; u = json_next(u)) {
		struct kit_reply r = { .status = KIT_OK };
		const char *user = json_text(u);
		struct kit_request q = { .account = user };

		if (!user || (*only && strcmp(user, only) != 0))
			continue;
		(*n)++;
		if (!dove_account(&q, &r)) {
			rc = send_odd(l, user, &r);
			continue;
		}
		s->asks[s->n++] = (struct box_ask){ .user = user };
		if (s->n == TOGETHER)
			rc = send_some(l, s);
	}
	if (!rc)
		rc = send_some(l, s);
	mem_free(s);
	return rc;
}

/* ---- all of them ------------------------------------------------------------- */

/* For a pattern the server answers {"userList": [...]}, for a name {"NAME":
 * {its userdb fields}} or 67. */
static struct json *names_in(const struct json *answer, const char *mask)
{
	const struct json *word = json_first(json_first(answer));
	const struct json *what = word ? json_next(word) : NULL;
	const struct json *list = json_get(what, "userList");
	struct json *one;

	if (list && json_type(list) == JSON_ARRAY)
		return json_dup(list);
	if (!json_get(what, mask))
		return NULL;
	one = json_array();
	if (one && !json_push_str(one, mask))
		json_free(&one);
	return one;
}

static struct json *users_of(struct dove *d, const struct kit_connection *c,
			     const char *mask, struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL, *users;
	int code;

	dove_cmd(batch, "user", dove_mask("userMask", mask));
	if (!dove_call(d, c, batch, false, &answer, r))
		return NULL;
	users = names_in(answer, mask);
	if (!users) {
		(void)dove_rows(answer, 0, &code);
		dove_told(code, "list the mailbox users (the userdb has to be one "
			  "that can be listed)", r);
	}
	json_free(&answer);
	return users;
}

int dove_list(void *session, const struct kit_connection *c,
	      const struct kit_request *q, struct kit_stream *out,
	      struct kit_reply *r, struct err *e)
{
	struct listing l = { .d = session, .c = c, .out = out, .e = e };
	struct json *users = NULL;
	size_t n = 0;
	int rc = -1;

	if (*q->account && !dove_account(q, r))
		return 0;
	if (deny_read(kit_option(c, "deny_file", ""), &l.deny, e))
		goto out;
	users = users_of(l.d, c, *q->account ? q->account : "*", r);
	l.who = users ? dove_who(l.d, c, r) : NULL;
	if (!l.who) { /* r says why; that there is no such user is complete */
		rc = r->status != KIT_ABSENT ||
				     json_set_bool(kit_body(r), "complete", true) ?
			     0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (send_users(&l, users, q->account, &n))
		goto out;
	kit_say(r, *q->account && !n ? KIT_ABSENT : KIT_OK, "%s", l.trouble);
	rc = json_set_bool(kit_body(r), "complete", !l.trouble[0]) ?
		     0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	json_free(&users);
	json_free(&l.who);
	deny_free(&l.deny);
	return rc;
}
