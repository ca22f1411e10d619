/*
 * kill_connections: see kill_connections.h.  A connection is asked only when
 * its own program's shapes claim the value, so a secret is never shown to a
 * service that could not have issued it.
 */
#include "agent/kill_connections.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/facts.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"

struct search {
	struct app *app;
	const struct panic_ask *ask;
	const struct paste *paste;
	struct link **any; /* *any: started and bare, or NULL */
	struct json *hello;
	const struct json *services;
	struct claims claims; /* of all definitions */
	char *names[APP_WARM];
	size_t n;
};

static bool claims_type(const struct claims *c, const char *type)
{
	for (size_t i = 0; type && i < c->n; i++)
		if (strcmp(c->v[i].type, type) == 0)
			return true;
	return false;
}

static bool is_service(const struct json *services, const char *type)
{
	for (const struct json *s = json_first(services); s; s = json_next(s)) {
		const char *t = json_str(s, "type");

		if (t && strcmp(t, type) == 0)
			return true;
	}
	return false;
}

static bool ends_by_value(const char *text)
{
	struct facts f;

	facts_parse(text, &f);
	for (size_t i = 0; i < f.n; i++)
		if (f.kinds[i].by_value || f.kinds[i].self_revoke)
			return true;
	return false;
}

/* By what the vault says: is it worth starting its program? */
static int may_claim(const struct inv_connection *c, void *arg, struct err *e)
{
	struct search *s = arg;
	struct json *o = json_parse(c->options, strlen(c->options), NULL);
	const char *service = o ? json_str(o, "service") : NULL;
	const char *type = service ? service : c->type;
	const bool may = is_service(s->services, type) ?
				 claims_type(&s->claims, type) :
				 ends_by_value(c->facts);

	json_free(&o);
	if (!may || s->n == APP_WARM)
		return 0;
	s->names[s->n] = mem_strdup(c->name);
	if (!s->names[s->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->n++;
	return 0;
}

/* Where that connection sends it, for a person. */
static const char *place_of(const struct claim *c, const struct json *options,
			    const struct json *hello)
{
	const char *set = c->option ? json_str(options, c->option) : NULL;

	if (set)
		return set;
	for (const struct json *o = json_first(json_get(hello, "options"));
	     c->option && o; o = json_next(o))
		if (strcmp(json_str(o, "name") ? json_str(o, "name") : "",
			   c->option) == 0 && json_str(o, "default"))
			return json_str(o, "default");
	return c->host ? c->host : "";
}

/* Is another server named than this connection's? */
static bool not_meant(const struct search *s, const char *place)
{
	const char *host = s->ask->host ? s->ask->host : s->paste->host;
	const char *at = strstr(host, "://");

	host = at ? at + 3 : host;
	return *host && strstr(place, host) == NULL;
}

static int seal(struct search *s, const char *conn, const struct claim *c,
		const struct secret *value, const char *id, struct err *e)
{
	struct journal_entry j = { .kind = J_INVENTORY, .at_ms = clock_wall_ms() };
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	char hint[40], own[] = ACCOUNT_BY_VALUE, none[] = "", empty[] = "{}";
	char *kind = mem_strdup(c->kind), *name = mem_strdup(conn);
	char *print = mem_strdup(id);
	struct inv_credential x = { .connection = name, .account = own,
		.kind = kind, .id = print, .state = INV_ACTIVE,
		.first_seen_ms = j.at_ms, .seen_ms = j.at_ms,
		.fingerprint = none, .label = hint, .attributes = empty };
	int rc = -1;

	shape_hint(c, value, hint);
	if (!kind || !name || !print) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (buf_printf(&text, e, "a secret given by value, %s, to be tried at %s",
		       hint, conn) < 0 ||
	    store_begin(s->app->vault, e) < 0)
		goto out;
	j.text = text.p;
	if (inv_credential_put(s->app->vault, &x, value, e) < 0 ||
	    journal_append(s->app->vault, &j, NULL, e) < 0)
		store_rollback(s->app->vault);
	else
		rc = store_commit(s->app->vault, e);
out:
	buf_release(&text);
	mem_free(kind);
	mem_free(name);
	mem_free(print);
	return rc;
}

/* Which reading its program claims. */
static const struct secret *claimed(const struct search *s, const struct json *hello,
				    const char *type, struct claim *out)
{
	for (size_t i = 0; i < s->paste->n; i++)
		if (shape_claimed(hello, type, s->paste->reading[i], out))
			return s->paste->reading[i];
	return NULL;
}

static int one(struct search *s, const struct inv_connection *conn, struct link *l,
	       struct selection *sel, struct err *e)
{
	const struct json *hello = link_hello(l);
	struct json *options = json_parse(conn->options, strlen(conn->options), NULL);
	struct claim c;
	const struct secret *value = claimed(s, hello, conn->type, &c);
	char print[SHAPE_PRINT], hint[40], id[24];
	const char *place;
	int rc = 0;

	if (!value || !link_has_verb(l, "revoke_value"))
		goto out;
	place = place_of(&c, options, hello);
	if (not_meant(s, place))
		goto out;
	shape_print(value, print);
	shape_hint(&c, value, hint);
	(void)snprintf(id, sizeof(id), "%.23s", print);
	app_progress_done(s->app);
	(void)fprintf(stderr, "curfew: %s %s: %s at the connection %s (%s)\n",
		      c.kind, hint, s->app->dry_run ? "would be tried" : "tried",
		      conn->name, place);
	rc = -1;
	if (!s->app->dry_run &&
	    (seal(s, conn->name, &c, value, id, e) < 0 ||
	     selection_add(sel, conn->name, ACCOUNT_BY_VALUE, c.kind, id, e) < 0))
		goto out;
	rc = 1;
out:
	json_free(&options);
	return rc;
}

/* The process that is there already can be this connection's, unless it has to
 * reach files: those are granted at its start.  NULL: a new one is needed. */
static struct link *take_any(struct search *s, const struct inv_connection *conn,
			     const struct secret *admin)
{
	struct json *o = json_parse(conn->options, strlen(conn->options), NULL);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err why = ERR_INIT;
	struct link *l = NULL;
	bool fits = o && *s->any && (json_str(o, "service") ||
				     is_service(s->services, conn->type));

	for (const struct json *m = o ? json_first(o) : NULL; m; m = json_next(m))
		if (!json_text(m) || *json_text(m) == '/')
			fits = false;
	if (fits && !json_str(o, "service"))
		fits = json_set_str(o, "service", conn->type);
	if (fits && json_print(o, false, &b, &why) == 0) {
		l = *s->any;
		*s->any = NULL;
		if (link_become(l, conn->name, b.p, admin, &why) < 0)
			link_close(&l);
	}
	json_free(&o);
	buf_release(&b);
	return l;
}

static int start(struct search *s, const char *name, struct selection *sel,
		 struct err *e)
{
	struct inv_connection conn = { 0 };
	struct secret *admin = NULL;
	struct link *l = NULL;
	struct err why = ERR_INIT;
	int rc = inv_connection_get(s->app->vault, name, &conn, &admin, e);

	if (rc <= 0)
		return rc;
	l = take_any(s, &conn, admin);
	if ((!l && link_open(s->app->launcher, name, conn.type, conn.options,
			     admin, &l, &why) < 0) ||
	    link_start(l, &why) < 0) {
		log_err(LOG_WARNING, &why); /* the others are tried */
		rc = 0;
	} else {
		rc = one(s, &conn, l, sel, e);
	}
	if (rc > 0 && s->app->n_warm < APP_WARM) {
		s->app->warm[s->app->n_warm++] = l;
		l = NULL;
	}
	link_close(&l);
	secret_free(&admin);
	inv_connection_free(&conn);
	return rc;
}

int kill_connections(struct app *app, const struct panic_ask *ask,
		     const struct paste *paste, struct link **any,
		     struct selection *sel, struct err *e)
{
	struct search s = { .app = app, .ask = ask, .paste = paste };
	int n = 0, rc = -1;

	if (link_start(*any, e) < 0)
		return -1;
	/* its own copy: the link's goes when a connection takes it */
	s.hello = json_dup(link_hello(*any));
	if (!s.hello)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s.any = any;
	s.services = json_get(s.hello, "services");
	shape_claims(s.services, paste, ask->type, &s.claims);
	if (inv_connections(app->vault, may_claim, &s, e) < 0)
		goto out;
	for (size_t i = 0; i < s.n; i++) {
		const int one_more = start(&s, s.names[i], sel, e);

		if (one_more < 0)
			goto out;
		n += one_more;
	}
	rc = n;
out:
	for (size_t i = 0; i < s.n; i++)
		mem_free(s.names[i]);
	json_free(&s.hello);
	return rc;
}

void kill_reuse(struct app *app, const struct selection *sel, struct link **any)
{
	struct search s = { .app = app, .any = any };
	struct inv_connection conn = { 0 };
	struct secret *admin = NULL;
	struct link *l = NULL;

	if (!*any || !sel->n || app->n_warm == APP_WARM ||
	    inv_connection_get(app->vault, sel->p[0].conn, &conn, &admin, NULL) <= 0)
		return;
	/* most programs that are no definition's end nothing by value: then
	 * their own is started, and this one not waited for */
	if (ends_by_value(conn.facts) && link_start(*any, NULL) == 0) {
		s.hello = json_dup(link_hello(*any));
		s.services = s.hello ? json_get(s.hello, "services") : NULL;
		l = take_any(&s, &conn, admin);
		json_free(&s.hello);
	}
	if (l)
		app->warm[app->n_warm++] = l;
	secret_free(&admin);
	inv_connection_free(&conn);
}
