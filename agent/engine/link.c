/*
 * link: the core's side of one provider process, one per connection.
 *
 * Owns the calls: queued, sent, answered, ended.  Promises that each call
 * accepted by link_call() is answered exactly once and that nothing is sent
 * twice.
 * Reading happens only in links_poll(), so a caller that is slow to take items
 * slows the provider down (back-pressure) and memory stays flat.
 *
 * Speaks protocol version 1 (docs/protocol.md).  Must never log a message.
 */
#include "agent/engine/link_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define LINKS_MAX 1024u
#define TAG_ASK UINT64_MAX

/* ---- open and close ------------------------------------------------------ */

int link_open(struct launcher *launcher, const char *connection, const char *type,
	      const char *options, const struct secret *admin, struct link **out,
	      struct err *e)
{
	struct link *l = mem_zalloc(sizeof *l);

	*out = NULL;
	if (l == NULL)
		return err_fail(e, ERR_NOMEM, connection, "out of memory");
	l->launcher = launcher;
	l->child.efd = -1;
	l->hello_ms = LINK_HELLO_MS;
	l->waiting_end = &l->waiting;
	l->ended_end = &l->ended;
	l->type = mem_strdup(type);
	if (connection != NULL)
		l->connection = mem_strdup(connection);
	if (l->type == NULL || (connection != NULL && l->connection == NULL)) {
		(void)err_fail(e, ERR_NOMEM, connection, "out of memory");
		goto fail;
	}
	if (connection != NULL)
		(void)snprintf(l->name, sizeof l->name, "%s", connection);
	else
		(void)snprintf(l->name, sizeof l->name, "curfew-provider-%s",
			       type);
	if (options != NULL && options[0] != '\0') {
		l->options = json_parse(options, strlen(options), e);
		if (l->options == NULL)
			goto fail;
	}
	if (admin != NULL) {
		l->admin = secret_dup(admin, e);
		if (l->admin == NULL)
			goto fail;
	}
	*out = l;
	return 0;
fail:
	link_close(&l);
	return err_ctx(e, connection, "open the connection");
}

void link_close(struct link **lp)
{
	struct link *l = *lp;

	if (l == NULL)
		return;
	proc_stop(l);
	while (l->open != NULL) {
		struct link_open_call *o = l->open;

		l->open = o->next;
		mem_free(o);
	}
	while (l->waiting != NULL) {
		struct link_waiting *w = l->waiting;

		l->waiting = w->next;
		json_free(&w->msg);
		secret_free(&w->secret);
		mem_free(w);
	}
	while (l->ended != NULL) {
		struct link_ended *d = l->ended;

		l->ended = d->next;
		mem_free(d->error);
		mem_free(d);
	}
	json_free(&l->options);
	json_free(&l->hello);
	secret_free(&l->admin);
	mem_free(l->connection);
	mem_free(l->type);
	mem_free(l);
	*lp = NULL;
}

const struct json *link_hello(const struct link *l)
{
	return l->hello;
}

const struct json *link_facts(const struct link *l)
{
	return l->hello != NULL ? json_get(l->hello, "facts") : NULL;
}

bool link_has_verb(const struct link *l, const char *verb)
{
	struct json *v = l->hello != NULL ? json_get(l->hello, "verbs") : NULL;

	for (v = v != NULL ? json_first(v) : NULL; v != NULL; v = json_next(v)) {
		const char *t = json_text(v);

		if (t != NULL && strcmp(t, verb) == 0)
			return true;
	}
	return false;
}

const char *link_name(const struct link *l)
{
	return l->name;
}

int link_in_flight(const struct link *l)
{
	return l->n_open + l->n_waiting;
}

void link_set_hello_timeout(struct link *l, int64_t ms)
{
	l->hello_ms = ms > 0 ? ms : LINK_HELLO_MS;
}

/* ---- calls --------------------------------------------------------------- */

/* Out of memory here loses the answer of one call; say so, the caller's own
 * deadline is all that is left then. */
void link_end_call(struct link *l, uint64_t tag, enum link_status st,
		   int64_t after_ms, const char *error)
{
	struct link_ended *d = mem_zalloc(sizeof *d);

	if (d == NULL) {
		log_line(LOG_ERROR, "%s: out of memory", l->name);
		return;
	}
	d->tag = tag;
	d->status = st;
	d->after_ms = after_ms;
	d->error = mem_strdup(error);
	*l->ended_end = d;
	l->ended_end = &d->next;
}

