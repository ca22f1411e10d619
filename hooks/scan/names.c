/*
 * names: file names as small numbers, shared by threads.
 *
 * The hash is keyed at random: whoever pushes chooses the names.
 */
#include "hooks/scan/names.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

struct names {
	pthread_mutex_t lock;
	char **name;
	uint32_t n, cap;
	uint32_t *slot; /* number + 1 */
	size_t slots;
	uint64_t key;
};

struct names *names_new(struct err *e)
{
	struct names *n = mem_zalloc(sizeof(*n));

	if (!n)
		goto nomem;
	pthread_mutex_init(&n->lock, NULL);
	n->slots = 4096;
	n->slot = mem_array(n->slots, sizeof(*n->slot));
	if (!n->slot)
		goto nomem;
	if (getrandom(&n->key, sizeof(n->key), 0) != (ssize_t)sizeof(n->key)) {
		err_sys(e, NULL, "no random bytes");
		names_free(&n);
		return NULL;
	}
	return n;
nomem:
	names_free(&n);
	err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return NULL;
}

void names_free(struct names **np)
{
	struct names *n = *np;
	uint32_t i;

	if (!n)
		return;
	for (i = 0; i < n->n; i++)
		mem_free(n->name[i]);
	mem_free(n->name);
	mem_free(n->slot);
	pthread_mutex_destroy(&n->lock);
	mem_free(n);
	*np = NULL;
}

static uint64_t hash(const struct names *n, const char *p, size_t len)
{
	uint64_t h = n->key ^ len, word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	for (word = 0; len; len--)
		word = word << 8 | (unsigned char)*p++;
	h = (h ^ word) * 0xff51afd7ed558ccdu;
	return h ^ h >> 29;
}

static bool same(const char *name, const char *p, size_t len)
{
	return strncmp(name, p, len) == 0 && name[len] == '\0';
}

static int grow(struct names *n, struct err *e)
{
	size_t slots = n->slots * 2, at;
	uint32_t *slot = mem_array(slots, sizeof(*slot)), i;

	if (!slot)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (i = 0; i < n->n; i++) {
		at = (size_t)hash(n, n->name[i], strlen(n->name[i])) & (slots - 1);
		while (slot[at])
			at = (at + 1) & (slots - 1);
		slot[at] = i + 1;
	}
	mem_free(n->slot);
	n->slot = slot;
	n->slots = slots;
	return 0;
}

static int append(struct names *n, const char *p, size_t len, struct err *e)
{
	char **v;

	if (n->n == n->cap) {
		uint32_t cap = n->cap ? n->cap * 2 : 1024;

		v = mem_realloc(n->name, cap * sizeof(*v));
		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		n->name = v;
		n->cap = cap;
	}
	n->name[n->n] = mem_strndup(p, len);
	if (!n->name[n->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	n->n++;
	return 0;
}

static uint32_t intern(struct names *n, uint64_t h, const char *p, size_t len,
		       const char **kept, struct err *e)
{
	uint32_t got = NAMES_NONE;
	size_t at;

	pthread_mutex_lock(&n->lock);
	if (((size_t)n->n + 1) * 2 > n->slots && grow(n, e))
		goto out;
	for (at = (size_t)h & (n->slots - 1); n->slot[at];
	     at = (at + 1) & (n->slots - 1))
		if (same(n->name[n->slot[at] - 1], p, len)) {
			got = n->slot[at] - 1;
			goto out;
		}
	if (append(n, p, len, e))
		goto out;
	n->slot[at] = n->n;
	got = n->n - 1;
out:
	/* the list moves, the names themselves do not */
	*kept = got == NAMES_NONE ? NULL : n->name[got];
	pthread_mutex_unlock(&n->lock);
	return got;
}

uint32_t names_intern(struct names *n, struct names_near *near, const char *p,
		      size_t len, struct err *e)
{
	uint64_t h = hash(n, p, len);
	size_t at = (size_t)(h >> 40) & (NAMES_NEAR - 1);
	const char *kept;
	uint32_t got;

	if (near && near->slot[at].name && near->slot[at].len == len &&
	    !memcmp(near->slot[at].name, p, len))
		return near->slot[at].number;
	got = intern(n, h, p, len, &kept, e);
	if (near && kept && len < UINT32_MAX) {
		near->slot[at].name = kept;
		near->slot[at].len = (uint32_t)len;
		near->slot[at].number = got;
	}
	return got;
}

void names_take(struct names *n, char ***list, uint32_t *count)
{
	*list = n->name;
	*count = n->n;
	n->name = NULL;
	n->n = n->cap = 0;
}
