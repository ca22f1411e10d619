/*
 * show: one thing told, as text or as JSON.
 *
 * Each thing is a list of (name, value) pairs, so that both forms say the same.
 */
#include "agent/show_int.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/rot.h"
#include "agent/report/out.h"
#include "agent/claims.h"
#include "base/clock.h"
#include "base/mem.h"

void show_tell(struct telling *t, const char *key, const char *label,
	       const char *value)
{
	if (t->s->app->json) {
		(void)json_set_str(t->obj, key, value);
		return;
	}
	if (value == NULL || value[0] == '\0')
		return;
	out_text("  ");
	out_cell(label, 16);
	out_cell(value, 0);
	out_text("\n");
}

void show_tell_time(struct telling *t, const char *key, const char *label,
		    int64_t ms)
{
	char at[CLOCK_TEXT], ago[CLOCK_TEXT], text[100] = "";
	const int64_t d = t->s->now_ms - ms;

	if (ms == 0) {
		if (t->s->app->json)
			show_tell(t, key, label, NULL);
		return;
	}
	(void)clock_text(ms, at);
	if (t->s->app->json) {
		show_tell(t, key, label, at);
		return;
	}
	(void)snprintf(text, sizeof text, "%s (%s%s%s)", at,
		       d < 0 ? "in " : "", clock_span(d < 0 ? -d : d, ago),
		       d < 0 ? "" : " ago");
	show_tell(t, key, label, text);
}

static struct telling begin(struct show *s, const char *list, const char *title)
{
	struct telling t = { .s = s };

	s->n_things++;
	if (s->app->json) {
		struct json *arr = json_get(s->json, list);

		if (arr == NULL) {
			(void)json_set(s->json, list, json_array());
			arr = json_get(s->json, list);
		}
		t.obj = json_object();
		(void)json_set_str(t.obj, "address", title);
		if (arr == NULL || !json_push(arr, t.obj))
			t.obj = NULL;
		return t;
	}
	if (s->n_things > 1)
		out_text("\n");
	out_cell(title, 0);
	out_text("\n");
	return t;
}

/* {"region":"eu-1"} as "region eu-1, ...". */
static void tell_attributes(struct telling *t, const char *json)
{
	struct json *a = json_parse(json, strlen(json), NULL);

	if (t->s->app->json) {
		(void)json_set(t->obj, "attributes",
			       a != NULL ? a : json_object());
		return;
	}
	for (const struct json *m = a != NULL ? json_first(a) : NULL; m != NULL;
	     m = json_next(m)) {
		struct buf b = BUF_INIT(BUF_TEXT_MAX);

		if (json_text(m) != NULL)
			show_tell(t, "", json_key(m), json_text(m));
		else if (json_print(m, false, &b, NULL) == 0)
			show_tell(t, "", json_key(m), b.p);
		buf_release(&b);
	}
	json_free(&a);
}

/* ---- what a kill would do ------------------------------------------------ */

static bool fact(const struct json *kind, const char *name)
{
	bool b = false;

	return kind != NULL && json_bool(kind, name, &b) && b;
}

static int64_t fact_ms(const struct json *kind, const char *name)
{
	int64_t n = 0;

	return kind != NULL && json_int(kind, name, &n) && n > 0 ? n : 0;
}

/* In the words of the declared facts; careful where nothing is declared. */
static void tell_kill(struct telling *t, const char *kind, bool self,
		      bool is_dead)
{
	const struct json *f = t->s->facts != NULL ?
				       json_get(t->s->facts, kind) : NULL;
	const int64_t lag = fact_ms(f, "revoke_lag_ms");
	const int64_t session = fact_ms(f, "session_ms");
	const bool cuts = fact(f, "disable_cuts_sessions") ||
			  fact(f, "revoke_cuts_sessions");
	char text[500], a[CLOCK_TEXT], b[CLOCK_TEXT];

	if (is_dead) {
		show_tell(t, "kill", "a kill", "has nothing left to do: proved dead");
		return;
	}
	(void)snprintf(text, sizeof text, "%srevokes it; sessions %s%s%s%s%s%s",
		       fact(f, "disable") ? "disables it (can be undone), " : "",
		       cuts ? "end with it" : "are cut separately",
		       session > 0 ? ", one may live on for " : "",
		       session > 0 ? clock_span(session, a) : "",
		       lag > 0 ? "; refused everywhere after " : "",
		       lag > 0 ? clock_span(lag, b) : "",
		       self ? "; only with --include-self: curfew works with it" :
			      "");
	show_tell(t, "kill", "a kill", text);
	if (f == NULL)
		show_tell(t, "facts", "facts", "none declared for this kind: the "
					  "careful values hold");
}

/* ---- things -------------------------------------------------------------- */

