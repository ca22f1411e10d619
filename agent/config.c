/*
 * config: curfew.toml, read once, checked whole (docs/config.md).
 *
 * Promises that whoever gets a struct config can rely on it: every key is one
 * of the table below, every value of its kind and range, every identity's
 * address well formed and claimed once.  A mistake is told with file, line,
 * column, what was expected and the nearest key.  Must never be a reason not
 * to kill: a missing file is an empty configuration.
 */
#include "agent/config_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/toml.h"

#define STALE_DEFAULT_MS (90LL * 24 * 3600 * 1000)
#define SPOOL_KEEP_DEFAULT_MS ((int64_t)30 * 24 * 3600 * 1000)
#define CONFIRM_DEFAULT 10
#define LIST_MAX 100000

/* ---- mistakes ------------------------------------------------------------ */

int config_bad(const struct reader *r, const struct toml_node *at, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)err_fail(r->e, ERR_CONFIG, NULL, "%s:%u:%u: %s", r->file,
		       at->line, at->col, text);
	return -1;
}

int config_nomem(const struct reader *r)
{
	return err_fail(r->e, ERR_NOMEM, r->file, "out of memory");
}

static const char *kind_word(enum toml_kind k)
{
	static const char *const words[] = {
		[TOML_STRING] = "a string", [TOML_INT] = "an integer",
		[TOML_FLOAT] = "a number",  [TOML_BOOL] = "true or false",
		[TOML_DATE] = "a date",	    [TOML_ARRAY] = "a list",
		[TOML_TABLE] = "a table",
	};

	return words[k];
}

/* ---- one value ----------------------------------------------------------- */

enum want { W_TEXT, W_PATH, W_SPAN, W_COUNT, W_FLIGHT, W_RATE, W_BOOL, W_LIST,
	    W_WINDOW, W_STRATEGY, W_ADOPT };

struct field {
	const char *key;
	enum want want;
	size_t at;   /* offset of the member */
	size_t n_at; /* W_LIST: offset of its length */
};

static int expect(const struct reader *r, const struct toml_node *v, const char *what)
{
	return config_bad(r, v, "'%s' must be %s, this is %s", v->key, what,
		   kind_word(v->kind));
}

static int set_text(const struct reader *r, const struct toml_node *v, char **to,
		    bool path)
{
	if (v->kind != TOML_STRING)
		return expect(r, v, "a string");
	if (path && v->str[0] != '/' && v->str[0] != '\0')
		return config_bad(r, v, "'%s' must be an absolute path", v->key);
	*to = mem_strdup(v->str);
	return *to != NULL ? 0 : config_nomem(r);
}

static int set_span(const struct reader *r, const struct toml_node *v, int64_t *to)
{
	if (v->kind != TOML_STRING || !clock_parse_span(v->str, to) || *to <= 0)
		return config_bad(r, v, "'%s' must be a span of time such as \"90d\", "
			   "\"12h\", \"30s\" or \"250ms\"", v->key);
	return 0;
}

static int set_int(const struct reader *r, const struct toml_node *v, int64_t lo,
		   int64_t hi, int64_t *to)
{
	if (v->kind != TOML_INT)
		return expect(r, v, "an integer");
	if (v->num < lo || v->num > hi)
		return config_bad(r, v, "'%s' must lie between %lld and %lld", v->key,
			   (long long)lo, (long long)hi);
	*to = v->num;
	return 0;
}

