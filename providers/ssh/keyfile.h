/*
 * keyfile: reading and replacing a file in a folder that may belong to
 * somebody hostile (~/.ssh of the account being killed).
 *
 * Paths are walked from a root folder one component at a time.  A symbolic
 * link is followed only if it and its folder belong to root or to us and the
 * folder is not writable by others: a link that a user planted is refused
 * with ERR_POLICY.  Links cannot leave the root folder.  Only regular files
 * are read, and only of a trusted owner.  A replacement is a temporary file
 * beside the old one with the same owner, mode and extended attributes,
 * synced, renamed over it; a file changed by others meanwhile is ERR_BUSY.
 */
#ifndef PROVIDERS_SSH_KEYFILE_H
#define PROVIDERS_SSH_KEYFILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"

#define KEYFILE_MAX (16u * 1024 * 1024)
#define KEYFILE_ANY_OWNER ((uid_t)-1)

struct keyfile {
	char *shown;	 /* the path for people, below the root folder */
	char *dir;	 /* the folder's path after links, for other programs */
	char *name;	 /* last component */
	int dirfd;	 /* -1: its folder does not exist */
	bool exists;
	struct stat st;	 /* of the file that was read */
	struct buf text;
};

/* Read ROOT + path.  A file that is not there is no error: exists is false.
 * The file's owner must be `owner`, root or us. */
int keyfile_open(const char *root, const char *path, uid_t owner,
		 struct keyfile *out, struct err *e)
	__attribute__((warn_unused_result));
void keyfile_close(struct keyfile *f);

/* An advisory lock on the file's folder, against another process of curfew;
 * whoever else may lock it cannot stop us: after a second we go on, and the
 * comparison before the rename still guards.  Close the fd; -1: no lock. */
int keyfile_lock(const struct keyfile *f);

/* What a new file gets; an existing file's owner and mode win. */
struct keyfile_new {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Look at the new content (the path of the temporary file) before it counts;
 * -1 + e stops the replacement. */
typedef int (*keyfile_check)(const char *path, void *arg, struct err *e);

int keyfile_replace(struct keyfile *f, const void *p, size_t n,
		    const struct keyfile_new *fresh, keyfile_check check,
		    void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
