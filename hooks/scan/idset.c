/*
 * idset: a set of short object ids.
 *
 * Ids are hashes already, but chosen by whoever pushes: they are mixed once,
 * which makes long runs hard enough to get.
 */
#include "hooks/scan/idset.h"

#include <string.h>

#include "base/mem.h"

static size_t place(const struct idset *s, uint64_t id)
{
	uint64_t h = (id ^ id >> 29) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(h >> 20) & (s->slots - 1);

	while (s->v[at] && s->v[at] != id)
		at = (at + 1) & (s->slots - 1);
	return at;
}

static int grow(struct idset *s, struct err *e)
{
	struct idset big = { .slots = s->slots ? s->slots * 2 : 1024 };
	size_t i;

	big.v = mem_array(big.slots, sizeof(*big.v));
	if (!big.v)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (i = 0; i < s->slots; i++)
		if (s->v[i])
			big.v[place(&big, s->v[i])] = s->v[i];
	big.n = s->n;
	mem_free(s->v);
	*s = big;
	return 0;
}

int idset_add(struct idset *s, uint64_t id, bool *new, struct err *e)
{
	size_t at;

	if (!id)
		id = 1;
	if (2 * (s->n + 1) > s->slots && grow(s, e))
		return -1;
	at = place(s, id);
	if (new)
		*new = !s->v[at];
	s->n += !s->v[at];
	s->v[at] = id;
	return 0;
}

bool idset_has(const struct idset *s, uint64_t id)
{
	return s->slots && s->v[place(s, id ? id : 1)];
}

void idset_release(struct idset *s)
{
	mem_free(s->v);
	memset(s, 0, sizeof(*s));
}
