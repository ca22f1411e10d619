/*
 * link_answer: what a provider says, checked before anybody sees it.
 *
 * A line that is no object, an unknown id, an unknown status, a wrong type, an
 * answer before hello's: each ends the process (proc_fail), never curfew, and
 * the calls that were open end as unknown.
 */
#include "agent/engine/link_int.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const status_words[] = {
	[LINK_OK] = "ok",	      [LINK_ABSENT] = "absent",
	[LINK_REFUSED] = "refused",   [LINK_RETRY] = "retry",
	[LINK_UNKNOWN] = "unknown",   [LINK_UNSUPPORTED] = "unsupported",
};

static bool hello_shape_ok(const struct json *m)
{
	struct json *verbs = json_get(m, "verbs");
	struct json *facts = json_get(m, "facts");

	if (verbs == NULL || json_type(verbs) != JSON_ARRAY)
		return false;
	for (struct json *v = json_first(verbs); v != NULL; v = json_next(v))
		if (json_text(v) == NULL)
			return false;
	return facts == NULL || json_type(facts) == JSON_OBJECT;
}

struct word {
	char text[16];
};

static int copy_word(const unsigned char *p, size_t n, void *arg)
{
	struct word *w = arg;

	if (n < sizeof w->text)
		memcpy(w->text, p, n);
	return 0;
}

/* hello's "secret" is a word, not a secret; the line protocol has cut it out of
 * the message like any other, so it is put back. */
static void put_word_back(struct json *m, const struct secret *secret)
{
	static const char *const words[] = { "required", "optional", "none" };
	struct word w = { "" };

	if (secret == NULL)
		return;
	(void)secret_reveal(secret, copy_word, &w);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(w.text, words[i]) == 0)
			(void)json_set_str(m, "secret", words[i]);
	mem_wipe(&w, sizeof w);
}

static void take_hello(struct link *l, struct json **m,
		       const struct secret *secret)
{
	const char *status = json_str(*m, "status");
	const char *error = json_str(*m, "error");
	int64_t version = 0;
	char text[400];

	if (status == NULL) {
		proc_fail(l, ERR_PROTO, "hello was answered without a status");
	} else if (strcmp(status, "ok") != 0) {
		const bool why = error != NULL && strcmp(status, "retry") == 0;

		(void)snprintf(text, sizeof text, "%s%s%s", why ? "" : status,
			       error != NULL && !why ? ": " : "",
			       error != NULL ? error : "");
		proc_fail(l, ERR_PROVIDER, text);
	} else if (!json_int(*m, "protocol", &version) ||
		   version != LP_VERSION) {
		(void)snprintf(text, sizeof text,
			       "curfew-provider-%s speaks protocol %lld, this "
			       "curfew speaks %d", l->type, (long long)version,
			       LP_VERSION);
		proc_fail(l, ERR_PROTO, text);
	} else if (!hello_shape_ok(*m)) {
		proc_fail(l, ERR_PROTO, "hello's verbs are not a list of "
					"strings, or its facts not an object");
	} else {
		put_word_back(*m, secret);
		json_free(&l->hello);
		l->hello = *m;
		*m = NULL;
		l->state = L_UP;
		link_send_waiting(l);
	}
}

static struct link_open_call **call_of(struct link *l, int64_t id)
{
	struct link_open_call **at = &l->open;

	while (*at != NULL && (int64_t)(*at)->id != id)
		at = &(*at)->next;
	return at;
}

/* The answer's status, or -1: not one of the protocol's words. */
static int status_of(const struct json *m)
{
	const char *s = json_str(m, "status");

	for (int i = 0; s != NULL && i < (int)(sizeof status_words /
					       sizeof *status_words); i++)
		if (strcmp(s, status_words[i]) == 0)
			return i;
	return -1;
}

