/*
 * reply: builds and writes answers and list items.
 *
 * Promises: every line that leaves is one whole JSON object in UTF-8, written
 * under one lock; "dead" leaves only with its proof; a secret goes around the
 * JSON library.  Must never let a provider's body overrule the members that
 * carry the outcome.
 */
#include "providers/kit/kit_in.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

static const char *const status_word[] = {
	[KIT_OK] = "ok",
	[KIT_ABSENT] = "absent",
	[KIT_REFUSED] = "refused",
	[KIT_RETRY] = "retry",
	[KIT_UNKNOWN] = "unknown",
	[KIT_UNSUPPORTED] = "unsupported",
};

static const char *const life_word[] = {
	[KIT_LIFE_UNKNOWN] = "unknown",
	[KIT_ALIVE] = "alive",
	[KIT_DEAD] = "dead",
};

int kit_say(struct kit_reply *r, enum kit_status status, const char *fmt, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return 0;
}

int kit_tell(struct kit_reply *r, enum kit_life life, bool refusal,
	     const char *fmt, ...)
{
	va_list ap;

	r->status = KIT_OK;
	r->life = life;
	r->proof_refusal = refusal;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return 0;
}

static pthread_mutex_t warned = PTHREAD_MUTEX_INITIALIZER;
static char warning[400];

void kit_warn(const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&warned);
	va_start(ap, fmt);
	vsnprintf(warning, sizeof(warning), fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&warned);
}

bool kit_warning(struct json *hello)
{
	bool ok;

	pthread_mutex_lock(&warned);
	ok = !*warning || json_set_str(hello, "warning", warning);
	pthread_mutex_unlock(&warned);
	return ok;
}

struct json *kit_body(struct kit_reply *r)
{
	if (!r->body)
		r->body = json_object();
	return r->body;
}

const char *kit_option(const struct kit_connection *c, const char *name,
		       const char *fallback)
{
	const char *v = c->options ? json_str(c->options, name) : NULL;

	return v && *v ? v : fallback;
}

/* Members that only the kit sets. */
static bool reserved(const char *key)
{
	static const char *const own[] = { "id", "status", "item", "secret",
					   "life", "proof", "evidence",
					   "error", "after_ms", NULL };

	for (int i = 0; own[i]; i++)
		if (!strcmp(key, own[i]))
			return true;
	return false;
}

/* Text for humans: always UTF-8, one line. */
static bool set_text(struct json *msg, const char *key, const char *text)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	bool plain = text_utf8(text, strlen(text)), ok = false;

	for (const char *s = text; plain && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			plain = false;
	if (plain)
		ok = json_set_str(msg, key, text);
	else if (!text_escape(&b, text, strlen(text), NULL))
		ok = json_set_str(msg, key, b.p ? b.p : "");
	buf_release(&b);
	return ok;
}

static bool merge(struct json *msg, const struct json *body, bool hello,
		  bool partial)
{
	for (const struct json *m = json_first(body); m; m = json_next(m)) {
		const char *key = json_key(m);

		/* In hello's answer, and only there, "secret" is a word that
		 * says whether one is wanted. */
		if (reserved(key) && !(hello && !strcmp(key, "secret"))) {
			log_line(LOG_WARNING,
				 "kit: the provider's body holds '%s'; left out",
				 key);
			continue;
		}
		/* what the kit left out belongs to nobody it knows */
		if (partial && (!strcmp(key, "complete") ||
				!strcmp(key, "incomplete_accounts")))
			continue;
		if (!json_set(msg, key, json_dup(m)))
			return false;
	}
	return true;
}

static struct json *build(int64_t id, const char *verb, bool partial,
			  const struct kit_reply *r, const char *text)
{
	bool probe = verb && !strcmp(verb, "probe");
	bool hello = verb && !strcmp(verb, "hello");
	bool quiet = r->status == KIT_OK || r->status == KIT_ABSENT;
	struct json *msg = json_object();
	bool ok = json_set_int(msg, "id", id) &&
		  json_set_str(msg, "status", status_word[r->status]);

	if (r->status == KIT_RETRY && r->after_ms > 0)
		ok = ok && json_set_int(msg, "after_ms", r->after_ms);
	if (probe) {
		ok = ok && json_set_str(msg, "life", life_word[r->life]);
		if (r->life == KIT_DEAD)
			ok = ok && json_set_str(msg, "proof", r->proof_refusal ?
						"refusal" : "record");
	}
	if (quiet && *text && (probe || (verb && !strcmp(verb, "adopted"))))
		ok = ok && set_text(msg, "evidence", text);
	if (!quiet)
		ok = ok && set_text(msg, "error", *text ? text : "no reason given");
	if (r->body)
		ok = ok && merge(msg, r->body, hello, partial);
	if (partial)
		ok = ok && json_set_bool(msg, "complete", false);
	if (!ok)
		json_free(&msg);
	return msg;
}

