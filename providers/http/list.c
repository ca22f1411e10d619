/*
 * list: walks the definition's [[list]] entries, page by page and parent by
 * parent, and sends what they describe.  Lists that hang on an item are asked
 * for several at a time (fan.c); a parent is always sent before its children.
 *
 * Promises "complete" only when every page of every entry was read and every
 * item could be told.  Must never let a part of a listing pass for the whole.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "providers/http/fan.h"
#include "providers/http/stamp.h"

#define ONCE_MAX 32
#define ODD_TOLD 5
#define WAITS_MAX 4	   /* "come back later" answers to one page */
#define WAIT_MAX_MS 8000   /* longer ones are handed to the core */

/* What all threads of one listing share. */
struct whole {
	const struct kit_connection *c;
	const struct kit_request *q;
	struct kit_stream *st;
	struct fan *fan;

	pthread_mutex_t lock;	     /* everything below, and sending */
	struct kit_reply *r;
	struct err *e;		     /* our own fault */
	bool failed, partial;
	unsigned odd;		     /* items left out for their names */
	atomic_bool ended;	     /* *r, or *e, holds the answer */
	atomic_llong hold_ms;	     /* monotonic: the service wants a rest */
	pthread_mutex_t steps_lock;
	struct {
		const struct toml_node *entry;
		struct json *saved;
	} once[ONCE_MAX];	     /* steps that hang on no item: run once */
};

/* One thread's. */
struct walk {
	struct session *ses;
	struct whole *all;
};

/* The first answer that ends the listing is the one that counts. */
static void end(struct walk *w, struct kit_reply *r)
{
	struct whole *all = w->all;

	pthread_mutex_lock(&all->lock);
	if (!atomic_exchange(&all->ended, true)) {
		all->r->status = r->status;
		all->r->after_ms = r->after_ms;
		memcpy(all->r->text, r->text, sizeof(r->text));
	}
	pthread_mutex_unlock(&all->lock);
	json_free(&r->body);
}

static int end_err(struct walk *w, const struct answer *a, struct err *e)
{
	struct kit_reply r = { .status = KIT_OK };

	if (e->code == ERR_NOMEM || e->code == ERR_BUG)
		return -1;
	(void)act_no_answer(&r, a, false, e);
	end(w, &r);
	return 0;
}

static const char *const times[] = { "created", "expires", "last_used", NULL };

/* ---- one item ---------------------------------------------------------------- */

/* A template's text, "" when a value is not there; NULL + e. */
static char *field(const struct toml_node *n, const char *key,
		   const struct scope *s, struct err *e)
{
	const char *t = toml_str(n, key);
	struct scope soft = *s;

	soft.gaps = soft.tidy = true;
	return t ? tmpl_text(t, &soft, e) : mem_strdup("");
}

/* The same for a name that requests are made of, which must stay what it is:
 * NULL without an error when it cannot be one.  The item is left out then. */
