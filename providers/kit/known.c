/*
 * known: what this process has seen of the accounts, shared by its workers
 * (common.h, `opened` and `first`).
 *
 * Kept in memory only: after a restart in the middle of a kill, a restore leaves
 * the login to `enable`, and a new account has no `created`.
 */
#include "providers/kit/common.h"

#include <pthread.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

#define FIRST_CAP 64

struct set { /* of digests of keys, open addressing */
	uint64_t *v; /* 0 = free */
	size_t cap, used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t filling = PTHREAD_MUTEX_INITIALIZER;
static struct set opened, first;
static bool first_whole;

static uint64_t number_of(const char *key)
{
	unsigned char d[16];
	uint64_t v;

	digest_hash(key, strlen(key), d, sizeof d);
	memcpy(&v, d, sizeof v);
	return v ? v : 1;
}

/* Where it is, or where it belongs. */
static size_t place(const uint64_t *v, size_t cap, uint64_t key)
{
	size_t i = (size_t)key & (cap - 1);

	while (v[i] && v[i] != key)
		i = (i + 1) & (cap - 1);
	return i;
}

static bool grow(struct set *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP;
	uint64_t *v = mem_array(cap, sizeof *v);

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

static bool put(struct set *s, uint64_t key)
{
	if (s->used * 2 >= s->cap && !grow(s))
		return false;
	size_t i = place(s->v, s->cap, key);
	s->used += !s->v[i];
	s->v[i] = key;
	return true;
}

static bool has(const struct set *s, uint64_t key)
{
	return s->cap && s->v[place(s->v, s->cap, key)] == key;
}

void kit_opened_note(const char *key)
{
	pthread_mutex_lock(&lock);
	(void)put(&opened, number_of(key)); /* short of memory: see above */
	pthread_mutex_unlock(&lock);
}

bool kit_opened(const char *key)
{
	pthread_mutex_lock(&lock);
	bool yes = has(&opened, number_of(key));
	pthread_mutex_unlock(&lock);
	return yes;
}

/* One for each worker, and one that is just being opened. */
static char own[64][100];

/* Where it is; "": a free place. */
static char *own_place(const char *session)
{
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(own[i], session) == 0)
			return own[i];
	return NULL;
}

void kit_own_note(const char *session)
{
	pthread_mutex_lock(&lock);
	char *at = own_place("");
	if (at && strlen(session) < sizeof *own)
		memcpy(at, session, strlen(session) + 1);
	pthread_mutex_unlock(&lock);
}

void kit_own_drop(const char *session)
{
	pthread_mutex_lock(&lock);
	char *at = *session ? own_place(session) : NULL;
	if (at)
		*at = '\0';
	pthread_mutex_unlock(&lock);
}

static pthread_rwlock_t door = PTHREAD_RWLOCK_INITIALIZER;

void kit_own_coming(void)
{
	pthread_rwlock_rdlock(&door);
}

void kit_own_looking(void)
{
	pthread_rwlock_wrlock(&door);
}

void kit_own_done(void)
{
	pthread_rwlock_unlock(&door);
}

bool kit_own(const char *session)
{
	pthread_mutex_lock(&lock);
	bool yes = *session && own_place(session);
	pthread_mutex_unlock(&lock);
	return yes;
}

int kit_first(int (*fill)(void *arg), void *arg)
{
	int rc = 0;

	pthread_mutex_lock(&filling);
	pthread_mutex_lock(&lock);
	bool whole = first_whole;
	pthread_mutex_unlock(&lock);
	if (!whole) {
		rc = fill(arg);
		pthread_mutex_lock(&lock);
		first_whole = rc == 0;
		pthread_mutex_unlock(&lock);
	}
	pthread_mutex_unlock(&filling);
	return rc;
}

int kit_first_add(const char *key)
{
	pthread_mutex_lock(&lock);
	bool ok = put(&first, number_of(key));
	pthread_mutex_unlock(&lock);
	return ok ? 0 : -1;
}

bool kit_made_since(const char *key)
{
	pthread_mutex_lock(&lock);
	bool yes = first_whole && !has(&first, number_of(key));
	pthread_mutex_unlock(&lock);
	return yes;
}
