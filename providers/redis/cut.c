/*
 * cut: client connections, and ending those of a user.
 *
 * Redis runs one command after the other, so a login that passed before the
 * user was shut is in the list of clients when CLIENT KILL runs: two clean looks
 * are one more than needed.  A user that one of its own sessions has opened
 * again meanwhile is shut again.
 *
 * Must never report an end that was not seen, nor end curfew's own connection.
 */
#include "providers/redis/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* " key=" of a CLIENT LIST line; values hold no blank. */
static void field(const char *line, size_t len, const char *key, char *out, size_t cap)
{
	size_t k = strlen(key);

	out[0] = '\0';
	for (const char *p = line; p < line + len;) {
		size_t n = strcspn(p, " \n");

		if (n > k && strncmp(p, key, k) == 0 && p[k] == '=' && n - k - 1 < cap) {
			memcpy(out, p + k + 1, n - k - 1);
			out[n - k - 1] = '\0';
			return;
		}
		p += n;
		p += *p == ' ';
		if (*p == '\n' || !*p)
			return;
	}
}

static void client_of(const char *line, size_t n, struct rds_client *c)
{
	field(line, n, "id", c->id, sizeof c->id);
	field(line, n, "user", c->user, sizeof c->user);
	field(line, n, "addr", c->addr, sizeof c->addr);
	field(line, n, "name", c->name, sizeof c->name);
	field(line, n, "age", c->age, sizeof c->age);
	field(line, n, "idle", c->idle, sizeof c->idle);
	field(line, n, "flags", c->flags, sizeof c->flags);
	field(line, n, "cmd", c->cmd, sizeof c->cmd);
}

int rds_clients(struct rds_session *s, rds_client_fn fn, void *arg,
		struct kit_reply *r)
{
	static const char *const words[] = { "CLIENT", "LIST", NULL };
	struct rd_reply *got = NULL;
	struct rd_fail f;
	int rc = 0;

	kit_own_looking();
	rc = rd_run(s->rd, words, &got, &f);
	kit_own_done();
	if (rc) {
		rds_reply_fail(&f, false, "list the clients", r);
		return -1;
	}
	for (const char *p = rd_text(got); !rc && p && *p;) {
		size_t n = strcspn(p, "\n");
		struct rds_client c;
		char id[40];

		client_of(p, n, &c);
		snprintf(id, sizeof id, "%s-%s", c.id, s->run);
		if (c.id[0] && !kit_own(id) && !kit_own(c.addr))
			rc = fn(&c, arg);
		p += n;
		p += *p == '\n';
	}
	rd_reply_free(&got);
	return rc;
}

struct count {
	const char *user, *only;
	int n;
};

static int count_fn(const struct rds_client *c, void *arg)
{
	struct count *k = arg;

	k->n += strcmp(c->user, k->user) == 0 && (!k->only || strcmp(c->id, k->only) == 0);
	return 0;
}

int rds_sessions_live(struct rds_session *s, const char *name, const char *only,
		      struct kit_reply *r)
{
	struct count k = { .user = name, .only = only };

	return rds_clients(s, count_fn, &k, r) ? -1 : k.n;
}

bool rds_client_number(const struct rds_session *s, const char *id,
		       char number[static 24])
{
	size_t n = strspn(id, "0123456789");

	if (!n || n >= 24 || id[n] != '-' || strcmp(id + n + 1, s->run) != 0)
		return false;
	memcpy(number, id, n);
	number[n] = '\0';
	return true;
}

struct cut {
	struct rds_session *s;
	const char *user, *only; /* only: a client's number, or NULL */
	bool shut;
	int64_t count;
};

/* Was it opened again under our hands?  -1 + r. */
static int shut_again(struct cut *k, struct kit_reply *r)
{
	static const char *const off[] = { "off", NULL };
	struct rds_user u;

	if (!k->shut)
		return 0;
	if (!rds_user(k->s, k->user, &u, r))
		return -1;
	bool open = u.exists && u.on;
	rds_user_release(&u);
	if (!open)
		return 0;
	rds_alter(k->s, k->user, off, r);
	return r->status == KIT_OK ? 1 : -1;
}

static int look(void *arg, struct kit_reply *r)
{
	struct cut *k = arg;
	const char *const all[] = { "CLIENT", "KILL", "USER", k->user, "SKIPME", "yes", NULL };
	const char *const one[] = { "CLIENT", "KILL", "ID", k->only, NULL };
	struct rd_reply *got = NULL;
	struct rd_fail f;
	int again = shut_again(k, r), left;

	if (again < 0)
		return -1;
	left = rds_sessions_live(k->s, k->user, k->only, r);
	if (left <= 0)
		return left < 0 ? -1 : again;
	if (rd_run(k->s->rd, k->only ? one : all, &got, &f)) {
		/* "No such user 'x'": a session of a user that is gone */
		rds_reply_fail(&f, true, "end the sessions", r);
		return -1;
	}
	if (rd_int(got) > 0)
		k->count += rd_int(got);
	rd_reply_free(&got);
	return left;
}

int rds_cut_sessions(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *out,
		     struct kit_reply *r, struct err *e)
{
	struct rds_session *s = session;
	struct cut k = { .s = s, .user = q->account };
	struct rds_user u;
	char number[24];

	(void)out;
	if (!rds_ready(s, c, r) || !rds_user(s, q->account, &u, r))
		return 0;
	k.shut = u.exists && !u.on;
	bool exists = u.exists;
	rds_user_release(&u);
	if (strcmp(q->kind, "session") == 0) {
		if (!rds_client_number(s, q->credential, number)) {
			r->status = KIT_ABSENT;
			return 0;
		}
		k.only = number;
	}
	/* The server ends the connections of a user when it deletes it. */
	if (kit_cut(look, &k, r) == 0)
		r->status = exists || k.count ? KIT_OK : KIT_ABSENT;
	if (!json_set_int(kit_body(r), "count", k.count))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
