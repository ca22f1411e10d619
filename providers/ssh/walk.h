/* walk: from a root folder to a path's folder, one component at a time,
 * through trusted links only (see keyfile.h). */
#ifndef PROVIDERS_SSH_WALK_H
#define PROVIDERS_SSH_WALK_H

#include "base/err.h"

/* *dirfd: the folder that holds the last component (O_PATH), or -1 when it
 * does not exist.  *dir, *name: its path and the component (mem_free them). */
int walk(const char *root, const char *path, int *dirfd, char **dir, char **name,
	 struct err *e) __attribute__((warn_unused_result));

#endif
