/*
 * list: walks the definition's [[list]] entries, page by page and parent by
 * parent, and sends what they describe.
 *
 * Promises "complete" only when every page of every entry was read and every
 * item could be told.  Must never let a part of a listing pass for the whole.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "providers/http/request.h"
#include "providers/http/stamp.h"

#define WAITS_MAX 4	   /* "come back later" answers to one page */
#define WAIT_MAX_MS 8000   /* longer ones are handed to the core */

struct walk {
	struct session *ses;
	const struct kit_request *q;
	struct kit_stream *st;
	struct kit_reply *r;
	bool partial;
	bool ended; /* *r holds the answer */
};

static const char *const times[] = { "created", "expires", "last_used", NULL };

/* ---- one item ---------------------------------------------------------------- */

/* A template's text, "" when a value is not there; NULL + e. */
static char *field(const struct toml_node *n, const char *key,
		   const struct scope *s, struct err *e)
{
	const char *t = toml_str(n, key);
	struct scope soft = *s;

	soft.gaps = true;
	return t ? tmpl_text(t, &soft, e) : mem_strdup("");
}

static int put_times(const struct toml_node *n, const struct scope *s,
		     struct json *item, struct err *e)
{
	const char *format = toml_str(n, "times");

	for (int i = 0; times[i]; i++) {
		char *v = field(n, times[i], s, e), text[CLOCK_TEXT];
		int64_t ms;

		if (!v)
			return -1;
		if (*v && stamp_read(v, format ? format : "rfc3339", &ms) && ms > 0)
			(void)json_set_str(item, times[i], clock_text(ms, text));
		mem_free(v);
	}
	return 0;
}

static int put_state(const struct toml_node *n, const struct scope *s,
		     struct json *item, struct err *e)
{
	const struct toml_node *map = toml_get(n, "state_map");
	char *v = field(n, "state", s, e);
	const char *word = v;

	if (!v)
		return -1;
	if (map)
		word = toml_str(map, v) ? toml_str(map, v) : "";
	if (!strcmp(word, "active") || !strcmp(word, "disabled") ||
	    !strcmp(word, "expired"))
		(void)json_set_str(item, "state", word);
	mem_free(v);
	return 0;
}

static int put_attributes(const struct toml_node *n, const struct scope *s,
			  struct json *item, struct err *e)
{
	const struct toml_node *map = toml_get(n, "attributes");
	struct json *o = map ? json_object() : NULL;

	for (const struct toml_node *c = map ? map->child : NULL; c; c = c->next) {
		char *v = field(map, c->key, s, e);

		if (!v) {
			json_free(&o);
			return -1;
		}
		if (*v)
			(void)json_set_str(o, c->key, v);
		mem_free(v);
	}
	if (o)
		(void)json_set(item, "attributes", o);
	return 0;
}

static int put_item(struct walk *w, const struct toml_node *n,
		    const struct scope *s, const char *account, struct err *e)
{
	const char *what = toml_str(n, "what");
	bool plain = !strcmp(what, "account");
	const struct toml_node *self = toml_get(n, "self_when");
	const struct toml_node *makes = toml_get(n, "makes_accounts_when");
	struct json *item = json_object();
	char *id = field(n, "id", s, e), *kind = field(n, "kind", s, e);
	char *print = field(n, "fingerprint", s, e);
	int rc = -1;

	if (!item || !id || !kind || !print)
		goto out;
	if (!*account || (!plain && (!*id || !*kind))) {
		log_line(LOG_WARNING, "list: a %s without account, kind or id is "
			 "left out", what);
		w->partial = true;
		rc = 0;
		goto out;
	}
	(void)json_set_str(item, "what", what);
	(void)json_set_str(item, "account", account);
	if (!plain) {
		(void)json_set_str(item, "kind", kind);
		(void)json_set_str(item, "id", id);
	}
	if (*print)
		(void)json_set_str(item, "fingerprint", print);
	if (put_state(n, s, item, e) || put_times(n, s, item, e) ||
	    put_attributes(n, s, item, e))
		goto out;
	if (self && rule_match(self, NULL, s, s->item[0]))
		(void)json_set_bool(item, "self", true);
	if (makes && rule_match(makes, NULL, s, s->item[0]))
		(void)json_set_bool(item, "makes_accounts", true);
	rc = kit_item(w->st, item, e);
	item = NULL;
out:
	json_free(&item);
	mem_free(id);
	mem_free(kind);
	mem_free(print);
	return rc;
}

/* ---- pages ---------------------------------------------------------------------- */

static int walk_entry(struct walk *w, const struct toml_node *n,
		      const struct scope *s, int depth, struct err *e);

/* One item of entry `n`, then the entries that hang on it. */
static int take(struct walk *w, const struct toml_node *n, const struct scope *up,
		const struct json *item, int depth, struct err *e)
{
	const struct toml_node *only = toml_get(n, "only_when");
	const char *name = toml_str(n, "name");
	struct scope s = *up;
	char *account;
	int rc = 0;

	for (int i = SCOPE_ITEMS - 1; i > 0; i--)
		s.item[i] = s.item[i - 1];
	s.item[0] = item;
	if (only && !rule_match(only, NULL, &s, item))
		return 0;
	account = field(n, "account", &s, e);
	if (!account)
		return -1;
	if (*w->q->account && *account && strcmp(account, w->q->account) != 0)
		goto out; /* only one account was asked for */
	if (toml_str(n, "what"))
		rc = put_item(w, n, &s, account, e);
	for (const struct toml_node *c = toml_get(w->ses->def->root, "list")->child;
	     c && name && !rc && !w->ended; c = c->next)
		if (toml_str(c, "each") && !strcmp(toml_str(c, "each"), name))
			rc = walk_entry(w, c, &s, depth + 1, e);
out:
	mem_free(account);
	return rc;
}