/* Is the printed form a line that may leave? */
static int check_utf8(const struct json *msg, struct err *e)
{
	struct buf b = BUF_INIT(BUF_LINE_MAX);
	int rc = -1;

	if (json_print(msg, false, &b, e))
		goto out;
	if (!text_utf8(b.p, b.len)) {
		err_fail(e, ERR_FORMAT, NULL, "text that is not UTF-8");
		goto out;
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static int put(struct kit *k, const struct json *msg,
	       const struct secret *secret, struct err *e)
{
	int rc;

	if (check_utf8(msg, e))
		return -1;
	pthread_mutex_lock(&k->out_lock);
	rc = lp_send(k->out, msg, secret, e);
	while (!rc && lp_pending(k->out))
		rc = lp_flush(k->out, e);
	pthread_mutex_unlock(&k->out_lock);
	return rc;
}

static void send_text(struct kit *k, int64_t id, const char *verb, bool partial,
		      struct kit_reply *r, const char *text)
{
	struct err e = ERR_INIT;
	struct json *msg = build(id, verb, partial, r, text);

	if (msg && !put(k, msg, r->secret, &e))
		goto out;
	if (!msg)
		err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	log_err(LOG_ERROR, &e);
	/* The outcome may stand, its details cannot be told. */
	if (e.code != ERR_IO && e.code != ERR_PROTO) {
		struct kit_reply bare = { .status = KIT_UNKNOWN };
		char why[600];

		snprintf(why, sizeof(why), "the answer cannot be told: %s", e.cause);
		json_free(&msg);
		msg = build(id, verb, false, &bare, why);
		if (msg && put(k, msg, NULL, NULL))
			log_line(LOG_ERROR, "kit: request %lld stays unanswered",
				 (long long)id);
	}
out:
	json_free(&msg);
	json_free(&r->body);
	secret_free(&r->secret);
}

void kit_reply_send(struct kit *k, int64_t id, const char *verb, bool partial,
		    struct kit_reply *r)
{
	send_text(k, id, verb, partial, r, r->text);
}

void kit_reply_err(struct kit *k, int64_t id, const char *verb,
		   enum kit_status status, const struct err *e)
{
	struct kit_reply r = { .status = status };
	char text[1600];

	err_format(e, text, sizeof(text));
	send_text(k, id, verb, false, &r, text);
}

/* A name that is not UTF-8 never gets into an object (json_set_str refuses it):
 * then the member that it was for is missing. */
static bool nameless(const struct json *item)
{
	const char *what = json_str(item, "what"), *account = json_str(item, "account");
	const char *id = json_str(item, "id");

	return !what || !account || !*account ||
	       (strcmp(what, "account") != 0 && (!id || !*id || !json_str(item, "kind")));
}

int kit_item(struct kit_stream *s, struct json *item, struct err *e)
{
	struct err mine = ERR_INIT;
	struct json *msg = json_object();
	int rc = -1;

	if (!item || !msg || !json_set_int(msg, "id", s->id)) {
		json_free(&item);
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (!json_set(msg, "item", item)) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (s->items >= KIT_ITEMS) {
		err_fail(e, ERR_TOOBIG, NULL, "more than %d items", KIT_ITEMS);
		goto out;
	}
	if (nameless(json_get(msg, "item")))
		err_fail(&mine, ERR_FORMAT, NULL, "it has no name, or one that is not UTF-8");
	if (mine.code || put(s->k, msg, NULL, &mine)) {
		if (mine.code != ERR_FORMAT && mine.code != ERR_TOOBIG) {
			if (e)
				*e = mine;
			goto out;
		}
		log_line(LOG_WARNING, "kit: an item was left out: %s", mine.cause);
		s->partial = true;
	}
	s->items++;
	rc = 0;
out:
	json_free(&msg);
	return rc;
}
