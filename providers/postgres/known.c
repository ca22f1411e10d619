/*
 * known: what this process has seen of the roles, shared by its workers.
 *
 * `opened`: roles that could log in before this process disabled them.  A kill
 * does not wait for evidence, so `disable` may be done before the `snapshot` of
 * the same role reads it; without this the snapshot would say NOLOGIN and a
 * restore would leave the role shut.
 *
 * `first`: the roles there were when the process logged in.  PostgreSQL does
 * not keep when a role was made; one that is not among them was made since, and
 * a kill must know that (an intruder's way back).
 *
 * Both are kept in memory only: after a restart in the middle of a kill, a
 * restore leaves the login to `enable`, and a new role has no `created`.
 */
#include "providers/postgres/postgres.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CAP 64

struct set { /* of oids, open addressing */
	uint32_t *v; /* 0 = free */
	size_t cap, used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct set opened, first;
static bool first_whole;

static uint32_t number_of(const char *oid)
{
	return (uint32_t)strtoul(oid, NULL, 10);
}

/* Where oid is, or where it belongs. */
static size_t place(const uint32_t *v, size_t cap, uint32_t oid)
{
	size_t i = (oid * 2654435761u) & (cap - 1);

	while (v[i] && v[i] != oid)
		i = (i + 1) & (cap - 1);
	return i;
}

static bool grow(struct set *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP;
	uint32_t *v = mem_array(cap, sizeof *v);

	if (!v)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->v[i])
			v[place(v, cap, s->v[i])] = s->v[i];
	mem_free(s->v);
	s->v = v;
	s->cap = cap;
	return true;
}

static bool put(struct set *s, uint32_t oid)
{
	if (!oid || (s->used * 2 >= s->cap && !grow(s)))
		return false;
	size_t i = place(s->v, s->cap, oid);
	s->used += !s->v[i];
	s->v[i] = oid;
	return true;
}

static bool has(const struct set *s, uint32_t oid)
{
	return oid && s->cap && s->v[place(s->v, s->cap, oid)] == oid;
}

void pgp_opened_note(const char *oid)
{
	pthread_mutex_lock(&lock);
	(void)put(&opened, number_of(oid)); /* short of memory: see above */
	pthread_mutex_unlock(&lock);
}

bool pgp_opened(const char *oid)
{
	pthread_mutex_lock(&lock);
	bool yes = has(&opened, number_of(oid));
	pthread_mutex_unlock(&lock);
	return yes;
}

static int on_oid(const struct pg_rows *row, void *arg)
{
	(void)arg;
	return put(&first, number_of(pg_cell(row, 0, 0))) ? 0 : -1;
}

int pgp_known_first(struct pg *pg, struct pg_fail *f)
{
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (!first_whole) {
		rc = pg_each(pg, PGP_STATEMENT_MS, "SELECT oid FROM pg_roles",
			     0, NULL, on_oid, NULL, f);
		first_whole = rc == 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

bool pgp_made_since(const char *oid)
{
	pthread_mutex_lock(&lock);
	bool yes = first_whole && !has(&first, number_of(oid));
	pthread_mutex_unlock(&lock);
	return yes;
}