static char *name_field(struct walk *w, const struct toml_node *n, const char *key,
			const struct scope *s, struct err *e)
{
	const char *t = toml_str(n, key);
	struct scope soft = *s;
	struct err mine = ERR_INIT;
	char *v, *shown;

	soft.gaps = true;
	v = t ? tmpl_text(t, &soft, &mine) : mem_strdup("");
	if (v)
		return v;
	if (mine.code != ERR_USAGE) {
		*e = mine;
		return NULL;
	}
	shown = field(n, key, s, e);
	if (!shown)
		return NULL;
	pthread_mutex_lock(&w->all->lock);
	w->all->partial = true;
	if (++w->all->odd <= ODD_TOLD)
		log_line(LOG_WARNING, "list: an item (%s) is left out: its %s '%.100s' cannot "
			 "be used: %s", toml_str(n, "what") ? toml_str(n, "what") :
			 "parent", key, shown, mine.cause);
	pthread_mutex_unlock(&w->all->lock);
	mem_free(shown);
	return NULL;
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
	char *id = name_field(w, n, "id", s, e), *kind = name_field(w, n, "kind", s, e);
	char *print = field(n, "fingerprint", s, e), *label = field(n, "label", s, e);
	int rc = -1;

	if (!item || !id || !kind || !print || !label) {
		rc = e->code == ERR_NONE && item ? 0 : -1;
		goto out;
	}
	if (!*account || (!plain && (!*id || !*kind))) {
		log_line(LOG_WARNING, "list: a %s without account, kind or id is "
			 "left out", what);
		pthread_mutex_lock(&w->all->lock);
		w->all->partial = true;
		pthread_mutex_unlock(&w->all->lock);
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
	if (*label)
		(void)json_set_str(item, "label", label);
	if (put_state(n, s, item, e) || put_times(n, s, item, e) ||
	    put_attributes(n, s, item, e))
		goto out;
	if (self && rule_match(self, NULL, s, s->item[0]))
		(void)json_set_bool(item, "self", true);
	if (makes && rule_match(makes, NULL, s, s->item[0]))
		(void)json_set_bool(item, "makes_accounts", true);
	pthread_mutex_lock(&w->all->lock); /* the stream counts */
	rc = kit_item(w->all->st, item, e);
	pthread_mutex_unlock(&w->all->lock);
	item = NULL;
out:
	json_free(&item);
	mem_free(id);
	mem_free(kind);
	mem_free(print);
	mem_free(label);
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
	account = name_field(w, n, "account", &s, e);
	if (!account)
		return e->code == ERR_NONE ? 0 : -1;
	if (*w->all->q->account && *account &&
	    strcmp(account, w->all->q->account) != 0)
		goto out; /* only one account was asked for */
	if (toml_str(n, "what"))
		rc = put_item(w, n, &s, account, e);
	for (const struct toml_node *c = toml_get(w->ses->def->root, "list")->child;
	     c && name && !rc && !w->all->ended; c = c->next)
		if (toml_str(c, "each") && !strcmp(toml_str(c, "each"), name) &&
		    !fan_put(w->all->fan, c, &s, depth + 1))
			rc = walk_entry(w, c, &s, depth + 1, e);
out:
	mem_free(account);
	return rc;
}

/* Until the service's rest is over, that any thread was told of. */
static void rest(struct walk *w)
{
	int64_t left = w->all->hold_ms - clock_mono_ms();

	if (left > 0)
		clock_sleep_ms(left);
}

/* One page, with short waits where the service asks for them.  1: got it. */
static int get_page(struct walk *w, const struct toml_node *n,
		    const struct scope *s, const char *url, struct answer *a,
		    struct err *e)
{
	struct kit_reply r = { .status = KIT_OK };
	struct outcome o;
	bool sent;

	for (int tries = 0;; tries++) {
		int64_t wait;

		rest(w);
		if (request_run(w->ses, n, s, url, a, &sent, e)) {
			answer_free(a);
			return end_err(w, a, e);
		}
		o = rule_outcome(toml_get(n, "rules"), a, s);
		wait = rule_wait(a);
		if (wait < 0 && o.is && !strcmp(o.is, "retry"))
			wait = o.after_ms ? o.after_ms : 1000;
		if (wait < 0 || wait > WAIT_MAX_MS || tries == WAITS_MAX)
			break;
		answer_free(a);
		w->all->hold_ms = clock_mono_ms() + (wait < 50 ? 50 : wait);
	}
	if (o.is && !strcmp(o.is, "absent")) {
		answer_free(a);
		return 0; /* nothing of that sort here */
	}
	if (a->doc && a->readable && (o.is ? !strcmp(o.is, "ok") :
				      a->w.status >= 200 && a->w.status < 300))
		return 1;
	act_default(w->ses->def, a, &r);
	if (r.status == KIT_OK)
		r.status = KIT_UNKNOWN;
	if (o.is && !strcmp(o.is, "retry")) {
		r.status = KIT_RETRY;
		r.after_ms = r.after_ms > 0 ? r.after_ms : o.after_ms;
	}
	end(w, &r);
	answer_free(a);
	return 0;
}

/* Another shape than the definition knows. */
static void end_shape(struct walk *w, const struct answer *a, const char *at)
{
	struct kit_reply r = { .status = KIT_OK };

	(void)kit_say(&r, KIT_UNKNOWN, "%s's answer to %s has no '%s'",
		      w->ses->def->name, a->line, at);
	end(w, &r);
}

static int walk_pages(struct walk *w, const struct toml_node *n,
		      const struct scope *s, int depth, struct pages *p,
		      struct err *e)
{
	const char *at = toml_str(n, "items");
	int rc, more = 1;

	while (more > 0 && !w->all->ended) {
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
			     i && !w->all->ended; i = json_next(i))
				if (take(w, n, &in, i, depth, e)) {
					answer_free(&a);
					return -1;
				}
		} else if (items && json_type(items) == JSON_OBJECT) {
			if (take(w, n, &in, items, depth, e)) {
				answer_free(&a);
				return -1;
			}
		} else if (!(items && *at && (json_type(items) == JSON_NULL ||
				       (json_type(items) == JSON_STRING &&
					!*json_text(items))))) {
			end_shape(w, &a, at);
		}
		more = w->all->ended ? 0 : page_next(p, &a,
			items && json_type(items) == JSON_ARRAY ? items : NULL, e);
		answer_free(&a);
		if (more < 0)
			return end_err(w, NULL, e);
	}
	return 0;
}

