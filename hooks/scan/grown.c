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

static void *map(size_t bytes)
{
	void *v = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return v == MAP_FAILED ? NULL : v;
}

/* Elsewhere, where that cannot be done without copying: what was joined once
 * lies in several mappings. */
static void *move(void *p, size_t old, size_t want)
{
	void *v = mremap(p, old, want, MREMAP_MAYMOVE);

	if (v != MAP_FAILED)
		return v;
	v = map(want);
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
	v = p ? move(p, *room, want) : map(want);
	if (!v)
		return NULL;
	if (want >= ROOM_HUGE)
		(void)madvise(v, want, MADV_HUGEPAGE); /* quicker, or not */
	*room = want;
	return v;
}

void grown_join(void *p, size_t at, void *q, size_t q_room, size_t bytes)
{
	size_t whole = (bytes + GROWN_STEP - 1) / GROWN_STEP * GROWN_STEP;
	char *to = (char *)p + at;

	if (!whole || mremap(q, whole, whole, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to) == MAP_FAILED) {
		/* what lay there may be gone by now */
		if (bytes) {
			(void)mmap(to, whole, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
				   0);
			memcpy(to, q, bytes);
		}
		grown_free(q, q_room);
	} else if (q_room > whole) {
		munmap((char *)q + whole, q_room - whole);
	}
}

void grown_free(void *p, size_t room)
{
	if (p)
		munmap(p, room);
}
