/*
 * vfsshim: a VFS in front of SQLite's own, so that a test sees every operation
 * on the database and its log and can decide what becomes of it.
 */
#ifndef TESTS_UNIT_VFSSHIM_H
#define TESTS_UNIT_VFSSHIM_H

#include <sqlite3.h>

enum vfs_op { VFS_READ, VFS_WRITE, VFS_TRUNCATE, VFS_SYNC, VFS_DELETE };

struct vfs_event {
	enum vfs_op op;
	const char *path;
	sqlite3_file *real; /* NULL: VFS_DELETE */
	const void *p;	    /* VFS_WRITE */
	int n;
	sqlite3_int64 at;   /* or the new size */
};

#define VFS_PASS (-1) /* a hook's answer: as if it were not there */
typedef int (*vfs_hook)(const struct vfs_event *ev);

/* From now on the default VFS; hook NULL: all passes. */
void vfsshim_install(vfs_hook hook);

#endif
