/*
 * spool: the folder where hooks leave sealed findings (docs/respond.md).
 *
 * Whoever may write there may write anything: every file is taken for hostile
 * until it opened, and no name in it is followed anywhere.
 */
#ifndef AGENT_SPOOL_H
#define AGENT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/secret.h"
#include "vault/vault.h"

#define SPOOL_FILE_MAX (8u * 1024 * 1024 + 64) /* as hooks/gate.c seals */
#define SPOOL_FILES_MAX 10000u		       /* of one run */

struct spool;

/* The names of its files, the oldest first. */
int spool_open(const char *folder, struct spool **out, struct err *e)
	__attribute__((warn_unused_result));
void spool_close(struct spool **s);
size_t spool_count(const struct spool *s);
const char *spool_name(const struct spool *s, size_t i);

/* File i, opened with the vault's key: its plain text, and what tells it from
 * every other (the same for a copy, and for a copy sealed again).  ERR_TAMPER,
 * ERR_FORMAT, ERR_TOOBIG, ERR_IO: the file's own fault. */
int spool_read(const struct spool *s, size_t i, struct vault *v,
	       struct buf *plain, unsigned char digest[32], struct err *e)
	__attribute__((warn_unused_result));

/* Its lines: head, findings, and an end that counts them.  fn takes the secret
 * (sets *secret NULL) or leaves it; `head` is borrowed. */
struct spool_head {
	char *source, *repository, *pusher, *override;
	char *updates; /* "REF OLD..NEW, ...": what was pushed; "" unsaid */
	char *left; /* what was not looked at, in words; NULL or "": nothing */
	int64_t at_ms; /* when the hook wrote it */
	bool complete;
	size_t n;
};
typedef int (*spool_fn)(const struct spool_head *h, const struct json *line,
			struct secret **secret, void *arg, struct err *e);
int spool_lines(struct buf *plain, struct spool_head *h, spool_fn fn,
		void *arg, struct err *e) __attribute__((warn_unused_result));
void spool_head_release(struct spool_head *h);

/* Is it a link, a pipe, a folder?  Such a thing is left where it is. */
bool spool_odd(const struct spool *s, size_t i);
/* Files of done/ written before `before`, and all but the newest SPOOL_DONE_MAX,
 * are removed. */
#define SPOOL_DONE_MAX 10000u
int spool_prune(const struct spool *s, int64_t before_ms, struct err *e)
	__attribute__((warn_unused_result));

/* Out of the way: to done/ or failed/ below the folder, made for us alone.  What
 * is no regular file stays: the sandbox lets us make none elsewhere. */
int spool_away(const struct spool *s, size_t i, bool failed, struct err *e)
	__attribute__((warn_unused_result));

#endif
