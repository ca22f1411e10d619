/*
 * rotate_set: the lines that one command is about, each once.
 */
#include <string.h>

#include "agent/rotate.h"
#include "base/mem.h"

void rotate_free(struct rotate_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		rot_free(&s->p[i]);
	mem_free(s->p);
	mem_free(s->fresh);
	mem_free(s->table);
	*s = (struct rotate_set){ .n = 0 };
}

/* Where it is in the table, or where it belongs: the index + 1 is there, 0.
 * Ids are keyed hashes: any part of one is spread evenly. */
static uint32_t *slot_of(const struct rotate_set *s, const struct store_id *id)
{
	size_t at;

	memcpy(&at, id->b, sizeof(at));
	for (;; at++) {
		uint32_t *x = &s->table[at & (2 * s->cap - 1)];

		if (!*x || memcmp(&s->p[*x - 1].id, id, sizeof(*id)) == 0)
			return x;
	}
}

void rotate_reindex(struct rotate_set *s)
{
	memset(s->table, 0, 2 * s->cap * sizeof(*s->table));
	for (size_t i = 0; i < s->n; i++)
		*slot_of(s, &s->p[i].id) = (uint32_t)i + 1;
}

static int grow(struct rotate_set *s, struct err *e)
{
	const size_t cap = s->cap ? s->cap * 2 : 16;
	struct rot_line *p = mem_realloc(s->p, cap * sizeof(*p));
	unsigned char *f = mem_realloc(s->fresh, cap * sizeof(*f));
	uint32_t *t = mem_array(2 * cap, sizeof(*t));

	s->p = p ? p : s->p;
	s->fresh = f ? f : s->fresh;
	if (!p || !f || !t) {
		mem_free(t);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	mem_free(s->table);
	s->table = t;
	s->cap = cap;
	rotate_reindex(s);
	return 0;
}

int rotate_add(struct rotate_set *s, struct rot_line *l, enum rotate_row fresh,
	       struct err *e)
{
	uint32_t *at;

	if (s->n == s->cap && grow(s, e) < 0)
		return -1;
	at = slot_of(s, &l->id);
	if (*at) {
		rot_free(l); /* two words mean the same */
		return 0;
	}
	s->fresh[s->n] = (unsigned char)fresh;
	s->p[s->n++] = *l;
	*at = (uint32_t)s->n;
	*l = (struct rot_line){ .state = 0 };
	return 0;
}
