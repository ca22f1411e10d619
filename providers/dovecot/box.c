/*
 * box: the Sieve scripts and the ACLs of one mailbox user.
 *
 * Two rounds: what there is, then the content of each; INBOX, which is always
 * there and often alone, is asked for with the first.  Several mailboxes are
 * read by the same requests.  Folders of other
 * people that the user can see (option `shared`) are theirs, not his.  What
 * takes rights away (negative ids, `owner`) is no grant.  A folder that
 * vanished between the two requests is left out.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "providers/dovecot/dovecot.h"

#define AT_ONCE 128 /* commands in one request: some milliseconds each */

/* The prefixes are divided by blanks. */
static bool is_shared(const struct kit_connection *c, const char *mailbox)
{
	const char *p = kit_option(c, "shared", "shared/");

	while (*p) {
		size_t n = strcspn(p, " ");

		/* the namespace's own node has no separator at its end */
		if (n && (strncmp(mailbox, p, n) == 0 ||
			  (strlen(mailbox) == n - 1 &&
			   strncmp(mailbox, p, n - 1) == 0)))
			return true;
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

struct plan { /* of one mailbox */
	const struct kit_connection *c;
	const char *user;
	struct box *b;
	struct kit_reply *r;
	struct json *batch;	/* the second round, of all mailboxes */
	struct json *mailboxes; /* asked for, in order, after the scripts */
	size_t at, n;		/* its commands in that round */
	bool ok;
};

struct reading { /* of several */
	struct dove *d;
	const struct kit_connection *c;
	bool scripts;
	struct plan *plans;
	size_t n;
};

static bool scripts_of(struct plan *p, const struct json *rows)
{
	for (const struct json *j = json_first(rows); j; j = json_next(j)) {
		const char *name = json_str(j, "script");
		const char *active = json_str(j, "active");
		struct json *s;

		if (!name)
			continue;
		s = json_object();
		if (!json_set_str(s, "name", name) ||
		    !json_set_bool(s, "active", active && *active)) {
			json_free(&s);
			return false;
		}
		if (!json_push(p->b->scripts, s))
			return false;
		dove_cmd(p->batch, "sieveGet",
			 dove_user(p->user, "scriptname", name));
	}
	return true;
}

static bool mailboxes_of(struct plan *p, const struct json *rows)
{
	if (!p->mailboxes)
		return false;
	for (const struct json *j = json_first(rows); j; j = json_next(j)) {
		const char *name = json_str(j, "mailbox");

		if (!name || is_shared(p->c, name) || strcmp(name, "INBOX") == 0)
			continue;
		if (!json_push_str(p->mailboxes, name))
			return false;
		dove_cmd(p->batch, "aclGet", dove_user(p->user, "mailbox", name));
	}
	return true;
}

static bool add_acls(struct box *b, const char *mailbox, const struct json *rows)
{
	for (const struct json *j = json_first(rows); j; j = json_next(j)) {
		const char *id = json_str(j, "id"), *rights = json_str(j, "rights");
		const char *global = json_str(j, "global");
		struct json *a;

		if (!id || *id == '-' || strcmp(id, "owner") == 0 || !rights ||
		    !*rights)
			continue;
		a = json_object();
		if (!json_set_str(a, "mailbox", mailbox) ||
		    !json_set_str(a, "id", id) ||
		    !json_set_str(a, "rights", rights) ||
		    !json_set_bool(a, "global", global && *global)) {
			json_free(&a);
			return false;
		}
		if (!json_push(b->acls, a))
			return false;
	}
	return true;
}

/* How many commands ask what one mailbox has? */
static size_t questions(const struct reading *x)
{
	return (x->scripts ? 1u : 0u) + (x->d->has_acl ? 2u : 0u);
}

static bool no_memory(struct kit_reply *r)
{
	kit_say(r, KIT_RETRY, "out of memory");
	return false;
}

/* Its part of the first round's answer, from command `i` on. */
static bool take_what(const struct reading *x, struct plan *p,
		      const struct json *answer, size_t i)
{
	const struct json *rows;
	int code;

	if (x->scripts) {
		rows = dove_rows(answer, i++, &code);
		if (!rows) {
			dove_told(code, "list the scripts", p->r);
			return false;
		}
		if (!scripts_of(p, rows))
			return no_memory(p->r);
	}
	if (!x->d->has_acl)
		return true;
	rows = dove_rows(answer, i++, &code);
	if (!rows) {
		dove_told(code, "list the folders", p->r);
		return false;
	}
	if (!mailboxes_of(p, rows))
		return no_memory(p->r);
	rows = dove_rows(answer, i, &code);
	if (!rows && code != DOVE_EX_NOTFOUND) {
		dove_told(code, "read the rights on INBOX", p->r);
		return false;
	}
	return !rows || add_acls(p->b, "INBOX", rows) || no_memory(p->r);
}

static void fail_all(const struct reading *x, const struct kit_reply *r)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->plans[i].ok) {
			kit_say(x->plans[i].r, r->status, "%s", r->text);
			x->plans[i].ok = false;
		}
}

static void ask_what(const struct reading *x, struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	size_t per = questions(x);

	for (size_t i = 0; i < x->n; i++) {
		const char *user = x->plans[i].user;

		if (x->scripts)
			dove_cmd(batch, "sieveList", dove_user(user, NULL, NULL));
		if (!x->d->has_acl)
			continue;
		dove_cmd(batch, "mailboxList", dove_user(user, NULL, NULL));
		dove_cmd(batch, "aclGet", dove_user(user, "mailbox", "INBOX"));
	}
	if (json_count(batch) != per * x->n) {
		json_free(&batch);
		(void)no_memory(r);
		fail_all(x, r);
		return;
	}
	if (!dove_call(x->d, x->c, batch, false, &answer, r)) {
		fail_all(x, r);
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		struct plan *p = &x->plans[i];

		p->at = json_count(p->batch);
		p->ok = take_what(x, p, answer, per * i);
		p->n = json_count(p->batch) - p->at;
	}
	json_free(&answer);
}

