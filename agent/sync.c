/*
 * sync: the listings of all connections, side by side.
 *
 * One process and one `list` call per connection; what arrives is written in
 * batches between two looks at the pipes, so a transaction is never open while
 * a provider is waited for, and a fast provider waits for the disk.
 */
#include "agent/sync.h"

#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/sync_int.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define LIST_TIMEOUT_MS 30000
#define PROGRESS_MS 100

struct run {
	const struct app *app;
	struct sync_conn *v;
	struct link **links; /* of those not done yet */
	size_t n, cap;
	int64_t at_ms, shown_ms, start_ms;
	struct err fatal; /* of item handling in the callback */
};

/* ---- which connections --------------------------------------------------- */

static bool wanted(const char *name, const char *const *names)
{
	if (names == NULL || names[0] == NULL)
		return true;
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

struct pick {
	struct run *r;
	const char *const *names;
	char *all[1025]; /* for near names */
	size_t n_all;
};

static int pick_one(const struct inv_connection *c, void *arg, struct err *e)
{
	struct pick *p = arg;
	struct run *r = p->r;

	if (p->n_all < 1024)
		p->all[p->n_all++] = mem_strdup(c->name);
	if (!wanted(c->name, p->names))
		return 0;
	if (r->n == r->cap) {
		const size_t cap = r->cap == 0 ? 8 : 2 * r->cap;
		struct sync_conn *v = mem_realloc(r->v, cap * sizeof *v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		memset(v + r->n, 0, (cap - r->n) * sizeof *v);
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n].rec.name = mem_strdup(c->name);
	if (r->v[r->n].rec.name == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	r->n++;
	return 0;
}

static int check_names(const struct pick *p, struct err *e)
{
	for (const char *const *n = p->names; n != NULL && *n != NULL; n++) {
		bool there = false;

		for (size_t i = 0; i < p->r->n; i++)
			there = there || strcmp(p->r->v[i].rec.name, *n) == 0;
		if (there)
			continue;
		(void)err_fail(e, ERR_ABSENT, *n, "no such connection");
		args_hint_near(*n, (const char *const *)p->all, e);
		err_hint(e, "'curfew list connections' shows them");
		return -1;
	}
	return 0;
}

static int pick_connections(struct run *r, const char *const *names,
			    struct err *e)
{
	struct pick *p = mem_zalloc(sizeof *p);
	int rc = -1;

	if (p == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	p->r = r;
	p->names = names;
	if (inv_connections(r->app->vault, pick_one, p, e) == 0)
		rc = check_names(p, e);
	for (size_t i = 0; i < p->n_all; i++)
		mem_free(p->all[i]);
	mem_free(p);
	return rc;
}

/* ---- one connection ------------------------------------------------------ */

static void fail_conn(struct sync_conn *c, const struct err *why)
{
	c->done = true;
	c->result->failed = true;
	c->result->why = *why;
}

static int prepare(struct run *r, struct sync_conn *c, struct err *e)
{
	struct vault *v = r->app->vault;
	char *name = c->rec.name;

	c->rec.name = NULL;
	memset(&c->rec, 0, sizeof c->rec);
	c->at_ms = r->at_ms;
	c->result->connection = name;
	if (inv_connection_get(v, name, &c->rec, &c->admin, e) <= 0 ||
	    known_load(v, name, &c->known, e) < 0)
		return err_ctx(e, name, "read the connection");
	c->result->first = c->rec.synced_ms == 0;
	return 0;
}

/* Start its process and ask; a failure is the connection's own. */
static void start(struct run *r, size_t i)
{
	struct sync_conn *c = &r->v[i];
	const struct config_connection *policy =
		config_connection(r->app->config, c->rec.name);
	const int64_t timeout = policy != NULL && policy->timeout_ms > 0 ?
					policy->timeout_ms : LIST_TIMEOUT_MS;
	struct json *q = json_object();
	struct err why = ERR_INIT;

	if (link_open(r->app->launcher, c->rec.name, c->rec.type,
		      c->rec.options, c->admin, &c->link, &why) < 0) {
		json_free(&q);
		fail_conn(c, &why);
		return;
	}
	link_set_hello_timeout(c->link, timeout);
	if (!json_set_str(q, "verb", "list"))
		(void)err_fail(&why, ERR_NOMEM, NULL, "out of memory");
	if (why.code != ERR_NONE ||
	    link_call(c->link, i, q, NULL, timeout, &why) < 0)
		fail_conn(c, &why);
}

/* The closing answer of a listing. */
static void take_end(struct sync_conn *c, const struct link_answer *a)
{
	struct err why = ERR_INIT;

	c->done = true;
	if (a->status == LINK_OK) {
		const char *text = json_str(a->body, "incomplete");
		struct buf b = BUF_INIT(BUF_TEXT_MAX);

		(void)json_bool(a->body, "complete", &c->complete);
		if (text && text_escape(&b, text, strnlen(text, 250), NULL) == 0)
			(void)snprintf(c->result->left_out,
				       sizeof c->result->left_out, "%s", b.p);
		buf_release(&b);
		return;
	}
	if (a->status == LINK_NOT_SENT || a->body == NULL)
		(void)err_fail(&why, ERR_PROTO, c->rec.name, "%s", a->error);
	else
		(void)err_fail(&why, ERR_PROVIDER, c->rec.name, "%s",
			       a->error[0] != '\0' ? a->error :
						     "listing was not done");
	fail_conn(c, &why);
}

static void take_answer(struct link *l, const struct link_answer *a, void *arg)
{
	struct run *r = arg;
	struct sync_conn *c = &r->v[a->tag];
	struct err why = ERR_INIT;

	(void)l;
	if (c->done)
		return;
	if (a->status != LINK_ITEM) {
		take_end(c, a);
		return;
	}
	if (sync_take(c, json_get(a->body, "item"), &why) < 0) {
		if (why.code == ERR_NOMEM)
			r->fatal = why;
		(void)err_ctx(&why, c->rec.name, "use the listing");
		fail_conn(c, &why);
	}
}

static void progress(struct run *r)
{
	const int64_t now = clock_mono_ms();
	unsigned long long items = 0;
	size_t done = 0;
	char span[CLOCK_TEXT];

	if (now - r->shown_ms < PROGRESS_MS)
		return;
	r->shown_ms = now;
	for (size_t i = 0; i < r->n; i++) {
		const struct sync_result *k = r->v[i].result;

		items += k->accounts + k->credentials + k->grants;
		done += r->v[i].done;
	}
	app_progress(r->app, "sync: %zu of %zu connections, %llu things, %s",
		     done, r->n, items, clock_span(now - r->start_ms, span));
}

/* Poll those that are not done, write what came, end those that ended. */
static int rounds(struct run *r, struct err *e)
{
	struct vault *v = r->app->vault;
	size_t left;

	do {
		left = 0;
		for (size_t i = 0; i < r->n; i++)
			if (!r->v[i].done)
				r->links[left++] = r->v[i].link;
		if (left > 0 && links_poll(r->links, left, PROGRESS_MS,
					   take_answer, r, e) < 0)
			return -1;
		if (r->fatal.code != ERR_NONE) {
			*e = r->fatal;
			return -1;
		}
		for (size_t i = 0; i < r->n; i++) {
			struct sync_conn *c = &r->v[i];

			if (c->n_batch >= SYNC_BATCH && !c->done &&
			    sync_flush(v, c, e) < 0)
				return -1;
			if (c->done && c->known != NULL) {
				if (sync_finish(v, c, e) < 0)
					return -1;
				known_free(&c->known);
				link_close(&c->link);
			}
		}
		progress(r);
	} while (left > 0);
	return 0;
}

static void release(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct sync_conn *c = &r->v[i];

		for (size_t k = 0; k < c->n_batch; k++)
			item_free(&c->batch[k]);
		mem_free(c->batch);
		known_free(&c->known);
		link_close(&c->link);
		secret_free(&c->admin);
		inv_connection_free(&c->rec);
	}
	mem_free(r->v);
	mem_free(r->links);
}

int sync_run(const struct app *app, const char *const *names,
	     struct sync_result **out, size_t *n, struct err *e)
{
	struct run r = { .app = app, .at_ms = clock_wall_ms(),
			 .start_ms = clock_mono_ms(), .fatal = ERR_INIT };
	struct sync_result *results = NULL;
	int rc = -1;

	*out = NULL;
	*n = 0;
	if (pick_connections(&r, names, e) < 0)
		goto out;
	results = mem_array(r.n + 1, sizeof *results);
	r.links = mem_array(r.n + 1, sizeof(struct link *));
	if (results == NULL || r.links == NULL) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < r.n; i++) {
		r.v[i].result = &results[i];
		if (prepare(&r, &r.v[i], e) < 0)
			goto out;
	}
	for (size_t i = 0; i < r.n; i++)
		start(&r, i);
	if (rounds(&r, e) < 0)
		goto out;
	*out = results;
	*n = r.n;
	results = NULL;
	rc = 0;
out:
	app_progress_done(app);
	sync_results_free(&results, r.n);
	release(&r);
	return rc;
}

void sync_results_free(struct sync_result **rp, size_t n)
{
	struct sync_result *r = *rp;

	for (size_t i = 0; r != NULL && i < n; i++) {
		mem_free(r[i].connection);
		for (size_t k = 0; k < r[i].n_added; k++)
			mem_free(r[i].added[k]);
		for (size_t k = 0; k < r[i].n_revived; k++)
			mem_free(r[i].revived[k]);
		mem_free(r[i].added);
		mem_free(r[i].revived);
	}
	mem_free(r);
	*rp = NULL;
}