static int set_list(const struct reader *r, const struct toml_node *v, char ***to,
		    size_t *n)
{
	size_t count = 0;

	if (v->kind != TOML_ARRAY)
		return expect(r, v, "a list of strings");
	for (const struct toml_node *i = v->child; i != NULL; i = i->next)
		count++;
	if (count > LIST_MAX)
		return config_bad(r, v, "'%s' has more than %d entries", v->key,
			   LIST_MAX);
	*to = mem_array(count + 1, sizeof **to);
	if (*to == NULL)
		return config_nomem(r);
	for (const struct toml_node *i = v->child; i != NULL; i = i->next) {
		if (i->kind != TOML_STRING)
			return config_bad(r, i, "'%s' must be a list of strings, this "
				   "is %s", v->key, kind_word(i->kind));
		(*to)[*n] = mem_strdup(i->str);
		if ((*to)[*n] == NULL)
			return config_nomem(r);
		(*n)++;
	}
	return 0;
}

static int set_field(const struct reader *r, const struct field *f,
		     const struct toml_node *v, void *base)
{
	char *at = (char *)base + f->at;
	int64_t n = 0;
	double real;
	int flight;
	bool on;

	switch (f->want) {
	case W_TEXT:
	case W_PATH:
		return set_text(r, v, (void *)at, f->want == W_PATH);
	case W_SPAN:
		return set_span(r, v, (void *)at);
	case W_COUNT:
		return set_int(r, v, 0, 1000000000, (void *)at);
	case W_FLIGHT:
		if (set_int(r, v, 1, 16, &n) < 0)
			return -1;
		flight = (int)n;
		memcpy(at, &flight, sizeof(flight));
		return 0;
	case W_RATE:
		if (v->kind != TOML_INT && v->kind != TOML_FLOAT)
			return expect(r, v, "a number");
		real = v->kind == TOML_INT ? (double)v->num : v->real;
		memcpy(at, &real, sizeof(real));
		if (!(real > 0))
			return config_bad(r, v, "'%s' must be more than 0", v->key);
		return 0;
	case W_BOOL:
		if (v->kind != TOML_BOOL)
			return expect(r, v, "true or false");
		on = v->num != 0;
		memcpy(at, &on, sizeof(on));
		return 0;
	case W_LIST:
		return set_list(r, v, (void *)at,
				(void *)((char *)base + f->n_at));
	case W_WINDOW:
		return config_own_value(r, OWN_WINDOW, v, at);
	case W_STRATEGY:
		return config_own_value(r, OWN_STRATEGY, v, at);
	case W_ADOPT:
		return config_own_value(r, OWN_ADOPT, v, at);
	}
	return -1;
}

/* ---- tables -------------------------------------------------------------- */

#define END { NULL, W_TEXT, 0, 0 }
#define F(s, k, m, w) { k, w, offsetof(struct s, m), 0 }
#define FL(s, k, m, n) { k, W_LIST, offsetof(struct s, m), offsetof(struct s, n) }

