/*
 * fan: see fan.h.
 */
#include "providers/http/fan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct fan {
	const struct def *def;
	const struct kit_connection *conn;
	fan_fn run;
	void *arg;

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t more, idle;
	struct fan_task *head, **tail;
	size_t queued, busy;
	int width, started;
	bool closing;
	pthread_t thread[FAN_SPARE];
};

static atomic_int in_use; /* threads of all fans */

static void task_free(struct fan_task *t)
{
	for (int i = 0; t && i < SCOPE_ITEMS; i++)
		json_free(&t->item[i]);
	if (t)
		json_free(&t->steps);
	mem_free(t);
}

static struct fan_task *task_new(const struct toml_node *entry,
				 const struct scope *s, int depth)
{
	struct fan_task *t = mem_zalloc(sizeof(*t));
	bool ok = t != NULL;

	for (int i = 0; ok && i < SCOPE_ITEMS && s->item[i]; i++)
		ok = (t->item[i] = json_dup(s->item[i])) != NULL;
	if (ok && s->steps)
		ok = (t->steps = json_dup(s->steps)) != NULL;
	if (!ok) {
		task_free(t);
		return NULL;
	}
	t->entry = entry;
	t->depth = depth;
	return t;
}

static struct fan_task *take(struct fan *f)
{
	struct fan_task *t;

	pthread_mutex_lock(&f->lock);
	while (!f->head && !f->closing)
		pthread_cond_wait(&f->more, &f->lock);
	t = f->head;
	if (t) {
		f->head = t->next;
		if (!f->head)
			f->tail = &f->head;
		f->queued--;
		f->busy++;
	}
	pthread_mutex_unlock(&f->lock);
	return t;
}

static void *worker(void *p)
{
	struct fan *f = p;
	struct session mine = { .def = f->def };
	struct fan_task *t;

	mine.wire = wire_open(f->conn, NULL);
	while ((t = take(f))) {
		/* without a wire the task is told so by the first request */
		f->run(f->arg, &mine, t);
		task_free(t);
		pthread_mutex_lock(&f->lock);
		f->busy--;
		if (!f->busy && !f->queued)
			pthread_cond_broadcast(&f->idle);
		pthread_mutex_unlock(&f->lock);
	}
	wire_close(&mine.wire);
	atomic_fetch_sub(&in_use, 1);
	return NULL;
}

struct fan *fan_open(const struct def *d, const struct kit_connection *c,
		     int width, fan_fn run, void *arg, struct err *e)
{
	struct fan *f = mem_zalloc(sizeof(*f));

	if (!f) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	f->def = d;
	f->conn = c;
	f->run = run;
	f->arg = arg;
	f->tail = &f->head;
	f->width = width > FAN_SPARE ? FAN_SPARE : width;
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->more, NULL);
	(void)pthread_cond_init(&f->idle, NULL);
	return f;
}

/* One thread more, if this fan and the process may have it. */
static void grow(struct fan *f)
{
	if (f->started >= f->width)
		return;
	if (atomic_fetch_add(&in_use, 1) >= FAN_SPARE ||
	    pthread_create(&f->thread[f->started], NULL, worker, f) != 0)
		atomic_fetch_sub(&in_use, 1);
	else
		f->started++;
}

bool fan_put(struct fan *f, const struct toml_node *entry,
	     const struct scope *s, int depth)
{
	struct fan_task *t = NULL;
	bool room;

	pthread_mutex_lock(&f->lock);
	if (f->queued + f->busy >= (size_t)f->started)
		grow(f);
	room = f->started > 0 && f->queued < FAN_QUEUE;
	pthread_mutex_unlock(&f->lock);
	if (!room || !(t = task_new(entry, s, depth)))
		return false;
	pthread_mutex_lock(&f->lock);
	*f->tail = t;
	f->tail = &t->next;
	f->queued++;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	return true;
}

void fan_close(struct fan **fan)
{
	struct fan *f = *fan;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	/* a task may put in others, so first all have to be done */
	while (f->queued || f->busy)
		pthread_cond_wait(&f->idle, &f->lock);
	f->closing = true;
	pthread_cond_broadcast(&f->more);
	pthread_mutex_unlock(&f->lock);
	for (int i = 0; i < f->started; i++)
		(void)pthread_join(f->thread[i], NULL);
	pthread_cond_destroy(&f->idle);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
	*fan = NULL;
}
