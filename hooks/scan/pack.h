/*
 * pack: one pack file and its index, read in place.
 *
 * Knows .idx versions 1 and 2 and pack versions 2 and 3 with 20-byte ids
 * (gitformat-pack(5)).  Everything in the files is checked before it is
 * believed: they may come from whoever pushes.
 */
#ifndef SCAN_PACK_H
#define SCAN_PACK_H

#include <stdint.h>

#include <stdbool.h>

#include "base/err.h"

#define OID_LEN 20
#define PACK_OBJECTS_MAX (1u << 30)

enum object_type {
	OBJECT_BAD = 0, OBJECT_COMMIT = 1, OBJECT_TREE = 2, OBJECT_BLOB = 3,
	OBJECT_TAG = 4, OBJECT_OFS_DELTA = 6, OBJECT_REF_DELTA = 7,
};

struct pack_entry {
	uint64_t offset;
	uint32_t pos; /* in the index */
};

struct pack {
	char *path;
	const unsigned char *data, *idx;
	size_t size, idx_size;
	uint32_t n;
	const unsigned char *oid; /* of index position 0 */
	size_t oid_step;
	struct pack_entry *entry; /* by offset */
};

struct pack_object {
	enum object_type type;
	uint64_t size; /* inflated; of a delta: of the delta itself */
	uint64_t base; /* OFS_DELTA: its base's offset */
	const unsigned char *base_oid; /* REF_DELTA */
	const unsigned char *data;     /* deflated bytes */
	size_t room;		       /* to the next object */
};

/* `path` is the .idx; the .pack lies beside it. */
struct pack *pack_open(const char *path, struct err *e);
void pack_close(struct pack **p);

/* Entry i in order of offsets; false: the bytes there are no object. */
bool pack_header(const struct pack *p, uint32_t i, struct pack_object *o);
/* Entry i will be asked for soon; it need not exist. */
void pack_prefetch(const struct pack *p, uint32_t i);
const unsigned char *pack_oid(const struct pack *p, uint32_t i);
/* The entry at an offset that is before entry i's, or the one with an id;
 * UINT32_MAX when there is none. */
uint32_t pack_before(const struct pack *p, uint32_t i, uint64_t offset);
uint32_t pack_find(const struct pack *p, const unsigned char *oid,
		   const uint32_t *entry_of_pos);

/* Inflate into out, which holds o->size bytes; false: corrupt.  `inflater` is
 * from pack_inflater(), one per thread. */
void *pack_inflater(void);
void pack_inflater_free(void *inflater);
bool pack_inflate(void *inflater, const struct pack_object *o, void *out);

#endif