void link_send_waiting(struct link *l)
{
	while (l->state == L_UP && l->waiting != NULL &&
	       l->n_open < LINK_WINDOW) {
		struct link_waiting *w = l->waiting;
		struct link_open_call *o = mem_zalloc(sizeof *o);
		struct err e = ERR_INIT;
		bool ok = o != NULL;

		l->waiting = w->next;
		if (l->waiting == NULL)
			l->waiting_end = &l->waiting;
		l->n_waiting--;
		if (ok) {
			o->id = l->next_id++;
			o->tag = w->tag;
			o->timeout_ms = w->timeout_ms;
			o->deadline = clock_mono_ms() + w->timeout_ms;
			ok = json_set_int(w->msg, "id", (int64_t)o->id);
		}
		if (!ok) {
			link_end_call(l, w->tag, LINK_NOT_SENT, 0,
				      "out of memory");
			mem_free(o);
		} else {
			o->next = l->open;
			l->open = o;
			l->n_open++;
			if (lp_send(l->lp, w->msg, w->secret, &e) < 0)
				proc_died(l);
		}
		json_free(&w->msg);
		secret_free(&w->secret);
		mem_free(w);
	}
	if (l->state == L_UP && lp_pending(l->lp)) {
		struct err e = ERR_INIT;

		if (lp_flush(l->lp, &e) < 0)
			proc_died(l);
	}
}

int link_call(struct link *l, uint64_t tag, struct json *request,
	      const struct secret *secret, int64_t timeout_ms, struct err *e)
{
	struct link_waiting *w = mem_zalloc(sizeof *w);
	const int64_t wait = l->not_before - clock_mono_ms();

	if (w == NULL || request == NULL) {
		(void)err_fail(e, ERR_NOMEM, l->name, "out of memory");
		goto fail;
	}
	if (secret != NULL) {
		w->secret = secret_dup(secret, e);
		if (w->secret == NULL)
			goto fail;
	}
	if (l->state == L_DOWN && wait > 0) {
		char text[1024];

		(void)err_format(&l->why, text, sizeof text);
		link_end_call(l, tag, LINK_NOT_SENT, wait, text);
		json_free(&request);
		secret_free(&w->secret);
		mem_free(w);
		return 0;
	}
	w->tag = tag;
	w->timeout_ms = timeout_ms;
	w->msg = request;
	*l->waiting_end = w;
	l->waiting_end = &w->next;
	l->n_waiting++;
	if (l->state == L_DOWN && proc_start(l) < 0)
		return 0; /* proc_start has ended the call */
	link_send_waiting(l);
	return 0;
fail:
	json_free(&request);
	mem_free(w);
	return -1;
}

/* ---- waiting for answers -------------------------------------------------- */

/* End a process whose hello or oldest call is over time; the nearest deadline
 * to come, INT64_MAX none. */
static int64_t check_deadlines(struct link *l, int64_t now)
{
	int64_t next = INT64_MAX;
	char text[100], span[CLOCK_TEXT];

	if (l->state == L_HELLO) {
		if (l->hello_deadline > now)
			return l->hello_deadline;
		(void)snprintf(text, sizeof text, "no answer to hello in %s",
			       clock_span(l->hello_ms, span));
		proc_fail(l, ERR_TIMEOUT, text);
		return next;
	}
	for (struct link_open_call *o = l->open; o != NULL; o = o->next) {
		if (o->deadline <= now) {
			(void)snprintf(text, sizeof text, "no answer in %s",
				       clock_span(o->timeout_ms, span));
			proc_fail(l, ERR_TIMEOUT, text);
			return INT64_MAX;
		}
		if (o->deadline < next)
			next = o->deadline;
	}
	return next;
}

static size_t poll_set(struct link *const *links, size_t n, struct pollfd *p)
{
	for (size_t i = 0; i < n; i++) {
		struct link *l = links[i];
		const bool up = l->state != L_DOWN;

		p[3 * i] = (struct pollfd){ .fd = up ? l->child.rfd : -1,
					    .events = POLLIN };
		p[3 * i + 1] = (struct pollfd){
			.fd = up && lp_pending(l->lp) ? l->child.wfd : -1,
			.events = POLLOUT };
		p[3 * i + 2] = (struct pollfd){ .fd = up ? l->child.efd : -1,
						.events = POLLIN };
	}
	return 3 * n;
}

static int serve(struct link *l, const struct pollfd *p, link_fn fn, void *arg)
{
	struct err e = ERR_INIT;
	int done = 0;

	if (p[2].revents != 0 && l->child.efd == p[2].fd)
		proc_read_log(l);
	if (p[1].revents != 0 && l->state != L_DOWN &&
	    lp_flush(l->lp, &e) < 0)
		proc_died(l);
	if (p[0].revents != 0 && l->state != L_DOWN)
		done = answer_pump(l, fn, arg);
	return done;
}