/* Its part of the second round's answers, in the order they were asked for. */
static bool take_content(struct plan *p, const struct json *answer)
{
	const struct json *rows, *m;
	size_t i = p->at;
	int code;

	for (struct json *s = json_first(p->b->scripts); s; s = json_next(s), i++) {
		rows = dove_rows(answer, i, &code);
		if (!rows && code != DOVE_EX_NOTFOUND) {
			dove_told(code, "read a script", p->r);
			return false;
		}
		if (!json_set_str(s, "text",
				  rows ? json_str(json_first(rows), "sieve script") : NULL))
			return no_memory(p->r);
	}
	for (m = json_first(p->mailboxes); m; m = json_next(m), i++) {
		rows = dove_rows(answer, i, &code);
		if (!rows && code != DOVE_EX_NOTFOUND) {
			dove_told(code, "read the rights on a folder", p->r);
			return false;
		}
		if (rows && !add_acls(p->b, json_text(m), rows))
			return no_memory(p->r);
	}
	return true;
}

/* The whole second round, in requests that answer in good time. */
static struct json *call_all(const struct reading *x, const struct json *batch,
			     struct kit_reply *r)
{
	struct json *all = json_array(), *part = NULL, *answer = NULL;
	bool ok = all != NULL;

	for (const struct json *j = json_first(batch); ok && j; j = json_next(j)) {
		if (!part)
			part = json_array();
		ok = json_push(part, json_dup(j));
		if (!ok || (json_next(j) && json_count(part) < AT_ONCE))
			continue;
		ok = dove_call(x->d, x->c, part, false, &answer, r);
		part = NULL;
		for (const struct json *a = json_first(answer); ok && a; a = json_next(a))
			ok = json_push(all, json_dup(a));
		json_free(&answer);
	}
	json_free(&part);
	if (!ok && r->status == KIT_OK)
		(void)no_memory(r);
	if (!ok)
		json_free(&all);
	return all;
}

static void ask_content(const struct reading *x, const struct json *batch,
			struct kit_reply *r)
{
	struct json *answer;

	if (!json_count(batch))
		return;
	answer = call_all(x, batch, r);
	if (!answer)
		fail_all(x, r);
	for (size_t i = 0; i < x->n; i++) {
		struct plan *p = &x->plans[i];

		if (!p->ok)
			continue;
		p->ok = p->n == json_count(p->b->scripts) + json_count(p->mailboxes) ?
				take_content(p, answer) : no_memory(p->r);
	}
	json_free(&answer);
}

static void read_boxes(struct dove *d, const struct kit_connection *c, bool scripts,
		       struct box_ask *asks, size_t n)
{
	struct reading x = { .d = d, .c = c, .scripts = scripts && d->has_sieve,
			     .plans = mem_array(n, sizeof(*x.plans)), .n = n };
	struct json *batch = json_array();
	struct kit_reply r = { .status = KIT_OK };

	for (size_t i = 0; i < n; i++) {
		asks[i].box = (struct box){ json_array(), json_array() };
		asks[i].reply = (struct kit_reply){ .status = KIT_OK };
		asks[i].ok = x.plans && batch && asks[i].box.scripts &&
			     asks[i].box.acls;
		if (!asks[i].ok)
			(void)no_memory(&asks[i].reply);
		if (x.plans)
			x.plans[i] = (struct plan){ .c = c, .user = asks[i].user,
				.b = &asks[i].box, .r = &asks[i].reply, .batch = batch,
				.mailboxes = json_array(), .ok = asks[i].ok };
	}
	if (x.plans && questions(&x)) {
		ask_what(&x, &r);
		ask_content(&x, batch, &r);
	}
	for (size_t i = 0; i < n; i++) {
		if (x.plans) {
			asks[i].ok = x.plans[i].ok;
			json_free(&x.plans[i].mailboxes);
		}
		if (!asks[i].ok)
			box_free(&asks[i].box);
	}
	json_free(&batch);
	mem_free(x.plans);
}

static bool read_box(struct dove *d, const struct kit_connection *c,
		     const char *user, bool scripts, struct box *b,
		     struct kit_reply *r)
{
	struct box_ask one = { .user = user };

	read_boxes(d, c, scripts, &one, 1);
	*b = one.box;
	kit_say(r, one.reply.status, "%s", one.reply.text);
	return one.ok;
}

bool box_read(struct dove *d, const struct kit_connection *c, const char *user,
	      struct box *b, struct kit_reply *r)
{
	return read_box(d, c, user, true, b, r);
}

bool box_acls(struct dove *d, const struct kit_connection *c, const char *user,
	      struct box *b, struct kit_reply *r)
{
	return read_box(d, c, user, false, b, r);
}

void box_read_all(struct dove *d, const struct kit_connection *c,
		  struct box_ask *asks, size_t n)
{
	read_boxes(d, c, true, asks, n);
}

void box_free(struct box *b)
{
	json_free(&b->scripts);
	json_free(&b->acls);
}

int box_acl_id(const struct json *acl, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "%s %s", json_str(acl, "mailbox"),
			  json_str(acl, "id"));
}

const char *box_acl_user(const char *id)
{
	return strncmp(id, "user=", 5) == 0 && id[5] && !strpbrk(id + 5, "*?") ?
		       id + 5 : NULL;
}
