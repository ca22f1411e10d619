/*
 * pack: the byte form of sealed records.
 *
 * A record is a sequence of fields: tag (1 byte, 1..255), length (varint,
 * LEB128), bytes.  Integers are 8 bytes little-endian two's complement.
 * A tag may repeat (lists).  Unknown tags are skipped by readers, so a newer
 * writer's record still opens; a truncated or overlong one is ERR_FORMAT.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

int pack_bytes(struct buf *b, unsigned tag, const void *p, size_t n,
	       struct err *e) __attribute__((warn_unused_result));
/* A NULL or empty string writes nothing: absence is the empty value. */
int pack_str(struct buf *b, unsigned tag, const char *s, struct err *e)
	__attribute__((warn_unused_result));
/* Zero writes nothing. */
int pack_int(struct buf *b, unsigned tag, int64_t v, struct err *e)
	__attribute__((warn_unused_result));

struct unpack {
	const unsigned char *p, *end;
	unsigned tag;		 /* of the current field */
	const unsigned char *val; /* borrowed from the record */
	size_t len;
	bool bad;		 /* malformed: the loop ends, then ask */
};

void unpack_init(struct unpack *u, const void *p, size_t n);
bool unpack_next(struct unpack *u);
/* Of the current field: a NUL-terminated copy (mem_free it), or an integer
 * (sets bad when the length is not 8). */
char *unpack_str(const struct unpack *u);
int64_t unpack_int(struct unpack *u);

#endif
