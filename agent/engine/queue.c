/*
 * queue: two heaps and a bucket per connection, so that a slow or dead
 * connection holds up nobody but itself.
 */
#include "agent/engine/knob.h"
#include "agent/engine/queue.h"
#include "base/mem.h"
#include "base/secret.h"

#define TRY_FIRST_MAX 8

static struct queue_item look_work(const void *of, uint32_t i);

void queue_init(struct queue *q, double rate_per_s, int limit, int64_t now)
{
	*q = (struct queue){ .rate = rate_per_s, .limit = limit,
			     .filled_ms = now, .tokens = 2,
			     .look = look_work };
}

void queue_look(struct queue *q, queue_look_fn look)
{
	q->look = look;
}

void queue_free(struct queue *q)
{
	mem_free(q->waiting.p);
	mem_free(q->ready.p);
	*q = (struct queue){ 0 };
}

static int heap_push(struct heap *h, int64_t key, uint32_t action,
		     struct err *e)
{
	size_t i;

	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 64;
		struct queue_entry *p = mem_realloc(h->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		h->p = p;
		h->cap = cap;
	}
	for (i = h->n++; i > 0; i = (i - 1) / 2) {
		if (h->p[(i - 1) / 2].key <= key)
			break;
		h->p[i] = h->p[(i - 1) / 2];
	}
	h->p[i] = (struct queue_entry){ key, action };
	return 0;
}

static struct queue_entry heap_pop(struct heap *h)
{
	struct queue_entry top = h->p[0], last = h->p[--h->n];
	size_t i = 0, c;

	while ((c = 2 * i + 1) < h->n) {
		if (c + 1 < h->n && h->p[c + 1].key < h->p[c].key)
			c++;
		if (last.key <= h->p[c].key)
			break;
		h->p[i] = h->p[c];
		i = c;
	}
	h->p[i] = last;
	return top;
}

/* The first listing tells what was there before; then what cuts most at one
 * call; evidence runs beside it; looking comes last. */
static int64_t rank(const struct work *w, uint32_t i)
{
	static const uint8_t order[V_VERBS] = {
		[V_DISABLE] = 1, [V_CUT] = 2, [V_REVOKE] = 3,
		[V_REMOVE_GRANT] = 4, [V_SNAPSHOT] = 5, [V_RESWEEP] = 6,
		[V_PROBE] = 7,
	};
	const struct action *a = &w->actions[i];
	int64_t r = order[a->verb];

	/* a few values may be tried before they are cut; of many, none waits */
	if (work_try_value(w, a) && w->n_targets <= TRY_FIRST_MAX)
		r = order[V_REVOKE] - 1;
	if (a->verb == V_RESWEEP && !(a->flags & AF_BASELINE) &&
	    w->targets[a->target].what == T_CONNECTION)
		r = 0;
	return r << 40 | i;
}

static struct queue_item look_work(const void *of, uint32_t i)
{
	const struct work *w = of;
	const struct action *a = &w->actions[i];

	return (struct queue_item){ .next_ms = a->next_ms, .rank = rank(w, i),
				    .idle = a->sending || action_settled(a),
				    .over = action_settled(a),
				    .ahead = verb_cuts(a->verb) };
}

/* Nothing to send any more, or another entry tells the right time. */
static bool stale(const struct queue_item *x, int64_t now)
{
	return x->idle || x->next_ms > now;
}

int queue_push(struct queue *q, const void *of, uint32_t action, struct err *e)
{
	int64_t at = q->look(of, action).next_ms;

	if (at == INT64_MAX)
		return 0;
	return heap_push(&q->waiting, at, action, e);
}

static int ripen(struct queue *q, const void *of, int64_t now, struct err *e)
{
	struct queue_item x;

	while (q->waiting.n && q->waiting.p[0].key <= now) {
		struct queue_entry top = heap_pop(&q->waiting);

		x = q->look(of, top.action);
		if (!stale(&x, now) &&
		    heap_push(&q->ready, x.rank, top.action, e) < 0)
			return -1;
	}
	while (q->ready.n) {
		x = q->look(of, q->ready.p[0].action);
		if (!stale(&x, now))
			break;
		(void)heap_pop(&q->ready);
	}
	return 0;
}