int links_poll(struct link *const *links, size_t n, int64_t wait_ms, link_fn fn,
	       void *arg, struct err *e)
{
	const int64_t until = clock_mono_ms() + wait_ms;
	struct pollfd *p;
	int done = 0;

	if (n > LINKS_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "more than %u connections",
				LINKS_MAX);
	p = mem_array(3 * n + 1, sizeof *p);
	if (p == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (;;) {
		int64_t now = clock_mono_ms(), next = until;

		for (size_t i = 0; i < n; i++) {
			const int64_t d = check_deadlines(links[i], now);

			next = d < next ? d : next;
			done += answer_ended(links[i], fn, arg);
		}
		if (done > 0)
			break;
		now = clock_mono_ms();
		if (poll(p, poll_set(links, n, p),
			 next > now ? (int)(next - now) : 0) < 0 &&
		    errno != EINTR) {
			done = err_sys(e, NULL, "poll");
			break;
		}
		for (size_t i = 0; i < n; i++)
			done += serve(links[i], &p[3 * i], fn, arg);
		for (size_t i = 0; i < n; i++)
			done += answer_ended(links[i], fn, arg);
		if (done > 0 || clock_mono_ms() >= until)
			break;
	}
	mem_free(p);
	return done;
}

/* ---- any definition ------------------------------------------------------ */

int link_open_any(struct launcher *launcher, const char *type, const char *options,
		  struct link **out, struct err *e)
{
	struct link *l = NULL;

	if (link_open(launcher, NULL, type, options, NULL, &l, e) < 0)
		return -1;
	if (l != NULL)
		l->any = true;
	*out = l;
	return 0;
}

int link_become(struct link *l, const char *connection, const char *options,
		const struct secret *admin, struct err *e)
{
	if (admin != NULL) {
		l->admin = secret_dup(admin, e);
		if (l->admin == NULL)
			return -1;
	}
	json_free(&l->options);
	l->connection = mem_strdup(connection);
	l->options = json_parse(options, strlen(options), e);
	if (l->connection == NULL || l->options == NULL)
		return err_fail(e, ERR_NOMEM, connection, "out of memory");
	(void)snprintf(l->name, sizeof l->name, "%s", connection);
	if (l->state == L_UP && proc_hello(l, e) < 0)
		return -1;
	return 0;
}

int link_begin(struct link *l, struct err *e)
{
	if (l->state != L_DOWN || proc_start(l) == 0)
		return 0;
	if (e != NULL && e->code == ERR_NONE)
		*e = l->why;
	return -1;
}

/* ---- one by one ---------------------------------------------------------- */

int link_start(struct link *l, struct err *e)
{
	if (l->state == L_DOWN && proc_start(l) < 0)
		goto fail;
	while (l->state == L_HELLO) {
		struct pollfd p[3];
		const int64_t now = clock_mono_ms();
		const int64_t d = check_deadlines(l, now);

		if (l->state != L_HELLO)
			break;
		if (poll(p, poll_set(&l, 1, p), (int)(d - now)) < 0 &&
		    errno != EINTR)
			return err_sys(e, NULL, "poll");
		/* no call is open yet, so nothing is delivered */
		(void)serve(l, p, NULL, NULL);
	}
	if (l->state == L_UP)
		return 0;
fail:
	if (e != NULL && e->code == ERR_NONE)
		*e = l->why;
	return -1;
}

struct asked {
	bool done;
	enum link_status status;
	struct json *body;
	bool ours; /* ended by the link, not answered */
};

static void take_asked(struct link *l, const struct link_answer *a, void *arg)
{
	struct asked *k = arg;

	(void)l;
	if (a->tag != TAG_ASK || a->status == LINK_ITEM)
		return;
	k->done = true;
	k->status = a->status;
	k->ours = a->body == NULL;
	k->body = a->body != NULL ? json_dup(a->body) : NULL;
}

int link_ask(struct link *l, struct json *request, const struct secret *secret,
	     int64_t timeout_ms, enum link_status *status, struct json **body,
	     struct err *e)
{
	struct asked k = { .status = LINK_NOT_SENT };

	*status = LINK_NOT_SENT;
	if (body != NULL)
		*body = NULL;
	if (link_in_flight(l) > 0 || l->ended != NULL) {
		json_free(&request);
		return err_fail(e, ERR_BUG, l->name,
				"link_ask while other calls are open");
	}
	if (link_call(l, TAG_ASK, request, secret, timeout_ms, e) < 0)
		return -1;
	while (!k.done)
		if (links_poll(&l, 1, 1000, take_asked, &k, e) < 0)
			return -1;
	*status = k.status;
	if (k.ours) {
		if (e != NULL && e->code == ERR_NONE)
			*e = l->why;
		return -1;
	}
	if (body != NULL)
		*body = k.body;
	else
		json_free(&k.body);
	return 0;
}
