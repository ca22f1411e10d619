/*
 * secrets: every distinct (rule, secret) that was found, once.
 *
 * Owns the only copy of found text; it is wiped when released.  Never prints.
 * The table's hash is keyed at random, so that nobody who pushes can choose
 * colliding secrets.
 */
#include "hooks/scan/secrets.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/digest.h"
#include "base/mem.h"

#define CHUNK 4096u
#define CHUNKS (SECRETS_MAX / CHUNK)

struct secrets {
	pthread_mutex_t lock;
	struct found_secret **chunk; /* CHUNKS pointers, filled in order */
	size_t n;
	uint32_t *slot; /* id + 1; 0 empty */
	uint64_t *hash; /* of the slot's entry */
	size_t slots;
	unsigned char key[DIGEST_KEY];
};

struct secrets *secrets_new(struct err *e)
{
	struct secrets *s = mem_zalloc(sizeof(*s));

	if (!s)
		goto nomem;
	pthread_mutex_init(&s->lock, NULL);
	s->chunk = mem_array(CHUNKS, sizeof(struct found_secret *));
	s->slots = 1024;
	s->slot = mem_array(s->slots, sizeof(*s->slot));
	s->hash = mem_array(s->slots, sizeof(*s->hash));
	if (!s->chunk || !s->slot || !s->hash)
		goto nomem;
	if (getrandom(s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key)) {
		err_sys(e, NULL, "no random bytes");
		secrets_free(&s);
		return NULL;
	}
	return s;
nomem:
	secrets_free(&s);
	err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return NULL;
}

void secrets_free(struct secrets **sp)
{
	struct secrets *s = *sp;
	size_t i;

	if (!s)
		return;
	for (i = 0; s->chunk && i < s->n; i++)
		mem_free(s->chunk[i / CHUNK][i % CHUNK].text);
	for (i = 0; s->chunk && i * CHUNK < s->n; i++)
		mem_free(s->chunk[i]);
	mem_free(s->chunk);
	mem_free(s->slot);
	mem_free(s->hash);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
	*sp = NULL;
}

static int grow(struct secrets *s, struct err *e)
{
	size_t slots = s->slots * 2, i, at;
	uint32_t *slot = mem_array(slots, sizeof(*slot));
	uint64_t *hash = mem_array(slots, sizeof(*hash));

	if (!slot || !hash) {
		mem_free(slot);
		mem_free(hash);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	for (i = 0; i < s->slots; i++) {
		if (!s->slot[i])
			continue;
		for (at = s->hash[i] & (slots - 1); slot[at];)
			at = (at + 1) & (slots - 1);
		slot[at] = s->slot[i];
		hash[at] = s->hash[i];
	}
	mem_free(s->slot);
	mem_free(s->hash);
	s->slot = slot;
	s->hash = hash;
	s->slots = slots;
	return 0;
}

static uint32_t append(struct secrets *s, size_t at, uint64_t h,
		       const struct found_secret *f, struct err *e)
{
	struct found_secret **c = &s->chunk[s->n / CHUNK], *to;

	if (s->n >= SECRETS_MAX) {
		err_fail(e, ERR_TOOBIG, NULL, "over %u secrets", SECRETS_MAX);
		return SECRET_NONE;
	}
	if (!*c)
		*c = mem_array(CHUNK, sizeof(**c));
	if (!*c) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return SECRET_NONE;
	}
	to = &(*c)[s->n % CHUNK];
	*to = *f;
	to->text = mem_zalloc((size_t)f->len + 1); /* may hold NUL bytes */
	if (!to->text) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return SECRET_NONE;
	}
	memcpy(to->text, f->text, f->len);
	s->slot[at] = (uint32_t)++s->n;
	s->hash[at] = h;
	return (uint32_t)(s->n - 1);
}

uint32_t secrets_intern(struct secrets *s, uint32_t rule, const char *text,
			size_t n, double entropy, bool checked, struct err *e)
{
	struct found_secret f = { .rule = rule, .len = (uint32_t)n,
				  .entropy = entropy, .checked = checked };
	const struct found_secret *have;
	uint64_t h[2];
	uint32_t id = SECRET_NONE;
	size_t at;

	digest_keyed(s->key, text, n, h, sizeof(h));
	h[0] += rule * 0x9e3779b97f4a7c15u;
	pthread_mutex_lock(&s->lock);
	if ((s->n + 1) * 2 > s->slots && grow(s, e))
		goto out;
	for (at = h[0] & (s->slots - 1); s->slot[at];
	     at = (at + 1) & (s->slots - 1)) {
		if (s->hash[at] != h[0])
			continue;
		have = secrets_get(s, s->slot[at] - 1);
		if (have->rule == rule && have->len == n &&
		    memcmp(have->text, text, n) == 0) {
			id = s->slot[at] - 1;
			goto out;
		}
	}
	/* append() copies; the cast only carries the pointer there */
	f.text = (char *)(uintptr_t)text;
	id = append(s, at, h[0], &f, e);
out:
	pthread_mutex_unlock(&s->lock);
	return id;
}

const struct found_secret *secrets_get(const struct secrets *s, uint32_t id)
{
	return &s->chunk[id / CHUNK][id % CHUNK];
}

size_t secrets_count(const struct secrets *s)
{
	return s->n;
}