/* ---- steps before a list ---------------------------------------------------- */

static bool hangs_on_item(const struct toml_node *n, int depth)
{
	if (n->str && (strstr(n->str, "{item") || strstr(n->str, "{up")))
		return true;
	for (const struct toml_node *c = n->child; c && depth < 10; c = c->next)
		if (hangs_on_item(c, depth + 1))
			return true;
	return false;
}

/* 0: *saved is filled, 1: the listing has ended, -1 + e. */
static int run_steps(struct walk *w, const struct toml_node *n, struct scope *s,
		     struct json *saved, struct err *e)
{
	for (int tries = 0;; tries++) {
		struct kit_reply r = { .status = KIT_OK };
		int rc;

		rest(w);
		rc = act_steps(w->ses, s, toml_get(n, "step"), STEPS_ALL, saved, &r, e);
		json_free(&r.body);
		if (rc <= 0)
			return rc;
		if (r.status != KIT_RETRY || r.after_ms > WAIT_MAX_MS || tries == WAITS_MAX) {
			end(w, &r);
			return rc;
		}
		w->all->hold_ms = clock_mono_ms() + (r.after_ms < 50 ? 50 : r.after_ms);
	}
}

/* The steps of entry `n`; those that hang on no item are run once a listing. */
static int steps(struct walk *w, const struct toml_node *n, struct scope *s,
		 struct json *saved, struct err *e)
{
	struct whole *all = w->all;
	int at = 0, rc = 0;