static void forget_connection(struct show *s)
{
	if (s->have_conn)
		inv_connection_free(&s->conn);
	s->have_conn = false;
	json_free(&s->facts);
}

int show_set_connection(struct show *s, const char *name, struct err *e)
{
	int r;

	if (s->have_conn && strcmp(s->conn.name, name) == 0)
		return 1;
	forget_connection(s);
	r = inv_connection_get(s->app->vault, name, &s->conn, NULL, e);
	s->have_conn = r == 1;
	if (r == 1 && s->conn.facts[0] != '\0')
		s->facts = json_parse(s->conn.facts, strlen(s->conn.facts), NULL);
	return r;
}

void show_release(struct show *s)
{
	forget_connection(s);
	rot_index_free(&s->lines);
	json_free(&s->json);
}

static void tell_owner(struct telling *t, const struct view_row *r)
{
	show_tell(t, "identity", "identity",
	     r->identity != NULL ? r->identity->name : NULL);
	show_tell(t, "owner", "owner", r->owner[0] != '\0' ? r->owner : NULL);
	show_tell(t, "workflow", "workflow",
	     r->identity != NULL ? r->identity->workflow : NULL);
}

static void tell_source(struct telling *t, const struct view_row *r)
{
	char text[300];

	if (r->missing > 0)
		(void)snprintf(text, sizeof text, "%s (%s): not shown by the "
			       "last %u complete listing%s", r->connection,
			       t->s->conn.type, r->missing,
			       r->missing == 1 ? "" : "s");
	else
		(void)snprintf(text, sizeof text, "listed by %s (%s)",
			       r->connection, t->s->conn.type);
	show_tell(t, "source", "comes from", text);
	show_tell_time(t, "seen", "last seen", r->seen_ms);
	show_tell_time(t, "first_seen", "first seen", r->first_seen_ms);
}

/* What a row and its owner say; `r` gets its judged members here. */
static struct telling begin_row(struct show *s, const char *list,
				struct view_row *r, enum view_what what,
				struct buf *address)
{
	struct telling t;
	char notes[128];

	struct buf alias = BUF_INIT(BUF_TEXT_MAX);

	r->address = address->p;
	/* A label too long for an address claims nothing. */
	if (claim_alias(&alias, r->connection, r->account, r->label, NULL) < 0)
		buf_reset(&alias);
	r->identity = config_identity_of(s->app->config, r->address,
					 alias.len > 0 ? alias.p : NULL);
	buf_release(&alias);
	r->owner = config_owner(s->app->config, r->identity);
	if (r->missing == 0 && s->conn.synced_ms > r->seen_ms)
		r->seen_ms = s->conn.synced_ms;
	r->flags = view_flags_of(s->app, r, what, s->conn.synced_ms, s->now_ms);
	t = begin(s, list, r->address);
	show_tell(&t, "kind", "kind", r->kind);
	show_tell(&t, "state", "state", view_state_text(r));
	show_tell(&t, "notes", "notes", view_flags_text(r->flags, notes));
	tell_owner(&t, r);
	show_tell_time(&t, "created", "created", r->created_ms);
	show_tell_time(&t, "last_used", "last used", r->last_used_ms);
	return t;
}

int show_account(struct show *s, const struct inv_account *a, struct err *e)
{
	struct view_row r = {
		.connection = a->connection, .account = a->name,
		.kind = "account", .id = "", .state = a->state,
		.missing = a->missing, .created_ms = a->created_ms,
		.last_used_ms = a->last_used_ms, .seen_ms = a->seen_ms,
		.first_seen_ms = a->first_seen_ms,
		.flags = (a->self ? VF_SELF : 0u) |
			 (a->makes_accounts ? VF_MAKES : 0u),
	};
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct telling t;

	if (inv_address(&b, a->connection, a->name, NULL, e) < 0)
		return -1;
	t = begin_row(s, "accounts", &r, VIEW_ACCOUNTS, &b);
	tell_source(&t, &r);
	tell_attributes(&t, a->attributes);
	buf_release(&b);
	return 0;
}

int show_credential(struct show *s, const struct inv_credential *c,
		    struct err *e)
{
	struct view_row r = {
		.connection = c->connection, .account = c->account,
		.kind = c->kind, .id = c->id, .label = c->label,
		.state = c->state,
		.missing = c->missing, .created_ms = c->created_ms,
		.expires_ms = c->expires_ms, .last_used_ms = c->last_used_ms,
		.seen_ms = c->seen_ms, .first_seen_ms = c->first_seen_ms,
		.dead_ms = c->dead_ms, .dead_record = c->dead_record,
		.flags = c->self ? VF_SELF : 0u,
	};
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct telling t;