static int deliver(struct link *l, struct link_open_call **at, const struct json *m,
		   const struct secret *secret, link_fn fn, void *arg)
{
	struct link_open_call *o = *at;
	struct link_answer a = { .tag = o->tag, .body = m, .secret = secret,
				 .error = "" };
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	const char *error = json_str(m, "error");
	const int st = status_of(m);

	if (st < 0) {
		proc_fail(l, ERR_PROTO, "an answer without a known status");
		return 0;
	}
	a.status = (enum link_status)st;
	if (json_int(m, "after_ms", &a.after_ms) && a.after_ms < 0)
		a.after_ms = 0;
	if (error != NULL && text_escape(&text, error,
					 strnlen(error, 1000), NULL) == 0)
		a.error = text.p;
	*at = o->next;
	mem_free(o);
	l->n_open--;
	l->fails = 0;
	l->not_before = 0;
	fn(l, &a, arg);
	buf_release(&text);
	if (l->state == L_UP)
		link_send_waiting(l);
	return 1;
}

static int deliver_item(struct link *l, struct link_open_call *o, const struct json *m,
			link_fn fn, void *arg)
{
	const struct link_answer a = { .tag = o->tag, .status = LINK_ITEM,
				       .body = m, .error = "" };

	if (++o->items > LINK_ITEMS_MAX) {
		proc_fail(l, ERR_PROTO,
			  "more than 1000000 items in one listing");
		return 0;
	}
	o->deadline = clock_mono_ms() + o->timeout_ms;
	fn(l, &a, arg);
	return 1;
}

/* One message: check its shape, find its call, hand it on. */
static int take_message(struct link *l, struct json **m, const struct secret *secret,
			link_fn fn, void *arg)
{
	struct link_open_call **at;
	struct json *item;
	int64_t id;

	if (json_type(*m) != JSON_OBJECT || !json_int(*m, "id", &id)) {
		proc_fail(l, ERR_PROTO,
			  "a line that is not an object with an id");
		return 0;
	}
	if (l->state == L_HELLO) {
		if (id == 1)
			take_hello(l, m, secret);
		else
			proc_fail(l, ERR_PROTO, "an answer before hello's");
		return 0;
	}
	at = call_of(l, id);
	if (*at == NULL) {
		char text[100];

		(void)snprintf(text, sizeof text,
			       "an answer to id %lld, which is not open",
			       (long long)id);
		proc_fail(l, ERR_PROTO, text);
		return 0;
	}
	item = json_get(*m, "item");
	if (item == NULL)
		return deliver(l, at, *m, secret, fn, arg);
	if (json_type(item) != JSON_OBJECT || secret != NULL) {
		proc_fail(l, ERR_PROTO, "an item that is not an object");
		return 0;
	}
	return deliver_item(l, *at, *m, fn, arg);
}

/* A line over the limit is the provider's fault, not a full vault. */
static enum err_code proto_code(const struct err *e)
{
	return e->code == ERR_NOMEM ? ERR_NOMEM : ERR_PROTO;
}

/* Everything that can be read from one process now. */
int answer_pump(struct link *l, link_fn fn, void *arg)
{
	struct err e = ERR_INIT;
	const pid_t pid = l->child.pid; /* fn may start the next process */
	bool eof = false;
	int done = 0;

	if (lp_fill(l->lp, &eof, &e) < 0) {
		proc_fail(l, proto_code(&e), e.cause);
		return 0;
	}
	while (l->state != L_DOWN && l->child.pid == pid) {
		struct json *m = NULL;
		struct secret *secret = NULL;
		const int r = lp_next(l->lp, &m, &secret, &e);

		if (r > 0)
			done += take_message(l, &m, secret, fn, arg);
		else if (r < 0)
			proc_fail(l, proto_code(&e), e.cause);
		json_free(&m);
		secret_free(&secret);
		if (r <= 0)
			break;
	}
	if (eof && l->state != L_DOWN && l->child.pid == pid)
		proc_died(l);
	return done;
}

int answer_ended(struct link *l, link_fn fn, void *arg)
{
	int n = 0;

	while (l->ended != NULL) {
		struct link_ended *d = l->ended;
		const struct link_answer a = {
			.tag = d->tag, .status = d->status,
			.after_ms = d->after_ms,
			.error = d->error != NULL ? d->error : "",
		};

		l->ended = d->next;
		if (l->ended == NULL)
			l->ended_end = &l->ended;
		fn(l, &a, arg);
		mem_free(d->error);
		mem_free(d);
		n++;
	}
	return n;
}
