/*
 * secret: the only home of secret bytes, on top of the arena.
 *
 * Owns the registry of live secrets: a hash table over a keyed hash of each
 * value's first 8 bytes, so that the log can look for all of them in one pass
 * without a second copy of any.
 * Must never: hand out a pointer that outlives a callback.
 */
#include "base/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

#define PREFIX 8 /* bytes hashed; shorter secrets are not looked for */
#define MARK "[secret]"

_Static_assert(sizeof(MARK) - 1 <= PREFIX, "the mark never grows the text");

struct secret {
	unsigned char *p; /* in the arena; NULL when empty */
	size_t n, room;	  /* bytes; what the slot was taken for */
	uint64_t hash;	  /* of the prefix, when n >= PREFIX */
	struct secret *next; /* in its bucket */
	struct secret **at;  /* what points here; NULL when not listed */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct secret **buckets;
static size_t n_buckets, n_listed;
static unsigned char *hash_key; /* in the arena */

/* ---- start -------------------------------------------------------------- */

static int boot_locked(struct err *e)
{
	if (hash_key)
		return 0;
	if (sodium_init() < 0)
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"libsodium does not start");
	if (arena_boot(e) != 0)
		return -1;
	if (!buckets) {
		n_buckets = 64;
		buckets = mem_array(n_buckets, sizeof(struct secret *));
	}
	if (!buckets)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	hash_key = arena_take(crypto_shorthash_KEYBYTES, e);
	if (!hash_key)
		return -1;
	randombytes_buf(hash_key, crypto_shorthash_KEYBYTES);
	return 0;
}

int secret_boot(bool *locked, struct err *e)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = boot_locked(e);
	if (locked)
		*locked = rc == 0 && arena_locked();
	pthread_mutex_unlock(&lock);
	return rc;
}

bool secret_locked(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = arena_locked();
	pthread_mutex_unlock(&lock);
	return yes;
}

/* ---- registry (the lock is held) ----------------------------------------- */

static uint64_t hash_of(const void *p)
{
	uint64_t h;

	_Static_assert(sizeof(h) == crypto_shorthash_BYTES, "hash width");
	crypto_shorthash((unsigned char *)&h, p, PREFIX, hash_key);
	return h;
}

static void chain(struct secret *s, struct secret **head)
{
	s->next = *head;
	s->at = head;
	if (s->next)
		s->next->at = &s->next;
	*head = s;
}

/* Twice the buckets; without memory the chains just get longer. */
static void grow(void)
{
	struct secret **wider = mem_array(n_buckets * 2, sizeof(*wider));

	if (!wider)
		return;
	for (size_t i = 0; i < n_buckets; i++) {
		while (buckets[i]) {
			struct secret *s = buckets[i];

			buckets[i] = s->next;
			chain(s, &wider[s->hash % (n_buckets * 2)]);
		}
	}
	mem_free(buckets);
	buckets = wider;
	n_buckets *= 2;
}

static void enlist(struct secret *s)
{
	if (s->n < PREFIX)
		return;
	if (n_listed >= n_buckets)
		grow();
	s->hash = hash_of(s->p);
	chain(s, &buckets[s->hash % n_buckets]);
	n_listed++;
}

static void delist(struct secret *s)
{
	if (!s->at)
		return;
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->at = NULL;
	n_listed--;
}

/* ---- life ---------------------------------------------------------------- */

static struct secret *take(size_t n, struct err *e)
{
	struct secret *s = NULL;

	if (n > SECRET_MAX) {
		err_fail(e, ERR_TOOBIG, NULL,
			 "a secret of %zu bytes (at most %u)", n, SECRET_MAX);
		return NULL;
	}
	s = mem_zalloc(sizeof(*s));
	if (!s) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	pthread_mutex_lock(&lock);
	if (boot_locked(e) == 0 && n)
		s->p = arena_take(n, e);
	pthread_mutex_unlock(&lock);
	if (!hash_key || (n && !s->p)) {
		mem_free(s);
		return NULL;
	}
	s->n = s->room = n;
	return s;
}

static void list_it(struct secret *s)
{
	pthread_mutex_lock(&lock);
	enlist(s);
	pthread_mutex_unlock(&lock);
}