static void refill(struct queue *q, int64_t now)
{
	/* two: a value is asked for beside its own end (ACCOUNT_BY_VALUE) */
	double most = q->rate / 8 > 2 ? q->rate / 8 : 2;

	if (q->rate <= 0)
		return;
	if (now > q->filled_ms)
		q->tokens += (double)(now - q->filled_ms) * q->rate / 1000;
	q->filled_ms = now;
	if (q->tokens > most)
		q->tokens = most;
}

/* A connection that was down gets one call until it answers. */
static int limit_of(const struct queue *q)
{
	return q->fails ? 1 : q->limit;
}

bool queue_room(const struct queue *q, int64_t now)
{
	return q->in_flight < limit_of(q) && now >= q->hold_ms;
}

/* A token is for sending now, and what only looks must not stand before what
 * cuts: neither is given out ahead. */
static bool may_pop(const struct queue *q, const void *of, int64_t now)
{
	int limit = limit_of(q);

	if (!q->ready.n || now < q->hold_ms)
		return false;
	if (q->in_flight + q->staged < limit)
		return true;
	return !q->fails && q->rate <= 0 && q->staged < limit &&
	       q->look(of, q->ready.p[0].action).ahead;
}

int queue_pop(struct queue *q, const void *of, int64_t now,
	      uint32_t *action, struct err *e)
{
	*action = NONE;
	if (ripen(q, of, now, e) < 0)
		return -1;
	if (!may_pop(q, of, now))
		return 0;
	refill(q, now);
	if (q->rate > 0) {
		if (q->tokens < 1)
			return 0;
		q->tokens -= 1;
	}
	*action = heap_pop(&q->ready).action;
	return 0;
}

void queue_refund(struct queue *q)
{
	if (q->rate > 0)
		q->tokens += 1;
}

/* What would ripen to nothing is not waited for: a kill whose proof lies an
 * hour ahead would stand still until then. */
static void shed(struct queue *q, const void *of)
{
	while (q->waiting.n) {
		struct queue_item x = q->look(of, q->waiting.p[0].action);

		if (!x.over && x.next_ms <= q->waiting.p[0].key)
			return;
		(void)heap_pop(&q->waiting);
	}
}

int64_t queue_next(struct queue *q, const void *of, int64_t now)
{
	int64_t at;

	if (ripen(q, of, now, NULL) < 0)
		return now;
	shed(q, of);
	if (q->staged && queue_room(q, now))
		return now;
	if (q->in_flight + q->staged >= limit_of(q))
		return q->staged && q->in_flight < limit_of(q) ? q->hold_ms :
								 INT64_MAX;
	at = q->ready.n ? now : q->waiting.n ? q->waiting.p[0].key : INT64_MAX;
	if (at == INT64_MAX)
		return at;
	if (at < q->hold_ms)
		at = q->hold_ms;
	if (q->rate > 0) {
		refill(q, now);
		if (q->tokens < 1) {
			int64_t token = now + 1 +
				(int64_t)((1 - q->tokens) * 1000 / q->rate);

			if (at < token)
				at = token;
		}
	}
	return at;
}

void queue_down(struct queue *q, int64_t now, int64_t after_ms)
{
	int64_t wait;

	/* What went out together comes back together: one failure, not many. */
	if (q->fails && now < q->hold_ms)
		return;
	q->fails++;
	wait = backoff_ms(q->fails);
	q->hold_ms = now + (after_ms > wait ? after_ms : wait);
}

int64_t backoff_ms(unsigned fails)
{
	int64_t top = knob_backoff_ms();
	uint64_t r;

	for (unsigned i = 1; i < fails && top < BACKOFF_MAX_MS; i++)
		top *= 2;
	if (top > BACKOFF_MAX_MS)
		top = BACKOFF_MAX_MS;
	secret_random(&r, sizeof(r));
	return (int64_t)(r % (uint64_t)(top + 1));
}
