/*
 * grown: large arrays that grow where they lie.
 *
 * Lists of what all trees of a repository hold have a hundred megabytes: to
 * double them elsewhere would hold one and a half times that, and write all of
 * it again.  So they are mapped: growing moves tables of pages, no bytes, and a
 * page takes memory once it is written to.
 *
 * Not wiped: what lies here stands in the clear in the repository.
 */
#include "hooks/scan/grown.h"

#include <string.h>
#include <sys/mman.h>

#define ROOM_LEAST GROWN_STEP
#define ROOM_HUGE ((size_t)4 * 1024 * 1024) /* from here on, in larger pages */

/* ThreadSanitizer knows nothing of mremap(): it would take what has moved, and the
 * next list that comes to lie there, for one that two threads write. */
#ifdef __SANITIZE_THREAD__
#define MOVES false
#else
#define MOVES true
#endif

/* NULL anywhere, else there. */
static void *map(void *at, size_t bytes)
{
	const int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			(at ? MAP_FIXED : 0);
	/* what cppcheck knows of mmap() is the one with a file */
	/* cppcheck-suppress invalidFunctionArg */
	void *v = mmap(at, bytes, PROT_READ | PROT_WRITE, how, -1, 0);

	if (v == MAP_FAILED)
		return NULL;
	return v;
}

/* Elsewhere, where that cannot be done without copying: what was joined once
 * lies in several mappings. */
static void *move(void *p, size_t old, size_t want)
{
	void *v = MOVES ? mremap(p, old, want, MREMAP_MAYMOVE) : MAP_FAILED;

	if (v != MAP_FAILED)
		return v;
	v = map(NULL, want);
	if (v) {
		memcpy(v, p, old);
		munmap(p, old);
	}
	return v;
}

void *grown_more(void *p, size_t *room, size_t bytes)
{
	size_t want = *room ? *room : ROOM_LEAST;
	void *v;

	if (p && bytes <= *room)
		return p;
	while (want < bytes) {
		if (want > (size_t)-1 / 4)
			return NULL;
		want *= 2;
	}
	v = p ? move(p, *room, want) : map(NULL, want);
	if (!v)
		return NULL;
	if (want >= ROOM_HUGE)
		(void)madvise(v, want, MADV_HUGEPAGE); /* quicker, or not */
	*room = want;
	return v;
}

bool grown_join(void *p, size_t at, void *q, size_t q_room, size_t bytes)
{
	size_t whole = (bytes + GROWN_STEP - 1) / GROWN_STEP * GROWN_STEP;
	char *to = (char *)p + at;
	bool ok = true;

	if (!MOVES || !whole ||
	    mremap(q, whole, whole, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
		    MAP_FAILED) {
		/* what lay there may be gone by now */
		ok = !whole || map(to, whole);
		if (ok && bytes)
			memcpy(to, q, bytes);
		grown_free(q, q_room);
	} else if (q_room > whole) {
		munmap((char *)q + whole, q_room - whole);
	}
	return ok;
}

void grown_free(void *p, size_t room)
{
	if (p)
		munmap(p, room);
}
