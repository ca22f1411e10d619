/*
 * share: what several workers ask the API at the same time goes as one request.
 *
 * Dovecot 2.3 starts a process for every request and closes the connection
 * after it (some 20 ms of work, whether it carries one command or sixteen), so
 * a kill of a thousand mailboxes is mostly those starts.  While LEADERS
 * requests are under way the others' commands wait; the next request takes all
 * of them.  Nobody waits when nothing is under way.
 *
 * Promises: every worker gets the answers to its own commands, told by their
 * tags; a shared request that broke off is asked again by each on his own
 * (all commands may be sent twice), so that one broken mailbox is one mailbox's
 * trouble; commands that work in a mailbox never share a request with those
 * that do not (api.c says why).
 */
#include <pthread.h>
#include <string.h>

#include "providers/dovecot/dovecot.h"

#define LEADERS 2
#define SHARED_MS 8000L	 /* both together stay below DOVE_API_MS */
#define AGAIN_MS 17000L
#define SHARED_MAX (4u * 1024 * 1024) /* bytes of commands in one request */
#define APART 64 /* calls that go alone after a shared request broke off */

enum state { WAITING, TAKEN, DONE, ALONE };

struct ask {
	const struct json *batch;
	struct buf text;
	struct json *answer;
	struct kit_reply *r;
	enum state state, then; /* then: the state when the leader is done */
	bool writes, ok;
	struct ask *next;
};

static struct lane {
	struct ask *first;
	unsigned leaders, apart;
} lanes[2];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Which commands may share a process. */
static struct lane *lane_of(const struct json *batch)
{
	static const char *const server[] = { "who", "kick", "authCacheFlush",
					      "user" };
	const char *cmd = json_text(json_first(json_first(batch)));

	for (size_t i = 0; cmd && i < sizeof(server) / sizeof(*server); i++)
		if (strcmp(cmd, server[i]) == 0)
			return &lanes[0];
	return &lanes[1];
}

static const char *tag_of(const struct json *one)
{
	const struct json *j = json_first(one);

	j = j ? json_next(j) : NULL;
	j = j ? json_next(j) : NULL;
	return j ? json_text(j) : NULL;
}

/* The elements that answer this ask, from *at on. */
static bool own_part(struct ask *a, const struct json **at)
{
	a->answer = json_array();
	for (const struct json *c = json_first(a->batch); c; c = json_next(c)) {
		const char *want = tag_of(c), *got = tag_of(*at);
		struct json *copy;

		if (!want || !got || strcmp(want, got) != 0)
			return false;
		copy = json_dup(*at);
		if (!copy || !json_push(a->answer, copy))
			return false;
		*at = json_next(*at);
	}
	return a->answer != NULL;
}

static void deal(struct ask *a, const struct json *answer)
{
	const struct json *at = json_first(answer);
	bool right = true;

	for (; a; a = a->next) {
		right = right && own_part(a, &at);
		a->ok = right;
		a->then = right ? DONE : ALONE;
		if (!right)
			json_free(&a->answer);
	}
}

/* "[a,b]" and "[c]" become "[a,b,c]". */
static int join(const struct ask *a, struct buf *text, size_t *n, bool *writes,
		struct err *e)
{
	*n = 0;
	*writes = false;
	for (; a; a = a->next) {
		if (buf_puts(text, *n ? "," : "[", e) ||
		    buf_add(text, a->text.p + 1, a->text.len - 2, e))
			return -1;
		*n += json_count(a->batch);
		*writes = *writes || a->writes;
	}
	return buf_puts(text, "]", e);
}

/* Without the lock: nobody in the list is waked before lead() says so.  What
 * cannot be settled here is left to each alone. */
static void send_shared(struct dove *d, const struct kit_connection *c,
			struct ask *list)
{
	struct buf text = BUF_INIT(DOVE_BODY_MAX);
	struct kit_reply r = { .status = KIT_OK };
	struct json *answer = NULL;
	struct err e = ERR_INIT;
	enum dove_sent how = DOVE_BROKE;
	struct ask *a;
	bool writes;
	size_t n;

	if (join(list, &text, &n, &writes, &e) == 0)
		how = dove_send(d, c, &text, n, writes, SHARED_MS, &answer, &r);
	if (how == DOVE_ANSWERED) {
		deal(list, answer);
	} else {
		for (a = list; a; a = a->next) {
			a->then = how == DOVE_BROKE ? ALONE : DONE;
			kit_say(a->r, r.status, "%s", r.text);
		}
	}
	json_free(&answer);
	buf_release(&text);
}

static bool send_alone(struct dove *d, const struct kit_connection *c,
		       struct ask *a, long timeout_ms)
{
	return dove_send(d, c, &a->text, json_count(a->batch), a->writes,
			 timeout_ms, &a->answer, a->r) == DOVE_ANSWERED;
}

/* Take what waits in this lane: the leader's own and all that fits. */
static struct ask *take(struct lane *l, struct ask *own)
{
	struct ask **p = &l->first, *list = NULL, **end = &list;
	size_t size = own->text.len;

	while (*p) {
		struct ask *a = *p;

		if (a != own && size + a->text.len > SHARED_MAX) {
			p = &a->next;
			continue;
		}
		*p = a->next;
		a->next = NULL;
		a->state = TAKEN;
		size += a != own ? a->text.len : 0;
		*end = a;
		end = &a->next;
	}
	return list;
}

/* With the lock, which is let go while the request is under way. */
static void lead(struct dove *d, const struct kit_connection *c, struct lane *l,
		 struct ask *own)
{
	struct ask *list = take(l, own), *a;

	l->leaders++;
	pthread_mutex_unlock(&lock);
	if (list && list->next) {
		send_shared(d, c, list);
	} else {
		own->ok = send_alone(d, c, own, DOVE_API_MS);
		own->then = DONE;
	}
	pthread_mutex_lock(&lock);
	l->leaders--;
	for (; (a = list); list = list->next)
		a->state = a->then;
	if (own->state == ALONE)
		l->apart = APART;
	pthread_cond_broadcast(&changed);
}

static void wait_or_lead(struct dove *d, const struct kit_connection *c,
			 struct ask *a)
{
	struct lane *l = lane_of(a->batch);
	struct ask **end = &l->first;

	pthread_mutex_lock(&lock);
	if (l->apart) {
		l->apart--;
		a->state = ALONE;
	} else {
		while (*end)
			end = &(*end)->next;
		*end = a;
	}
	while (a->state == WAITING || a->state == TAKEN) {
		if (a->state == WAITING && l->leaders < LEADERS)
			lead(d, c, l, a);
		else
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
}

bool dove_call(struct dove *d, const struct kit_connection *c,
	       struct json *batch, bool writes, struct json **answer,
	       struct kit_reply *r)
{
	struct ask a = { .batch = batch, .text = BUF_INIT(DOVE_BODY_MAX), .r = r,
			 .writes = writes };
	struct err e = ERR_INIT;

	*answer = NULL;
	if (!batch || !json_count(batch) || json_print(batch, false, &a.text, &e)) {
		kit_say(r, KIT_RETRY, "%s", e.cause[0] ? e.cause : "out of memory");
		goto out;
	}
	wait_or_lead(d, c, &a);
	if (a.state == ALONE)
		a.ok = send_alone(d, c, &a, AGAIN_MS);
	if (a.ok)
		*answer = a.answer;
out:
	json_free(&batch);
	buf_release(&a.text);
	return a.ok;
}
