/*
 * work: the worker threads and the sessions they share, one each at a time.
 *
 * Promises: every job put in is answered exactly once; a session is used by
 * one thread at a time and opened again after it was lost; finish() runs what
 * is queued before it returns.
 */
#include "providers/kit/kit_in.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

void kit_job_free(struct kit_job **j)
{
	if (!*j)
		return;
	json_free(&(*j)->msg);
	secret_free(&(*j)->secret);
	mem_free(*j);
	*j = NULL;
}

static struct kit_job *take(struct kit *k)
{
	struct kit_job *j;

	pthread_mutex_lock(&k->lock);
	while (!k->head && !k->closing)
		pthread_cond_wait(&k->more, &k->lock);
	j = k->head;
	if (j) {
		k->head = j->next;
		if (!k->head)
			k->tail = &k->head;
		k->queued--;
		pthread_cond_signal(&k->less);
	}
	pthread_mutex_unlock(&k->lock);
	return j;
}

static const char *arg(const struct json *msg, const char *key)
{
	const char *s = json_str(msg, key);

	return s ? s : "";
}

/* A session: one that is open, or a new one. */
static int session_get(struct kit *k, void **session, struct err *e)
{
	bool have = false;

	*session = NULL;
	pthread_mutex_lock(&k->lock);
	if (k->first_free) {
		k->first_free = false;
		*session = k->first;
		have = true;
	} else if (k->n_idle) {
		*session = k->idle[--k->n_idle];
		have = true;
	}
	pthread_mutex_unlock(&k->lock);
	if (have || !k->p->open)
		return 0;
	return k->p->open(&k->conn, session, e);
}

/* Back to the others.  The last one used is the next one taken, so that calls
 * one after the other share one login: a service whose places are all taken
 * lets no second one in. */
static void session_put(struct kit *k, void *session, bool lost)
{
	if (lost) {
		if (k->p->close)
			k->p->close(session);
		return;
	}
	pthread_mutex_lock(&k->lock);
	k->idle[k->n_idle++] = session; /* never more than there are workers */
	pthread_mutex_unlock(&k->lock);
}

static void run(struct kit *k, struct kit_job *j, void *session)
{
	struct err e = ERR_INIT;
	struct kit_stream s = { .k = k, .id = j->id };
	struct kit_reply r = { .status = KIT_OK };
	struct kit_request q = {
		.verb = j->verb->verb,
		.account = arg(j->msg, "account"),
		.kind = arg(j->msg, "kind"),
		.credential = arg(j->msg, "credential"),
		.args = j->msg,
		.secret = j->secret,
	};
	int rc = j->verb->run(session, &k->conn, &q, &s, &r, &e);

	/* before the answer, which brings the next request */
	session_put(k, session, r.lost);
	if (!rc) {
		kit_reply_send(k, j->id, q.verb, s.partial, &r);
		return;
	}
	json_free(&r.body);
	secret_free(&r.secret);
	kit_reply_err(k, j->id, q.verb, KIT_UNKNOWN, &e);
}

static void *worker(void *p)
{
	struct kit *k = p;

	for (struct kit_job *j; (j = take(k)); kit_job_free(&j)) {
		struct err e = ERR_INIT;
		void *session;

		/* The service said no, or nothing was done at all. */
		if (session_get(k, &session, &e))
			kit_reply_err(k, j->id, j->verb->verb,
				      e.code == ERR_PROVIDER ? KIT_REFUSED : KIT_RETRY,
				      &e);
		else
			run(k, j, session);
	}
	return NULL;
}

int kit_work_start(struct kit *k, struct err *e)
{
	unsigned n = k->p->parallel;

	n = n < 1 ? 1 : n > KIT_WORKERS ? KIT_WORKERS : n;
	for (; k->workers < n; k->workers++) {
		int rc = pthread_create(&k->thread[k->workers], NULL, worker, k);

		if (!rc)
			continue;
		if (k->workers) /* fewer than wanted still work */
			break;
		return err_fail(e, ERR_NOMEM, NULL, "cannot start a thread: %s",
				strerror(rc));
	}
	return 0;
}

void kit_work_put(struct kit *k, struct kit_job *j)
{
	pthread_mutex_lock(&k->lock);
	while (k->queued >= KIT_QUEUE)
		pthread_cond_wait(&k->less, &k->lock);
	j->next = NULL;
	*k->tail = j;
	k->tail = &j->next;
	k->queued++;
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->lock);
}

void kit_work_finish(struct kit *k)
{
	pthread_mutex_lock(&k->lock);
	k->closing = true;
	pthread_cond_broadcast(&k->more);
	pthread_mutex_unlock(&k->lock);
	for (unsigned i = 0; i < k->workers; i++)
		pthread_join(k->thread[i], NULL);
	k->workers = 0;
	if (k->first_free && k->p->close)
		k->p->close(k->first);
	k->first_free = false;
	while (k->n_idle) {
		void *session = k->idle[--k->n_idle];

		if (session && k->p->close)
			k->p->close(session);
	}
}
