/*
 * envelope_file: the byte form of the emergency envelope (docs/emergency.md).
 *
 * A header in clear, a random stream key in a sealed box, then an
 * authenticated stream of typed records of which the last is marked, so a cut,
 * swapped or altered file does not open.  Only vault/envelope*.c use this.
 */
#ifndef VAULT_ENVELOPE_FILE_H
#define VAULT_ENVELOPE_FILE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "vault/envelope.h"
#include "vault/inventory.h"

enum envelope_type { /* part of the file format */
	ENV_CONNECTION = 1,
	ENV_SECRET,	/* of the connection just before */
	ENV_ACCOUNT,
	ENV_CREDENTIAL,
	ENV_GRANT,
	ENV_CONFIG,	/* a piece of curfew.toml */
	ENV_END,
};

#define ENVELOPE_MARK 16

struct envelope_head {
	unsigned char vault[16];
	int64_t made_ms;
	unsigned char mark[ENVELOPE_MARK]; /* which emergency key */
};

void envelope_mark(const unsigned char pk[ENVELOPE_PUBLIC],
		   unsigned char mark[ENVELOPE_MARK]);

/* The header in clear.  ERR_FORMAT: not an envelope, or of another version. */
int envelope_peek(const void *p, size_t n, struct envelope_head *h,
		  struct err *e) __attribute__((warn_unused_result));

struct envelope_writer;

struct envelope_writer *envelope_writer_open(const unsigned char vault[16],
					     const unsigned char *pk,
					     struct buf *out, struct err *e);
int envelope_write(struct envelope_writer *w, enum envelope_type t,
		   const void *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));
void envelope_writer_close(struct envelope_writer **w); /* after ENV_END */

/* Hands every record to fn in order; the bytes are lent, in locked memory.
 * fn fails with -1 + e.  Returns 0 only when the whole file was authentic up to
 * its marked end. */
typedef int (*envelope_fn)(enum envelope_type t, const unsigned char *p,
			   size_t n, void *arg, struct err *e);
int envelope_walk(const void *p, size_t n, const struct secret *key,
		  envelope_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));

/* Records as bytes; `into` is a struct inv_* of the kind of `t`, its strings
 * set by unpack even when it fails (free it either way). */
int envelope_pack(enum envelope_type t, const void *record, struct buf *out,
		  struct err *e) __attribute__((warn_unused_result));
int envelope_unpack(enum envelope_type t, const void *p, size_t n, void *into,
		    struct err *e) __attribute__((warn_unused_result));

#endif