static const struct field identity_fields[] = {
	F(config_identity, "owner", owner, W_TEXT),
	F(config_identity, "workflow", workflow, W_TEXT),
	F(config_identity, "note", note, W_TEXT),
	FL(config_identity, "tags", tags, n_tags),
	FL(config_identity, "accounts", accounts, n_accounts), END
};
static const struct field workflow_fields[] = {
	F(config_workflow, "owner", owner, W_TEXT),
	F(config_workflow, "note", note, W_TEXT), END
};
static const struct field connection_fields[] = {
	F(config_connection, "in_flight", in_flight, W_FLIGHT),
	F(config_connection, "rate", rate_per_s, W_RATE),
	F(config_connection, "timeout", timeout_ms, W_SPAN), END
};
static const struct field vault_fields[] = {
	F(config, "key_file", key_file, W_PATH),
	F(config, "head_file", head_file, W_PATH), END
};
static const struct field provider_fields[] = {
	F(config, "path", provider_path, W_TEXT), END
};
static const struct field inventory_fields[] = {
	F(config, "stale", stale_ms, W_SPAN), END
};
static const struct field kill_fields[] = {
	F(config, "confirm_over", confirm_over, W_COUNT),
	F(config, "require_refusal", require_refusal, W_BOOL), END
};
static const struct field response_fields[] = {
	F(config_response, "connection", connection, W_TEXT),
	F(config_response, "identity", identity, W_TEXT),
	F(config_response, "kind", kind, W_TEXT),
	F(config_response, "confidence", confidence, W_TEXT),
	F(config_response, "action", action, W_TEXT), END
};
static const struct field rotation_fields[] = {
	FL(config_rotation, "credentials", credentials, n_credentials),
	FL(config_rotation, "identities", identities, n_identities),
	FL(config_rotation, "tags", tags, n_tags),
	FL(config_rotation, "connections", connections, n_connections),
	F(config_rotation, "kind", kind, W_TEXT),
	FL(config_rotation, "deliver", deliver, n_deliver),
	FL(config_rotation, "notify", notify, n_notify),
	F(config_rotation, "partner", partner, W_TEXT),
	F(config_rotation, "every", every_ms, W_SPAN),
	F(config_rotation, "max_age", max_age_ms, W_SPAN),
	F(config_rotation, "jitter", jitter_ms, W_SPAN),
	F(config_rotation, "overlap", overlap_ms, W_SPAN),
	F(config_rotation, "quiet", quiet_ms, W_SPAN),
	F(config_rotation, "window", window, W_WINDOW),
	F(config_rotation, "strategy", strategy, W_STRATEGY),
	F(config_rotation, "adopt", adopt, W_ADOPT),
	F(config_rotation, "on_import", on_import, W_BOOL),
	F(config_rotation, "exclusive", exclusive, W_BOOL), END
};
static const struct field alarm_fields[] = {
	FL(config_alarm, "program", program, n_program),
	FL(config_alarm, "mail", mail, n_mail),
	F(config_alarm, "sendmail", sendmail, W_PATH),
	F(config_alarm, "from", from, W_TEXT),
	F(config_alarm, "webhook", webhook, W_TEXT),
	FL(config_alarm, "events", events, n_events),
	F(config_alarm, "repeat", repeat_ms, W_SPAN), END
};
static const struct field spool_fields[] = {
	F(config, "folder", spool, W_PATH),
	F(config, "keep", spool_keep_ms, W_SPAN), END
};
static const struct field process_fields[] = {
	F(config, "require_locked_memory", require_locked, W_BOOL), END
};

/* size 0: one table of that name; else [name.NAME], `size` bytes each. */
static const struct section {
	const char *key;
	const struct field *fields;
	size_t size, at, n_at;
} sections[] = {
	{ "identity", identity_fields, sizeof(struct config_identity),
	  offsetof(struct config, identities),
	  offsetof(struct config, n_identities) },
	{ "workflow", workflow_fields, sizeof(struct config_workflow),
	  offsetof(struct config, workflows),
	  offsetof(struct config, n_workflows) },
	{ "connection", connection_fields, sizeof(struct config_connection),
	  offsetof(struct config, connections),
	  offsetof(struct config, n_connections) },
	{ "response", response_fields, sizeof(struct config_response),
	  offsetof(struct config, responses),
	  offsetof(struct config, n_responses) },
	{ "rotation", rotation_fields, sizeof(struct config_rotation),
	  offsetof(struct config, rotations),
	  offsetof(struct config, n_rotations) },
	{ "alarm", alarm_fields, sizeof(struct config_alarm),
	  offsetof(struct config, alarms), offsetof(struct config, n_alarms) },
	{ "spool", spool_fields, 0, 0, 0 },
	{ "vault", vault_fields, 0, 0, 0 },
	{ "providers", provider_fields, 0, 0, 0 },
	{ "inventory", inventory_fields, 0, 0, 0 },
	{ "kill", kill_fields, 0, 0, 0 },
	{ "process", process_fields, 0, 0, 0 },
};
#define N_SECTIONS (sizeof sections / sizeof *sections)

