/*
 * session: options, the admin login, what the server is and what errors mean.
 *
 * Must never answer `ok` or `absent` for something the server has not said.
 */
#include "providers/redis/redis.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int rds_place(const struct kit_connection *c, struct net_place *p, struct err *e)
{
	const char *host = kit_option(c, "host", "localhost");
	struct kit_tls tls;
	int64_t port, seconds;

	*p = (struct net_place){ .host = host };
	p->socket = kit_option(c, "socket", NULL);
	p->port = kit_option(c, "port", "6379");
	p->cert = kit_option(c, "cert", NULL);
	p->key = kit_option(c, "key", NULL);
	if (!kit_host(host))
		return err_fail(e, ERR_CONFIG, host,
				"the option host takes one name or address");
	if (p->socket && p->socket[0] != '/')
		return err_fail(e, ERR_CONFIG, p->socket,
				"the option socket is a path that begins with /");
	if (kit_number(c, "port", "6379", 1, 65535, &port, e) ||
	    kit_number(c, "connect_timeout", "10", 1, 25, &seconds, e) ||
	    kit_tls(c, p->socket ? p->socket : host, &tls, e))
		return -1;
	p->tls = tls.on;
	p->cafile = tls.cafile;
	p->connect_ms = seconds * 1000;
	return 0;
}

/* ---- what the server is ------------------------------------------------------ */

/* "name:value\r\n" of INFO's text. */
static void info_value(const char *text, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name);

	out[0] = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == ':') {
			line += n + 1;
			snprintf(out, cap, "%.*s", (int)strcspn(line, "\r\n"), line);
			return;
		}
	}
}

static void learn_nodes(struct rds_session *s, const char *info)
{
	char mode[24], role[24], slaves[24], host[80];

	info_value(info, "redis_mode", mode, sizeof mode);
	info_value(info, "role", role, sizeof role);
	info_value(info, "connected_slaves", slaves, sizeof slaves);
	info_value(info, "master_host", host, sizeof host);
	s->nodes[0] = '\0';
	if (strcmp(mode, "cluster") == 0)
		snprintf(s->nodes, sizeof s->nodes, "the other nodes of this cluster");
	else if (strcmp(mode, "sentinel") == 0)
		snprintf(s->nodes, sizeof s->nodes, "this is a Sentinel: the servers "
			 "it watches");
	else if (strcmp(role, "slave") == 0)
		snprintf(s->nodes, sizeof s->nodes, "this is a replica: its primary "
			 "(%.60s) and the other replicas", host);
	else if (slaves[0] && strcmp(slaves, "0") != 0)
		snprintf(s->nodes, sizeof s->nodes, "the %.10s replicas of this server",
			 slaves);
}

void rds_reach(const struct rds_session *s, char out[static 300])
{
	int n = 0;

	out[0] = '\0';
	if (s->nodes[0])
		n = snprintf(out, 300, "; this server only: %s keep users of their own",
			     s->nodes);
	if (s->keep == RDS_KEEP_NONE)
		snprintf(out + n, 300 - (size_t)n, "; a restart brings the old users "
			 "back: the server has neither an aclfile nor a configuration file");
	else if (s->keep == RDS_KEEP_UNKNOWN)
		snprintf(out + n, 300 - (size_t)n, "; not known whether a restart "
			 "brings the old users back");
}

/* Where changes are kept.  Not being told is no error: it is said. */
static void learn_keep(struct rds_session *s, const char *info)
{
	static const char *const get[] = { "CONFIG", "GET", "aclfile", NULL };
	struct rd_reply *got = NULL;
	struct rd_fail f;
	char conf[200];
	const char *file;

	s->keep = RDS_KEEP_UNKNOWN;
	if (rd_run(s->rd, get, &got, &f) || rd_count(got) != 2) {
		rd_reply_free(&got);
		return;
	}
	file = rd_text(rd_at(got, 1));
	info_value(info, "config_file", conf, sizeof conf);
	if (file && *file)
		s->keep = RDS_KEEP_FILE;
	else if (conf[0])
		s->keep = RDS_KEEP_CONFIG;
	else if (*info)
		s->keep = RDS_KEEP_NONE;
	rd_reply_free(&got);
}

static int first_users(void *arg)
{
	static const char *const users[] = { "ACL", "USERS", NULL };
	struct rds_session *s = arg;
	struct rd_reply *got = NULL;
	struct rd_fail f;
	int rc = 0;

	if (rd_run(s->rd, users, &got, &f))
		return -1;
	for (size_t i = 0; !rc && i < rd_count(got); i++)
		if (rd_text(rd_at(got, i)))
			rc = kit_first_add(rd_text(rd_at(got, i)));
	rd_reply_free(&got);
	return rc;
}

