/*
 * mem: every block carries its size in front, so that it can be wiped.
 *
 * Promises: a block is overwritten before it goes back to the C library, also
 * when realloc moves it.  A wrong or twice freed pointer ends the process.
 * Must never: keep a list of blocks (a heap walk would find them).
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
/* gcc's analyzer takes a pointer behind the head for a lost one. */
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define MAGIC_LIVE 0x6375726665776d65u
#define MAGIC_DEAD 0x64656164626c6f63u

struct head {
	size_t size;
	uint64_t magic;
} __attribute__((aligned(16)));

#ifdef CURFEW_TEST
/* CURFEW_FAIL_ALLOC=n: the n-th allocation of the process fails, once. */
static bool must_fail(void)
{
	static long calls, wanted = -1;
	const char *v;

	if (__atomic_load_n(&wanted, __ATOMIC_RELAXED) == -1) {
		v = getenv("CURFEW_FAIL_ALLOC");
		__atomic_store_n(&wanted, v ? strtol(v, NULL, 10) : 0,
				 __ATOMIC_RELAXED);
	}
	if (__atomic_load_n(&wanted, __ATOMIC_RELAXED) <= 0)
		return false;
	return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) ==
	       __atomic_load_n(&wanted, __ATOMIC_RELAXED);
}
#else
static inline bool must_fail(void)
{
	return false;
}
#endif

static struct head *head_of(const void *p)
{
	uintptr_t at = (uintptr_t)p - sizeof(struct head);
	struct head *h = (struct head *)at; /* the caller's const is not ours */

	if (h->magic != MAGIC_LIVE)
		abort();
	return h;
}

static void *new_block(size_t n, bool zero)
{
	struct head *h;
	size_t total;

	if (n == 0)
		n = 1;
	if (!mem_add(n, sizeof(*h), &total) || must_fail())
		return NULL;
	h = zero ? calloc(1, total) : malloc(total);
	if (!h)
		return NULL;
	h->size = n;
	h->magic = MAGIC_LIVE;
	return h + 1;
}

void *mem_alloc(size_t n)
{
	return new_block(n, false);
}

void *mem_zalloc(size_t n)
{
	return new_block(n, true);
}

void *mem_array(size_t count, size_t size)
{
	size_t n;

	return mem_mul(count, size, &n) ? new_block(n, true) : NULL;
}

void *mem_realloc(void *p, size_t n)
{
	struct head *h;
	void *q;

	if (!p)
		return mem_alloc(n);
	h = head_of(p);
	q = mem_alloc(n);
	if (!q)
		return NULL;
	if (n == 0)
		n = 1;
	memcpy(q, p, h->size < n ? h->size : n);
	mem_free(p);
	return q;
}

void mem_free(void *p)
{
	struct head *h;

	if (!p)
		return;
	h = head_of(p);
	mem_wipe(p, h->size);
	h->magic = MAGIC_DEAD;
	h->size = 0;
	free(h);
}

size_t mem_size(const void *p)
{
	return p ? head_of(p)->size : 0;
}

char *mem_strndup(const char *s, size_t n)
{
	size_t len = s ? strnlen(s, n) : 0, total;
	char *p;

	if (!s || !mem_add(len, 1, &total))
		return NULL;
	p = mem_alloc(total);
	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *mem_strdup(const char *s)
{
	return s ? mem_strndup(s, strlen(s)) : NULL;
}

void mem_wipe(void *p, size_t n)
{
	if (p && n)
		explicit_bzero(p, n);
}

bool mem_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

bool mem_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}
