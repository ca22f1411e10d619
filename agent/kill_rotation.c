/* kill_rotation: see kill_rotation.h. */
#include "agent/kill_rotation.h"

#include <string.h>

#include "agent/alarm.h"
#include "agent/rotate.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/inventory.h"

#define WAIT_MS 60000

void kill_lines_free(struct kill_lines *k)
{
	mem_free(k->p);
	*k = (struct kill_lines){ .n = 0 };
}

struct joining {
	const struct selected *x;
	struct kill_lines *out;
	struct found {
		char *conn, *account, *kind, *id;
	} *found;
	size_t n_found;
};

static int found(struct joining *j, const struct rot_line *l,
		 const char *account, const char *id, struct err *e)
{
	struct found *p;

	if (!*id)
		return 0;
	p = mem_realloc(j->found, (j->n_found + 1) * sizeof(*p));
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	j->found = p;
	p += j->n_found++;
	*p = (struct found){ mem_strdup(l->conn), mem_strdup(account),
			     mem_strdup(l->kind), mem_strdup(id) };
	return p->conn && p->account && p->kind && p->id ?
		       0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static bool touches(const struct rot_line *l, const struct selected *x)
{
	const bool current = strcmp(l->account, x->account) == 0;
	const bool coming = strcmp(rot_new_account(l), x->account) == 0;

	if (!*x->kind)
		return current || (coming && rot_busy(l));
	return strcmp(l->kind, x->kind) == 0 &&
	       ((current && strcmp(l->cred, x->id) == 0) ||
		(coming && rot_busy(l) && strcmp(l->new_cred, x->id) == 0));
}

static int join_one(const struct rot_line *l, void *arg, struct err *e)
{
	struct joining *j = arg;
	struct kill_lines *k = j->out;

	if (l->state == RS_KILLED || !touches(l, j->x))
		return 0;
	for (size_t i = 0; i < k->n; i++)
		if (memcmp(&k->p[i], &l->id, sizeof(l->id)) == 0)
			return 0;
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 16;
		struct store_id *p = mem_realloc(k->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->p = p;
		k->cap = cap;
	}
	k->p[k->n++] = l->id;
	if (found(j, l, l->account, l->cred, e) < 0)
		return -1;
	return rot_busy(l) ? found(j, l, rot_new_account(l), l->new_cred, e) : 0;
}

static bool selected_already(const struct selection *s, const struct found *f)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->p[i].conn, f->conn) == 0 &&
		    strcmp(s->p[i].account, f->account) == 0 &&
		    (!*s->p[i].kind || (strcmp(s->p[i].kind, f->kind) == 0 &&
					strcmp(s->p[i].id, f->id) == 0)))
			return true;
	return false;
}

int kill_lines_join(struct app *app, struct selection *s, struct kill_lines *out,
		    struct err *e)
{
	struct joining j = { .out = out };
	const size_t n = s->n;
	int rc = -1;

	for (size_t i = 0; i < n; i++) {
		j.x = &s->p[i];
		if (!s->p[i].missing &&
		    rot_each_account(app->vault, s->p[i].conn, s->p[i].account,
				     join_one, &j, e) < 0)
			goto out;
	}
	for (size_t i = 0; i < j.n_found; i++) {
		const struct found *f = &j.found[i];

		if (!selected_already(s, f) &&
		    selection_add(s, f->conn, f->account, f->kind, f->id,
				  e) < 0)
			goto out;
	}
	rc = 0;
out:
	for (size_t i = 0; i < j.n_found; i++) {
		mem_free(j.found[i].conn);
		mem_free(j.found[i].account);
		mem_free(j.found[i].kind);
		mem_free(j.found[i].id);
	}
	mem_free(j.found);
	return rc;
}

/* Something may have been made whose id nobody knows yet. */
static bool without_id(const struct rot_line *l)
{
	if (l->state == RS_TRIED || l->state == RS_SWEPT)
		return true;
	return l->state == RS_INTENT && l->sent && !*l->new_cred &&
	       !(l->flags & (RF_CLASS_B | RF_IN_PLACE));
}

/* Nobody is to see to it any more.  Its alarms are about what it was. */
static int settle(struct app *app, const struct rot_line *l, struct err *e)
{
	struct buf about = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (!l->stuck_ms && !(l->flags & RF_OVERDUE_TOLD))
		return 0;
	if (inv_address(&about, l->conn, l->account, l->cred, e) == 0 &&
	    alarm_clear(app, ALARM_STUCK, about.p, e) == 0)
		rc = l->state != RS_KILLED ? 0 :
		     alarm_clear(app, ALARM_DEADLINE, about.p, e);
	buf_release(&about);
	return rc;
}

int kill_lines_mark(struct app *app, const struct kill_lines *k,
		    const char *incident, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		struct rot_line l;
		int rc = rot_get(app->vault, &k->p[i], &l, NULL, e);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		l.epoch++;
		rc = rot_text(&l.incident, incident, e);
		if (without_id(&l)) {
			l.flags |= RF_ABORT;
			l.next_ms = 1; /* at once */
		} else {
			l.state = RS_KILLED;
		}
		if (rc == 0)
			rc = settle(app, &l, e);
		l.stuck_ms = 0;
		if (rc == 0)
			rc = rot_put(app->vault, &l, NULL, false, e);
		rot_free(&l);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static bool all_over(struct app *app, const struct kill_lines *k)
{
	for (size_t i = 0; i < k->n; i++) {
		struct rot_line l;
		bool open;

		if (rot_get(app->vault, &k->p[i], &l, NULL, NULL) <= 0)
			continue;
		open = l.state != RS_KILLED;
		rot_free(&l);
		if (open)
			return false;
	}
	return true;
}

int kill_lines_finish(struct app *app, const struct kill_lines *k,
		      int64_t wait_ms, int code)
{
	struct rotate_set s = { .n = 0 };
	struct err e = ERR_INIT;
	int rc = 0;

	for (size_t i = 0; i < k->n && rc == 0; i++)
		rc = rotate_line(app, &k->p[i], &s, &e);
	if (rc == 0 && s.n)
		(void)rotate_run(app, &s, wait_ms > 0 ? wait_ms : WAIT_MS, true,
				 true);
	rotate_free(&s);
	if (rc < 0)
		return app_fail(app, &e);
	if (all_over(app, k))
		return code;
	log_line(LOG_ERROR, "a key that a rotation asked for may live: the "
		 "answer was lost, and it is still being looked for; 'curfew "
		 "sweep' goes on");
	return code == EXIT_STORE ? code : EXIT_ALIVE;
}
