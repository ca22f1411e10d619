/*
 * scan_thread: what one thread keeps while it scans, and lists of marks.
 */
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/decoded.h"
#include "hooks/scan/scan.h"

#define MARKS_MAX (16u * 1024 * 1024)

int scan_thread_init(struct scan_thread *t, const struct scanner *s,
		     struct err *e)
{
	memset(t, 0, sizeof(*t));
	t->s = s;
	t->timed = s->timed;
	t->pace.d = s->deadline;
	if (match_thread_init(s->matcher, &t->match, e))
		return -1;
	t->match.pace = &t->pace;
	t->regex = regex_thread_new(e);
	t->gate = mem_array(matcher_rules(s->matcher)->n + 1, sizeof(*t->gate));
	if (t->regex && !t->gate)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (t->regex && t->gate)
		return 0;
	scan_thread_release(t);
	return -1;
}

uint64_t phases_sum(const struct scan_thread *t)
{
	uint64_t all = 0;
	unsigned i;

	for (i = 0; i < PHASES; i++)
		all += t->spent[i];
	return all;
}

void scan_thread_release(struct scan_thread *t)
{
	match_thread_release(&t->match);
	regex_thread_free(&t->regex);
	mem_free(t->gate);
	mem_free(t->gap);
	busy_release(&t->busy);
	joined_release(&t->joined);
	decoder_release(&t->decoder);
	memset(t, 0, sizeof(*t));
}

void marks_release(struct marks *m)
{
	mem_free(m->v);
	mem_free(m->wide);
	segments_release(&m->made);
	memset(m, 0, sizeof(*m));
}

struct mark *marks_push(struct marks *m, struct err *e)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 8;
		struct mark *v = cap > MARKS_MAX ? NULL
			: mem_realloc(m->v, cap * sizeof(*v));

		if (!v) {
			err_fail(e, ERR_NOMEM, NULL, "over %zu matches in a text",
				 m->n);
			return NULL;
		}
		m->v = v;
		m->cap = cap;
	}
	memset(&m->v[m->n], 0, sizeof(*m->v));
	m->v[m->n].secret = m->v[m->n].origin = SECRET_NONE;
	return &m->v[m->n++];
}
