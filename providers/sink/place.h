/*
 * place: one file below a sink's root folder, read and replaced so that nobody
 * who may write in the folders on the way can steer it.
 *
 * Promises: the way is walked below the root without any symbolic link
 * (openat2 RESOLVE_BENEATH); a link, a second name of the file, a file that is
 * none and a folder that strangers write in are refused (ERR_POLICY).  A
 * reader sees the old file or the new one, whole, with its owner and mode.
 */
#ifndef PROVIDERS_SINK_PLACE_H
#define PROVIDERS_SINK_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define PLACE_MAX (256u * 1024) /* a delivered file, bytes */
#define PLACE_NAME 200

/* What a written file is to look like; -1: as the old one, or ours. */
struct place_look {
	uid_t uid;
	gid_t gid;
	int mode;
};

struct place {
	int dirfd;
	char name[PLACE_NAME + 1]; /* last component */
	char note[PLACE_NAME + 16]; /* ".NAME.curfew": our own beside it */
};

/* Open the folder that holds ROOT/account; nothing is made. */
int place_open(const char *root, const char *account, const struct place_look *look,
	       struct place *p, struct err *e) __attribute__((warn_unused_result));
void place_close(struct place *p);

/* 1: read; 0: it is not there; -1.  `st` may be NULL. */
int place_read(const struct place *p, const char *name, struct buf *out,
	       struct stat *st, struct err *e) __attribute__((warn_unused_result));
/* Replace or make `name` (p->name or p->note), and read it back: ERR_TAMPER when
 * something else stands there then. */
int place_write(const struct place *p, const char *name, const struct buf *text,
		const struct place_look *look, struct err *e)
	__attribute__((warn_unused_result));

#endif
