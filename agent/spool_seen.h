/*
 * spool_seen: which sealed files of the spool were taken, so that one that comes
 * again is known.
 *
 * Kept for a span only.  A file that says it was written before what was
 * forgotten is refused, so forgetting lets no old one in again.
 */
#ifndef AGENT_SPOOL_SEEN_H
#define AGENT_SPOOL_SEEN_H

#include "vault/vault.h"

int spool_seen(struct vault *v, const unsigned char digest[32], struct err *e)
	__attribute__((warn_unused_result)); /* 1, 0, -1 */
/* Inside the same transaction as the file's findings. */
int spool_seen_put(struct vault *v, const unsigned char digest[32],
		   int64_t now, struct err *e)
	__attribute__((warn_unused_result));
/* What was taken before that moment. */
int spool_seen_forget(struct vault *v, int64_t before, struct err *e)
	__attribute__((warn_unused_result));
/* The moment up to which it was forgotten; 0: never. */
int spool_seen_since(struct vault *v, int64_t *ms, struct err *e)
	__attribute__((warn_unused_result));

#endif