static int unknown_field(const struct reader *r, const struct field *f,
			 const struct toml_node *v, const char *where)
{
	const char *best = NULL;
	size_t best_d = 4;

	for (; f->key != NULL; f++) {
		const size_t d = text_distance(v->key, f->key, 4);

		if (d < best_d) {
			best_d = d;
			best = f->key;
		}
	}
	(void)config_bad(r, v, "unknown key '%s' in [%s]", v->key, where);
	if (best != NULL)
		err_hint(r->e, "did you mean '%s'?", best);
	return -1;
}

static int read_fields(const struct reader *r, const struct field *fields,
		       const struct toml_node *t, const char *where, void *base)
{
	if (t->kind != TOML_TABLE)
		return config_bad(r, t, "[%s] must be a table, this is %s", where,
			   kind_word(t->kind));
	for (const struct toml_node *v = t->child; v != NULL; v = v->next) {
		const struct field *f = fields;

		while (f->key != NULL && strcmp(f->key, v->key) != 0)
			f++;
		if (f->key == NULL)
			return unknown_field(r, fields, v, where);
		if (set_field(r, f, v, base) < 0)
			return -1;
	}
	return 0;
}

static int by_line(const void *a, const void *b)
{
	const struct toml_node *x = *(const struct toml_node *const *)a;
	const struct toml_node *y = *(const struct toml_node *const *)b;

	return (x->line > y->line) - (x->line < y->line);
}

/* [identity.NAME] and its like: an array of structs whose first member is the
 * name, in the order of the file. */
static int read_named(const struct reader *r, const struct section *s,
		      const struct toml_node *t)
{
	const struct toml_node **order = NULL;
	char *all = NULL;
	size_t n = 0, i = 0;
	int rc = -1;

	if (t->kind != TOML_TABLE)
		return config_bad(r, t, "write [%s.NAME], this is %s", s->key,
			   kind_word(t->kind));
	for (const struct toml_node *c = t->child; c != NULL; c = c->next)
		n++;
	order = mem_array(n + 1, sizeof *order);
	all = mem_array(n + 1, s->size);
	if (order == NULL || all == NULL) {
		mem_free(all);
		(void)config_nomem(r);
		goto out;
	}
	for (const struct toml_node *c = t->child; c != NULL; c = c->next)
		order[i++] = c;
	qsort(order, n, sizeof *order, by_line);
	memcpy((char *)r->c + s->at, &all, sizeof all);
	memcpy((char *)r->c + s->n_at, &n, sizeof n);
	for (i = 0; i < n; i++) {
		char where[128];
		char *name = mem_strdup(order[i]->key);

		memcpy(all + i * s->size, &name, sizeof name);
		if (name == NULL) {
			(void)config_nomem(r);
			goto out;
		}
		(void)snprintf(where, sizeof where, "%s.%s", s->key, name);
		if (!text_name(name)) {
			(void)config_bad(r, order[i], "'%s' is not a name: 1 to 64 "
				  "letters, digits, '.', '_' or '-'", name);
			goto out;
		}
		if (read_fields(r, s->fields, order[i], where,
				all + i * s->size) < 0)
			goto out;
	}
	rc = 0;
out:
	/* `all` is r->c's by now: config_free() releases it */
	mem_free(order);
	return rc;
}

static int unknown_section(const struct reader *r, const struct toml_node *t)
{
	const char *best = NULL;
	size_t best_d = 4;

	for (size_t i = 0; i < N_SECTIONS; i++) {
		const size_t d = text_distance(t->key, sections[i].key, 4);

		if (d < best_d) {
			best_d = d;
			best = sections[i].key;
		}
	}
	(void)config_bad(r, t, "unknown %s '%s'",
		  t->kind == TOML_TABLE ? "section" : "key", t->key);
	if (best != NULL)
		err_hint(r->e, "did you mean [%s]?", best);
	return -1;
}