	if (hangs_on_item(toml_get(n, "step"), 0))
		return run_steps(w, n, s, saved, e);
	pthread_mutex_lock(&all->steps_lock);
	while (at < ONCE_MAX && all->once[at].entry && all->once[at].entry != n)
		at++;
	if (at == ONCE_MAX) {
		rc = run_steps(w, n, s, saved, e);
	} else if (!all->once[at].entry) {
		rc = run_steps(w, n, s, saved, e);
		if (!rc && (all->once[at].saved = json_dup(saved)))
			all->once[at].entry = n;
	} else {
		for (const struct json *j = json_first(all->once[at].saved); j && !rc;
		     j = json_next(j))
			if (!json_set(saved, json_key(j), json_dup(j)))
				rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	pthread_mutex_unlock(&all->steps_lock);
	return rc;
}

static int walk_entry(struct walk *w, const struct toml_node *n,
		      const struct scope *s, int depth, struct err *e)
{
	struct pages *p = mem_zalloc(sizeof(*p));
	struct json *saved = toml_get(n, "step") ? json_object() : NULL;
	const char *option = toml_str(n, "if_option");
	struct scope in = *s;
	int rc = -1;

	if (option && !*kit_option(s->conn, option, "")) {
		rc = 0; /* the operator did not ask for these */
		goto out;
	}
	if (!p || (toml_get(n, "step") && !saved) || depth >= SCOPE_ITEMS) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory, or too deep a list");
		goto out;
	}
	p->spec = toml_get(n, "paging");
	if (saved) {
		in.steps = saved;
		rc = steps(w, n, &in, saved, e);
		in.steps = saved; /* act_steps borrowed the scope */
		if (rc) {
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

/* ---- the whole ------------------------------------------------------------------ */

static void fail(struct whole *all, const struct err *e)
{
	pthread_mutex_lock(&all->lock);
	if (!atomic_exchange(&all->ended, true)) {
		all->failed = true;
		*all->e = *e;
	}
	pthread_mutex_unlock(&all->lock);
}

/* A task of the fan, in its thread. */
static void run_task(void *arg, struct session *mine, const struct fan_task *t)
{
	struct whole *all = arg;
	struct walk w = { .ses = mine, .all = all };
	struct scope s = { .def = mine->def, .conn = all->c, .q = all->q,
			   .steps = t->steps };
	struct err e = ERR_INIT;

	if (all->ended)
		return;
	for (int i = 0; i < SCOPE_ITEMS; i++)
		s.item[i] = t->item[i];
	if (!mine->wire)
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	if (!mine->wire || walk_entry(&w, t->entry, &s, t->depth, &e))
		fail(all, &e);
}

/* How many at once: the service's `parallel`, and no more than a kind of its
 * takes a second, where that is declared. */
static int width(const struct def *d)
{
	const struct toml_node *facts = toml_get(d->root, "facts");
	double most = (double)def_int(toml_get(d->root, "service"), "parallel",
				      FAN_SPARE + 1);

	for (const struct toml_node *k = facts ? facts->child : NULL; k; k = k->next) {
		const struct toml_node *r = toml_get(k, "rate_per_s");
		double rate = !r ? 0 : r->kind == TOML_INT ? (double)r->num : r->real;

		if (rate > 0 && rate < most)
			most = rate;
	}
	return (int)most < 1 ? 1 : (int)most;
}

int list_run(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *st,
	     struct kit_reply *r, struct err *e)
{
	struct session *ses = session;
	const struct toml_node *all_lists = toml_get(ses->def->root, "list");
	struct whole all = { .c = c, .q = q, .st = st, .r = r, .e = e,
			     .lock = PTHREAD_MUTEX_INITIALIZER,
			     .steps_lock = PTHREAD_MUTEX_INITIALIZER };
	struct walk w = { .ses = ses, .all = &all };
	struct scope s = { .def = ses->def, .conn = c, .q = q };
	struct err mine = ERR_INIT;

	if (!all_lists)
		return kit_say(r, KIT_UNSUPPORTED, "%s's definition lists nothing",
			       ses->def->name);
	all.fan = fan_open(ses->def, c, width(ses->def) - 1, run_task, &all, e);
	if (!all.fan)
		return -1;
	for (const struct toml_node *n = all_lists->child; n && !all.ended; n = n->next)
		if (!toml_get(n, "each") && walk_entry(&w, n, &s, 0, &mine))
			fail(&all, &mine);
	fan_close(&all.fan);
	for (int i = 0; i < ONCE_MAX; i++)
		json_free(&all.once[i].saved);
	if (all.odd > 0)
		log_line(LOG_WARNING, "list: %u items were left out for their names; the "
			 "listing is not whole", all.odd);
	if (!all.ended) {
		(void)kit_say(r, KIT_OK, "%s", "");
		(void)json_set_bool(kit_body(r), "complete", !all.partial);
	}
	return all.failed ? -1 : 0;
}