	if (inv_address(&b, c->connection, c->account, c->id, e) < 0)
		return -1;
	t = begin_row(s, "credentials", &r, VIEW_CREDENTIALS, &b);
	show_tell_time(&t, "expires", "expires", c->expires_ms);
	show_tell_time(&t, "proved_dead", "proved dead", c->dead_ms);
	show_tell(&t, "fingerprint", "fingerprint",
	     c->fingerprint[0] != '\0' ? c->fingerprint : NULL);
	show_tell(&t, "label", "label", c->label[0] != '\0' ? c->label : NULL);
	show_tell(&t, "secret", "its secret", c->has_secret ?
	     "sealed here: a probe can log in with it" :
	     "not known here: a probe goes by the service's record");
	tell_source(&t, &r);
	tell_attributes(&t, c->attributes);
	tell_kill(&t, c->kind, c->self,
		  c->state == INV_DEAD);
	buf_release(&b);
	return show_rotation(&t, c, e);
}

int show_grant(struct show *s, const struct inv_grant *g, struct err *e)
{
	struct view_row r = {
		.connection = g->connection, .account = g->account,
		.kind = g->kind, .id = g->id, .state = g->state,
		.missing = g->missing, .created_ms = g->created_ms,
		.seen_ms = g->seen_ms, .first_seen_ms = g->first_seen_ms,
	};
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct telling t;

	if (inv_address(&b, g->connection, g->account, g->id, e) < 0)
		return -1;
	t = begin_row(s, "grants", &r, VIEW_GRANTS, &b);
	tell_source(&t, &r);
	tell_attributes(&t, g->attributes);
	show_tell(&t, "kill", "a kill", "removes it");
	buf_release(&b);
	return 0;
}

struct counts {
	unsigned long long accounts, credentials, grants;
};

static int count_account(const struct inv_account *a, void *arg, struct err *e)
{
	(void)a;
	(void)e;
	((struct counts *)arg)->accounts++;
	return 0;
}

static int count_credential(const struct inv_credential *c, void *arg,
			    struct err *e)
{
	(void)c;
	(void)e;
	((struct counts *)arg)->credentials++;
	return 0;
}

static int count_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	(void)g;
	(void)e;
	((struct counts *)arg)->grants++;
	return 0;
}

int show_connection(struct show *s, const char *name, struct err *e)
{
	struct counts n = { 0, 0, 0 };
	struct vault *v = s->app->vault;
	struct telling t;
	char text[200];
	const int r = show_set_connection(s, name, e);

	if (r <= 0)
		return r;
	if (inv_accounts(v, name, count_account, &n, e) < 0 ||
	    inv_credentials(v, name, NULL, count_credential, &n, e) < 0 ||
	    inv_grants(v, name, NULL, count_grant, &n, e) < 0)
		return -1;
	t = begin(s, "connections", name);
	show_tell(&t, "type", "type", s->conn.type);
	(void)snprintf(text, sizeof text,
		       "%llu accounts, %llu credentials, %llu grants",
		       n.accounts, n.credentials, n.grants);
	show_tell(&t, "holds", "holds", text);
	show_tell(&t, "secret", "admin secret", s->conn.has_secret ?
	     "sealed here" : "none");
	show_tell_time(&t, "connected", "connected", s->conn.created_ms);
	show_tell_time(&t, "synced", "last sync", s->conn.synced_ms);
	show_tell_time(&t, "failed", "last failure", s->conn.failed_ms);
	show_tell(&t, "failure", "failure",
	     s->conn.failure[0] != '\0' ? s->conn.failure : NULL);
	show_tell(&t, "settings", "settings", s->conn.options);
	show_tell(&t, "facts", "facts", s->conn.facts);
	return 1;
}

void show_identity_head(struct show *s, const struct config_identity *id)
{
	const char *owner = config_owner(s->app->config, id);
	struct buf tags = BUF_INIT(BUF_TEXT_MAX);
	struct telling t = begin(s, "identities", id->name);

	for (size_t i = 0; i < id->n_tags; i++)
		(void)!buf_printf(&tags, NULL, "%s%s", i > 0 ? ", " : "",
				  id->tags[i]);
	show_tell(&t, "kind", "kind", "identity");
	show_tell(&t, "owner", "owner", owner[0] != '\0' ? owner : "nobody");
	show_tell(&t, "workflow", "workflow", id->workflow);
	show_tell(&t, "tags", "tags", tags.p);
	show_tell(&t, "note", "note", id->note);
	show_tell(&t, "source", "comes from", s->app->config_path);
	buf_release(&tags);
}

void show_unseen(struct show *s, const char *address)
{
	struct telling t = begin(s, "accounts", address);

	show_tell(&t, "state", "state", "in the configuration, seen by no sync");
}