static int learn(struct rds_session *s, struct rd_fail *f)
{
	static const char *const who[] = { "ACL", "WHOAMI", NULL };
	static const char *const id[] = { "CLIENT", "ID", NULL };
	static const char *const info[] = { "INFO", NULL };
	struct rd_reply *a = NULL, *b = NULL, *i = NULL;
	struct rd_fail ignored;
	const char *text = "";
	int rc = -1;

	if (rd_run(s->rd, who, &a, f) || rd_run(s->rd, id, &b, f))
		goto out;
	snprintf(s->user, sizeof s->user, "%s", rd_text(a) ? rd_text(a) : "");
	if (rd_run(s->rd, info, &i, &ignored) == 0 && rd_text(i))
		text = rd_text(i);
	info_value(text, "run_id", s->run, sizeof s->run);
	kit_own_drop(s->own);
	snprintf(s->own, sizeof s->own, "%lld-%s", (long long)rd_int(b), s->run);
	kit_own_note(s->own);
	learn_nodes(s, text);
	learn_keep(s, text);
	/* not being told the first users only costs their `created` */
	(void)kit_first(first_users, s);
	*f = (struct rd_fail){ .cause = RD_FINE };
	rc = 0;
out:
	rd_reply_free(&a);
	rd_reply_free(&b);
	rd_reply_free(&i);
	return rc;
}

/* ---- the login ------------------------------------------------------------------ */

static int login(struct rds_session *s, const struct kit_connection *c,
		 struct rd_fail *f, struct err *e)
{
	struct net_place p;

	*f = (struct rd_fail){ .cause = RD_OURS };
	if (rds_place(c, &p, e))
		return -1;
	rd_close(&s->rd);
	if (rd_open(&p, &s->rd, f) ||
	    rd_auth(s->rd, kit_option(c, "user", "default"), c->secret, f) ||
	    learn(s, f))
		return -1;
	snprintf(s->address, sizeof s->address, "%s", rd_address(s->rd));
	return 0;
}

static bool code_in(const struct rd_fail *f, const char *const *codes)
{
	for (; *codes; codes++)
		if (strcmp(f->code, *codes) == 0)
			return true;
	return false;
}

/* Nothing was done and nothing stands in the way for long. */
static bool passes(const struct rd_fail *f)
{
	static const char *const codes[] = { "LOADING", "BUSY", "TRYAGAIN",
		"MASTERDOWN", "CLUSTERDOWN", "OOM", "MISCONF", "NOREPLICAS", NULL };

	return code_in(f, codes) || strstr(f->text, "max number of clients");
}

static void tell_login(const struct rd_fail *f, const struct err *e,
		       struct kit_reply *r)
{
	char line[300];

	if (f->cause == RD_OURS) {
		err_format(e, line, sizeof line);
		kit_say(r, KIT_RETRY, "cannot log in: %s", f->text[0] ? f->text : line);
	} else if (f->cause == RD_SAID && strstr(f->text, "nknown command")) {
		kit_say(r, KIT_REFUSED, "the server has no ACL command: Redis before "
			"version 6 knows one password and no users (%s)", f->text);
	} else if (f->cause == RD_SAID) {
		kit_say(r, passes(f) ? KIT_RETRY : KIT_REFUSED,
			"the server does not let curfew's admin user in: %s", f->text);
	} else {
		kit_say(r, KIT_RETRY, "cannot reach the server: %s", f->text);
	}
}

bool rds_ready(struct rds_session *s, const struct kit_connection *c,
	       struct kit_reply *r)
{
	struct rd_fail f;
	struct err e = ERR_INIT;

	if (rd_idle(s->rd) || login(s, c, &f, &e) == 0)
		return true;
	rd_close(&s->rd);
	tell_login(&f, &e, r);
	return false;
}

/* Hello's own session logs in at once, so that a wrong option or password is
 * told there; the other workers at their first request. */
int rds_open(const struct kit_connection *c, void **session, struct err *e)
{
	static atomic_bool proved;
	struct rds_session *s = mem_zalloc(sizeof *s);
	struct kit_reply r = { .status = KIT_OK };
	struct net_place p;
	char reach[300];

	*session = NULL;
	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (rds_place(c, &p, e)) {
		mem_free(s);
		return -1;
	}
	if (!atomic_load(&proved)) {
		if (!rds_ready(s, c, &r)) {
			err_fail(e, r.status == KIT_REFUSED ? ERR_PROVIDER : ERR_IO,
				 NULL, "%s", r.text);
			rds_close(s);
			return -1;
		}
		rds_reach(s, reach);
		if (reach[0])
			kit_warn("%s", reach + 2);
	}
	atomic_store(&proved, true);
	*session = s;
	return 0;
}

void rds_close(void *session)
{
	struct rds_session *s = session;

	if (!s)
		return;
	rd_close(&s->rd);
	kit_own_drop(s->own);
	mem_free(s);
}

void rds_reply_fail(const struct rd_fail *f, bool writes, const char *doing,
		    struct kit_reply *r)
{
	switch (f->cause) {
	case RD_SAID:
		kit_say(r, passes(f) ? KIT_RETRY : KIT_REFUSED, "cannot %s: %s", doing,
			f->text);
		if (r->status == KIT_RETRY)
			r->after_ms = 500;
		break;
	case RD_LOST:
	case RD_LATE:
		/* What only reads can be asked again. */
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY, "cannot %s: %s", doing,
			f->text);
		break;
	default:
		kit_say(r, KIT_RETRY, "cannot %s: %s", doing, f->text);
	}
}
