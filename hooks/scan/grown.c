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

#include <sys/mman.h>

#define ROOM_LEAST ((size_t)64 * 1024)
#define ROOM_HUGE ((size_t)4 * 1024 * 1024) /* from here on, in larger pages */

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
	v = p ? mremap(p, *room, want, MREMAP_MAYMOVE)
	      : mmap(NULL, want, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (v == MAP_FAILED)
		return NULL;
	if (want >= ROOM_HUGE)
		(void)madvise(v, want, MADV_HUGEPAGE); /* quicker, or not */
	*room = want;
	return v;
}

void grown_free(void *p, size_t room)
{
	if (p)
		munmap(p, room);
}