/* One page, with short waits where the service asks for them.  1: got it. */
static int get_page(struct walk *w, const struct toml_node *n,
		    const struct scope *s, const char *url, struct answer *a,
		    struct err *e)
{
	struct outcome o;
	bool sent;

	for (int tries = 0;; tries++) {
		int64_t wait;

		if (request_run(w->ses, n, s, url, a, &sent, e)) {
			answer_free(a);
			if (e->code == ERR_NOMEM || e->code == ERR_BUG)
				return -1;
			w->ended = true;
			return act_no_answer(w->r, false, e);
		}
		wait = rule_wait(a);
		if (wait < 0 || wait > WAIT_MAX_MS || tries == WAITS_MAX)
			break;
		answer_free(a);
		clock_sleep_ms(wait < 50 ? 50 : wait);
	}
	o = rule_outcome(toml_get(n, "rules"), a, s);
	if (o.is && !strcmp(o.is, "absent")) {
		answer_free(a);
		return 0; /* nothing of that sort here */
	}
	if (a->doc && a->readable && (o.is ? !strcmp(o.is, "ok") :
				      a->w.status >= 200 && a->w.status < 300))
		return 1;
	w->ended = true;
	act_default(w->ses->def, a, w->r);
	if (w->r->status == KIT_OK)
		w->r->status = KIT_UNKNOWN;
	answer_free(a);
	return 0;
}

static int walk_pages(struct walk *w, const struct toml_node *n,
		      const struct scope *s, int depth, struct pages *p,
		      struct err *e)
{
	const char *at = toml_str(n, "items");
	int rc, more = 1;

	while (more > 0 && !w->ended) {
		struct answer a;
		const struct json *items;
		struct scope in = *s;

		rc = get_page(w, n, s, p->url, &a, e);
		if (rc <= 0)
			return rc;
		items = doc_at(a.doc, at, strlen(at));
		in.doc = a.doc;
		if (items && json_type(items) == JSON_ARRAY) {
			for (const struct json *i = json_first(items);
			     i && !w->ended; i = json_next(i))
				if (take(w, n, &in, i, depth, e)) {
					answer_free(&a);
					return -1;
				}
		} else if (items && json_type(items) == JSON_OBJECT) {
			if (take(w, n, &in, items, depth, e)) {
				answer_free(&a);
				return -1;
			}
		} else if (!(items && (json_type(items) == JSON_NULL ||
				       (json_type(items) == JSON_STRING &&
					!*json_text(items))))) {
			/* another shape than the definition knows */
			w->ended = true;
			(void)kit_say(w->r, KIT_UNKNOWN, "%s's answer to %s has no '%s'",
				      w->ses->def->name, a.line, at);
		}
		more = w->ended ? 0 : page_next(p, &a,
			items && json_type(items) == JSON_ARRAY ? items : NULL, e);
		answer_free(&a);
		if (more < 0) {
			w->ended = true;
			return act_no_answer(w->r, false, e);
		}
	}
	return 0;
}

static int walk_entry(struct walk *w, const struct toml_node *n,
		      const struct scope *s, int depth, struct err *e)
{
	struct pages *p = mem_zalloc(sizeof(*p));
	const struct toml_node *steps = toml_get(n, "step");
	struct json *saved = steps ? json_object() : NULL;
	const char *option = toml_str(n, "if_option");
	struct scope in = *s;
	int rc = -1;

	if (option && !*kit_option(s->conn, option, "")) {
		rc = 0; /* the operator did not ask for these */
		goto out;
	}
	if (!p || (steps && !saved) || depth >= SCOPE_ITEMS) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory, or too deep a list");
		goto out;
	}
	p->spec = toml_get(n, "paging");
	if (steps) {
		in.steps = saved;
		rc = act_steps(w->ses, &in, steps, STEPS_ALL, saved, w->r, e);
		if (rc) {
			w->ended = w->ended || rc > 0;
			rc = rc < 0 ? -1 : 0;
			goto out;
		}
	}
	rc = walk_pages(w, n, &in, depth, p, e);
out:
	json_free(&saved);
	if (p)
		mem_free(p->url);
	mem_free(p);
	return rc;
}

int list_run(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *st,
	     struct kit_reply *r, struct err *e)
{
	struct session *ses = session;
	struct walk w = { .ses = ses, .q = q, .st = st, .r = r };
	struct scope s = { .def = ses->def, .conn = c, .q = q };
	const struct toml_node *all = toml_get(ses->def->root, "list");

	if (!all)
		return kit_say(r, KIT_UNSUPPORTED, "%s's definition lists nothing",
			       ses->def->name);
	for (const struct toml_node *n = all->child; n && !w.ended; n = n->next)
		if (!toml_get(n, "each") && walk_entry(&w, n, &s, 0, e))
			return -1;
	if (!w.ended) {
		(void)kit_say(r, KIT_OK, "%s", "");
		(void)json_set_bool(kit_body(r), "complete", !w.partial);
	}
	return 0;
}