static int read_root(const struct reader *r, const struct toml_node *root)
{
	for (const struct toml_node *t = root->child; t != NULL; t = t->next) {
		const struct section *s = sections;

		while (s < sections + N_SECTIONS &&
		       strcmp(s->key, t->key) != 0)
			s++;
		if (s == sections + N_SECTIONS)
			return unknown_section(r, t);
		if (s->size == 0 &&
		    read_fields(r, s->fields, t, s->key, r->c) < 0)
			return -1;
		if (s->size != 0 && read_named(r, s, t) < 0)
			return -1;
	}
	return 0;
}

/* ---- the file ------------------------------------------------------------ */

int config_read(const char *path, struct config **out, struct err *e)
{
	struct whole *w = mem_zalloc(sizeof *w);
	struct buf text = BUF_INIT(BUF_CONFIG_MAX);
	struct toml_node *root = NULL;
	struct err io = ERR_INIT;
	int rc = -1;

	*out = NULL;
	if (w == NULL)
		return err_fail(e, ERR_NOMEM, path, "out of memory");
	w->c.stale_ms = STALE_DEFAULT_MS;
	w->c.spool_keep_ms = SPOOL_KEEP_DEFAULT_MS;
	w->c.confirm_over = CONFIRM_DEFAULT;
	if (io_read_file(path, IO_OWNED, BUF_CONFIG_MAX, &text, &io) < 0) {
		if (io.code == ERR_ABSENT) {
			rc = 0;
			goto out;
		}
		if (e != NULL && e->code == ERR_NONE) {
			*e = io;
			e->code = ERR_CONFIG;
		}
		(void)err_ctx(e, path, "read the configuration");
		goto out;
	}
	root = toml_parse(text.len > 0 ? text.p : "", text.len, path, e);
	if (root == NULL)
		goto out;
	rc = read_root(&(struct reader){ path, &w->c, e }, root);
	if (rc == 0)
		rc = config_responses(&(struct reader){ path, &w->c, e }, root);
	if (rc == 0)
		rc = config_alarms(&(struct reader){ path, &w->c, e }, root);
	if (rc == 0)
		rc = config_rotations(&(struct reader){ path, &w->c, e }, root);
	if (rc == 0)
		rc = config_index(&(struct reader){ path, &w->c, e }, w, root);
out:
	toml_free(&root);
	buf_release(&text);
	*out = &w->c;
	if (rc < 0) {
		config_free(out);
		return err_ctx(e, path, "use the configuration");
	}
	return 0;
}

void config_free(struct config **cp)
{
	struct config *c = *cp;
	struct whole *w = (struct whole *)(void *)c;

	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_identities; i++) {
		struct config_identity *id = &c->identities[i];

		mem_free(id->name);
		mem_free(id->owner);
		mem_free(id->workflow);
		mem_free(id->note);
		config_list_free(id->tags, id->n_tags);
		config_list_free(id->accounts, id->n_accounts);
	}
	for (size_t i = 0; i < c->n_workflows; i++) {
		mem_free(c->workflows[i].name);
		mem_free(c->workflows[i].owner);
		mem_free(c->workflows[i].note);
	}
	for (size_t i = 0; i < c->n_connections; i++)
		mem_free(c->connections[i].name);
	for (size_t i = 0; i < c->n_responses; i++) {
		mem_free(c->responses[i].name);
		mem_free(c->responses[i].connection);
		mem_free(c->responses[i].identity);
		mem_free(c->responses[i].kind);
		mem_free(c->responses[i].confidence);
		mem_free(c->responses[i].action);
	}
	mem_free(c->responses);
	config_rotations_free(c);
	config_alarms_free(c);
	mem_free(c->spool);
	mem_free(c->identities);
	mem_free(c->workflows);
	mem_free(c->connections);
	mem_free(c->key_file);
	mem_free(c->head_file);
	mem_free(c->provider_path);
	mem_free(w->claims);
	mem_free(w->globs);
	mem_free(w);
	*cp = NULL;
}
