/*
 * list: users, their passwords and the clients that are logged in.
 */
#include "providers/redis/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct listing {
	struct rds_session *s;
	struct kit_stream *out;
	const char *only; /* one account, or NULL */
	size_t users;
	struct err *e;
	bool failed; /* e is filled */
};

/* What makes users, or takes the server over and so makes them. */
static const char *const powers[][4] = {
	{ "ACL", "SETUSER", "x", NULL },
	{ "ACL", "LOAD", NULL },
	{ "CONFIG", "SET", "x", NULL },
	{ "MODULE", "LOAD", "x", NULL },
};
#define POWERS (sizeof powers / sizeof *powers)

/* Before version 7 there is no ACL DRYRUN: by the words of the rules, and in
 * doubt yes. */
static bool power_by_words(const char *rules)
{
	static const char *const words[] = { "+@all", "+@admin", "+@dangerous",
					     "+acl", "+config", "+module" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(rules, words[i]))
			return true;
	return false;
}

/* 1, 0, or -1 with f filled when the connection is lost. */
static int has_power(struct rds_session *s, const char *name, const char *rules,
		     struct rd_fail *f)
{
	bool yes = false, unsure = false;

	for (size_t i = 0; i < POWERS; i++) {
		const char *words[8] = { "ACL", "DRYRUN", name };

		for (size_t k = 0; k < 4 && powers[i][k]; k++)
			words[3 + k] = powers[i][k];
		if (strcmp(powers[i][0], "CONFIG") == 0)
			words[6] = "1";
		if (rd_put(s->rd, words, f))
			return -1;
	}
	for (size_t i = 0; i < POWERS; i++) {
		struct rd_reply *got = NULL;

		if (rd_get(s->rd, &got, f) && f->cause != RD_SAID)
			return -1;
		unsure = unsure || f->cause == RD_SAID;
		yes = yes || (rd_text(got) && strcmp(rd_text(got), "OK") == 0);
		rd_reply_free(&got);
	}
	return yes || (unsure && power_by_words(rules));
}

static bool word_in(const char *rules, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = rules; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strncmp(p, word, n) == 0 && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static int send_account(struct listing *l, const char *name, const char *rules,
			bool self, bool power)
{
	struct json *item = kit_item_new("account", name, NULL, NULL);
	struct json *a = json_object();
	bool ok = json_set_str(item, "state", strncmp(rules, "on", 2) ? "disabled" : "active");

	if (ok && self)
		ok = json_set_bool(item, "self", true);
	if (ok && power)
		ok = json_set_bool(item, "makes_accounts", true);
	if (ok && kit_made_since(name))
		ok = kit_created_now(item);
	if (word_in(rules, "nopass"))
		kit_attr(a, "nopass", "yes");
	/* the rules without the hashes, which are good for guessing at */
	char plain[400];
	size_t n = 0;
	for (const char *p = rules; *p;) {
		size_t w = strcspn(p, " ");

		if (*p != '#' && n + w + 2 < sizeof plain) {
			memcpy(plain + n, p, w);
			n += w;
			plain[n++] = ' ';
		}
		p += w;
		p += *p == ' ';
	}
	plain[n ? n - 1 : 0] = '\0';
	kit_attr(a, "rules", plain);
	kit_attr(a, "other_servers", l->s->nodes);
	return kit_item_send(l->out, item, a, ok, l->e);
}

static int send_password(struct listing *l, const char *name, const char *id,
			 const char *rules, bool self)
{
	struct json *item = kit_item_new("credential", name, "password", id);
	bool ok = json_set_str(item, "state", strncmp(rules, "on", 2) ? "disabled" : "active");

	if (ok && self)
		ok = json_set_bool(item, "self", true);
	return kit_item_send(l->out, item, NULL, ok, l->e);
}

/* "user NAME RULES"; -1 with f or e filled. */
static int one_user(struct listing *l, const char *line, struct rd_fail *f)
{
	char name[1024], hash[RDS_HASH], id[RDS_ID];
	size_t n = strncmp(line, "user ", 5) ? 0 : strcspn(line + 5, " ");
	const char *rules = line + 5 + n;
	int power, rc;

	if (!n || n >= sizeof name || *rules != ' ')
		return 0;
	memcpy(name, line + 5, n);
	name[n] = '\0';
	rules++;
	if (l->only && strcmp(name, l->only) != 0)
		return 0;
	power = has_power(l->s, name, rules, f);
	if (power < 0)
		return -1;
	bool self = strcmp(name, l->s->user) == 0;
	l->users++;
	rc = send_account(l, name, rules, self, power);
	if (!rc && word_in(rules, "nopass"))
		rc = send_password(l, name, "nopass", rules, self);
	for (const char *p = rules; !rc && *p; p += strcspn(p, " "), p += *p == ' ') {
		if (*p != '#' || strcspn(p, " ") != RDS_HASH)
			continue;
		memcpy(hash, p + 1, RDS_HASH - 1);
		hash[RDS_HASH - 1] = '\0';
		rds_id(name, hash, id);
		rc = send_password(l, name, id, rules, self);
	}
	l->failed = rc != 0;
	return rc;
}

static int on_client(const struct rds_client *c, void *arg)
{
	struct listing *l = arg;
	struct json *item, *a;
	char id[40];

	if (!c->user[0] || (l->only && strcmp(c->user, l->only) != 0))
		return 0;
	snprintf(id, sizeof id, "%s-%s", c->id, l->s->run);
	item = kit_item_new("session", c->user, "session", id);
	a = json_object();
	kit_attr(a, "client_addr", c->addr);
	kit_attr(a, "name", c->name);
	kit_attr(a, "age_s", c->age);
	kit_attr(a, "idle_s", c->idle);
	kit_attr(a, "command", c->cmd);
	if (strchr(c->flags, 'S'))
		kit_attr(a, "replica", "yes");
	l->failed = kit_item_send(l->out, item, a, true, l->e) != 0;
	return l->failed ? -1 : 0;
}

int rds_list(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *out,
	     struct kit_reply *r, struct err *e)
{
	static const char *const words[] = { "ACL", "LIST", NULL };
	struct rds_session *s = session;
	struct listing l = { .s = s, .out = out, .e = e,
			     .only = q->account[0] ? q->account : NULL };
	struct rd_reply *got = NULL;
	struct rd_fail f;
	int bad = 0;

	if (!rds_ready(s, c, r))
		return 0;
	if (rd_run(s->rd, words, &got, &f)) {
		rds_reply_fail(&f, false, "list the users", r);
		return 0;
	}
	for (size_t i = 0; !bad && i < rd_count(got); i++)
		if (rd_text(rd_at(got, i)))
			bad = one_user(&l, rd_text(rd_at(got, i)), &f);
	rd_reply_free(&got);
	if (bad && !l.failed)
		rds_reply_fail(&f, false, "ask what a user may do", r);
	if (!bad)
		bad = rds_clients(s, on_client, &l, r);
	if (bad)
		return l.failed ? -1 : 0;
	r->status = l.only && !l.users ? KIT_ABSENT : KIT_OK;
	return json_set_bool(kit_body(r), "complete", true) ? 0 :
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
}