struct secret *secret_new(const void *p, size_t n, struct err *e)
{
	struct secret *s = take(n, e);

	if (!s)
		return NULL;
	if (n)
		memcpy(s->p, p, n);
	list_it(s);
	return s;
}

struct secret *secret_blank(size_t n, struct err *e)
{
	return take(n, e);
}

struct secret *secret_dup(const struct secret *s, struct err *e)
{
	if (!s) {
		err_fail(e, ERR_BUG, NULL, "copy of no secret");
		return NULL;
	}
	return secret_new(s->p, s->n, e);
}

struct secret *secret_generate(size_t n, struct err *e)
{
	struct secret *s = take(n, e);

	if (!s)
		return NULL;
	if (n)
		randombytes_buf(s->p, n);
	list_it(s);
	return s;
}

void secret_free(struct secret **s)
{
	if (!s || !*s)
		return;
	pthread_mutex_lock(&lock);
	delist(*s);
	if ((*s)->p)
		arena_give((*s)->p, (*s)->room);
	pthread_mutex_unlock(&lock);
	mem_free(*s);
	*s = NULL;
}

size_t secret_len(const struct secret *s)
{
	return s ? s->n : 0;
}

int secret_reveal(const struct secret *s, secret_fn fn, void *arg)
{
	static const unsigned char none[1];

	return fn(s->p ? s->p : none, s->n, arg);
}

int secret_fill(struct secret *s, secret_write_fn fn, void *arg)
{
	unsigned char none[1] = { 0 };
	int rc;

	pthread_mutex_lock(&lock);
	delist(s);
	pthread_mutex_unlock(&lock);
	rc = fn(s->p ? s->p : none, s->n, arg);
	list_it(s);
	return rc;
}

void secret_cut(struct secret *s, size_t n)
{
	void *p = NULL;

	if (n >= s->n)
		return;
	pthread_mutex_lock(&lock);
	delist(s);
	sodium_memzero(s->p + n, s->n - n);
	s->n = n;
	if (n && arena_slot(n) < arena_slot(s->room))
		p = arena_take(n, NULL);
	if (p || n == 0) {
		if (n)
			memcpy(p, s->p, n);
		arena_give(s->p, s->room);
		s->p = p;
		s->room = n;
	}
	enlist(s);
	pthread_mutex_unlock(&lock);
}

/* ---- use ----------------------------------------------------------------- */

bool secret_equal(const struct secret *a, const struct secret *b)
{
	if (!a || !b || a->n != b->n)
		return false;
	return a->n == 0 || sodium_memcmp(a->p, b->p, a->n) == 0;
}

bool secret_equal_bytes(const void *a, const void *b, size_t n)
{
	return n == 0 || sodium_memcmp(a, b, n) == 0;
}

void secret_random(void *p, size_t n)
{
	if (sodium_init() < 0)
		abort(); /* never go on with bytes that are not random */
	randombytes_buf(p, n);
}

/* The longest registered secret that starts at p, its length, or 0. */
static size_t longest_at(const char *p, size_t left)
{
	uint64_t h = hash_of(p);
	size_t best = 0;

	for (struct secret *s = buckets[h % n_buckets]; s; s = s->next)
		if (s->hash == h && s->n <= left && s->n > best &&
		    sodium_memcmp(s->p, p, s->n) == 0)
			best = s->n;
	return best;
}

size_t secret_redact(char *buf, size_t *len)
{
	size_t in = 0, out = 0, found = 0;

	pthread_mutex_lock(&lock);
	while (n_listed && in + PREFIX <= *len) {
		size_t n = longest_at(buf + in, *len - in);

		if (n == 0) {
			buf[out++] = buf[in++];
			continue;
		}
		memcpy(buf + out, MARK, sizeof(MARK) - 1);
		out += sizeof(MARK) - 1;
		in += n;
		found++;
	}
	pthread_mutex_unlock(&lock);
	if (found == 0)
		return 0;
	memmove(buf + out, buf + in, *len - in);
	out += *len - in;
	sodium_memzero(buf + out, *len - out);
	*len = out;
	return found;
}
