/*
 * box: the Sieve scripts and the ACLs of one mailbox user.
 *
 * Two requests: what there is, then the content of each; INBOX, which is always
 * there and often alone, is asked for with the first.  Folders of other
 * people that the user can see (option `shared`) are theirs, not his.  What
 * takes rights away (negative ids, `owner`) is no grant.  A folder that
 * vanished between the two requests is left out.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "providers/dovecot/dovecot.h"

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

struct plan {
	struct dove *d;
	const struct kit_connection *c;
	const char *user;
	struct box *b;
	bool scripts;
	struct json *batch;
	struct json *mailboxes; /* asked for, in order, after the scripts */
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

static bool ask_what(struct plan *p, struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	const struct json *rows;
	size_t i = 0;
	int code;
	bool ok = true;

	if (p->scripts)
		dove_cmd(batch, "sieveList", dove_user(p->user, NULL, NULL));
	if (p->d->has_acl) {
		dove_cmd(batch, "mailboxList", dove_user(p->user, NULL, NULL));
		dove_cmd(batch, "aclGet", dove_user(p->user, "mailbox", "INBOX"));
	}
	if (json_count(batch) != (p->scripts ? 1u : 0) + (p->d->has_acl ? 2u : 0)) {
		json_free(&batch);
		return kit_say(r, KIT_RETRY, "out of memory") != 0;
	}
	if (!json_count(batch)) {
		json_free(&batch);
		return true;
	}
	if (!dove_call(p->d, p->c, batch, false, &answer, r))
		return false;
	if (p->scripts) {
		rows = dove_rows(answer, i++, &code);
		if (!rows)
			dove_told(code, "list the scripts", r);
		ok = rows && scripts_of(p, rows);
	}
	if (ok && p->d->has_acl) {
		rows = dove_rows(answer, i++, &code);
		if (!rows)
			dove_told(code, "list the folders", r);
		ok = rows && mailboxes_of(p, rows);
	}
	if (ok && p->d->has_acl) {
		rows = dove_rows(answer, i, &code);
		if (!rows && code != DOVE_EX_NOTFOUND)
			dove_told(code, "read the rights on INBOX", r);
		ok = rows ? add_acls(p->b, "INBOX", rows) : code == DOVE_EX_NOTFOUND;
	}
	if (!ok && r->status == KIT_OK)
		kit_say(r, KIT_RETRY, "out of memory");
	json_free(&answer);
	return ok;
}

/* The second request's answers, in the order they were asked for. */
static bool take_content(struct plan *p, const struct json *answer,
			 struct kit_reply *r)
{
	const struct json *rows, *m;
	size_t i = 0;
	int code;

	for (struct json *s = json_first(p->b->scripts); s; s = json_next(s), i++) {
		rows = dove_rows(answer, i, &code);
		if (!rows && code != DOVE_EX_NOTFOUND) {
			dove_told(code, "read a script", r);
			return false;
		}
		if (!json_set_str(s, "text",
				  rows ? json_str(json_first(rows), "sieve script") : NULL))
			return kit_say(r, KIT_RETRY, "out of memory") != 0;
	}
	for (m = json_first(p->mailboxes); m; m = json_next(m), i++) {
		rows = dove_rows(answer, i, &code);
		if (!rows && code != DOVE_EX_NOTFOUND) {
			dove_told(code, "read the rights on a folder", r);
			return false;
		}
		if (rows && !add_acls(p->b, json_text(m), rows))
			return kit_say(r, KIT_RETRY, "out of memory") != 0;
	}
	return true;
}

static bool read_box(struct dove *d, const struct kit_connection *c,
		     const char *user, bool scripts, struct box *b,
		     struct kit_reply *r)
{
	struct plan p = { .d = d, .c = c, .user = user, .b = b,
			  .scripts = scripts && d->has_sieve, .batch = json_array(), .mailboxes = json_array() };
	struct json *answer = NULL;
	size_t n;
	bool ok = false;

	*b = (struct box){ .scripts = json_array(), .acls = json_array() };
	r->status = KIT_OK;
	if (!p.batch || !p.mailboxes || !b->scripts || !b->acls) {
		kit_say(r, KIT_RETRY, "out of memory");
		goto out;
	}
	if (!ask_what(&p, r))
		goto out;
	n = json_count(p.batch);
	if (n != json_count(b->scripts) + json_count(p.mailboxes)) {
		kit_say(r, KIT_RETRY, "out of memory");
		goto out;
	}
	if (n) {
		struct json *batch = p.batch;

		p.batch = NULL;
		if (!dove_call(d, c, batch, false, &answer, r) ||
		    !take_content(&p, answer, r))
			goto out;
	}
	ok = true;
out:
	json_free(&answer);
	json_free(&p.batch);
	json_free(&p.mailboxes);
	if (!ok)
		box_free(b);
	return ok;
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
