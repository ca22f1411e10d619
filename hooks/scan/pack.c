/*
 * pack: one pack file and its index, read in place.
 *
 * Promises: no read outside the two mapped files, whatever they hold.  Does
 * not verify object ids (git did when it took the pack); a zlib checksum that
 * does not hold makes the object corrupt.
 */
#include "hooks/scan/pack.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define TRAILER OID_LEN
#define FANOUT (256u * 4)

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const unsigned char *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static const unsigned char *map_file(const char *path, size_t *size,
				     struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	void *p = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		err_sys(e, path, "open");
	} else if (!S_ISREG(st.st_mode) || st.st_size < 32) {
		err_fail(e, ERR_FORMAT, path, "no pack or index");
	} else {
		*size = (size_t)st.st_size;
		p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED) {
			err_sys(e, path, "map");
			p = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return p;
}

/* ---- the index ----------------------------------------------------------- */

/* By offset; least significant digit first, 10 bits a pass. */
static int sort_entries(struct pack *p, struct err *e)
{
	struct pack_entry *from = p->entry, *to, *swap;
	uint32_t count[1024], i, sum, c;
	unsigned shift;

	to = mem_array((size_t)p->n + 1, sizeof(*to));
	if (!to)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (shift = 0; shift < 64 && (p->size >> shift); shift += 10) {
		memset(count, 0, sizeof(count));
		for (i = 0; i < p->n; i++)
			count[from[i].offset >> shift & 1023]++;
		for (i = sum = 0; i < 1024; i++) {
			c = count[i];
			count[i] = sum;
			sum += c;
		}
		for (i = 0; i < p->n; i++)
			to[count[from[i].offset >> shift & 1023]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	p->entry = from;
	mem_free(to);
	return 0;
}

static int bad_index(const struct pack *p, const char *why, struct err *e)
{
	return err_fail(e, ERR_FORMAT, p->path, "index: %s", why);
}

static int read_fanout(struct pack *p, const unsigned char *fan, struct err *e)
{
	size_t i;

	for (i = 1; i < 256; i++)
		if (be32(fan + 4 * i) < be32(fan + 4 * (i - 1)))
			return bad_index(p, "fan-out goes down", e);
	p->n = be32(fan + 4 * 255);
	if (p->n > PACK_OBJECTS_MAX)
		return bad_index(p, "too many objects", e);
	return 0;
}

/* Only when the file is as long as so many objects ask for. */
static int make_room(struct pack *p, struct err *e)
{
	p->entry = mem_array((size_t)p->n + 1, sizeof(*p->entry));
	return p->entry ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int read_v1(struct pack *p, struct err *e)
{
	uint32_t i;

	if (p->idx_size < FANOUT + 2 * TRAILER)
		return bad_index(p, "too short", e);
	if (read_fanout(p, p->idx, e))
		return -1;
	if (p->idx_size != FANOUT + (size_t)p->n * 24 + 2 * TRAILER)
		return bad_index(p, "its length does not fit", e);
	if (make_room(p, e))
		return -1;
	p->oid = p->idx + FANOUT + 4;
	p->oid_step = 24;
	for (i = 0; i < p->n; i++) {
		p->entry[i].offset = be32(p->idx + FANOUT + (size_t)i * 24);
		p->entry[i].pos = i;
	}
	return 0;
}

static int read_v2(struct pack *p, struct err *e)
{
	const unsigned char *small, *large;
	size_t head = 8 + FANOUT, fixed, n_large;
	uint32_t i, off;

	if (be32(p->idx + 4) != 2)
		return bad_index(p, "unknown version", e);
	if (p->idx_size < head + 2 * TRAILER)
		return bad_index(p, "too short", e);
	if (read_fanout(p, p->idx + 8, e))
		return -1;
	fixed = head + (size_t)p->n * (OID_LEN + 4 + 4) + 2 * TRAILER;
	if (p->idx_size < fixed || (p->idx_size - fixed) % 8)
		return bad_index(p, "its length does not fit", e);
	if (make_room(p, e))
		return -1;
	n_large = (p->idx_size - fixed) / 8;
	p->oid = p->idx + head;
	p->oid_step = OID_LEN;
	small = p->oid + (size_t)p->n * (OID_LEN + 4);
	large = small + (size_t)p->n * 4;
	for (i = 0; i < p->n; i++) {
		off = be32(small + (size_t)i * 4);
		p->entry[i].pos = i;
		p->entry[i].offset = off;
		if (!(off & 0x80000000u))
			continue;
		off &= 0x7fffffffu;
		if (off >= n_large)
			return bad_index(p, "an offset outside", e);
		p->entry[i].offset = be64(large + (size_t)off * 8);
	}
	return 0;
}

static int check_offsets(const struct pack *p, struct err *e)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (p->entry[i].offset < 12 ||
		    p->entry[i].offset >= p->size - TRAILER)
			return bad_index(p, "an offset outside the pack", e);
	return 0;
}

static bool offsets_apart(const struct pack *p)
{
	uint32_t i;

	for (i = 1; i < p->n; i++)
		if (p->entry[i].offset == p->entry[i - 1].offset)
			return false;
	return true;
}

struct pack *pack_open(const char *path, struct err *e)
{
	static const unsigned char v2[4] = { 0xff, 't', 'O', 'c' };
	struct pack *p = mem_zalloc(sizeof(*p));
	size_t n = strlen(path);

	if (!p || !(p->path = mem_strdup(path))) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	p->idx = map_file(path, &p->idx_size, e);
	if (!p->idx)
		goto bad;
	mem_free(p->path);
	p->path = mem_alloc(n + 2);
	if (!p->path || n < 4) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	memcpy(p->path, path, n - 3);
	memcpy(p->path + n - 3, "pack", 5);
	p->data = map_file(p->path, &p->size, e);
	if (!p->data)
		goto bad;
	if (memcmp(p->data, "PACK", 4) != 0 || be32(p->data + 4) < 2 ||
	    be32(p->data + 4) > 3) {
		err_fail(e, ERR_FORMAT, p->path, "no pack of version 2 or 3");
		goto bad;
	}
	if (memcmp(p->idx, v2, 4) ? read_v1(p, e) : read_v2(p, e))
		goto bad;
	if (be32(p->data + 8) != p->n) {
		bad_index(p, "it counts other objects than the pack", e);
		goto bad;
	}
	if (check_offsets(p, e) || sort_entries(p, e))
		goto bad;
	if (!offsets_apart(p)) {
		bad_index(p, "two objects at one offset", e);
		goto bad;
	}
	return p;
bad:
	pack_close(&p);
	return NULL;
}

void pack_close(struct pack **pp)
{
	struct pack *p = *pp;

	if (!p)
		return;
	/* the casts take const off what mmap() gave */
	if (p->data)
		munmap((void *)(uintptr_t)p->data, p->size);
	if (p->idx)
		munmap((void *)(uintptr_t)p->idx, p->idx_size);
	mem_free(p->entry);
	mem_free(p->path);
	mem_free(p);
	*pp = NULL;
}

/* ---- objects ------------------------------------------------------------- */

const unsigned char *pack_oid(const struct pack *p, uint32_t i)
{
	return p->oid + (size_t)p->entry[i].pos * p->oid_step;
}

uint32_t pack_before(const struct pack *p, uint32_t i, uint64_t offset)
{
	uint32_t low = i, high = i, step = 1;

	/* mostly it is near */
	while (low && p->entry[low].offset > offset) {
		high = low;
		low -= low < step ? low : step;
		step = step < PACK_OBJECTS_MAX ? step * 2 : step;
	}
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (p->entry[mid].offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return p->entry[low].offset == offset ? low : UINT32_MAX;
}

uint32_t pack_find(const struct pack *p, const unsigned char *oid,
		   const uint32_t *entry_of_pos)
{
	uint32_t low = 0, high = p->n, mid;
	int c;

	while (low < high) {
		mid = low + (high - low) / 2;
		c = memcmp(p->oid + (size_t)mid * p->oid_step, oid, OID_LEN);
		if (!c)
			return entry_of_pos[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return UINT32_MAX;
}

/* Type and size: 3 bits of type, 4 + 7n bits of size. */
static const unsigned char *read_size(const unsigned char *at,
				      const unsigned char *end,
				      struct pack_object *o)
{
	unsigned shift = 4;
	unsigned char c;

	if (at == end)
		return NULL;
	c = *at++;
	o->type = (enum object_type)(c >> 4 & 7);
	o->size = c & 15;
	while (c & 0x80) {
		if (at == end || shift > 56)
			return NULL;
		c = *at++;
		o->size |= (uint64_t)(c & 0x7f) << shift;
		shift += 7;
	}
	return at;
}

/* How far the base lies before the object. */
static const unsigned char *read_distance(const unsigned char *at,
					  const unsigned char *end,
					  uint64_t *out)
{
	unsigned char c;
	uint64_t v;

	if (at == end)
		return NULL;
	c = *at++;
	v = c & 0x7f;
	while (c & 0x80) {
		if (at == end || v > UINT64_MAX >> 8)
			return NULL;
		c = *at++;
		v = (v + 1) << 7 | (c & 0x7f);
	}
	*out = v;
	return at;
}

void pack_prefetch(const struct pack *p, uint32_t i)
{
	if (i < p->n)
		__builtin_prefetch(p->data + p->entry[i].offset);
}

bool pack_header(const struct pack *p, uint32_t i, struct pack_object *o)
{
	uint64_t offset = p->entry[i].offset, distance;
	uint64_t next = i + 1 < p->n ? p->entry[i + 1].offset : p->size - TRAILER;
	const unsigned char *at = p->data + offset, *end = p->data + next;

	memset(o, 0, sizeof(*o));
	at = read_size(at, end, o);
	if (!at)
		return false;
	switch (o->type) {
	case OBJECT_COMMIT:
	case OBJECT_TREE:
	case OBJECT_BLOB:
	case OBJECT_TAG:
		break;
	case OBJECT_OFS_DELTA:
		at = read_distance(at, end, &distance);
		if (!at || !distance || distance > offset)
			return false;
		o->base = offset - distance;
		break;
	case OBJECT_REF_DELTA:
		if (end - at < OID_LEN)
			return false;
		o->base_oid = at;
		at += OID_LEN;
		break;
	case OBJECT_BAD:
	default:
		return false;
	}
	o->data = at;
	o->room = (size_t)(end - at);
	return true;
}

void *pack_inflater(void)
{
	return libdeflate_alloc_decompressor();
}

void pack_inflater_free(void *inflater)
{
	if (inflater)
		libdeflate_free_decompressor(inflater);
}

bool pack_inflate(void *inflater, const struct pack_object *o, void *out)
{
	size_t got = 0;

	return libdeflate_zlib_decompress(inflater, o->data, o->room, out,
					  o->size, &got) == LIBDEFLATE_SUCCESS &&
	       got == o->size;
}
