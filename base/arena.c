/*
 * arena: locked memory in slots of fixed sizes.
 *
 * Promises: a slot is all zero while it is free; chunks are never given back,
 * so a pointer never dangles into somebody else's pages.
 * Must never: write book-keeping into the pages.
 */
#include "base/arena.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/secret.h"

#define CHUNK (1024u * 1024)
#define SLAB (64u * 1024)
#define SLABS (CHUNK / SLAB)
#define CHUNKS (SECRET_ARENA_MAX / CHUNK)
#define SLOT_MIN 16u
#define CLASSES 13 /* 16 << 0 .. 16 << 12 = 64 KiB */
#define WORDS (SLAB / SLOT_MIN / 64)

_Static_assert(SLOT_MIN << (CLASSES - 1) == SECRET_MAX, "largest class");
_Static_assert(SECRET_MAX == SLAB, "the largest value fills a slab");

struct slab {
	unsigned char *base;
	int class;	/* -1: not in use */
	uint32_t used;
	uint64_t taken[WORDS]; /* one bit a slot */
};

static struct slab *chunks[CHUNKS];
static size_t n_chunks;
static struct slab *last[CLASSES]; /* had room a moment ago */
#ifndef SECRET_PLAIN_ARENA
static bool all_locked = true;
#endif

static int class_of(size_t n)
{
	int c = 0;

	while (((size_t)SLOT_MIN << c) < n)
		c++;
	return c;
}

size_t arena_slot(size_t n)
{
	return (size_t)SLOT_MIN << class_of(n);
}

static unsigned char *map_chunk(void)
{
#ifdef SECRET_PLAIN_ARENA
	/* AddressSanitizer cannot live with the guard pages' tricks */
	return calloc(1, CHUNK);
#else
	unsigned char *p = sodium_malloc(CHUNK);

	if (!p)
		return NULL;
	/* sodium_malloc() locks too, but does not say when it was refused */
	if (mlock(p, CHUNK) != 0)
		all_locked = false;
	if (madvise(p, CHUNK, MADV_DONTDUMP) != 0)
		all_locked = false;
	sodium_memzero(p, CHUNK);
	return p;
#endif
}

static int add_chunk(struct err *e)
{
	struct slab *s;
	unsigned char *base;

	if (n_chunks == CHUNKS)
		return err_fail(e, ERR_NOMEM, NULL,
				"more than %u MiB of secrets",
				SECRET_ARENA_MAX / (1024 * 1024));
	s = mem_array(SLABS, sizeof(*s));
	base = s ? map_chunk() : NULL;
	if (!base) {
		mem_free(s);
		return err_fail(e, ERR_NOMEM, NULL,
				"out of memory for secrets");
	}
	for (size_t i = 0; i < SLABS; i++) {
		s[i].base = base + i * SLAB;
		s[i].class = -1;
	}
	chunks[n_chunks++] = s;
	return 0;
}

int arena_boot(struct err *e)
{
	return n_chunks ? 0 : add_chunk(e);
}

static uint32_t slots_in(int class)
{
	return SLAB / (SLOT_MIN << class);
}

/* A slab of this class with room, or an unused one made to that class. */
static struct slab *find_slab(int class)
{
	struct slab *unused = NULL;

	if (last[class] && last[class]->class == class &&
	    last[class]->used < slots_in(class))
		return last[class];
	for (size_t i = 0; i < n_chunks; i++) {
		for (size_t j = 0; j < SLABS; j++) {
			struct slab *s = &chunks[i][j];

			if (s->class == class && s->used < slots_in(class))
				return s;
			if (s->class < 0 && !unused)
				unused = s;
		}
	}
	if (unused)
		unused->class = class;
	return unused;
}

void *arena_take(size_t n, struct err *e)
{
	int class = class_of(n);
	struct slab *s = find_slab(class);

	if (!s && add_chunk(e) == 0)
		s = find_slab(class);
	if (!s)
		return NULL;
	last[class] = s;
	for (uint32_t slot = 0; slot < slots_in(class); slot++) {
		uint64_t *word = &s->taken[slot / 64];

		if (*word == UINT64_MAX) {
			slot |= 63;
			continue;
		}
		if (*word >> (slot % 64) & 1)
			continue;
		*word |= UINT64_C(1) << (slot % 64);
		s->used++;
		return s->base + (size_t)slot * (SLOT_MIN << class);
	}
	abort(); /* used < slots, yet no bit is free */
}

static struct slab *slab_of(const unsigned char *p)
{
	for (size_t i = 0; i < n_chunks; i++) {
		uintptr_t base = (uintptr_t)chunks[i][0].base;
		uintptr_t at = (uintptr_t)p;

		if (at >= base && at < base + CHUNK)
			return &chunks[i][(at - base) / SLAB];
	}
	return NULL;
}

void arena_give(void *p, size_t n)
{
	int class = class_of(n);
	size_t size = (size_t)SLOT_MIN << class, slot;
	struct slab *s = slab_of(p);
	uint64_t bit;

	if (!s || s->class != class)
		abort(); /* not ours, or given back with another size */
	slot = (size_t)((unsigned char *)p - s->base) / size;
	bit = UINT64_C(1) << (slot % 64);
	if (!(s->taken[slot / 64] & bit))
		abort(); /* twice */
	sodium_memzero(p, size);
	s->taken[slot / 64] &= ~bit;
	if (--s->used == 0)
		s->class = -1;
	else
		last[class] = s;
}

bool arena_locked(void)
{
#ifdef SECRET_PLAIN_ARENA
	return false;
#else
	return all_locked && n_chunks > 0;
#endif
}
